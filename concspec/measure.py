"""How parallel some work really ran, on a machine that may have other things to do.

A *round* keeps N workers busy for some milliseconds: threads, processes, or a program. Its figure
is CPU time by wall time, the number of cores it had. A neighbour can take CPU time away, but
nothing can give more of it than there was parallelism. So a low figure means nothing by itself: it
counts only beside a *control*, the same work known to run in parallel, whose figure was high.

Subject and control take turns in pairs of rounds, and a random draw decides which of them goes
first. That is what makes a low figure count: a neighbour, whatever it does and whenever, cannot
foresee the draw. If the subject is as parallel as the control, then of all pairs in which one of
the two is stopped, the subject is that one in half of them on average, and the other half shows it
high. So that LOWS pairs speak against it before HIGHS speak for it has at most the probability of
as many heads before so many tails of a fair coin: with 24 and 2, 8 in 10,000,000. (A sign test of
randomised pairs: Fisher, The Design of Experiments, 1935, chapter 3; pairs that say nothing are
left out.)
"""

from __future__ import annotations

import multiprocessing
import secrets
import subprocess
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from math import comb
from multiprocessing.connection import Connection
from typing import Any, Union

from concspec import inconclusive
from concspec.cpus import usable_cpus

ROUND = 0.01
"""Seconds that a round lasts: two turns of 5 ms between threads that share a GIL. Handing the work
to the workers costs 1 to 3 % of it: with the machine to themselves, two processes had 1.93 to 1.98
cores in such rounds, and 1.97 to 1.99 in rounds of 25 ms."""

SEVERAL = 1.4
"""The number of cores from which on it was more than one. In rounds of 10 to 25 ms, threads that
share a GIL had at most 1.01 on CPython; at most 1.22 on PyPy, where waiting for the GIL takes CPU
time. Without a GIL, and without a neighbour, two threads had 1.97 to 2.00, and a hundred 1.65 to
1.95."""

FILLED = 0.8
"""The part of all usable cores from which on they count as filled. Without a neighbour, processes
and threads in C, C++ and Java have 0.91 to 1.00; between two busy ones at most 0.53."""

LOWS = 24
"""So many pairs in which the subject is low and the control high prove that the subject is not
parallel. Half a second of a quiet machine."""

HIGHS = 2
"""So many high figures of the subject prove that it is parallel: one more than a machine that was
suspended, or a clock that was set, can feign. See the module's docstring for both numbers."""

MISSES = 8
"""So many pairs may say nothing, as neither figure is high; with one more, the machine is too busy.
Between neighbours that come and go, not every subject is quite as lucky as the control: a round of
Java reached its mark in 6 pairs and only its control in 23, out of 200, while 171 said nothing. So
LOWS count only where the control is high three times out of four, at least."""

BUDGET = 1.5
"""Seconds to measure in. LOWS take half a second of a quiet machine."""

_WORKERS = 4
"""Workers at most: enough to tell one core from several, and few enough for a large machine."""

Work = Callable[[float], object]
"""What a worker does: it ends soon after the given moment on ``time.monotonic()``, a clock that
all processes of a system share."""

Words = Union[str, Mapping[str, str]]
"""A text that is the same in all languages, or one for each."""

CORES = {"en": "cores used (CPU time / wall time)", "zh": "所用核数（CPU 时间 / 实际时间）"}
"""The quantity that most measurements give."""


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


class Threads(AbstractContextManager["Threads"]):
    """Rounds in threads of this process, one for each piece of work.

    They live as long as the context, as Processes do: new ones would be at a disadvantage beside
    those, which a scheduler favours when they wake up.
    """

    def __init__(self, works: Sequence[Work]) -> None:
        """Start the threads."""
        self._team = [_Member(work) for work in works]

    def __call__(self, seconds: float = ROUND) -> Round:
        """Run a round."""
        start = time.monotonic()
        for member in self._team:
            member.begin(start + seconds)
        return _round(start, [member.answer() for member in self._team])

    def __exit__(self, *_: object) -> None:
        """End the threads."""
        for member in self._team:
            member.end()


class _Member:
    """A thread that works on request. The gates are locks of its own, so that nobody queues up."""

    def __init__(self, work: Work) -> None:
        self._work = work
        self._asked, self._done = threading.Lock(), threading.Lock()
        self._asked.acquire()
        self._done.acquire()
        self._until: float | None = None
        self._answers: list[tuple[float, float, Any]] = []
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        while self._asked.acquire() and self._until is not None:
            try:
                self._answers.append(timed(self._work, self._until))
            finally:
                self._done.release()

    def begin(self, until: float) -> None:
        self._until = until
        self._asked.release()

    def answer(self) -> tuple[float, float, Any]:
        self._done.acquire()
        return self._answers.pop()

    def end(self) -> None:
        self._until = None
        self._asked.release()
        self._thread.join()


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


