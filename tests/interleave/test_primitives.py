"""Every primitive of `threading` and `queue`, made inside the program, before it, and imported."""

import _strptime
import gc
import io
import logging
import queue
import sys
import tempfile
import threading
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path
from threading import Condition, Event, Lock, RLock, Semaphore, Thread
from typing import ClassVar

import pytest

from concspec.children import run_program
from concspec.interleave import Raised, explore, replay, scheduler

made_before = threading.Lock()
rlock_before = threading.RLock()
event_before = threading.Event()
condition_before = threading.Condition()
semaphore_before = threading.Semaphore(1)
bounded_before = threading.BoundedSemaphore(1)
queue_before = queue.Queue()
local_before = threading.local()
in_a_list = [threading.Lock()]
in_a_dict = {"lock": threading.Lock()}
in_a_tuple = (threading.Lock(),)
value = 0


class Account:
    guard = threading.Lock()

    def __init__(self):
        self.lock = threading.Lock()
        self.balance = 0


class Slotted:
    __slots__ = ("lock",)

    def __init__(self):
        self.lock = threading.Lock()


account_before = Account()
slotted_before = Slotted()


def run(*targets):
    threads = [threading.Thread(target=each) for each in targets]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def adding_under(context):
    def program():
        global value
        value = 0
        guard = context()

        def add():
            global value
            with guard:
                value += 1

        run(add, add)
        return value

    return program


@pytest.mark.parametrize(
    "context",
    [
        Lock,
        RLock,
        Condition,
        Semaphore,
        lambda: threading.BoundedSemaphore(1),
        lambda: made_before,
        lambda: rlock_before,
        lambda: condition_before,
        lambda: semaphore_before,
        lambda: bounded_before,
        lambda: in_a_list[0],
        lambda: in_a_dict["lock"],
        lambda: in_a_tuple[0],
        lambda: Account.guard,
        lambda: account_before.lock,
        lambda: slotted_before.lock,
        lambda: logging._lock,
        lambda: _strptime._cache_lock,
        lambda: tempfile._once_lock,
    ],
    ids=[
        "Lock", "RLock", "Condition", "Semaphore", "BoundedSemaphore", "Lock before",
        "RLock before", "Condition before", "Semaphore before", "BoundedSemaphore before",
        "in a list", "in a dict", "in a tuple", "of a class", "of an instance", "in a slot",
        "of logging", "of dates", "of tempfile",
    ],
)  # fmt: skip
def test_nothing_is_lost_under(context):
    found = explore(adding_under(context))
    assert set(found.outcomes) == {2}
    assert found.complete
    assert found.executions == 2
    assert found.deadlocks == ()


def test_a_lock_in_a_closure_made_before():
    guard = threading.Lock()

    def program():
        counts = []

        def add():
            with guard:
                n = len(counts)
                counts.append(n)

        run(add, add)
        return tuple(counts)

    assert set(explore(program).outcomes) == {(0, 1)}


def test_acquire_and_release_by_name():
    def program():
        global value
        value = 0
        acquire, release = made_before.acquire, made_before.release

        def add():
            global value
            acquire()
            try:
                value += 1
            finally:
                release()

        run(add, add)
        return value

    assert set(explore(program).outcomes) == {2}


def test_what_was_replaced_is_put_back():
    kinds = [type(made_before), type(in_a_list[0]), type(account_before.lock), threading.Lock]
    threads = set(threading.enumerate())
    explore(adding_under(lambda: made_before))
    assert kinds == [
        type(made_before), type(in_a_list[0]), type(account_before.lock), threading.Lock
    ]  # fmt: skip
    assert made_before.acquire(blocking=False)
    made_before.release()
    assert threads.issuperset(threading.enumerate())


def test_a_semaphore_of_two_is_no_mutex():
    assert set(explore(adding_under(lambda: Semaphore(2))).outcomes) == {1, 2}


def test_a_semaphore_admits_as_many_as_it_has():
    def program():
        inside = [0, 0]
        seats = threading.Semaphore(2)
        guard = threading.Lock()

        def enter():
            with seats:
                with guard:
                    inside[0] += 1
                    inside[1] = max(inside)
                with guard:
                    inside[0] -= 1

        run(enter, enter, enter)
        return inside[1]

    assert set(explore(program).outcomes) == {1, 2}


def test_a_bounded_semaphore_released_too_often():
    def program():
        seats = threading.BoundedSemaphore(1)
        thread = threading.Thread(target=seats.acquire)
        thread.start()
        seats.release()
        thread.join()

    found = explore(program)
    assert Raised(ValueError("Semaphore released too many times")) in found.outcomes
    assert None in found.outcomes


def test_an_event_orders():
    def program():
        ready = Event()
        seen = []

        def consumer():
            ready.wait()
            seen.append(data[0])

        def producer():
            data[0] = 7
            ready.set()

        data = [0]
        run(consumer, producer)
        return tuple(seen)

    found = explore(program)
    assert set(found.outcomes) == {(7,)}
    assert found.deadlocks == ()


def test_an_event_set_too_early_and_cleared():
    def program():
        ready = threading.Event()

        def consumer():
            ready.clear()
            ready.wait()

        run(consumer, ready.set)

    found = explore(program)
    assert len(found.deadlocks) == 1
    assert found.deadlocks[0].cycle == ()
    assert set(found.outcomes) == {None}


