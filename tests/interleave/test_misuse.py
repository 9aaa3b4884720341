"""What cannot be explored is refused, with the reason and the line; what was cut says so."""

import _thread
import concurrent.futures.thread  # noqa: F401 - in it, too, something is replaced
import dis
import functools
import gc
import itertools
import multiprocessing.pool
import os
import queue
import re
import signal
import socket
import sys
import threading
import time
from pathlib import Path

import pytest

from concspec.interleave import (
    BlockedOutside,
    ExplorationError,
    NotDeterministic,
    NothingToExplore,
    Raised,
    ScheduleError,
    TooMuch,
    explore,
    interrupts,
    merge,
    replay,
    scheduler,
    session,
    stand_ins,
    tracing,
)
from concspec.interleave.observing import observer
from concspec.interleave.stand_ins import lending, pools, running, table
from tests.interleave.test_shared_state import both

balance = 0
counter = itertools.count()
made_before = threading.Lock()
things_before = queue.SimpleQueue()
things_before.put("thing")
condition_before = threading.Condition()
condition_before._waiters.append("who waits there")


def change_it(n):
    global balance
    balance = balance + n
    balance = balance - n


def in_threads(*targets):
    def program():
        global balance
        balance = 0
        threads = [threading.Thread(target=each) for each in targets]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return balance

    return program


notes = in_threads(lambda: change_it(5), lambda: change_it(8))
three = in_threads(lambda: change_it(5), lambda: change_it(8), lambda: change_it(13))


def line_of(text):
    """Return how an error names the line of this file that ends with a mark."""
    lines = Path(__file__).read_text(encoding="utf-8").splitlines()
    number = next(n for n, line in enumerate(lines, 1) if line.endswith(f"# {text}"))
    return re.escape(f"{Path(__file__).name}:{number}")


def test_a_program_without_threads_proves_nothing():
    with pytest.raises(NothingToExplore, match="started no thread"):
        explore(lambda: 0)


def test_a_program_that_fails_before_it_has_threads():
    def program():
        raise ValueError("no such account")

    with pytest.raises(NothingToExplore, match="raised ValueError: no such account before it"):
        explore(program)


def test_a_body_of_a_thread_is_no_program():
    with pytest.raises(NothingToExplore, match="only the body of one thread"):
        explore(lambda: change_it(5))


def test_threads_that_cannot_be_watched_prove_nothing():
    with pytest.raises(NothingToExplore, match="could be watched"):
        explore(in_threads(threading.current_thread, threading.current_thread))


def test_a_program_that_fails_and_has_threads_that_do_nothing():
    def program():
        thread = threading.Thread(target=threading.current_thread)
        thread.start()
        thread.start()

    with pytest.raises(NothingToExplore, match="RuntimeError: threads can only be started once"):
        explore(program)


def test_a_pool_of_multiprocessing():
    def program():
        with multiprocessing.pool.ThreadPool(1) as pool:
            pool.map(abs, [1])

    with pytest.raises(ExplorationError, match=r"test_misuse.py:\d+ .* use ThreadPoolExecutor"):
        explore(program)
    gc.collect()  # it has pipes, which another test would miss


def test_threads_that_share_nothing_are_one_interleaving():
    found = explore(in_threads(lambda: sum([1]), lambda: sum([2])))
    assert (found.executions, found.complete, set(found.outcomes)) == (1, True, {0})


def test_another_result_under_the_same_schedule():
    def program():  # another
        notes()
        return next(counter)

    with pytest.raises(NotDeterministic, match=line_of("another") + r" .* returned \d and \d"):
        explore(program)


@pytest.mark.parametrize(
    "body", [lambda: sum([1]), lambda: change_it(5)], ids=["one interleaving", "several"]
)
def test_another_result_of_the_third_run_under_the_same_schedule(body):
    rounds = itertools.count()

    def program():
        in_threads(body, body)()
        return next(rounds) > 1

    with pytest.raises(NotDeterministic, match="returned False and True"):
        explore(program)


