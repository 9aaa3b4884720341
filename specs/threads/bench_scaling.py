"""Notes, lines 378-380: one job that only computes, done by one worker and by several.

What is graded is the number of cores that the workers had, which neighbours cannot make larger,
beside a control; ``concspec.measure`` says how. ``pytest specs --benchmark-only`` times the job as
well, and prints a table for each number of workers. It is of fixed size, and as long in C as in
Python. Benchmarks are not forked as other specs are: they run in pytest's own process.
"""

import functools
import hashlib
import statistics
import sys
import time
from contextlib import contextmanager, nullcontext

import pytest

from concspec import claim
from concspec.cpus import usable_cpus
from concspec.measure import (
    CORES,
    FILLED,
    SEVERAL,
    Comparison,
    Processes,
    Round,
    Threads,
    cores,
    interval,
    timed,
    workers,
)

JOB = 0.01
"""Seconds of CPU time that the job takes at least, and at most twice as many."""

TIMED = 20
"""Rounds that are timed: the interval of their median leaves out the five at either end."""

CONTROL = {"en": "control", "zh": "对照组"}
SEVERAL_WORKERS = range(2, max(2, min(usable_cpus(), 4)) + 1)
SUBINTERPRETERS = sys.implementation.name == "cpython" and sys.version_info >= (3, 14)


def count(steps, _until=None):
    for _ in range(steps):
        pass


def hash_password(steps, _until=None):
    hashlib.pbkdf2_hmac("sha256", b"password", b"salt", steps)


@functools.cache
def size_of_job(work):
    steps = 1_000
    while cpu_time(work, steps) < JOB:
        steps *= 2
    return steps


def cpu_time(work, steps):
    start = time.process_time()
    work(steps)
    return time.process_time() - start