def test_what_a_primitive_answers_is_nothing_shared():
    def program():
        def take(items, count):
            items.append("item")
            count.release()
            if not count.acquire(timeout=1):
                items.clear()
            items.pop()

        run(*[lambda: take([], threading.Semaphore(0))] * 2)

    found = explore(program)
    assert (found.executions, found.shared) == (1, frozenset())


def test_an_event_asked_without_waiting():
    def program():
        ready = threading.Event()
        seen = []
        run(ready.set, lambda: seen.append((ready.is_set(), ready.wait(0.01))))
        return seen[0]

    assert set(explore(program).outcomes) == {(False, False), (False, True), (True, True)}


def test_an_event_made_before_starts_as_it_was():
    def program():
        seen = []
        run(event_before.set, lambda: seen.append(event_before.is_set()))
        return seen[0]

    assert set(explore(program).outcomes) == {False, True}
    assert not event_before.is_set()


@pytest.mark.parametrize("make", [Condition, lambda: Condition(Lock()), lambda: condition_before])
def test_a_condition(make):
    def program():
        changed = make()
        items = []
        taken = []

        def consumer():
            with changed:
                while not items:
                    changed.wait()
                taken.append(items.pop())

        def producer():
            with changed:
                items.append(1)
                changed.notify()

        run(consumer, producer)
        return tuple(taken)

    found = explore(program)
    assert set(found.outcomes) == {(1,)}
    assert found.complete
    assert found.deadlocks == ()
    assert found.executions == 2


def test_a_lost_wakeup():
    def program():
        changed = threading.Condition()

        def consumer():
            with changed:
                changed.wait()

        def producer():
            with changed:
                changed.notify()

        run(consumer, producer)
        return "woken"

    found = explore(program)
    assert set(found.outcomes) == {"woken"}
    assert len(found.deadlocks) == 1
    assert found.deadlocks[0].cycle == ()
    assert "be notified by changed" in str(found.deadlocks[0])


def test_one_notify_for_two_waiters():
    def program(wake):
        changed = threading.Condition()
        ready = [False]

        def consumer():
            with changed:
                while not ready[0]:
                    changed.wait()

        def producer():
            with changed:
                ready[0] = True
                getattr(changed, wake)()

        run(consumer, consumer, producer)
        return True

    assert explore(lambda: program("notify")).deadlocks
    assert not explore(lambda: program("notify_all")).deadlocks


def test_wait_with_a_timeout():
    def program():
        changed = threading.Condition()
        woken = []

        def consumer():
            with changed:
                woken.append(changed.wait(timeout=1))

        def producer():
            with changed:
                changed.notify()

        run(consumer, producer)
        return woken[0]

    found = explore(program)
    assert set(found.outcomes) == {True, False}
    assert found.deadlocks == ()


def test_wait_for_with_a_timeout_comes_to_an_end():
    def program():
        changed = threading.Condition()
        seen = []

        def consumer():
            with changed:
                seen.append(changed.wait_for(lambda: False, timeout=5))

        run(consumer)
        return seen[0]

    assert set(explore(program).outcomes) == {False}


def test_an_rlock_can_be_acquired_again():
    def program():
        guard = threading.RLock()
        counts = []

        def inner():
            with guard:
                counts.append(len(counts))

        def outer():
            with guard:
                inner()
                inner()

        run(outer, outer)
        return tuple(counts)

    found = explore(program)
    assert set(found.outcomes) == {(0, 1, 2, 3)}
    assert found.executions == 2


def test_try_lock():
    def program():
        guard = threading.Lock()
        got = []

        def attempt():
            if guard.acquire(blocking=False):
                got.append(1)

        run(attempt, attempt)
        return len(got), guard.locked()

    assert set(explore(program).outcomes) == {(1, True)}


def test_a_timeout_on_a_lock():
    def program():
        guard = threading.Lock()
        got = []

        def attempt():
            if guard.acquire(timeout=1):
                got.append(1)
                guard.release()

        run(attempt, attempt)
        return len(got)

    assert set(explore(program).outcomes) == {1, 2}


def test_a_reentrant_lock_tells_whether_it_is_held_where_a_real_one_does():
    is_told = hasattr(threading.RLock(), "locked")
    kept = []

    def program():
        guard = threading.RLock()
        kept.append(guard)
        seen = []

        def look():
            seen.append(guard.locked() if is_told else not hasattr(guard, "locked"))

        with guard:
            thread = threading.Thread(target=look)
            thread.start()
            thread.join()
        return seen[0]

    assert set(explore(program).outcomes) == {True}
    assert not is_told or not kept[0].locked()


def test_a_lock_released_by_nobody():
    def program():
        guard = threading.Lock()
        thread = threading.Thread(target=guard.acquire)
        thread.start()
        guard.release()
        thread.join()

    assert Raised(RuntimeError("release unlocked lock")) in explore(program).outcomes


@pytest.mark.parametrize(
    "make", [queue.Queue, queue.LifoQueue, queue.PriorityQueue, queue.SimpleQueue]
)
def test_a_queue(make):
    def program():
        items = make()
        got = []
        run(lambda: items.put(1), lambda: got.append(items.get()))
        return tuple(got)

    found = explore(program)
    assert set(found.outcomes) == {(1,)}
    assert found.deadlocks == ()


def test_a_queue_made_before():
    def program():
        got = []
        run(lambda: queue_before.put(1), lambda: got.append(queue_before.get()))
        return tuple(got), queue_before.qsize()

    assert set(explore(program).outcomes) == {((1,), 0)}