@dataclass
class Side:
    """One side of a comparison: what gives a figure, and from which figure on it is high."""

    name: Words
    figure: Callable[[], float]
    mark: float
    figures: list[float] = field(default_factory=list)

    def run(self) -> None:
        """Get one more figure."""
        self.figures.append(self.figure())

    @property
    def high(self) -> bool:
        """Whether the last figure was."""
        return self.figures[-1] >= self.mark


class Comparison:
    """Subject and control in turn, until it is clear whether the subject gets high figures, too.

    Whoever wants to time the subject calls ``before``, ``subject.run`` and ``after`` himself, as
    often as he likes, before ``decide``.
    """

    def __init__(self, subject: Side, control: Side) -> None:
        """Compare the two."""
        self.subject = subject
        self.control = control
        self._first: list[str] = []
        self._highs = self._lows = self._misses = 0
        subject.figure()  # not recorded: programs start up meanwhile, and a JIT compiles
        control.figure()
        self._start = time.perf_counter()

    def before(self) -> None:
        """Draw lots for who goes first in the next pair, and run the control if that is it."""
        self._first.append(secrets.choice(("subject", "control")))
        if self._first[-1] == "control":
            self.control.run()

    def after(self) -> None:
        """Run the control unless it went first, and see what the pair says."""
        if self._first[-1] == "subject":
            self.control.run()
        if self.subject.high:
            self._highs += 1
        elif self.control.high:
            self._lows += 1
        else:
            self._misses += 1

    def decide(self, quantity: Words, evidence: Callable[..., None], unit: str = "") -> bool:
        """Whether the subject gets high figures on a machine where the control does.

        Goes on until there are HIGHS or LOWS; inconclusive if MISSES or BUDGET are exceeded before.
        All figures are recorded as evidence.
        """
        deadline = self._start + BUDGET
        while not self._decided and self._misses <= MISSES and time.perf_counter() < deadline:
            self.before()
            self.subject.run()
            self.after()
        for side in (self.subject, self.control):
            evidence(
                kind="measurement",
                quantity=quantity,
                series=side.name,
                unit=unit,
                values=[round(figure, 3) for figure in side.figures],
                limit=round(side.mark, 3),
            )
        evidence(went_first=self._first)
        if not self._decided:
            reached = sum(figure >= self.control.mark for figure in self.control.figures)
            inconclusive(
                f"too busy a machine to measure on: {reached} of {len(self._first)} control "
                "rounds reached their mark",
                f"机器太忙，无法测量：对照组 {len(self._first)} 轮中达标 {reached} 轮",
            )
        return self._highs >= HIGHS

    @property
    def _decided(self) -> bool:
        return self._highs >= HIGHS or self._lows >= LOWS


def reaches_mark(
    quantity: Words, subject: Side, control: Side, evidence: Callable[..., None]
) -> bool:
    """Whether the subject gets high figures on a machine where the control does."""
    return Comparison(subject, control).decide(quantity, evidence)


def uses_several_cores(
    subject: tuple[Words, Callable[[], Round]],
    control: tuple[Words, Callable[[], Round]],
    evidence: Callable[..., None],
) -> bool:
    """Whether the subject's rounds have more than one core; the control's fill them all."""
    return reaches_mark(
        CORES, cores(*subject, SEVERAL), cores(*control, FILLED * workers()), evidence
    )


def fills_cores(
    subject: tuple[Words, Callable[[], Round]],
    control: tuple[Words, Callable[[], Round]],
    evidence: Callable[..., None],
) -> bool:
    """Whether the subject's rounds fill all cores, as the control's do."""
    full = FILLED * workers()
    return reaches_mark(CORES, cores(*subject, full), cores(*control, full), evidence)


def cores(name: Words, run: Callable[[], Round], mark: float) -> Side:
    """Make a side of rounds, whose figure is the number of cores that they had."""
    return Side(name, lambda: run().cores, mark)


def interval(values: Sequence[float]) -> tuple[float, float]:
    """The interval that has the median of what the values are drawn from, in 95 % of all cases.

    It lies between two of the values: whether one is below the median is a coin's toss, whatever
    their distribution. All of them, if there are fewer than six.
    """
    ordered, n, cut = sorted(values), len(values), 0
    while 2 * sum(comb(n, k) for k in range(cut + 1)) <= 0.05 * 2**n:
        cut += 1
    cut = max(cut - 1, 0)
    return ordered[cut], ordered[n - 1 - cut]
