"""How parallel some work really ran, on a machine that may have other things to do.

A *round* keeps N workers busy for some milliseconds: threads, processes, or a program. Its figure
is CPU time by wall time, the number of cores it had. A neighbour can take CPU time away, but
nothing can give more of it than there was parallelism. So a high figure is a proof, from one round
on, and a low one means nothing by itself: it counts only beside a *control*, the same work known
to run in parallel, that was high just before and just after.
"""

from __future__ import annotations

import multiprocessing
import subprocess
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import Any

from concspec import inconclusive
from concspec.cpus import usable_cpus

ROUND = 0.025
"""Seconds that a round lasts: five turns of 5 ms between threads that share a GIL. Starting and
stopping the workers costs some 1 % of it."""

SEVERAL = 1.4
"""The number of cores from which on it was more than one. Threads that share a GIL never had more
than 1.00 on CPython, nor more than 1.20 on PyPy, where waiting for the GIL takes CPU time. Without
a GIL two threads had 1.89 to 2.00, unless a neighbour was in their way."""

FILLED = 0.8
"""The part of all usable cores from which on they count as filled. Processes, and threads of C,
C++ and Java, reach 0.91 to 1.00 on a quiet machine, and at most 0.53 beside two busy neighbours."""

PAIRS = 8
"""So many rounds in a row, each low between two high ones of the control, prove that the work does
not run in parallel. Beside a neighbour whose turns hit half of all rounds, work that does would
look so once in 4 ** 8 times, were its mark as high as the control's; it is lower."""

BUDGET = 1.2
"""Seconds to measure in, after which nothing is proved: a quiet machine needs 0.8 at most."""

_WORKERS = 4
"""Workers at most: enough to tell one core from several, and few enough for a large machine."""

Work = Callable[[float], object]
"""What a worker does: it ends soon after the given moment on ``time.monotonic()``, a clock that
all processes of a system share."""


@dataclass(frozen=True)
class Round:
    """What the workers of a round used, in seconds, and what they returned."""

    cpu: float
    wall: float
    results: Sequence[Any] = ()

    @property
    def cores(self) -> float:
        """The number of cores that the round had, on average."""
        return self.cpu / self.wall


def workers() -> int:
    """The number of workers that can be busy at the same time here, at least two.

    Inconclusive if there are fewer than two usable CPUs.
    """
    cpus = usable_cpus()
    if cpus < 2:  # noqa: PLR2004 - two things at the same time need two CPUs
        inconclusive(
            "fewer than 2 usable CPUs: nothing can be seen to run in parallel",
            "可用 CPU 不足 2 个：无从看出是否并行",
        )
    return min(cpus, _WORKERS)


def spin(until: float) -> None:
    """Work: a loop of pure Python."""
    while time.monotonic() < until:
        for _ in range(10_000):
            pass


def timed(work: Work, until: float) -> tuple[float, float, Any]:
    """Do the work in this thread; give the CPU time it took, when it ended, and its result."""
    start = time.thread_time()
    result = work(until)
    return time.thread_time() - start, time.monotonic(), result


def _round(start: float, answers: Sequence[tuple[float, float, Any]]) -> Round:
    cpu, ends, results = zip(*answers)
    return Round(sum(cpu), max(ends) - start, results)


def threads(works: Sequence[Work], seconds: float = ROUND) -> Round:
    """Run a round in threads of this process, one for each piece of work."""
    answers: list[tuple[float, float, Any]] = []
    gates = [threading.Lock() for _ in works]
    until = 0.0

    def run(gate: threading.Lock, work: Work) -> None:
        with gate:
            answers.append(timed(work, until))

    team = [threading.Thread(target=run, args=pair, daemon=True) for pair in zip(gates, works)]
    for gate, thread in zip(gates, team):
        gate.acquire()
        thread.start()
    start = time.monotonic()
    until = start + seconds
    for gate in gates:  # one for each: a hundred threads would queue up for the lock of an event
        gate.release()
    for thread in team:
        thread.join()
    return _round(start, answers)


