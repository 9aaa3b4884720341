"""Notes 1.3, lines 87-111: what the pool's listing printed, and how much of it is chance.

Workers take tasks in the order of submission, yet the system runs each worker, and the parent,
when it likes. A gate in front of a task, or of a worker, does what a late turn would do.
"""

import itertools
import multiprocessing
import os
import random
import re
from pathlib import Path

import pytest

from concspec import claim
from concspec.children import run_program
from specs.processes import workers
from specs.processes.conducted import ConductedPool, started, value

pytestmark = pytest.mark.usefixtures("semaphores")

LISTING = Path(__file__).parent / "listings" / "pool.py"
HEADING = "waiting for all tasks"


@claim("pool-listing-lines", falsified_by=("pool.runs-tasks-twice", "pool.join-returns-at-once"))
def test_the_listing_prints_its_lines():
    """Run the listing, without pauses, on a pseudo-terminal."""
    ended = run_program(LISTING, "0", terminal=True)
    starts = re.findall(r"^task (\d) starts in \d+$", ended.output, re.MULTILINE)
    ends = re.findall(r"^task (\d) took [\d.]+ s$", ended.output, re.MULTILINE)
    assert sorted(starts) == sorted(ends) == list("01234")
    assert ended.lines[0] == f"parent {ended.pid}"
    assert ended.lines[-1] == "all tasks are done"
    assert ended.lines.count(HEADING) == 1
    assert len(ended.lines) == 13


@claim("pool-start-order", falsified_by="pool.apply-async-waits")
def test_start_lines_come_in_any_order():
    """Let four tasks that were taken in turn go on in one order and in another."""
    with ConductedPool(4, tasks=4) as conducted:
        for order in ([2, 0, 1, 3], [0, 1, 2, 3]):
            conducted.submit(*range(4), task=workers.enter)
            seen = []
            for number in order:
                conducted.let_go(number)
                seen += started(conducted.read(1))
            assert seen == order


@claim("pool-instant-tasks-spread", falsified_by="pool.one-task-a-worker-at-once")
def test_instant_tasks_go_to_four_workers():
    """Submit four tasks that take no time while three workers are late."""
    assert len(workers_of_instant_tasks()) == 4


@claim(
    "pool-worker-may-take-all",
    falsified_by=("pool.one-task-a-worker-at-once", "pool.runs-tasks-in-parent"),
)
def test_one_worker_may_take_all_tasks():
    """Likewise; that one is not this process."""
    ran_in = workers_of_instant_tasks()
    assert len(ran_in) == 1
    assert os.getpid() not in ran_in


def workers_of_instant_tasks():
    """The processes of four tasks that take no time, with a pool whose workers are late but one."""
    permits = multiprocessing.Semaphore(1)
    pool = multiprocessing.Pool(4, workers.be_late, (permits,))
    results = [pool.apply_async(os.getpid) for _ in range(4)]
    ran_in = {value(result) for result in results}
    for _ in range(3):
        permits.release()
    pool.close()
    pool.join()
    return ran_in


def written(conducted, heading_first):
    """What four tasks and the parent write into one log, with the parent before or behind them."""

    def heading():
        conducted.writer.send((HEADING, None, os.getpid()))

    results = conducted.submit(*range(4), task=workers.enter)
    if heading_first:
        heading()
    conducted.let_go(*range(4))
    for result in results:
        value(result)
    if not heading_first:
        heading()
    return [what for what, _, _ in conducted.read(5)]


@claim("pool-heading-before-tasks", falsified_by="pool.apply-async-waits")
def test_the_tasks_start_before_the_parents_line():
    """Ask for each order in turn: the pool grants both."""
    tasks_first = [*["start"] * 4, HEADING]
    with ConductedPool(4, tasks=4) as conducted:
        assert written(conducted, heading_first=False) == tasks_first
        assert written(conducted, heading_first=True) == tasks_first


@claim(
    "pool-fifth-takes-freed-worker",
    falsified_by=("pool.one-task-a-worker", "pool.apply-async-waits"),
)
def test_the_fifth_task_runs_in_the_freed_worker(evidence):
    """Let one of four running tasks go: the next start is that of the fifth, where that one was."""
    with ConductedPool(4, tasks=5) as conducted:
        conducted.submit(*range(5))
        ran_in = started(conducted.read(4))
        assert set(ran_in) == {0, 1, 2, 3}
        conducted.let_go(2)
        assert conducted.read(2) == [("end", 2, ran_in[2]), ("start", 4, ran_in[2])]
        evidence(**conducted.timeline())


@claim("pool-record-consistent", falsified_by=("pool.one-task-a-worker", "pool.apply-async-waits"))
def test_the_recorded_times_give_the_recorded_order(evidence):
    """Let the tasks go in the order in which their recorded times run out, on the spec's own clock.

    The fifth task's time runs from the first end.
    """
    seconds = {0: 2.64, 1: 2.22, 2: 0.82, 3: 0.31, 4: 0.39}
    ends = {**seconds, 4: seconds[3] + seconds[4]}
    with ConductedPool(4, tasks=5) as conducted:
        conducted.submit(*range(5))
        ran_in = started(conducted.read(4))
        entries = []
        for number in sorted(ends, key=ends.get):
            conducted.let_go(number)
            entries += conducted.read(1 if entries else 2)
    events = [(what, number) for what, number, _ in entries]
    assert events == [("end", 3), ("start", 4), ("end", 4), ("end", 2), ("end", 1), ("end", 0)]
    assert entries[1][2] == ran_in[3]
    evidence(**conducted.timeline(ends))


@claim("pool-listing-in-a-pipe", falsified_by="stdout.line-by-line-by-parents")
def test_the_heading_comes_before_the_ends_in_a_pipe():
    """Run the listing with its output in a pipe: in the record, every end follows the heading."""
    lines = run_program(LISTING, "0").lines
    assert "took" not in "".join(lines[: lines.index(HEADING)])


@claim(
    "pool-listing-in-a-pipe-by-process",
    falsified_by=("stdout.line-by-line-by-parents", "pool.runs-tasks-twice"),
)
def test_a_pipe_gets_the_lines_process_by_process():
    """Likewise: a task's lines stand together, a worker's tasks too, the parent's two come last."""
    ended = run_program(LISTING, "0")
    tasks = re.findall(r"task (\d) starts in (\d+)\ntask \1 took", ended.output)
    blocks = [pid for pid, _ in itertools.groupby(pid for _, pid in tasks)]
    assert len(tasks) == 5
    assert len(blocks) == len(set(blocks))
    assert ended.lines[-2:] == [HEADING, "all tasks are done"]


def drawn_by_workers(task):
    """What four workers draw that were forked from one state."""
    fork = multiprocessing.get_context("fork")
    with ConductedPool(4, tasks=4, using=fork) as conducted:
        results = conducted.submit(*range(4), task=task)
        conducted.read(4)
        conducted.let_go(*range(4))
        return {value(result) for result in results}


@claim("pool-random-differs-per-worker", falsified_by="fork.random-not-reseeded")
def test_forked_workers_draw_different_numbers():
    """Seed the generator of ``random``, fork four workers, and have each draw once."""
    random.seed(1)
    assert len(drawn_by_workers(workers.draw)) == 4


@claim("pool-own-generator-repeats", falsified_by="fork.generators-not-copied")
def test_forked_workers_repeat_the_numbers_of_their_parents_generator():
    """Likewise, with a generator of the parent's own."""
    assert len(drawn_by_workers(workers.draw_from_own_generator)) == 1
