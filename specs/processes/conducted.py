"""A pool whose tasks start or end when they are told to, so that a spec decides the order."""

import multiprocessing

from specs.processes import workers
from specs.processes.workers import BOUND


class ConductedPool:
    """A pool of ``size`` workers, with a log that its tasks write and a gate for each of them.

    As a context manager it opens all gates at the end, and waits for the workers.
    """

    def __init__(self, size, tasks, using=multiprocessing):
        """Make the pool by ``using``: the module, or the context of a start method."""
        self.log, self.writer = multiprocessing.Pipe(duplex=False)
        gates = [multiprocessing.Pipe(duplex=False) for _ in range(tasks)]
        self._openers = [opener for _, opener in gates]
        self._entries = []
        self.pool = using.Pool(size, workers.share, (self.writer, [gate for gate, _ in gates]))

    def __enter__(self):
        """Give the pool itself."""
        return self

    def __exit__(self, *_):
        """End all tasks and workers, so that none is left when a spec has failed."""
        self.let_go(*range(len(self._openers)))
        self.pool.close()
        self.pool.join()

    def submit(self, *numbers, task=workers.play):
        """Submit a task for each number; give their results to come."""
        return [self.pool.apply_async(task, (number,)) for number in numbers]

    def let_go(self, *numbers):
        """Open the gates of these tasks; each lets one task through."""
        for number in numbers:
            self._openers[number].send(True)

    def read(self, count):
        """The next entries of the log: what happened, to which task, in which process.

        Raises TimeoutError if one does not come.
        """
        entries = []
        while len(entries) < count and self.log.poll(BOUND):
            entries.append(self.log.recv())
        self._entries += entries
        if len(entries) < count:
            raise TimeoutError(f"nothing happened after {entries}")
        return entries

    def timeline(self, ends=None):
        """What has been read of the log, as evidence: which worker was busy with which task when.

        There is no clock but the log: time goes on when a task ends, by one, or to that task's
        moment in ``ends``, in seconds. All tasks were submitted at the start.
        """
        now, ran_in, spans = 0, {}, {}
        for what, number, pid in self._entries:
            if what == "end":
                now = ends[number] if ends else now + 1
            ran_in[number] = pid
            spans.setdefault(number, []).append(now)
        workers_in_turn = list(dict.fromkeys(ran_in[number] for number in sorted(spans)))
        bars = [
            {
                "lane": numbered("worker", "工作进程", workers_in_turn.index(ran_in[number])),
                "label": numbered("task", "任务", number),
                **dict(zip(("asked", "start", "end"), [0, *spans[number], now + 1])),
            }
            for number in sorted(spans)
        ]
        return {"kind": "timeline", "bars": bars, **({"unit": "s"} if ends else {})}


def numbered(english, chinese, number):
    """A thing that has a number, in both languages."""
    return {"en": f"{english} {number}", "zh": f"{chinese} {number}"}


def started(entries):
    """The process of each task that these entries say has started; fails if they say more."""
    assert {what for what, _, _ in entries} == {"start"}
    return {number: pid for _, number, pid in entries}


def value(result):
    """What a task returned. Raises multiprocessing's TimeoutError if it does not end."""
    return result.get(BOUND)