class Processes(AbstractContextManager["Processes"]):
    """Rounds in child processes, one for each piece of work. They live as long as the context.

    Enter it while this process has one thread: the children are forked where that is possible.
    """

    def __init__(self, works: Sequence[Work]) -> None:
        """Start the processes."""
        methods = multiprocessing.get_all_start_methods()
        context: Any = multiprocessing.get_context("fork" if "fork" in methods else "spawn")
        self._team = []
        for work in works:
            here, there = context.Pipe()
            process = context.Process(target=_serve, args=(there, work), daemon=True)
            process.start()
            there.close()
            self._team.append((process, here))

    def __call__(self, seconds: float = ROUND) -> Round:
        """Run a round."""
        start = time.monotonic()
        for _, connection in self._team:
            connection.send(start + seconds)
        return _round(start, [connection.recv() for _, connection in self._team])

    def __exit__(self, *_: object) -> None:
        """End the processes."""
        for process, connection in self._team:
            connection.send(None)
            process.join()
            process.close()
            connection.close()


def _serve(connection: Connection, work: Work) -> None:
    """In a child: do the work until each moment that is received, up to None."""
    for until in iter(connection.recv, None):
        connection.send(timed(work, until))


class Program(AbstractContextManager["Program"]):
    """Rounds in a program, which lives as long as the context.

    For each line of input, a number of seconds, it is busy that long, and then writes a line: the
    CPU seconds that its workers used, and the seconds that passed.
    """

    def __init__(self, command: Sequence[str]) -> None:
        """Start the program."""
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1
        )

    def __call__(self, seconds: float = ROUND) -> Round:
        """Run a round. Raises ValueError if the program does not answer with its two numbers."""
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.write(f"{seconds}\n")
        cpu, wall = self._process.stdout.readline().split()
        return Round(float(cpu), float(wall))

    def __exit__(self, *_: object) -> None:
        """End the program, by the end of its input."""
        self._process.communicate()


@dataclass(frozen=True)
class Side:
    """One side of a comparison: what gives a figure, and from which figure on it is high."""

    figure: Callable[[], float]
    mark: float


def reaches_mark(subject: Side, control: Side, evidence: Callable[..., None]) -> bool:
    """Whether the subject gets a high figure on a machine where the control does.

    The two take turns: True with the first high figure of the subject, False when there is none in
    PAIRS turns throughout which the control is high. Otherwise inconclusive. The figures are
    recorded as evidence.
    """
    subjects: list[float] = []
    controls = [control.figure()]
    deadline = time.monotonic() + BUDGET
    quiet = 0
    high: bool | None = None
    while high is None and time.monotonic() < deadline:
        subjects.append(subject.figure())
        controls.append(control.figure())
        quiet = quiet + 1 if min(controls[-2:]) >= control.mark else 0
        if subjects[-1] >= subject.mark:
            high = True
        elif quiet == PAIRS:
            high = False
    evidence(
        subject={"mark": subject.mark, "figures": [round(figure, 3) for figure in subjects]},
        control={"mark": control.mark, "figures": [round(figure, 3) for figure in controls]},
    )
    if high is None:
        reached, rounds = sum(figure >= control.mark for figure in controls), len(controls)
        inconclusive(
            f"too busy a machine to measure on: {reached} of {rounds} control rounds reached "
            "their mark, and not enough of them in a row",
            f"机器太忙，无法测量：对照组 {rounds} 轮中有 {reached} 轮达标，连续达标的轮数不够",
        )
    return high


def uses_several_cores(
    subject: Callable[[], Round], control: Callable[[], Round], evidence: Callable[..., None]
) -> bool:
    """Whether the subject's rounds have more than one core; the control's fill them all."""
    return reaches_mark(
        Side(lambda: subject().cores, SEVERAL),
        Side(lambda: control().cores, FILLED * workers()),
        evidence,
    )


def fills_cores(
    subject: Callable[[], Round], control: Callable[[], Round], evidence: Callable[..., None]
) -> bool:
    """Whether the subject's rounds fill all cores, as the control's do."""
    full = FILLED * workers()
    return reaches_mark(
        Side(lambda: subject().cores, full), Side(lambda: control().cores, full), evidence
    )
