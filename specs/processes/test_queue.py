"""Notes 1.5, lines 181-230: two children exchange data through a Queue of their parent.

The notes' writer sleeps behind each put, and nothing else orders the two. Here they begin when
they are told to, and in place of its sleep the writer takes a turn: turns are there from the
start, or the reader gives one after each get. What they do, they tell a log. They are started by
the interpreter's default start method, and before this process puts anything: put() starts a
thread, and a process with several threads should not fork.
"""

import contextlib
import itertools
import multiprocessing
import os
import queue as queue_of_threads
import runpy
import select
import signal
import stat
import sys
import threading
import time
from multiprocessing.queues import Queue
from pathlib import Path

import pytest

from concspec import claim
from concspec.children import run_program
from specs.processes import queue_workers
from specs.processes.queue_workers import BOUND, Log

pytestmark = pytest.mark.usefixtures("semaphores")

LISTING = Path(__file__).parent / "listings" / "writer_reader.py"

PUTS = ["put A", "put B", "put C"]
GETS = ["got A", "got B", "got C"]

WRITER = {"en": "writer", "zh": "写进程"}
QUEUE = {"en": "queue", "zh": "队列"}
READER = {"en": "reader", "zh": "读进程"}


@pytest.fixture(autouse=True)
def children_end_with_their_spec():
    """A reader does not end by itself; and one that has ended is to be waited for."""
    yield
    for child in multiprocessing.active_children():
        child.kill()
        child.join()


def start(target, *args):
    """Start a child."""
    child = multiprocessing.Process(target=target, args=args, daemon=True)
    child.start()
    return child


def exit_code(child):
    """Wait for the end of a child; give its exit code. Raises TimeoutError if it does not end."""
    child.join(BOUND)
    if child.exitcode is None:
        raise TimeoutError("the child does not end")
    return child.exitcode


def taken(queue, bound=BOUND):
    """Take the next item, or None if none can be had within the bound."""
    try:
        return queue.get(timeout=bound)
    except queue_of_threads.Empty:
        return None


class Program:
    """The notes' parent up to the joins: a queue, a writer and a reader, who may not begin yet."""

    def __init__(self, turns=0):
        """Start both children, with turns for the writer to begin with."""
        self.queue = multiprocessing.Queue()
        self.log = Log()
        self.turns = multiprocessing.Semaphore(turns)
        # Not events: set() waits for a waiter to wake up, which one that was terminated never does.
        self.write, self.read = multiprocessing.Semaphore(0), multiprocessing.Semaphore(0)
        self.writer = start(queue_workers.write, self.queue, self.log, self.write, self.turns)
        self.reader = start(queue_workers.read, self.queue, self.log, self.read, self.turns)

    def events(self, count, bound=BOUND):
        """The next events; fewer if one does not come within the bound."""
        return list(itertools.takewhile(bool, (self.log.next(bound) for _ in range(count))))


def passages(events, title):
    """Tell of puts and gets in their order, as evidence: each item is in the queue in between."""
    at = {event: number for number, event in enumerate(events)}
    marks = [
        {"lane": WRITER if event in PUTS else READER, "label": event, "at": at[event]}
        for event in events
        if event in PUTS + GETS
    ]
    bars = [
        {"lane": QUEUE, "label": put[-1], "start": at[put], "end": at[got]}
        for put, got in zip(PUTS, GETS)
        if {put, got} <= set(at)
    ]
    lanes = [WRITER, QUEUE, READER]
    return {"kind": "timeline", "title": title, "lanes": lanes, "bars": bars, "marks": marks}


PROMPT = {"en": "A prompt reader", "zh": "读得及时"}
LATE = {"en": "A late reader", "zh": "读得晚"}


def pipes():
    """The descriptors of this process that are ends of pipes."""
    found = set()
    for entry in Path("/dev/fd").iterdir():
        with contextlib.suppress(OSError):  # what the folder was read by is closed
            if stat.S_ISFIFO(os.fstat(int(entry.name)).st_mode):
                found.add(int(entry.name))
    return found


@claim("queue-wraps-pipe", falsified_by="queues.in-memory")
def test_items_go_through_a_pipe():
    """Put an item, and read it past the queue, from the one pipe that brings something."""
    before = pipes()
    queue = multiprocessing.Queue()
    made = pipes() - before
    assert made
    queue.put("item")
    readable, _, _ = select.select(made, [], [], BOUND)
    assert len(readable) == 1
    assert b"item" in os.read(readable[0], 1000)
    queue.close()
    queue.join_thread()  # it holds the semaphores of the queue


@claim("queue-and-pipe-exist", falsified_by=("queues.deliver-none", "pipes.deliver-none"))
def test_queues_and_pipes_carry_data_both_ways():
    """Send a word to a child and back: through two queues, and through the two ends of a pipe."""
    there, back = multiprocessing.Queue(), multiprocessing.Queue()
    ours, theirs = multiprocessing.Pipe()
    start(queue_workers.answer, there.get, back.put)
    start(queue_workers.answer, theirs.recv, theirs.send)
    there.put("item")
    ours.send("message")
    assert taken(back) == "item received"
    assert ours.poll(BOUND)
    assert ours.recv() == "message received"