def test_a_queue_with_a_timeout():
    def program():
        items = queue.Queue()
        got = []

        def take():
            try:
                got.append(items.get(timeout=1))
            except queue.Empty:
                got.append(None)

        run(lambda: items.put(1), take)
        return got[0]

    assert set(explore(program).outcomes) == {1, None}


def test_a_bounded_queue():
    def program():
        items = queue.Queue(maxsize=1)
        got = []

        def produce():
            for number in range(2):
                items.put(number)

        def consume():
            got.extend([items.get(), items.get()])

        run(produce, consume)
        return tuple(got)

    found = explore(program)
    assert set(found.outcomes) == {(0, 1)}
    assert found.deadlocks == ()


def test_a_notification_after_the_time_out_is_in_vain():
    def program():
        condition = threading.Condition()
        state = {"waiting": False}

        def wait():
            with condition:
                state["waiting"] = True
                state["notified"] = condition.wait(timeout=1)
                state["waiting"] = False

        def notify():
            with condition:
                state["too early or late"] = not state["waiting"]
                condition.notify()

        run(wait, notify)
        return state["too early or late"], state["notified"]

    found = explore(program)
    assert set(found.outcomes) == {(True, False), (False, True), (False, False)}
    assert found.complete


def test_what_is_put_into_a_simple_queue_is_there_at_once():
    def program():
        items = queue.SimpleQueue()
        seen = []

        def look():
            try:
                seen.append(items.empty() or items.get_nowait())
            except queue.Empty:
                seen.append("Empty")

        run(lambda: items.put(1), look)
        return seen[0], items.qsize()

    # That of PyPy, in Python, has the item first, and then counts it.
    in_two_steps = {("Empty", 1)} if queue.SimpleQueue.__module__ == "queue" else set()
    found = explore(program)
    assert set(found.outcomes) == {(True, 1), (1, 0)} | in_two_steps
    assert found.complete


@pytest.mark.parametrize("wait", [{"block": False}, {"timeout": 1}, {"timeout": -1}])
def test_a_simple_queue_that_may_be_empty(wait):
    def program():
        items = queue.SimpleQueue()
        seen = []

        def get():
            try:
                seen.append(items.get(**wait))
            except (queue.Empty, ValueError) as error:
                seen.append(type(error).__name__)

        run(lambda: items.put_nowait([1]), get)
        return str(seen[0])

    expected = {"ValueError"} if wait == {"timeout": -1} else {"[1]", "Empty"}
    assert set(explore(program).outcomes) == expected


def test_what_comes_out_of_a_simple_queue_is_shared():
    def program():
        items = queue.SimpleQueue()
        shared = [0]
        items.put(shared)

        def change():
            items.get()[0] = 1

        seen = []
        run(change, lambda: seen.append(shared[0]))
        return seen[0]

    assert set(explore(program).outcomes) == {0, 1}


def test_a_condition_of_a_lock_that_another_thread_holds():
    def program():
        lock = threading.Lock()
        condition = threading.Condition(lock)
        answers = []

        def notify():
            try:
                condition.notify()
                answers.append("notified")
            except RuntimeError as error:
                answers.append(str(error))

        def hold():
            with lock:
                pass

        run(notify, hold)
        return tuple(answers)

    found = explore(program)
    assert set(found.outcomes) == {("notified",), ("cannot notify on un-acquired lock",)}
    assert found.complete


class Logged:
    """A lock of the program's own."""

    def __init__(self):
        self.lock = threading.Lock()
        self.log = []

    def acquire(self, *how):
        got = self.lock.acquire(*how)
        self.log.append(got)
        return got

    def release(self):
        self.lock.release()

    def locked(self):
        return self.lock.locked()

    def __enter__(self):
        return self.acquire()

    def __exit__(self, *_):
        self.release()


class Anybodys(Logged):
    """One that excludes nobody."""

    def acquire(self, *_):
        return True

    def release(self):
        pass

    def _is_owned(self):
        return True


class Reentrant(Logged):
    def __init__(self):
        self.lock = threading.RLock()
        self.log = []

    def __getattr__(self, name):
        return getattr(self.lock, name)


def one_comes_and_one_waits(condition, notify, wait):
    """Return what two threads do that meet at a condition."""
    came = []

    def come():
        with condition:
            came.append(True)
            notify()

    def wait_for_it():
        with condition:
            while not came:
                wait()

    return come, wait_for_it


logged_before = Logged()
of_logged_before = threading.Condition(logged_before)


@pytest.mark.parametrize(
    "make",
    [
        lambda: threading.Condition(Logged()),
        lambda: threading.Condition(Reentrant()),
        lambda: threading.Condition(Anybodys()),
        lambda: of_logged_before,
    ],
)
@pytest.mark.parametrize("method", ["notify", "notify_all"])
def test_a_condition_with_a_lock_of_the_programs_own(make, method):
    def program():
        condition = make()
        run(*one_comes_and_one_waits(condition, getattr(condition, method), condition.wait))
        return "met"

    found = explore(program)
    assert found.complete
    assert set(found.outcomes) == {"met"}
    assert not found.failures
    # Where the lock excludes nobody, the other may come between the question and the wait.
    assert bool(found.deadlocks) == isinstance(make()._lock, Anybodys)


def test_a_condition_with_a_lock_of_the_programs_own_waits_in_vain_or_not():
    def program():
        condition = threading.Condition(Logged())
        answers = []

        def notify():
            with condition:
                condition.notify()

        def wait():
            with condition:
                answers.append(condition.wait(1))

        run(notify, wait)
        return answers[0]

    found = explore(program)
    assert found.complete
    assert set(found.outcomes) == {True, False}