@pytest.mark.parametrize(
    ("same", "told"),
    [
        (1, "took different steps: step"),
        (2, "step ., of thread .,"),
        (5, "step ., of thread .,"),
    ],
)
def test_other_steps_under_the_same_schedule(same, told):
    rounds = itertools.count()

    def sometimes():
        global balance
        if next(rounds) > same:
            balance = 9  # sometimes

    with pytest.raises(NotDeterministic, match=f"{told} .*{line_of('sometimes')}"):
        explore(in_threads(lambda: change_it(5), lambda: (sometimes(), change_it(8))))


def test_a_replay_of_steps_that_change_their_order_blames_the_program():
    rounds = itertools.count()

    def program():
        state = {"x": 1, "y": 1}
        backwards = next(rounds) % 2

        def triple():
            if backwards:
                state["x"] *= 3
                state["y"] *= 3
            else:
                state["y"] *= 3
                state["x"] *= 3

        in_threads(triple, triple)()

    with pytest.raises(NotDeterministic, match="took different steps"):
        replay(program, "1")


def test_what_is_not_seen_makes_a_planned_step_another_one():
    def program():
        seen = {"start": 0}
        free = threading.Semaphore(1)

        def take():
            seen["start"] = 5
            free.acquire()

        def look():
            seen["looked"] = 1
            if free._value:
                seen["free"] = 1
            else:
                seen["taken"] = 1
            seen["start"] = 7

        in_threads(take, look)()
        return tuple(seen.items())

    found = explore(program)
    assert (found.complete, found.bound) == (False, "the attribute _value of a Semaphore")


def test_threads_without_end():
    def another():
        thread = threading.Thread(target=another)
        thread.start()  # without end
        thread.join()

    with pytest.raises(TooMuch, match="200 threads.*" + line_of("without end")):
        explore(in_threads(another))


@pytest.mark.parametrize("limit", ["MOST_STEPS", "MOST_ACCESSES"])
def test_a_loop_that_looks_again_and_again(monkeypatch, limit):
    monkeypatch.setattr(scheduler, limit, 300)
    flag = []

    def wait():
        while not flag:
            pass

    def program():
        flag.clear()
        return in_threads(lambda: flag.append(1), wait)()

    with pytest.raises(TooMuch, match="again and again"):
        explore(program)


def test_a_sleep():
    def nap():
        time.sleep(0.01)  # asleep

    with pytest.raises(BlockedOutside, match=r"sleep\(\) at .*" + line_of("asleep")):
        explore(in_threads(nap, nap))


def test_a_sleep_of_the_calling_thread():
    def program():
        time.sleep(0.01)  # resting
        return notes()

    with pytest.raises(BlockedOutside, match=r"sleep\(\) at .*" + line_of("resting")):
        explore(program)


def test_a_sleep_imported_by_name():
    sleep = time.sleep

    def nap():
        sleep(0.01)  # dozing

    with pytest.raises(BlockedOutside, match=line_of("dozing")):
        explore(in_threads(nap, nap))


def test_a_socket(monkeypatch):
    monkeypatch.setattr(session, "PATIENCE", 0.4)
    here, there = socket.socketpair()

    def receive():
        here.recv(1)  # received

    with here, there:
        with pytest.raises(BlockedOutside, match=line_of("received")):
            explore(in_threads(receive, lambda: change_it(8)))
        there.send(b"x")
    assert explore(notes).complete


@pytest.fixture(
    params=[signal.default_int_handler, signal.SIG_IGN, signal.SIG_DFL],
    ids=["heard", "ignored", "fatal"],
)
def sigint(request):
    """What SIGINT does: shells have their background jobs ignore it."""
    before = signal.signal(signal.SIGINT, request.param)
    yield
    assert signal.signal(signal.SIGINT, before) == request.param


@pytest.mark.usefixtures("sigint")
def test_a_socket_in_the_calling_thread(monkeypatch):
    monkeypatch.setattr(session, "PATIENCE", 0.4)
    here, there = socket.socketpair()

    def program():
        notes()
        here.recv(1)  # called

    here.settimeout(20)  # and a time-out of pytest would get it out of there, too
    began = time.monotonic()
    with here, there, pytest.raises(BlockedOutside, match=line_of("called")):
        explore(program)
    assert time.monotonic() - began < 20
    assert explore(notes).complete


