"""Notes 2.1, lines 238-281: threads, and the first program that starts one.

What a thread did is read when it has been joined. A thread that is to be met at work is held
there by an event, and let go by the spec.
"""

import _thread
import contextlib
import io
import multiprocessing
import os
import re
import runpy
import select
import socket
import sys
import threading
import time
from pathlib import Path

from concspec import claim
from concspec.children import fork_and_report, run_program
from concspec.threads import BOUND, join, wait_for
from specs.threads import targets

LISTING = Path(__file__).parent / "listings" / "loop.py"


def squares_by(worker):
    """Have three processes or threads square a number each; give what they sent."""
    receiver, sender = multiprocessing.Pipe(duplex=False)
    workers = [worker(target=targets.square, args=(number, sender)) for number in (2, 3, 4)]
    for one in workers:
        one.start()
    answers = []
    for one in workers:
        if not receiver.poll(BOUND):
            raise TimeoutError("no square comes")
        answers.append(receiver.recv())
        join(one)
    return sorted(answers)


@claim(
    "tasks-by-processes-or-threads", falsified_by=("threads.are-processes", "starting.are-threads")
)
def test_processes_and_threads_do_the_same_tasks():
    """Square numbers either way: the results are the same, the process is the same for threads."""
    by_processes = squares_by(multiprocessing.Process)
    by_threads = squares_by(threading.Thread)
    assert [answer[:2] for answer in by_processes] == [(2, 4), (3, 9), (4, 16)]
    assert [answer[:2] for answer in by_threads] == [(2, 4), (3, 9), (4, 16)]
    assert len({pid for *_, pid in by_processes} - {os.getpid()}) == 3
    assert {pid for *_, pid in by_threads} == {os.getpid()}


def kernel_threads():
    """The ids of the threads that the kernel knows of this process; None where it does not say."""
    tasks = Path("/proc/self/task")
    return {int(task.name) for task in tasks.iterdir()} if tasks.exists() else None


@claim("process-has-a-thread", falsified_by=("threads.two-in-a-child", "threads.main-not-counted"))
def test_a_process_has_a_thread():
    """A child that has started no thread counts its threads, and so does the kernel."""
    _, threads = fork_and_report(lambda: [thread.native_id for thread in threading.enumerate()])
    assert len(threads) == 1
    pid, tasks = fork_and_report(lambda: list(kernel_threads() or [os.getpid()]))
    assert tasks == [pid]


@claim(
    "thread-is-kernel-thread",
    falsified_by=("threads.run-by-join", "threads.one-native-id", "threads.windows-threads"),
)
def test_each_thread_is_a_thread_of_the_kernel():
    """Hold three threads: each has a native id of its own, and Linux lists just these."""
    leave = threading.Event()
    threads = [threading.Thread(target=leave.wait, args=(BOUND,)) for _ in range(3)]
    before = kernel_threads()
    for thread in threads:
        thread.start()
    ids = {thread.native_id for thread in threads}
    during = kernel_threads()
    leave.set()
    join(*threads)
    assert sys.thread_info.name == "pthread"
    assert len(ids - {threading.get_native_id(), None}) == 3
    assert before is None or during - before == ids


@claim("thread-not-simulated", falsified_by="threads.run-at-start")
def test_one_thread_waits_in_the_kernel_while_another_runs():
    """Each of two threads sits in select() until the other one has run and written to it.

    Threads that a program only simulates share one kernel thread: the first select() to wait
    would stop both. select() and not recv(), because it takes a bound.
    """
    ours, its = socket.socketpair()

    def answer():
        if select.select([its], [], [], BOUND)[0]:
            its.send(its.recv(1))

    with ours, its:
        thread = threading.Thread(target=answer)
        thread.start()
        ours.send(b"x")
        answered, _, _ = select.select([ours], [], [], BOUND)
        join(thread)
    assert answered


@claim(
    "two-thread-modules", falsified_by=("threads.run-by-start-new-thread", "threads.run-at-start")
)
def test_both_modules_start_threads():
    """Start a function in a thread by each module: neither runs in the main thread."""
    ran_in = []
    done = threading.Event()

    def note():
        ran_in.append(threading.get_ident())
        done.set()

    _thread.start_new_thread(note, ())
    wait_for(done)
    thread = threading.Thread(target=note)
    thread.start()
    join(thread)
    assert len(ran_in) == 2
    assert threading.get_ident() not in ran_in