@claim("errata-pipes", falsified_by="errata.pipes")
def test_the_module_offers_pipes():
    """Look for the name that the notes give."""
    assert hasattr(multiprocessing, "Pipes")


@claim("queue-made-by-parent", falsified_by=("queues.deliver-none", "queues.puts-twice"))
def test_two_children_pass_data_through_their_parents_queue(evidence):
    """Let writer and reader loose, and compare what they did with what is recorded."""
    program = Program()
    program.write.release()
    program.read.release()
    events = program.events(8)
    evidence(**passages(events, PROMPT))
    assert sorted(events) == sorted(["writer", "reader", *PUTS, *GETS])
    assert len({program.writer.pid, program.reader.pid, os.getpid()}) == 3


@claim("queue-fifo", falsified_by=("queues.last-in-first-out", "queues.loses-every-hundredth"))
def test_items_arrive_in_the_order_they_were_put(evidence):
    """Three items pile up before the reader begins; a thousand go through another queue."""
    program = Program(turns=3)
    program.write.release()
    assert exit_code(program.writer) == 0
    program.read.release()
    events = program.events(8)
    evidence(**passages(events, LATE))
    assert events[-3:] == GETS
    numbers = multiprocessing.Queue()
    for number in range(1000):
        numbers.put(number)
    assert all(taken(numbers) == number for number in range(1000))


@claim("queue-get-blocks", falsified_by="queues.get-does-not-wait")
def test_get_waits_for_an_item():
    """A reader of an empty queue has nothing to tell until something is put."""
    program = Program()
    program.read.release()
    assert program.log.next() == "reader"
    assert program.log.next(bound=0.05) is None
    program.queue.put("A")
    assert program.log.next() == "got A"


@claim("queue-put-does-not-wait", falsified_by="queues.put-writes-itself")
def test_put_returns_without_a_reader():
    """A child puts more than a pipe holds, and goes on before anybody reads."""
    queue, log, item = multiprocessing.Queue(), Log(), b"x" * 1_000_000
    child = start(queue_workers.put_and_tell, queue, item, log)
    assert log.next() == "put has returned"
    assert taken(queue) == item
    assert exit_code(child) == 0


@claim("queue-reader-never-ends", falsified_by="queues.three-items-only")
def test_the_reader_outlives_the_writer():
    """When the writer has ended and all it put is read, the reader lives and reads on."""
    program = Program()
    program.write.release()
    program.read.release()
    assert exit_code(program.writer) == 0
    program.events(8)
    program.reader.join(0.05)
    assert program.reader.exitcode is None
    program.queue.put("D")
    assert program.log.next() == "got D"


@claim(
    "queue-join-writer",
    falsified_by=("process.is-not-waited-for", "process.join-terminates"),
)
def test_join_waits_for_the_writer():
    """A thread joins a writer that lacks its last turn, and is there until it has been given."""
    program = Program(turns=2)
    program.write.release()
    assert program.events(4)[-1] == "put C"
    joining = threading.Thread(target=program.writer.join, args=(BOUND,))
    joining.start()
    joining.join(0.05)
    assert joining.is_alive()
    program.turns.release()
    joining.join(BOUND)
    assert program.writer.exitcode == 0


@claim("terminate-ends-reader", falsified_by=("terminating.does-nothing", "terminating.kills"))
def test_terminate_ends_the_reader():
    """Terminate a reader in its loop, and look at its exit code."""
    program = Program()
    program.read.release()
    assert program.log.next() == "reader"
    program.reader.terminate()
    assert exit_code(program.reader) == -signal.SIGTERM


def read_before_terminate(*, late):
    """Do as the notes' parent does; give what a reader did before its end.

    A prompt one meets a writer that pauses for long enough, a late one a writer that does not. By
    the end of both, all that they told is there to be read.
    """
    program = Program(turns=3 if late else 0)
    program.write.release()
    if not late:
        program.read.release()
    assert exit_code(program.writer) == 0
    program.reader.terminate()
    if late:
        program.read.release()
    assert exit_code(program.reader) == -signal.SIGTERM
    return [event for event in program.events(8, bound=0) if event in GETS]


@claim("queue-all-read-before-terminate", falsified_by="terminating.waits-for-get")
def test_the_reader_has_read_all_before_it_is_terminated():
    """Let the reader be prompt, and then so late that it is terminated before it begins."""
    assert read_before_terminate(late=False) == GETS
    assert read_before_terminate(late=True) == GETS


def puts_and_gets(*, late):
    """Give what the two did, in its order, with a reader that is prompt, or late.

    A late one begins when the writer has come to its second put, or does not come to it.
    """
    program = Program(turns=3 if late else 0)
    program.write.release()
    told = program.events(2) + program.events(1, bound=2.0) if late else []
    program.read.release()
    told += program.events(8 - len(told))
    return [event for event in told if event in PUTS + GETS]