def test_a_thread_that_gets_no_processor_does_not_block(monkeypatch):
    monkeypatch.setattr(session, "PATIENCE", 0.05)
    starved = itertools.chain([0.0, 1.0, 2.0, 3.0], itertools.repeat(3.0))
    asked = []
    monkeypatch.setattr(session, "_waited_for_cpu", lambda _: asked.append(1) or next(starved))
    here, there = socket.socketpair()

    with here, there, pytest.raises(BlockedOutside):
        explore(in_threads(lambda: here.recv(1), lambda: change_it(8)))
    assert len(asked) >= 5


@pytest.mark.skipif(not hasattr(signal, "pthread_kill"), reason="no signal to a thread")
@pytest.mark.parametrize("baton", [session.new_baton, session.LockBaton])
@pytest.mark.parametrize("run", [1, 3, 20])
def test_an_interrupt_while_another_thread_has_its_turn(monkeypatch, run, baton):
    monkeypatch.setattr(session, "new_baton", baton)
    main = threading.main_thread().ident
    runs = itertools.count(1)
    number = 0

    def change_and_interrupt():
        change_it(5)
        if number == run:
            signal.pthread_kill(main, signal.SIGINT)
        change_it(5)

    def program():
        nonlocal number
        number = next(runs)
        return in_threads(change_and_interrupt, lambda: change_it(8))()

    with pytest.raises(KeyboardInterrupt):
        explore(program)
    assert explore(notes).executions == 34


class TimeIsOverError(BaseException):
    """What the handler of a time-out raises."""


@pytest.fixture
def handler_of_alarms():
    """What sets the handler of SIGALRM for the time of a test."""
    before = signal.getsignal(signal.SIGALRM)
    yield functools.partial(signal.signal, signal.SIGALRM)
    signal.signal(signal.SIGALRM, before)


@pytest.mark.skipif(not hasattr(signal, "pthread_kill"), reason="no signal to a thread")
def test_a_handler_goes_on_while_another_thread_ends_the_execution(handler_of_alarms):
    main = threading.main_thread().ident

    def program():
        lock = threading.Lock()

        def wait_for_ever():
            lock.acquire()
            signal.pthread_kill(main, signal.SIGALRM)
            lock.acquire()

        in_threads(wait_for_ever)()

    def handler(_number, _frame):
        execution = running.execution
        while not execution.over:
            pass
        raise TimeIsOverError

    handler_of_alarms(handler)
    with pytest.raises(TimeIsOverError):
        explore(program)


@pytest.mark.skipif(not hasattr(gc, "disable_finalizers"), reason="they run when an object ends")
def test_no_finalizer_runs_in_the_midst_of_an_execution():
    class Thing:
        def __del__(self):
            ended.append(1)

    ended = []

    def program():
        ended.clear()
        Thing()
        in_threads(gc.collect, gc.collect)()
        return len(ended)

    assert set(explore(program).outcomes) == {0}
    gc.collect()
    assert ended


def test_a_stand_in_that_was_left_in_place_is_taken_out_again(monkeypatch):
    asleep = time.sleep
    left = []

    def program():
        left.append(time.sleep)
        return in_threads(int)()

    explore(program)
    monkeypatch.setattr(time, "sleep", left[0])
    explore(program)
    assert time.sleep is asleep


TAKING = {
    each.__code__
    for each in (
        session.Session.within, session.Session.take, session.Session.give_back,
        session.Session.stop_watching, session.Session.retire, session.Session.restore_locals,
        session.Session.close_batons, session.Session.spawn, session.Session.execute,
        session.Worker.__init__, session.Worker.start, session.Worker.retire, interrupts.keep,
        session.new_baton, session.EventBaton.__init__, session.EventBaton.close, session._close,
        stand_ins.install, stand_ins.uninstall, table.install, table.uninstall, pools.install,
        pools.uninstall, lending.LentLocks.put_in_place, lending.LentLocks.undo,
        lending.LentLocks.put, lending.LentLocks.replace, lending.LentLocks.lend_queue,
        scheduler.Execution.run, scheduler.Execution.unwind, scheduler.Execution.enrol,
        scheduler.Execution.start, scheduler.Execution.join, scheduler.Execution.hand_over,
        scheduler.Execution.following, scheduler.Execution.select,
        *(vars(tracing.Monitoring)[name] for name in ("begin", "end")),
    )
}  # fmt: skip


