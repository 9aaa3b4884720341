"""Notes 1.3, lines 61-85 and 113-115: a Pool shares tasks out to a fixed number of workers.

A task starts when a worker takes it, so a pool's size is the number of tasks that run at once.
A ``ConductedPool`` shows it without a clock: its tasks write into one log, and none ends before
the spec lets it go. Four starts that are read while no task was let go are four tasks at once.
"""

import ctypes
import multiprocessing
import os
import sys

import pytest

from concspec import claim, inconclusive
from specs.processes.conducted import ConductedPool, started, value

pytestmark = pytest.mark.usefixtures("semaphores")


@claim("pool-creates-in-batch", falsified_by=("pool.one-worker-more", "pool.two-workers"))
def test_a_pool_creates_its_workers_at_once():
    """List the living children before any task."""
    pool = multiprocessing.Pool(4)
    children = multiprocessing.active_children()
    pool.close()
    pool.join()
    assert len({child.pid for child in children}) == 4


@claim("pool-apply-async-returns-at-once", falsified_by="pool.apply-async-waits")
def test_apply_async_does_not_wait():
    """The task cannot end before it is let go, and it is, behind apply_async()."""
    with ConductedPool(4, tasks=1) as conducted:
        (result,) = conducted.submit(0)
        assert not result.ready()
        conducted.let_go(0)
        assert value(result)


@claim(
    "pool-four-run-at-once",
    falsified_by=("pool.workers-are-threads", "pool.apply-async-waits", "pool.two-workers"),
)
def test_four_tasks_run_at_once(evidence):
    """Read four starts while no task is let go: tasks 0 to 3, each in a worker of its own."""
    with ConductedPool(4, tasks=5) as conducted:
        conducted.submit(*range(5))
        workers = started(conducted.read(4))
        assert set(workers) == {0, 1, 2, 3}
        assert len(set(workers.values())) == 4
        evidence(**conducted.timeline())


@claim("pool-fifth-waits", falsified_by=("pool.one-worker-more", "pool.workers-are-threads"))
def test_the_fifth_task_waits(evidence):
    """Four tasks keep all workers busy. Let one go: next come its end and the fifth start."""
    with ConductedPool(4, tasks=5) as conducted:
        conducted.submit(*range(5))
        busy = set(started(conducted.read(4)).values())
        assert busy == {child.pid for child in multiprocessing.active_children()}
        conducted.let_go(1)
        events = [(what, number) for what, number, _ in conducted.read(2)]
        assert events == [("end", 1), ("start", 4)]
        evidence(**conducted.timeline())


def simulate_cpus(count, monkeypatch):
    """Have Python count so many CPUs, those of the machine and those that it may use."""
    monkeypatch.setattr(os, "cpu_count", lambda: count)
    monkeypatch.setattr(os, "process_cpu_count", lambda: count, raising=False)


def default_size():
    """The number of workers of a Pool() without a size."""
    pool = multiprocessing.Pool()
    size = len(multiprocessing.active_children())
    pool.close()
    pool.join()
    return size


@claim("pool-default-is-four", falsified_by="pool.default-is-four")
def test_the_default_size_is_four(monkeypatch):
    """Count the workers of a Pool() that is told of three CPUs."""
    simulate_cpus(3, monkeypatch)
    assert default_size() == 4


@claim("pool-five", falsified_by=("pool.workers-are-threads", "pool.apply-async-waits"))
def test_five_tasks_run_at_once(evidence):
    """Read five starts while no task is let go."""
    with ConductedPool(5, tasks=5) as conducted:
        conducted.submit(*range(5))
        assert len(set(started(conducted.read(5)).values())) == 5
        evidence(**conducted.timeline())