class CountingCondition(threading.Condition):
    count = 0

    def notify(self, n=1):
        self.count += n
        super().notify(n)


def test_all_are_notified_by_the_notify_of_a_subclass():
    def program():
        condition = CountingCondition()
        run(*one_comes_and_one_waits(condition, condition.notify_all, condition.wait))
        return condition.count

    found = explore(program)
    assert (set(found.outcomes), found.complete) == ({0, 1}, True)
    assert not found.deadlocks


def test_a_barrier():
    def program():
        barrier = threading.Barrier(2)
        before = []
        after = []

        def meet():
            before.append(1)
            barrier.wait()
            after.append(len(before))

        run(meet, meet)
        return tuple(after)

    found = explore(program)
    assert set(found.outcomes) == {(2, 2)}
    assert found.complete
    assert found.deadlocks == ()


def test_a_barrier_with_an_action():
    def program():
        met = []
        barrier = threading.Barrier(2, lambda: met.append(list(met)))
        run(barrier.wait, barrier.wait, lambda: met.append(0))
        return repr(met)

    found = explore(program)
    assert set(found.outcomes) == {"[[], 0]", "[0, []]", "[0, [0]]"}
    assert found.complete


@pytest.mark.parametrize("make", [threading.local, lambda: local_before])
def test_thread_local_data_is_private(make):
    def program():
        local = make()
        seen = []

        def work(number):
            assert not hasattr(local, "n")
            local.n = number
            local.n += 1
            seen.append(local.n)

        threads = [Thread(target=work, args=(number,)) for number in (1, 5)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return sum(seen)

    found = explore(program)
    assert set(found.outcomes) == {8}
    assert not found.failures


class Tally(threading.local):
    """A count of each thread, and what it counts in."""

    n = 0
    places = (0,)

    def add(self):
        self.n += 1
        return self.n


def test_thread_local_data_of_a_class_is_private():
    """Its class is not: what an object has of its own goes before that."""

    def program():
        tally, places = Tally(), [0]

        def work():
            tally.places = places
            tally.places[0] = tally.places[0] + tally.add()

        run(work, work)
        return places[0], tally.n, tally.places[0]

    found = explore(program, reduce=False)
    assert (set(found.outcomes), found.interleavings) == ({(1, 0, 0), (2, 0, 0)}, 6)
    assert found.complete


class Begun(threading.local):
    """Data that each thread begins with code of its class when it first asks for its own."""

    begun: ClassVar = [0]
    shared: ClassVar = []
    kind = "a"

    def __init__(self, start=0):
        self.n = start
        self.items = self.shared
        self.begun[0] += 1


def with_begun(one, other):
    def program():
        Begun.begun[0], Begun.kind = -1, "a"
        Begun.shared.clear()
        data, told = Begun(5), []
        run(lambda: one(data, told), lambda: other(data, told))
        return (Begun.begun[0], *told)

    return program


def add_to_own(data, told):
    data.n += 1
    data.n += 1
    if data.n != 7:
        told.append(data.n)


def tell_kind(data, told):
    told.append(data.kind)


BEGINNING = {
    "reading": (lambda data, _: data.n, 4, {(1,), (2,)}),
    "setting": (lambda data, _: setattr(data, "seen", 1), 4, {(1,), (2,)}),
    "adding": (add_to_own, 4, {(1,), (2,)}),
}


@pytest.mark.parametrize(("do", "executions", "results"), BEGINNING.values(), ids=BEGINNING)
def test_thread_local_data_begins_in_each_thread(do, executions, results):
    """What the code does that begins it is seen, and what it makes is the thread's alone."""
    found = explore(with_begun(do, do))
    assert found.complete
    assert (found.executions, set(found.outcomes)) == (executions, results)


def test_the_class_of_thread_local_data_that_begins_is_shared():
    found = explore(with_begun(tell_kind, lambda *_: setattr(Begun, "kind", "b")))
    assert found.complete
    assert set(found.outcomes) == {(1, "a"), (1, "b")}


def test_thread_local_data_may_have_what_is_shared():
    def tell(data, told):
        told.append(len(data.items))

    found = explore(with_begun(tell, lambda *_: Begun.shared.append(1)))
    assert found.complete
    assert set(found.outcomes) == {(1, 0), (1, 1)}


def test_who_made_thread_local_data_has_what_is_shared_as_well():
    shared = []

    class Kept(threading.local):
        items = ()  # behind what each thread has

        def __init__(self):
            self.items = shared

    def program():
        shared.clear()
        data = Kept()
        thread = Thread(target=lambda: shared.append(1))
        thread.start()
        size = len(data.items)
        thread.join()
        return size

    found = explore(program)
    assert found.complete
    assert set(found.outcomes) == {0, 1}


def test_thread_local_data_that_c_code_looks_into_is_no_proof():
    found = explore(with_begun(lambda data, told: told.append(vars(data)["n"]), add_to_own))
    assert found.bound == "which threads have begun with data of their own"


def test_threads_are_real_and_tell_the_truth():
    def program():
        seen = {}

        def work():
            me = threading.current_thread()
            seen[me.name] = (
                me is not threading.main_thread(),
                me.ident == threading.get_ident(),
                me in threading.enumerate(),
                me.is_alive(),
                isinstance(me, Thread),
            )

        threads = [Thread(target=work, name=name) for name in ("one", "two")]
        alive = [thread.is_alive() for thread in threads]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        alive += [thread.is_alive() for thread in threads]
        return tuple(sorted(seen.items())), tuple(alive), threading.active_count()

    (outcome,) = explore(program).outcomes
    assert outcome == (
        (("one", (True,) * 5), ("two", (True,) * 5)), (False,) * 4, 1
    )  # fmt: skip


def test_the_default_names_are_the_same_each_time():
    def program():
        threads = [Thread(target=made_before.locked) for _ in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return tuple(thread.name.partition(" ")[0] for thread in threads)

    assert set(explore(program).outcomes) == {("Thread-1", "Thread-2")}


def test_is_alive_and_join_with_a_timeout_depend_on_the_schedule():
    def program():
        box = []
        thread = threading.Thread(target=lambda: box.append(1))
        thread.start()
        thread.join(timeout=0.1)
        alive = thread.is_alive()
        thread.join()
        return alive

    assert set(explore(program).outcomes) == {True, False}


def test_without_finally_everybody_waits():
    def program():
        guard = threading.Lock()

        def work(fail):
            guard.acquire()
            if fail:
                raise ZeroDivisionError
            guard.release()

        run(lambda: work(fail=True), lambda: work(fail=False))
        return "done"

    found = explore(program)
    assert set(found.outcomes) == {"done"}
    (deadlock,) = found.deadlocks
    assert "which has ended" in str(deadlock)
    assert any("ZeroDivisionError" in text for text in found.failures)
    assert replay(program, deadlock.witness).waiting == deadlock.waiting


def raising(hook):
    def program():
        told = []
        before, threading.excepthook = threading.excepthook, lambda given: hook(told, given)

        def fail(kind):
            raise kind

        try:
            run(lambda: fail(KeyError), lambda: fail(IndexError))
        finally:
            threading.excepthook = before
        return tuple(told)

    return program


def test_a_hook_for_exceptions_that_nobody_caught():
    """It is called in the thread, and what it does is seen."""

    def note(told, given):
        told.append((given.exc_type.__name__, given.thread is threading.current_thread()))

    found = explore(raising(note))
    key, index = ("KeyError", True), ("IndexError", True)
    assert found.complete
    assert set(found.outcomes) == {(key, index), (index, key)}
    assert len(found.failures) == 2


def test_a_hook_for_exceptions_that_fails():
    def fail(told, given):
        told.append(given.exc_type.__name__)
        raise ValueError("no hook")

    found = explore(raising(fail))
    assert set(found.outcomes) == {("KeyError", "IndexError"), ("IndexError", "KeyError")}
    assert {text.partition(": ")[2] for text in found.failures} == {"ValueError: no hook"}


def test_a_hook_that_is_set_while_a_thread_fails():
    def program():
        told = []
        before = threading.excepthook

        def fail():
            raise KeyError

        thread = Thread(target=fail)
        thread.start()
        threading.excepthook = lambda _: told.append(1)
        thread.join()
        threading.excepthook = before
        return len(told)

    assert set(explore(program).outcomes) == {0, 1}


class Asked:
    """Fails whatever it is asked for, as what stands for an object that is not there."""

    __slots__ = ()

    def __getattr__(self, name):
        raise RuntimeError(name)

    @property
    def __class__(self):
        raise RuntimeError("__class__")


ASKED = Asked()


def test_finding_and_naming_locks_runs_no_code_of_the_program():
    def program():
        locks = [threading.Lock()]
        locks[0].acquire()
        run(locks[0].acquire)
        return type(ASKED).__name__

    (deadlock,) = explore(program).deadlocks
    assert "Lock" in {each.what for each in deadlock.waiting}


def test_a_lock_is_named_by_the_attribute_that_has_it():
    class Account:
        def __init__(self):
            self.lock = threading.Lock()

    def program():
        account = Account()

        def twice():
            account.lock.acquire()
            account.lock.acquire()

        threading.Thread(target=twice, name="one").start()
        twice()

    waiting = {each.what for each in explore(program).deadlocks[0].waiting}
    assert waiting == {"account.lock"}


def test_two_locks_in_two_orders():
    def program():
        a = threading.Lock()
        b = threading.Lock()

        def work(first, second):
            with first, second:
                pass

        one = threading.Thread(target=work, args=(a, b), name="one")
        two = threading.Thread(target=work, args=(b, a), name="two")
        one.start()
        two.start()
        one.join()
        two.join()
        return "done"

    found = explore(program)
    (deadlock,) = found.deadlocks
    assert set(deadlock.cycle) == {"one", "two"}
    held = {each.thread: (each.what, each.held_by) for each in deadlock.waiting}
    assert held["one"][1] == "two"
    assert held["two"][1] == "one"
    assert set(found.outcomes) == {"done"}
    assert found.complete


def test_a_thread_joined_by_a_thread():
    def program():
        order = []

        def outer():
            inner = threading.Thread(target=lambda: order.append("inner"))
            inner.start()
            inner.join()
            order.append("outer")

        run(outer)
        return tuple(order)

    found = explore(program)
    assert set(found.outcomes) == {("inner", "outer")}
    assert found.executions == 1


def test_threads_started_by_two_threads():
    def program():
        order = []

        def outer(name):
            inner = threading.Thread(target=lambda: order.append(name), name=name)
            inner.start()
            inner.join()

        run(lambda: outer("a"), lambda: outer("b"))
        return tuple(order)

    found = explore(program)
    assert set(found.outcomes) == {("a", "b"), ("b", "a")}
    assert found.executions == 2


def test_threads_are_numbered_as_they_are_made():
    def program():
        names = {}

        def make(key):
            names[key] = threading.Thread().name

        run(lambda: make("a"), lambda: make("b"))
        return names["a"], names["b"]

    found = explore(program)
    assert set(found.outcomes) == {("Thread-3", "Thread-4"), ("Thread-4", "Thread-3")}


def test_a_thread_is_given_what_is_there_when_it_runs():
    def program():
        seen = []
        named, listed = {"x": 1}, [1]

        def keep(x):
            seen.append(x)

        threads = [
            threading.Thread(target=keep, kwargs=named),
            threading.Thread(target=keep, args=listed),
            threading.Thread(target=lambda: (named.update(x=2), listed.__setitem__(0, 2))),
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return tuple(sorted(seen))

    assert set(explore(program).outcomes) == {(1, 1), (1, 2), (2, 2)}


def test_waiting_with_a_lock_that_its_holder_releases():
    def program():
        lock = threading.Lock()
        condition = threading.Condition(lock)
        answers = []

        def wait():
            try:
                answers.append(condition.wait(1))
            except RuntimeError as error:
                answers.append(str(error))

        def hold():
            with lock:
                pass

        run(wait, hold)
        return answers[0]

    refused = {"cannot wait on un-acquired lock", "release unlocked lock"}
    assert set(explore(program).outcomes) == {False, *refused}


def test_a_condition_takes_a_plain_lock_to_see_whether_it_is_held():
    def program():
        condition = threading.Condition(threading.Lock())
        seen = []
        run(condition.notify, lambda: seen.append(condition.acquire(blocking=False)))
        return seen[0]

    assert set(explore(program).outcomes) == {True, False}


@pytest.mark.parametrize("method", ["wait", "notify"])
def test_a_condition_whose_lock_another_thread_releases(method):
    def program():
        condition = threading.Condition(threading.Lock())
        done = []

        def use():
            condition.acquire()
            condition.wait(1) if method == "wait" else condition.notify()
            done.append(1)

        run(use, condition.release)
        return len(done)

    found = explore(program)
    assert set(found.outcomes) == {0, 1}
    assert "a lock that others release" in found.bound
    assert any(f"cannot {method} on un-acquired lock" in text for text in found.failures)


def test_a_thread_that_is_ended_dies_of_nothing():
    def program():
        condition = threading.Condition()

        def wait():
            with condition:
                condition.wait()

        run(wait)

    found = explore(program)
    assert len(found.deadlocks) == 1
    assert not found.failures


def test_a_thread_that_is_not_joined():
    def program():
        box = [0]

        def work():
            box[0] = 1

        threading.Thread(target=work).start()
        return box[0]

    assert set(explore(program).outcomes) == {0, 1}


def test_a_daemon_that_never_ends():
    def program():
        event = threading.Event()
        threading.Thread(target=event.wait, daemon=True).start()
        thread = threading.Thread(target=made_before.locked)
        thread.start()
        thread.join()
        return "ended"

    found = explore(program)
    assert set(found.outcomes) == {"ended"}
    assert found.deadlocks == ()


def test_the_end_of_a_thread_that_is_not_joined_is_one_step():
    def program():
        seen = [[]]

        def end_or_change():
            ending.join(timeout=1)
            eval("seen", {"seen": seen})[0].append(2)

        ending = threading.Thread(target=list)
        threads = [ending, threading.Thread(target=end_or_change)]
        for thread in threads:
            thread.start()
        return len(seen[0])

    found = explore(program)
    assert "thread end" in found.shared
    assert not [label for label in found.shared if "self" in label]


def test_what_a_daemon_does_after_the_program_could_have_been_before():
    def program():
        box = []
        threading.Thread(target=box.append, args=(1,), daemon=True).start()
        return len(box)

    found = explore(program)
    assert set(found.outcomes) == {0, 1}
    assert found.complete


def test_a_daemon_may_keep_the_program_waiting():
    def program():
        lock = threading.Lock()
        threading.Thread(target=lock.acquire, daemon=True).start()
        lock.acquire()
        return "ended"

    found = explore(program)
    assert set(found.outcomes) == {"ended"}
    assert len(found.deadlocks) == 1


def test_the_time_that_others_wait_is_not_over_for_all():
    def program(others):
        condition = threading.Condition()
        state = {"ok": False, "calls": 0, "seen": None}

        def is_ok():
            state["calls"] += 1
            return state["ok"]

        def wait():
            with condition:
                state["seen"] = condition.wait_for(is_ok, timeout=3), state["calls"]

        def notify():
            with condition:
                condition.notify_all()
            with condition:
                state["ok"] = True
                condition.notify_all()

        run(wait, notify, *others)
        return state["seen"]

    event = threading.Event()
    alone = explore(lambda: program([]))
    beside = explore(lambda: program([lambda: event.wait(5)]))
    assert set(beside.outcomes) == set(alone.outcomes)


def test_a_timer():
    def program():
        box = []
        timer = threading.Timer(5, lambda: box.append(1))
        timer.start()
        timer.cancel()
        timer.join()
        return len(box)

    assert set(explore(program).outcomes) == {0, 1}


def in_a_pool(do):
    """A program that counts with a pool of one, beside its thread."""

    def program():
        counts = [0]

        def add():
            counts[0] += 1

        with ThreadPoolExecutor(1) as pool:
            do(pool.submit(add))
            counts[0] += 1
        return counts[0]

    return program


@pytest.mark.parametrize(
    ("do", "results"),
    [
        (id, {1, 2}),
        (lambda future: future.add_done_callback(id), {1, 2}),
        (lambda future: [*as_completed([future])], {2}),
    ],
    ids=["nothing", "a callback", "waiting"],
)
def test_a_thread_pool(do, results):
    found = explore(in_a_pool(do))
    assert found.complete
    assert set(found.outcomes) == results
    assert not found.deadlocks
    assert found.executions < 100


def test_two_tasks_of_a_pool_race():
    def program():
        counts = [0]

        def add():
            counts[0] += 1

        with ThreadPoolExecutor(2) as pool:
            pool.submit(add)
            pool.submit(add)
        return counts[0]

    found = explore(program, until=lambda result: result == 1)
    assert 1 in found.outcomes


def test_the_end_of_a_pool_that_goes_on_is_no_proof():
    found = explore(lambda: ThreadPoolExecutor(1).submit(int).result())
    assert found.bound == "the end of a pool that was not shut down"


def test_a_task_that_waits_for_another_in_a_pool_of_one():
    """The pool is not over; it is what all wait for."""

    def program():
        with ThreadPoolExecutor(1) as pool:
            return pool.submit(lambda: pool.submit(int).result()).result()

    found = explore(program)
    assert found.complete
    assert not found.outcomes
    (deadlock,) = found.deadlocks
    assert "ThreadPoolExecutor-0_0 waits" in str(deadlock)


def test_pools_are_numbered_from_the_first_in_each_execution():
    numbered = vars(ThreadPoolExecutor)["_counter"]

    def program():
        with ThreadPoolExecutor(1) as pool:
            return pool.submit(lambda: threading.current_thread().name).result()

    found = explore(program)
    assert found.complete
    assert set(found.outcomes) == {"ThreadPoolExecutor-0_0"}
    assert vars(ThreadPoolExecutor)["_counter"] is numbered


IMPORTING_POOLS = """
from concspec.interleave import explore

def program():
    from concurrent.futures import ThreadPoolExecutor
    with ThreadPoolExecutor(2) as pool:
        return pool.submit(int).result()

print(explore(program).bound)
"""


def test_a_program_that_imports_pools_itself(tmp_path):
    (tmp_path / "program.py").write_text(IMPORTING_POOLS)
    environment = {"PYTHONPATH": str(Path(__file__).parents[2])}
    ended = run_program(tmp_path / "program.py", environment=environment)
    assert (ended.errors, ended.lines) == ("", ["None"])


def test_two_threads_number_their_pools():
    def program():
        names = {}

        def work(who):
            pool = ThreadPoolExecutor(1)
            names[who] = pool._thread_name_prefix
            pool.shutdown()

        run(lambda: work("a"), lambda: work("b"))
        return names["a"]

    assert set(explore(program).outcomes) == {"ThreadPoolExecutor-0", "ThreadPoolExecutor-1"}


def test_the_order_of_futures_in_a_set_is_no_proof():
    def program():
        with ThreadPoolExecutor(1) as pool:
            futures = [pool.submit(int), pool.submit(bool)]
            return sum(each.result() for each in as_completed(futures))

    found = explore(program)
    assert set(found.outcomes) == {0}
    assert found.bound.startswith("the order of a set of futures")


def test_what_a_handler_of_its_own_is_given_is_all_there_is():
    log = logging.getLogger("of these two")
    log.propagate = False
    stream = io.StringIO()
    log.addHandler(logging.StreamHandler(stream))

    def program():
        stream.seek(0)
        stream.truncate()
        run(lambda: log.error("one"), lambda: log.error("two"))
        return stream.getvalue()

    found = explore(program)
    assert found.complete
    assert set(found.outcomes) == {"one\ntwo\n", "two\none\n"}
    assert found.executions < 10


def test_what_the_program_made_works_afterwards():
    """Libraries keep some of it: logging its handlers, and a pool its queue to the very end."""
    kept = {}

    def program():
        kept["rlock"] = threading.RLock()
        kept["queue"] = queue.Queue()
        run(lambda: kept, lambda: kept)

    explore(program)
    with kept["rlock"], kept["rlock"]:
        kept["queue"].put("item")
    assert kept["queue"].get(timeout=1) == "item"


class Remembering(logging.Handler):
    def emit(self, record):
        self.last = record.getMessage()


def test_what_is_logged_while_the_level_is_set():
    def program():
        logger = logging.Logger("")  # noqa: LOG001 - not to be found by others
        handler = Remembering()
        handler.last = ""
        logger.addHandler(handler)
        run(lambda: logger.info("seen"), lambda: logger.setLevel(logging.ERROR))
        return handler.last

    assert set(explore(program).outcomes) == {"seen", ""}


def broken_off_in(lock):
    """A program that comes to no end, and whose threads are thrown out while one has the lock."""
    never = threading.Event()

    def hold():
        with lock:
            never.wait()

    run(hold, hold)


@pytest.mark.parametrize("make", ["Lock", "RLock"])
def test_a_lock_of_a_library_is_free_where_an_execution_is_broken_off(make):
    library = {}

    def program():
        broken_off_in(library.setdefault("lock", getattr(threading, make)()))

    found = explore(program)
    assert (found.outcomes, len(found.deadlocks) > 0) == ({}, True)
    assert library["lock"].is_free()
    assert library["lock"].acquire(blocking=False)


@pytest.mark.skipif(sys.implementation.name == "pypy", reason="objects end at any time there")
def test_what_runs_at_an_objects_end_is_thrown_out_in_silence(monkeypatch):
    told = []
    monkeypatch.setattr(sys, "unraisablehook", told.append)

    class Ending:
        def __del__(self):
            self.lock.acquire()

    def program():
        held = Ending()
        held.lock = threading.Lock()
        broken_off_in(threading.Lock())

    explore(program)
    assert told == []


def test_what_a_finalizer_raises_itself_is_told(monkeypatch):
    told = []
    monkeypatch.setattr(sys, "unraisablehook", lambda unraisable: told.append(unraisable.exc_type))

    class Ending:
        def __del__(self):
            raise ValueError

    def program():
        Ending()
        gc.collect()
        broken_off_in(threading.Lock())

    explore(program)
    assert set(told) == {ValueError}


def test_what_runs_at_an_objects_end_between_two_steps_is_no_step(monkeypatch):
    """The end comes while a thread looks for the next one: put there, since it is rare."""
    semaphores, got = [], []
    following = scheduler.Execution.following

    def ended(execution):
        if semaphores and execution.running.pending is not None:
            semaphores.pop().release()
        return following(execution)

    monkeypatch.setattr(scheduler.Execution, "following", ended)

    def program():
        got.clear()
        semaphore = threading.Semaphore(0)
        run(lambda: semaphores.append(semaphore), lambda: got.append(semaphore.acquire()))
        return tuple(got)

    found = explore(program)
    assert "the end of an object" in (found.bound or "")
    assert (set(found.outcomes), found.deadlocks) == ({(True,)}, ())


def test_nothing_is_proved_where_what_runs_at_an_objects_end_has_to_wait(monkeypatch):
    locks, got = [], []
    following = scheduler.Execution.following

    def ended(execution):
        if locks and execution.running.pending is not None:
            got.append(locks.pop().acquire())
        return following(execution)

    monkeypatch.setattr(scheduler.Execution, "following", ended)

    def program():
        locks.clear()
        lock = threading.Lock()

        def hold():
            with lock:
                locks.append(lock)

        run(hold, hold)

    found = explore(program)
    assert (got, found.complete) == ([], False)
    assert "the end of an object" in (found.bound or "")


LIBRARY = """
import atexit, threading
lock = threading.Lock()
atexit.register(lock.acquire)
"""
IMPORTING = """
from threading import Thread
from concspec.interleave import explore

def work():
    import library
    with library.lock:
        pass

def program():
    threads = [Thread(target=work), Thread(target=work)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

print(len(explore(program).outcomes))
"""


def test_an_interpreter_ends_in_silence_whose_libraries_were_first_imported_in_a_program(tmp_path):
    (tmp_path / "library.py").write_text(LIBRARY)
    (tmp_path / "program.py").write_text(IMPORTING)
    environment = {"PYTHONPATH": str(Path(__file__).parents[2])}
    ended = run_program(tmp_path / "program.py", environment=environment)
    assert (ended.errors, ended.lines) == ("", ["1"])


@pytest.mark.parametrize("make", [threading.Lock, threading.RLock])
@pytest.mark.parametrize(("blocking", "timeout"), [(False, 1), (True, -2), (True, 1e30)])
def test_a_lock_refuses_what_that_of_the_interpreter_refuses(make, blocking, timeout):
    def program():
        lock = make()
        refused = []

        def acquire():
            try:
                lock.acquire(blocking, timeout)
            except (ValueError, OverflowError) as error:
                refused.append(type(error))

        run(acquire)
        return refused[0] if refused else None

    expected = program()
    assert expected is not None
    assert set(explore(program).outcomes) == {expected}


def too_long():
    """Return what waits longer than there are numbers for."""
    condition = threading.Condition()

    def wait():
        with condition:
            condition.wait(1e30)

    def join():
        thread = threading.Thread(target=int)
        thread.start()
        thread.join(1e30)

    return {
        "Condition": wait,
        "Event": lambda: threading.Event().wait(1e30),
        "Semaphore": lambda: threading.Semaphore(0).acquire(timeout=1e30),
        "SimpleQueue": lambda: queue.SimpleQueue().get(timeout=1e30),
        "Queue": lambda: queue.Queue().get(timeout=1e30),
        "Thread": join,
    }


@pytest.mark.parametrize("kind", too_long())
def test_waiting_longer_than_there_are_numbers_for(kind):
    def program():
        ended = []

        def wait():
            try:
                too_long()[kind]()
                ended.append("waited")
            except OverflowError:
                ended.append("too long")

        run(wait)
        return tuple(ended)

    assert set(explore(program).outcomes) == {("too long",)}


@pytest.mark.parametrize("method", ["wait", "notify"])
def test_a_condition_beside_one_that_holds_its_lock(method):
    def program():
        condition = threading.Condition(threading.Lock())
        died = []

        def wait():
            with condition:
                condition.wait(1)

        def use():
            try:
                condition.wait(1) if method == "wait" else condition.notify()
            except Exception as error:  # noqa: BLE001 - counted
                died.append(type(error).__name__)

        run(wait, use)
        return tuple(died)

    # Between two lines of `notify`, the only one that waits can go: IndexError.
    found = explore(program)
    assert not found.complete
    assert "while another thread has its lock" in found.bound