def at_each_line(_frame, event):
    return event == "line"


def when_each_is_called(_frame, event):
    return event == "call"


def after_each_call(frame, event):
    """Tell where the interpreter looks for signals: behind calls, before what they give is kept."""
    frame.f_trace_lines = False
    frame.f_trace_opcodes = True
    if event != "opcode":
        return False
    caches = dis.opmap["CACHE"]
    code = frame.f_code.co_code
    before = frame.f_lasti - 2
    while before >= 0 and code[before] == caches:
        before -= 2
    return before >= 0 and dis.opname[code[before]] in ("CALL", "CALL_KW", "CALL_FUNCTION_EX")


def interrupting(is_place, number):
    """A function for `sys.settrace` that interrupts at a place, counted from the first one."""
    places = itertools.count(1)

    def local(frame, event, _argument):
        if is_place(frame, event) and next(places) == number:
            raise TimeIsOverError
        return local

    return lambda frame, *event: local(frame, *event) if frame.f_code in TAKING else None


PARTS = 6  # of the places, to be gone through side by side


def surroundings():
    return (
        [vars(owner)[name] for owner, name in table._stand_ins],
        [function.__code__ for function, _, _ in table._codes],
        [
            vars(sys.modules[each]).get(name)
            for each in pools._REPLACED
            for name in pools._REPLACED[each]
        ],
        (gc.get_threshold(), sys.unraisablehook, signal.getsignal(signal.SIGINT)),
        os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else None,
        [sys.monitoring.get_tool(tool) for tool in range(6)],
        [descriptor.name for descriptor in Path("/proc/self/fd").glob("*")],
        (type(made_before), things_before.qsize(), [*condition_before._waiters]),
    )


@pytest.mark.skipif(not hasattr(sys, "monitoring"), reason="settrace() is the explorer's")
@pytest.mark.parametrize(
    "is_place",
    [
        at_each_line,
        when_each_is_called,
        pytest.param(
            after_each_call,
            marks=pytest.mark.skipif(sys.version_info < (3, 13), reason="its opcodes are not seen"),
        ),
    ],
)
@pytest.mark.parametrize("part", range(PARTS))
def test_an_interrupt_leaves_nothing_behind(is_place, part):
    def program():
        lock = threading.Lock()
        lock.acquire()

        def change_under(lock):
            with lock, made_before:
                change_it(5)

        threading.Thread(target=change_under, args=(lock,), daemon=True).start()
        in_threads(lambda: change_under(made_before))()

    before = surroundings()
    threads = _thread._count()
    for number in itertools.count(1 + part, PARTS):
        traced = sys.gettrace()
        sys.settrace(interrupting(is_place, number))
        try:
            explore(program)
            break
        except TimeIsOverError:
            pass
        finally:
            sys.settrace(traced)
        assert surroundings() == before, number
        while _thread._count() != threads:
            pass  # a thread may be about to end
    assert number > 200


@pytest.mark.parametrize("baton", [session.new_baton, session.LockBaton])
def test_a_turn_that_nobody_gave_begins_nothing(monkeypatch, baton):
    execute = session.Session.execute

    def with_a_stray_turn(self, *arguments, **options):
        self.baton.release()
        return execute(self, *arguments, **options)

    monkeypatch.setattr(session, "new_baton", baton)
    monkeypatch.setattr(session.Session, "execute", with_a_stray_turn)
    found = explore(notes)
    assert (found.executions, len(found.outcomes), found.complete) == (34, 7, True)