def narrow_to_one_cpu():
    """Let this process run on one CPU only.

    By the C library, since PyPy 3.9 has no os.sched_setaffinity().
    """
    if os.cpu_count() == 1:
        inconclusive(
            "the machine has one CPU: run this where there are two or more",
            "这台机器只有一个 CPU，请在至少有两个 CPU 的机器上运行",
        )
    if "cpu_count" in sys._xoptions or "PYTHON_CPU_COUNT" in os.environ:
        inconclusive(
            "the number of CPUs is overridden: unset PYTHON_CPU_COUNT, leave out -X cpu_count",
            "CPU 数已被人为指定，请取消 PYTHON_CPU_COUNT 和 -X cpu_count",
        )
    libc = ctypes.CDLL(None, use_errno=True)
    mask = (ctypes.c_ulong * 16)()  # a cpu_set_t, of 1024 CPUs
    word, bit = divmod(libc.sched_getcpu(), 8 * ctypes.sizeof(ctypes.c_ulong))
    mask[word] = 1 << bit
    if libc.sched_setaffinity(0, ctypes.sizeof(mask), mask):
        raise OSError(ctypes.get_errno(), "sched_setaffinity")


@claim("pool-default-is-cpu-count", falsified_by=("pool.default-is-four", "pool.one-worker-more"))
def test_the_default_size_is_the_number_of_cpus(monkeypatch):
    """Count the workers of a Pool() that is told of three CPUs, all of which it may use."""
    simulate_cpus(3, monkeypatch)
    assert default_size() == 3


@claim("pool-default-counts-machine", falsified_by="pool.counts-other-cpus")
def test_the_default_size_counts_the_machines_cpus():
    """Let the process run on one CPU only; the machine keeps those that it has."""
    narrow_to_one_cpu()
    assert default_size() == os.cpu_count()


@claim("pool-default-counts-usable", falsified_by="pool.counts-other-cpus")
def test_the_default_size_counts_the_usable_cpus():
    """Let the process run on one CPU only; it then may use no other."""
    narrow_to_one_cpu()
    assert default_size() == 1


@claim("pool-one-more-waits", falsified_by=("pool.one-worker-more", "pool.apply-async-waits"))
def test_the_ninth_task_waits_with_eight_cpus(monkeypatch, evidence):
    """Read eight starts of a Pool() that is told of eight CPUs; the ninth follows the first end."""
    simulate_cpus(8, monkeypatch)
    with ConductedPool(None, tasks=9) as conducted:
        conducted.submit(*range(9))
        busy = started(conducted.read(8))
        assert set(busy) == set(range(8))
        assert set(busy.values()) == {child.pid for child in multiprocessing.active_children()}
        conducted.let_go(5)
        events = [(what, number) for what, number, _ in conducted.read(2)]
        assert events == [("end", 5), ("start", 8)]
        evidence(**conducted.timeline())


@claim("pool-close-join-waits-for-all", falsified_by="pool.join-returns-at-once")
def test_close_and_join_wait_for_all_tasks():
    """No task can end before it is let go, right before close() and join()."""
    with ConductedPool(4, tasks=5) as conducted:
        results = conducted.submit(*range(5))
        conducted.let_go(*range(5))
        conducted.pool.close()
        conducted.pool.join()
        assert all(result.ready() for result in results)
        assert all(result.get() for result in results)


def error_of(call, *arguments):
    """The type of the exception that a call raises, or None."""
    try:
        call(*arguments)
    except Exception as error:  # noqa: BLE001 - which one it is, is for the spec to say
        return type(error)
    return None


@claim("pool-join-before-close", falsified_by=("pool.join-closes", "pool.join-asserts"))
def test_join_before_close_is_an_error():
    """Call join() while the pool still takes tasks."""
    pool = multiprocessing.Pool(1)
    error = error_of(pool.join)
    pool.close()
    pool.join()
    assert error is ValueError


@claim(
    "pool-closed-takes-no-task", falsified_by=("pool.late-tasks-let-in", "pool.close-does-nothing")
)
def test_a_closed_pool_takes_no_task():
    """Submit a task behind close()."""
    pool = multiprocessing.Pool(1)
    pool.close()
    error = error_of(pool.apply_async, os.getpid)
    pool.terminate()
    pool.join()
    assert error is ValueError


@claim(
    "pool-task-in-worker", falsified_by=("pool.runs-tasks-in-parent", "pool.workers-are-threads")
)
def test_tasks_run_in_the_workers():
    """Compare the processes of five tasks with the children, and with this process."""
    pool = multiprocessing.Pool(4)
    children = {child.pid for child in multiprocessing.active_children()}
    results = [pool.apply_async(os.getpid) for _ in range(5)]
    pool.close()
    pool.join()
    ran_in = {value(result) for result in results}
    assert ran_in <= children
    assert os.getpid() not in ran_in