@claim("threading-wraps-thread", falsified_by=("threads.run-at-start", "threads.never-run"))
def test_threading_starts_its_threads_by_the_other_module():
    """Have the profiler note which built-in functions Thread.start() calls."""
    called = []
    thread = threading.Thread()
    sys.setprofile(lambda _, event, function: event == "c_call" and called.append(function))
    thread.start()
    sys.setprofile(None)
    join(thread)
    # start_new_thread(), or since CPython 3.13 start_joinable_thread()
    starters = [function for function in called if function.__name__.startswith("start_")]
    assert len(starters) == 1
    assert starters == [getattr(_thread, starters[0].__name__)]


@claim("thread-start-starts", falsified_by=("threads.start-when-made", "threads.run-when-made"))
def test_a_thread_runs_once_it_is_started():
    """A new Thread has no identity and is not counted; started, it runs its function."""
    ran = threading.Event()
    thread = threading.Thread(target=ran.set)
    assert thread.ident is None
    assert thread not in threading.enumerate()
    assert not ran.is_set()
    thread.start()
    assert ran.wait(BOUND)
    join(thread)


@claim("thread-join-waits", falsified_by=("threads.join-at-once", "threads.never-dead"))
def test_join_waits_for_the_end():
    """join() gives up on a thread that is held; let go, the thread has ended when it returns."""
    go_on, never = threading.Event(), threading.Event()
    done = []

    def work():
        go_on.wait(BOUND)
        done.append(never.wait(0.05))  # a join() that does not wait is back before this is done

    thread = threading.Thread(target=work)
    thread.start()
    thread.join(0.01)
    assert thread.is_alive()
    go_on.set()
    thread.join(BOUND)
    assert done
    assert not thread.is_alive()


@claim("main-thread-name", falsified_by=("threads.main-without-name", "threads.main-is-current"))
def test_the_first_thread_is_called_main_thread():
    """Ask for the running thread here, and in a thread that the spec has started."""
    here = threading.current_thread()
    there = []
    thread = threading.Thread(target=lambda: there.append(threading.current_thread()))
    thread.start()
    join(thread)
    assert here is threading.main_thread()
    assert here.name == "MainThread"
    assert there == [thread]


def loop():
    """Be the target of a thread."""


@claim(
    "thread-name",
    falsified_by=("threads.name-forgotten", "threads.numbers-repeat", "threads.no-numbers"),
)
def test_a_thread_has_the_name_given_or_one_made_up():
    """Name one thread, and leave two without a name."""
    assert threading.Thread(target=loop, name="LoopThread").name == "LoopThread"
    made_up = [threading.Thread(target=loop).name for _ in range(2)]
    assert all(re.match(r"Thread-\d+\b", name) for name in made_up)
    assert made_up[0] != made_up[1]


@claim(
    "thread-made-up-name-shows-target",
    falsified_by=("threads.name-without-target", "threads.name-with-target"),
)
def test_a_made_up_name_shows_the_target():
    """Leave a thread with a target without a name."""
    assert re.fullmatch(r"Thread-\d+ \(loop\)", threading.Thread(target=loop).name)


@claim(
    "thread-listing-order",
    falsified_by=("threads.begin-after-main", "threads.run-by-join", "threads.name-forgotten"),
)
def test_the_listing_prints_its_nine_lines_in_order():
    """Run the listing without its pauses."""
    assert run_program(LISTING, "0").lines == [
        "MainThread runs",
        "LoopThread runs",
        *[f"LoopThread counts {n}" for n in range(1, 6)],
        "LoopThread ends",
        "MainThread ends",
    ]


@claim(
    "thread-loop-counts", falsified_by=("listings.halved-fractions", "listings.at-most-for-less")
)
def test_the_loop_counts_to_five_a_second_apart(monkeypatch):
    """Run the listing where time.sleep() writes down what is asked of it instead of sleeping."""
    monkeypatch.setattr(time, "sleep", lambda seconds: print(f"sleeps {seconds:g}"))
    monkeypatch.setattr(sys, "argv", [str(LISTING)])
    with contextlib.redirect_stdout(io.StringIO()) as output:
        runpy.run_path(str(LISTING), run_name="__main__")
    counted = output.getvalue().splitlines()[2:-2]
    assert counted[::2] == [f"LoopThread counts {n}" for n in range(1, 6)]
    assert counted[1::2] == ["sleeps 1"] * 5