def test_a_with_gives_back_what_it_holds_when_its_execution_ends():
    given_back = []

    class Held:
        def __enter__(self):
            self.given_back = given_back

        def __exit__(self, *_):
            self.given_back.append(balance)

    def program():
        lock = threading.Lock()

        def wait_for_ever():
            with Held():
                lock.acquire()
                lock.acquire()

        in_threads(wait_for_ever)()

    found = explore(program)
    assert len(found.deadlocks) == 1
    assert len(given_back) >= found.executions


def test_the_main_thread_ends_last(monkeypatch):
    hidden = itertools.repeat(threading.Lock())

    def hold_it():
        with next(hidden):
            change_it(5)

    def program():
        try:
            in_threads(hold_it, hold_it)()
        finally:
            with next(hidden):
                pass

    monkeypatch.setattr(session, "PATIENCE", 0.01)
    start = time.monotonic()
    with pytest.raises(BlockedOutside, match="a lock the scheduler could not find"):
        explore(program)
    assert time.monotonic() - start < 30  # and not because the time of the test was up
    assert not any("hold_it" in thread.name for thread in threading.enumerate())


@pytest.mark.parametrize("wait", ["acquire", "join"])
def test_a_thread_that_catches_everything(wait):
    def program():
        lock = threading.Lock()
        lock.acquire()
        other = threading.Thread(target=lock.acquire)

        def go_on_and_on():
            while True:
                try:  # noqa: SIM105
                    lock.acquire() if wait == "acquire" else other.join()
                except:  # noqa: E722, PERF203
                    pass

        other.start()
        in_threads(go_on_and_on)()

    with pytest.raises(ExplorationError, match=r"Thread-2.* does not end.*test_misuse.py:"):
        explore(program)


@pytest.fixture
def unknown():
    """An iterator over a lock, where no explorer can look; it is taken for the time of a test."""
    lock = threading.Lock()
    with lock:
        yield itertools.repeat(lock)


def waiting_for_ever_with_a_cleanup(cleanup):
    def program():
        lock = threading.Lock()
        lock.acquire()

        def wait():
            try:
                lock.acquire()
            finally:
                cleanup()

        in_threads(wait)()

    return program


def test_a_thread_that_blocks_where_it_cleans_up(monkeypatch, unknown):
    def cleanup():
        return next(unknown).acquire()

    monkeypatch.setattr(session, "PATIENCE", 0.01)
    with pytest.raises(BlockedOutside, match="a lock the scheduler could not find"):
        explore(waiting_for_ever_with_a_cleanup(cleanup))


@pytest.mark.skipif(not hasattr(signal, "pthread_kill"), reason="no signal to a thread")
def test_a_handler_goes_on_while_a_thread_blocks_where_it_cleans_up(
    monkeypatch, unknown, handler_of_alarms
):
    main = threading.main_thread().ident

    def cleanup():
        signal.pthread_kill(main, signal.SIGALRM)
        next(unknown).acquire()

    def handler(_number, _frame):
        raise TimeIsOverError(notes.__name__)

    monkeypatch.setattr(session, "PATIENCE", 0.1)
    handler_of_alarms(handler)
    with pytest.raises(TimeIsOverError):
        explore(waiting_for_ever_with_a_cleanup(cleanup))


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_an_exploration_ends_without_its_watch(monkeypatch):
    def fail(_):
        raise OSError

    def take_time():
        change_it(sum(range(10**6)))

    monkeypatch.setattr(session, "PATIENCE", 0.001)
    monkeypatch.setattr(session, "_waited_for_cpu", fail)
    threads = _thread._count()
    assert explore(in_threads(take_time)).complete
    while _thread._count() != threads:
        pass  # what its thread failed of is told at its end


def test_a_worker_begins_again_after_a_fault(monkeypatch):
    told = []
    monkeypatch.setattr(sys, "unraisablehook", lambda unraisable: told.append(unraisable.exc_type))

    def fail():
        raise TimeIsOverError

    threads = _thread._count()
    worker = session.Worker()
    for job in (fail, None):
        worker.start()
        worker.job = job
        worker.retired = job is None
        worker.baton.release()
        while worker.running or not told or _thread._count() != threads:
            pass  # what a thread fails of is told at its end
    worker.baton.close()
    assert told == [TimeIsOverError]