def shared(work, number):
    """The job in as many parts."""
    return [functools.partial(work, size_of_job(work) // number)] * number


def serially():
    """A round of the job in this thread."""
    start = time.monotonic()
    cpu, end, _ = timed(*shared(count, 1), None)
    return Round(cpu, end - start)


@contextmanager
def subinterpreters(number):
    """Rounds of the job in threads that each have an interpreter of their own."""
    from concurrent import interpreters  # noqa: PLC0415 - new in 3.14

    def count_in(interpreter, _until):
        interpreter.exec(f"count({size_of_job(count) // number})")

    team = [interpreters.create() for _ in range(number)]
    for interpreter in team:
        interpreter.exec("def count(steps):\n    for _ in range(steps): pass")
    with Threads([functools.partial(count_in, interpreter) for interpreter in team]) as rounds:
        yield rounds
    for interpreter in team:
        interpreter.close()


@pytest.fixture
def uses_cores(benchmark, evidence):
    """Whether some way to do the job uses so many cores, where the control uses what it should.

    Times it, and records what it measures in the benchmark's ``extra_info`` and as evidence.
    """

    def measure(number, subject, control, work=count):
        workers()
        (english, chinese), run, mark = subject
        rounds = []

        def run_subject():
            rounds.append(run())
            return rounds[-1]

        series = {"en": f"{english}: {number}", "zh": f"{chinese}：{number} 个"}
        turns = Comparison(cores(series, run_subject, mark), cores(CONTROL, *control))
        alone = min(cpu_time(work, size_of_job(work)) for _ in range(3))
        benchmark.group = f"one job, {number} {'worker' if number == 1 else 'workers'}"
        benchmark.pedantic(
            turns.subject.run, setup=turns.before, teardown=turns.after, rounds=TIMED
        )
        if benchmark.disabled:  # then it runs once, and nothing is torn down
            turns.after()
        try:
            return turns.decide(CORES, evidence)
        finally:
            speedups = [alone / each.wall for each in rounds]
            low, high = interval(speedups)
            evidence(
                kind="measurement",
                quantity={"en": "speedup (CPU time of the job / wall time)", "zh": "加速比"},
                series=series,
                unit="x",
                values=[round(speedup, 3) for speedup in speedups],
                low=round(low, 3),
                high=round(high, 3),
            )
            benchmark.extra_info.update(
                workers=number,
                speedup=statistics.median(speedups),
                speedup_interval=[low, high],
                cores=statistics.median(turns.subject.figures),
                cores_interval=interval(turns.subject.figures),
            )

    return measure


ONE = {
    "serially": lambda: nullcontext(serially),
    "thread": lambda: Threads(shared(count, 1)),
    "process": lambda: Processes(shared(count, 1)),
    **({"subinterpreter": lambda: subinterpreters(1)} if SUBINTERPRETERS else {}),
}


@claim("one-worker-one-core", falsified_by="cpu_time.of-hashing")
@pytest.mark.parametrize(
    ("kind", "number"), [*[(kind, 1) for kind in ONE], *[("serially", n) for n in SEVERAL_WORKERS]]
)
def test_one(kind, number, uses_cores):
    """One worker does all of the job, against a thread in C. (Serially, it also stands in the
    tables of several workers, for comparison.)"""
    names = {"serially": "逐一执行", "thread": "线程", "process": "进程"}
    with ONE[kind]() as subject, Threads(shared(hash_password, 1)) as control:
        name = (kind, names.get(kind, "子解释器"))
        assert uses_cores(number, (name, subject, FILLED), (control, FILLED))


@claim("one-worker-one-core", falsified_by="cpu_time.of-main-threads")
def test_one_thread_in_c(uses_cores):
    """One thread does as long a job in C, against a process."""
    with Processes(shared(count, 1)) as control, Threads(shared(hash_password, 1)) as subject:
        name = ("thread in C", "C 代码线程")
        assert uses_cores(1, (name, subject, FILLED), (control, FILLED), hash_password)


def most(number):
    """The cores from which on a job counts as shared out: its parts do not end together."""
    return SEVERAL / 2 * number


@claim("threads-no-speedup", falsified_by="cpu_time.as-without-or-with-gil")
@pytest.mark.parametrize("number", SEVERAL_WORKERS)
def test_threads(number, uses_cores):
    """Threads share the job, against processes: with one core between them they are done no
    earlier than one alone."""
    with Processes(shared(count, number)) as control, Threads(shared(count, number)) as subject:
        name = ("threads", "线程")
        assert not uses_cores(number, (name, subject, SEVERAL), (control, most(number)))


@claim("processes-use-cores", falsified_by=("cpu_time.of-other-threads", "cpu_time.of-hashing"))
@pytest.mark.parametrize("number", SEVERAL_WORKERS)
def test_processes(number, uses_cores):
    """Processes share the job, against threads in C."""
    with (
        Processes(shared(count, number)) as subject,
        Threads(shared(hash_password, number)) as control,
    ):
        name = ("processes", "进程")
        assert uses_cores(number, (name, subject, most(number)), (control, most(number)))


@claim("c-extension-uses-cores", falsified_by="cpu_time.of-main-threads")
@pytest.mark.parametrize("number", SEVERAL_WORKERS)
def test_threads_in_c(number, uses_cores):
    """Threads share as long a job in C, against processes."""
    with (
        Processes(shared(count, number)) as control,
        Threads(shared(hash_password, number)) as subject,
    ):
        name = ("threads in C", "C 代码线程")
        shares = (name, subject, most(number))
        assert uses_cores(number, shares, (control, most(number)), hash_password)


@claim("subinterpreters-use-cores", falsified_by="cpu_time.of-main-threads")
@pytest.mark.parametrize("number", SEVERAL_WORKERS)
def test_subinterpreters(number, uses_cores):
    """Subinterpreters share the job, against processes."""
    with Processes(shared(count, number)) as control, subinterpreters(number) as subject:
        name = ("subinterpreters", "子解释器")
        assert uses_cores(number, (name, subject, most(number)), (control, most(number)))