@claim("queue-put-get-alternate", falsified_by="queues.put-waits")
def test_puts_and_gets_alternate(evidence):
    """Let the reader be prompt, and then so late that the writer puts again before it begins."""
    alternating = [event for pair in zip(PUTS, GETS) for event in pair]
    prompt, late = puts_and_gets(late=False), puts_and_gets(late=True)
    evidence(**passages(prompt, PROMPT))
    evidence(**passages(late, LATE))
    if not len(prompt) == len(late) == len(alternating):
        raise TimeoutError("writer or reader has not come to its end")
    assert prompt == alternating
    assert late == alternating


@claim("queue-start-order", falsified_by="process.runs-alone")
def test_either_child_can_be_the_first():
    """Let each begin in turn when the other one is there: both orders come about."""
    for first, second in (("reader", "writer"), ("writer", "reader")):
        program = Program()
        begin = {"writer": program.write, "reader": program.read}
        begin[first].release()
        assert program.log.next() == first
        begin[second].release()
        assert second in program.events(2)


def item_after_terminate(wait):
    """Terminate a reader where it waits; have a child put an item and end; give what we can take.

    By the child's end the item is in the pipe: taking it needs nothing more than the queue's lock.
    """
    queue, log = multiprocessing.Queue(), Log()
    reader = start(wait, queue, log)
    if not log.next():
        raise TimeoutError("the reader has not come to the place where it is to be terminated")
    reader.terminate()
    assert exit_code(reader) == -signal.SIGTERM
    assert exit_code(start(queue.put, "item")) == 0
    assert not queue.empty()
    return taken(queue, bound=0.2)


@claim("queue-terminate-may-corrupt", falsified_by="queues.get-without-lock")
def test_the_queue_is_usable_after_terminate():
    """Terminate a reader inside get()."""
    assert item_after_terminate(queue_workers.wait_inside_get) == "item"


@claim(
    "queue-terminate-outside-get", falsified_by=("queues.loses-items", "terminating.locks-queues")
)
def test_the_queue_is_usable_after_terminate_outside_get():
    """Terminate a reader that has the queue, and does not use it just then."""
    assert item_after_terminate(queue_workers.wait_outside_get) == "item"


@claim("queue-reader-lines-in-a-pipe", falsified_by="terminating.flushes")
def test_the_readers_lines_appear_in_a_pipe(monkeypatch):
    """Run the listing in this process, with its output in a pipe.

    In place of its sleep the writer waits until the reader comes for another item: it has printed
    the last one by then, and is terminated when it has printed all.
    """
    multiprocessing.set_start_method("fork", force=True)
    printed, calls = multiprocessing.Semaphore(0), itertools.count()

    def get(queue, block, get=Queue.get):
        if next(calls):
            printed.release()
        return get(queue, block)

    monkeypatch.setattr(Queue, "get", get)
    monkeypatch.setattr(time, "sleep", lambda _: printed.acquire(timeout=BOUND))
    monkeypatch.setattr(sys, "argv", [str(LISTING)])
    read, write = os.pipe()
    with open(write, "w") as pipe, contextlib.redirect_stdout(pipe):
        runpy.run_path(str(LISTING), run_name="__main__")
    with open(read) as pipe:
        lines = pipe.read().splitlines()
    assert [line for line in lines if line.startswith(("reader ", "got "))][1:] == GETS


def written_by_a_terminated_child(*, flush):
    """Fork a child that prints a line into a pipe; terminate it; give what the pipe holds."""
    multiprocessing.set_start_method("fork", force=True)
    read, write = os.pipe()
    log = Log()

    def print_and_wait():
        sys.stdout = open(write, "w")
        print("got C", flush=flush)
        queue_workers.wait_outside_get(None, log)

    reader = start(print_and_wait)
    assert log.next()
    reader.terminate()
    assert exit_code(reader) == -signal.SIGTERM
    os.close(write)
    with open(read) as pipe:
        return pipe.read()


@claim(
    "queue-terminate-drops-the-buffer",
    falsified_by=("terminating.flushes", "printing.always-flushed", "printing.never-flushed"),
)
def test_a_terminated_child_does_not_write_its_buffer():
    """Compare a line that was printed with one that was printed and flushed."""
    assert written_by_a_terminated_child(flush=False) == ""
    assert written_by_a_terminated_child(flush=True) == "got C\n"


@claim("queue-works-with-every-start-method", falsified_by="queues.deliver-none")
@pytest.mark.parametrize("method", multiprocessing.get_all_start_methods())
def test_writer_and_reader_work_with_each_start_method(method):
    """Let writer and reader take turns, both started by this method."""
    multiprocessing.set_start_method(method, force=True)
    alternating = [event for pair in zip(PUTS, GETS) for event in pair]
    assert puts_and_gets(late=False) == alternating


@claim("queue-works-with-every-start-method", falsified_by="process.runs-nothing")
@pytest.mark.parametrize("method", multiprocessing.get_all_start_methods())
def test_the_listing_works_with_each_start_method(method):
    """Run the listing on a pseudo-terminal: all is put, and what is read, if any, is in order."""
    ended = run_program(LISTING, "0", method, terminal=True)
    assert ended.returncode == 0
    assert [line for line in ended.lines if line in PUTS] == PUTS
    gets = [line for line in ended.lines if line in GETS]
    assert gets == GETS[: len(gets)]