def test_a_raw_thread():
    def program():
        _thread.start_new_thread(change_it, (5,))  # raw

    with pytest.raises(ExplorationError, match="start_new_thread.*" + line_of("raw")):
        explore(program)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork()")
def test_a_fork():
    def program():
        os.fork()  # forked

    with pytest.raises(ExplorationError, match=r"os.fork\(\) at .*" + line_of("forked")):
        explore(program)


@pytest.mark.parametrize("name", ["settrace", "setprofile"])
def test_a_debugger_in_the_program(name):
    before = getattr(sys, f"get{name[3:]}")(), getattr(sys, name)

    def debugged():
        getattr(sys, name)(None)  # debugged

    def work():
        debugged()
        change_it(5)

    refused = rf"sys.{name}\(\) at .*" + line_of("debugged")
    with pytest.raises(ExplorationError, match=refused):
        explore(in_threads(work, work))
    with pytest.raises(ExplorationError, match=refused):
        explore(lambda: debugged() or in_threads(work, work)())
    assert (getattr(sys, f"get{name[3:]}")(), getattr(sys, name)) == before


@pytest.mark.parametrize("name", ["settrace", "start_new_thread"])
def test_what_is_refused_was_imported_by_name(name):
    call = getattr(sys, name, None) or getattr(_thread, name)

    def work():
        call(None, None)
        change_it(5)

    with pytest.raises(ExplorationError, match=rf"{name}\(\) at "):
        explore(in_threads(work, work))


def test_a_thread_that_the_system_does_not_have(monkeypatch):
    def fail(*_):
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(session, "Worker", fail)
    with pytest.raises(ExplorationError, match=r"no thread for Thread-.*can't start new thread"):
        explore(notes)


def test_a_result_that_is_not_hashable():
    def program():
        notes()
        return [balance]

    with pytest.raises(TypeError, match="not hashable"):
        explore(program)


def test_an_exception_is_an_outcome():
    def program():
        if notes() != 0:
            raise ArithmeticError("drifted")

    found = explore(program)
    assert set(found.outcomes) == {None, Raised(ArithmeticError("drifted"))}


@pytest.mark.parametrize("kind", [ValueError, GeneratorExit])
def test_an_exception_in_a_thread_is_reported(kind):
    def fail():
        raise kind("no")

    found = explore(in_threads(fail, lambda: change_it(8)))
    assert [text.partition(": ")[2] for text in found.failures] == [f"{kind.__name__}: no"]


def test_one_exploration_at_a_time():
    def program():
        notes()
        explore(notes)

    with pytest.raises(ExplorationError, match="one at a time"):
        explore(program)
    with pytest.raises(ExplorationError, match="one at a time"):
        explore(notes, until=lambda _: explore(notes).complete)


@pytest.mark.parametrize("method", ["observe", "value_of"])
def test_a_fault_of_the_explorer_is_no_outcome(monkeypatch, method):
    class Account:
        @property
        def balance(self):
            return balance

    def read():
        Account().balance.real  # noqa: B018

    def fail(*_):
        raise ZeroDivisionError(method)

    monkeypatch.setattr(observer.Observer, method, fail)
    with pytest.raises(ZeroDivisionError, match=method):
        explore(in_threads(read, read))


@pytest.mark.parametrize(
    ("schedule", "message"),
    [
        ("1111222", "ends after step 7"),
        ("111122222", "step 9"),
        ("11111222", "step 5: thread 1 has ended"),
        ("3", "step 1: thread 3 has not been started"),
        ("1!22", "character 2"),
        ("", "ends after step 0"),
    ],
)
def test_a_schedule_that_does_not_fit(schedule, message):
    with pytest.raises(ScheduleError, match=message):
        replay(notes, schedule)


def test_a_schedule_for_a_thread_that_waits():
    lock = threading.Lock()

    def work():
        with lock:
            change_it(1)

    with pytest.raises(ScheduleError, match="step 2: thread 2 waits"):
        replay(in_threads(work, work), "12")


def test_a_schedule_is_a_string():
    with pytest.raises(ScheduleError, match="is a string"):
        replay(notes, 12211122)


def test_repetitions_can_be_shortened():
    assert replay(notes, "1*4 2*4") == 0
    assert replay(notes, "12*2 1*3 2*2") == -8


def test_the_witness_of_a_long_execution_can_be_replayed():
    def change_often():
        for _ in range(20):
            change_it(1)

    found = explore(in_threads(change_often, change_often), preemption_bound=0)
    (result,) = found.outcomes
    assert replay(in_threads(change_often, change_often), found.outcomes[result].witness) == result


def test_a_preemption_bound_is_no_proof():
    found = explore(notes, preemption_bound=2)
    assert not found.complete
    assert found.bound == "preemption_bound=2"
    assert set(found.outcomes) == {0, 5, 8, -5, -8}
    assert "NOT complete" in str(found)


def test_a_preemption_bound_that_cuts_nothing_is_a_proof():
    found = explore(notes, preemption_bound=6)
    assert found.complete
    assert found.interleavings == 70


def test_a_time_budget_is_no_proof():
    found = explore(three, reduce=False, time_budget=0.3)
    assert not found.complete
    assert found.bound == "time_budget=0.3"
    assert found.outcomes


def test_the_first_surprise_ends_a_search():
    found = explore(notes, until=lambda result: result != 0)
    assert not found.complete
    assert found.bound == "until"
    assert set(found.outcomes) - {0}
    assert found.executions < 34


def test_a_time_budget_ends_one_long_execution():
    def endless():
        box = {"over": False}

        def end():
            box["over"] = True

        def spin():
            while not box["over"]:
                pass

        in_threads(end, spin)()

    found = explore(endless, time_budget=0.05)
    assert (found.complete, found.bound) == (False, "time_budget=0.05")
    assert found.executions == 1


def hidden():
    """Shares one item more under some schedules alone, and those in one shard."""
    state = {"x": 0, "y": 0, "z": 0}

    def first():
        state["x"] = 1
        state["y"] = 1

    def second():
        if state["x"] and not state["y"]:
            extra = state
            extra["z"] += 1

    def third():
        if state["x"]:
            other = state
            other["z"] += 1

    threads = [threading.Thread(target=each) for each in (first, second, third)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return state["z"]


def test_shards_find_the_same_shared_accesses():
    whole = explore(hidden)
    total = merge([explore(hidden, shard=(part, 4)) for part in range(4)])
    assert total.complete
    assert set(total.outcomes) == set(whole.outcomes)


def test_accesses_found_shared_elsewhere_can_be_given():
    found = explore(hidden, shared=["state[]", "extra[]", "other[]"])
    assert {"extra[]", "other[]"} <= found.shared
    assert set(found.outcomes) == set(explore(hidden).outcomes)


def test_a_shard_is_no_proof_and_all_of_them_are():
    whole = explore(notes, reduce=False)
    shards = [explore(notes, reduce=False, shard=(part, 4)) for part in range(4)]
    assert not any(each.complete for each in shards)
    assert shards[1].bound == "shard=(1, 4)"
    total = shards[0].merge(*shards[1:])
    assert total.complete
    assert {k: v.interleavings for k, v in total.outcomes.items()} == {
        k: v.interleavings for k, v in whole.outcomes.items()
    }
    assert all(each.executions > 5 for each in shards)
    some = merge(shards[:3])
    assert not some.complete
    with pytest.raises(ValueError, match="there twice"):
        merge([shards[0], shards[0]])


def test_deadlocks_of_shards_add_up():
    def program():
        one, two = threading.Lock(), threading.Lock()

        def hold(first, second):
            with first, second:
                pass

        in_threads(lambda: hold(one, two), lambda: hold(two, one))()

    whole = explore(program, reduce=False)
    total = merge(explore(program, reduce=False, shard=(part, 3)) for part in range(3))
    assert total.complete
    assert [each[:4] for each in total.deadlocks] == [each[:4] for each in whole.deadlocks]
    assert total.deadlocks[0].interleavings == whole.deadlocks[0].interleavings > 1


def test_shards_of_different_sizes_do_not_add_up():
    with pytest.raises(ValueError, match="of 2 and of 3 parts"):
        merge([explore(notes, shard=(0, 2)), explore(notes, shard=(1, 3))])
    with pytest.raises(ValueError, match="nothing to merge"):
        merge([])


def test_a_cut_shard_leaves_the_sum_incomplete():
    cut = explore(three, reduce=False, shard=(0, 2), time_budget=0.01)
    other = explore(notes, shard=(1, 2))
    assert not merge([cut, other]).complete


@pytest.mark.parametrize(
    "options",
    [{"shard": (2, 2)}, {"preemption_bound": -1}, {"time_budget": 0}],
)
def test_arguments_out_of_range(options):
    with pytest.raises(ValueError, match=next(iter(options))):
        explore(notes, **options)


def test_a_program_is_a_function():
    with pytest.raises(TypeError, match="function without arguments"):
        explore(balance)


def test_schedules_name_switch_points_found_late():
    def program():
        state = {"flag": 0, "late": 0}

        def one():
            state["flag"] = 1
            hidden = state["late"]
            if hidden:
                other["n"] = 1

        def two():
            if state["flag"] == 0:
                state["late"] = 1
                if other["n"]:
                    state["late"] = 2

        other = {"n": 0}
        threads = [threading.Thread(target=each) for each in (one, two)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return state["late"], other["n"]

    found = explore(program)
    assert set(found.outcomes) == {(0, 0), (1, 0), (1, 1), (2, 1)}
    assert " +" in found.outcomes[2, 1].witness
    for result, outcome in found.outcomes.items():
        assert replay(program, outcome.witness) == result


def test_what_only_the_first_run_did_is_in_no_schedule():
    cache = {}

    def program():
        count = 0

        def look():
            nonlocal count
            if cache.get("known") is None:
                cache["known"] = True
            count += 1

        both(look, look)
        return count

    found = explore(program)
    assert found.shared == {"count"}
    for result, outcome in found.outcomes.items():
        assert replay(program, outcome.witness) == result


def test_an_access_that_comes_and_goes_does_not_keep_an_exploration_from_beginning():
    seen = itertools.count()

    def program():
        box = {}

        def change():
            if next(seen) % 4 < 2:
                box["x"] = 1

        both(change, change)

    with pytest.raises(NotDeterministic):
        explore(program)


def test_memory_does_not_grow_with_the_interleavings():
    tracemalloc = pytest.importorskip("tracemalloc")

    def held_after(executions):
        seen = itertools.count(1)
        held = []

        def enough(_):
            if next(seen) < executions:
                return False
            for _ in range(3):  # without a GIL, what one frees is given back by the next
                gc.collect()
            held.append(tracemalloc.get_traced_memory()[0])
            return True

        tracemalloc.start()
        try:
            explore(three, until=enough)
        finally:
            tracemalloc.stop()
        return held[0]

    held_after(20)
    # One execution that is kept takes some 20 kB.
    assert held_after(150) - held_after(50) < 100 * 1000


@pytest.mark.skipif(not hasattr(gc, "get_threshold"), reason="PyPy collects as it likes")
def test_cycles_that_executions_leave_are_collected():
    class Knot:
        def __init__(self):
            self.end = self

    seen = itertools.count(1)
    left = []

    def program():
        Knot()
        return three()

    def enough(_):
        if next(seen) < 3 * session.MOST_UNCOLLECTED:
            return False
        left.extend(each for each in gc.get_objects() if type(each) is Knot)
        return True

    before = gc.get_threshold()
    explore(program, until=enough)
    assert len(left) <= session.MOST_UNCOLLECTED + 1
    assert gc.get_threshold() == before


@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="descriptors are counted in /proc")
def test_an_exploration_leaves_no_descriptor_open():
    explore(three, until=bool)
    before = sorted(Path("/proc/self/fd").iterdir())
    explore(three, until=bool)
    assert sorted(Path("/proc/self/fd").iterdir()) == before
