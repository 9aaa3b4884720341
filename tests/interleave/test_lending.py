"""Locks, and what makes them, are found wherever a program got them before the exploration."""

import contextlib
import dataclasses
import functools
import itertools
import queue
import threading
import types
from collections import ChainMap, UserDict, defaultdict, namedtuple
from concurrent.futures import Future
from threading import Lock, RLock

import pytest

from concspec.interleave import explore
from tests.interleave.test_primitives import one_comes_and_one_waits
from tests.interleave.test_shared_state import both


@dataclasses.dataclass
class ByField:
    lock: object = dataclasses.field(default_factory=Lock)


@dataclasses.dataclass
class ByFieldAgain:
    lock: object = dataclasses.field(default_factory=RLock)


class ByDefault:
    def __init__(self, make=Lock):
        self.lock = make()


class ByOneForAll:
    def __init__(self, lock=Lock()):  # noqa: B008 - as people do by mistake
        self.lock = lock


class ByAttribute:
    make = Lock

    def __init__(self):
        self.lock = self.make()


class ByStaticMethod:
    make = staticmethod(Lock)

    def __init__(self):
        self.lock = self.make()


class ByClassMethod:
    @classmethod
    def make(cls, make=Lock):
        return make()

    def __init__(self):
        self.lock = self.make()


locks = defaultdict(Lock)


class ByName:
    @property
    def lock(self):
        return locks["one"]


class ByDescriptor:
    def __get__(self, _instance, _owner, lock=Lock()):  # noqa: B008
        return lock


class OfDescriptor:
    lock = ByDescriptor()


class ByClassOfThread(threading.Thread):
    make = Lock

    @property
    def lock(self):
        return self.__dict__.setdefault("own", self.make())


def remembering(lock):
    @functools.lru_cache(maxsize=1)
    def give(name):
        return name, lock

    return give


remembered = remembering(Lock())
by_partial = functools.partial(Lock)
by_argument = functools.partial(lambda make, lock: lock or make(), RLock, lock=None)
ONE_LOCK = Lock()
with_lock = functools.partial(lambda lock: lock, ONE_LOCK)


Named = namedtuple("Named", ["lock"])  # noqa: PYI024 - as people do
named = Named(ONE_LOCK)
a_space = types.SimpleNamespace(lock=ONE_LOCK, make=RLock)
a_mapping = UserDict(lock=Lock())
a_chain = ChainMap({}, {"lock": Lock()})


class Making:
    """Has a method by the name of one of named tuples."""

    lock = Lock()

    def __iter__(self):
        raise NotImplementedError

    def _make(self):
        """Make nothing."""


making = Making()


class Holder:
    def __init__(self, lock):
        self.lock = lock


@dataclasses.dataclass(frozen=True)
class Frozen:
    lock: object


frozen = Frozen(Lock())


def deriving():
    class Base:
        lock = Lock()

    class Derived(Base):
        pass

    return Derived()


derived = deriving()


def made_by_metaclass():
    class Meta(type):
        lock = Lock()

    class Made(metaclass=Meta):
        pass

    return Made


made = made_by_metaclass()


def giving(lock):
    def give(_thing=None):
        return lock

    return give


class ByDeleting:
    def __init__(self):
        del self.it

    def delete(self, give=giving(Lock())):  # noqa: B008
        self.lock = give()

    it = property(fdel=delete)
    del delete


class PartOfMethod:
    give = functools.partialmethod(giving(Lock()))


def managing(lock):
    @contextlib.contextmanager
    def manage():
        yield lock

    return manage


managed = managing(Lock())


def by_manager():
    with managed() as lock:
        return Holder(lock)


def defined_within():
    class Inner:
        make = threading.Lock

        def __init__(self):
            self.lock = self.make()

    return Inner()


@pytest.mark.parametrize(
    "make",
    [
        ByField, ByFieldAgain, ByDefault, ByOneForAll, ByAttribute, ByStaticMethod, ByClassMethod,
        ByName, OfDescriptor, ByClassOfThread, ByDeleting, by_manager,
        defined_within,
        lambda: Holder(PartOfMethod().give()),
        lambda: frozen,
        lambda: derived,
        lambda: made,
        lambda: Holder(remembered("one")[1]),
        lambda: Holder(by_partial()),
        lambda: Holder(by_argument()),
        lambda: Holder(with_lock()),
        lambda: Holder(named.lock),
        lambda: making,
        lambda: a_space,
        lambda: Holder(a_space.make()),
        lambda: Holder(a_mapping["lock"]),
        lambda: Holder(a_chain["lock"]),
    ],
)  # fmt: skip
def test_a_lock_is_found(make):
    def program():
        thing = make()
        got = []

        def use():
            if thing.lock.acquire(blocking=False):
                got.append(True)
                thing.lock.release()
            else:
                got.append(False)

        both(use, use)
        return sum(got)

    found = explore(program)
    assert found.complete
    assert set(found.outcomes) == {1, 2}


def test_what_makes_locks_is_given_back():
    explore(lambda: both(with_lock, by_partial))
    assert (by_partial.func, with_lock.args) == (Lock, (ONE_LOCK,))
    assert locks.default_factory is vars(ByStaticMethod)["make"].__func__ is Lock
    assert vars(ByAttribute)["make"] is Lock
    assert (named.lock, a_space.lock) == (ONE_LOCK, ONE_LOCK)
    assert type(by_partial()) is type(ByField().lock) is type(ByAttribute().lock) is type(Lock())


hidden = itertools.repeat(Lock())


def test_a_lock_that_is_not_found_proves_nothing():
    def program():
        lock = next(hidden)

        def use():
            if lock.acquire(blocking=False):
                lock.release()

        both(use, use)

    found = explore(program)
    assert not found.complete
    assert "was not found" in found.bound


class Flag(threading.Event):
    fire = threading.Event.set
    is_up = property(threading.Event.is_set)


flag = threading.Event()
red_flag = Flag()
room = threading.Semaphore(0)
make_room = room.release
callbacks = {flag.set}
lower_half = (threading.Event.set, functools.partial(threading.Event.set, flag))


def ask(event):
    return event.isSet() if hasattr(event, "isSet") else event.is_set()


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize(
    ("do", "look"),
    [
        (lambda: [each() for each in callbacks], flag.is_set),
        (lambda: lower_half[0](flag), flag.is_set),
        (lower_half[1], flag.is_set),
        (red_flag.fire, lambda: red_flag.is_up),
        (flag.set, lambda: ask(flag)),
        (make_room, lambda: room.acquire(blocking=False)),
    ],
)
def test_a_method_that_was_kept_is_a_step(do, look):
    def program():
        got = []
        both(do, lambda: got.append(look()))
        return got[0]

    found = explore(program)
    assert found.complete
    assert set(found.outcomes) == {True, False}


meeting = threading.Condition()
meet = meeting.wait
start = threading.Thread.start


def test_what_waits_and_what_starts_by_a_method_that_was_kept():
    def program():
        targets = one_comes_and_one_waits(meeting, meeting.notify_all, meet)
        threads = [threading.Thread(target=each) for each in targets]
        for thread in threads:
            start(thread)
        for thread in threads:
            thread.join()
        return "met"

    found = explore(program)
    assert (set(found.outcomes), found.complete) == ({"met"}, True)
    assert not found.deadlocks
    assert not found.failures


def test_what_others_patched_stays_patched(monkeypatch):
    is_set = threading.Event.is_set
    monkeypatch.setattr(threading.Event, "is_set", lambda self: not is_set(self))

    def program():
        event = threading.Event()
        both(event.set, int)
        return event.is_set()

    before = threading.Event.is_set
    assert set(explore(program).outcomes) == {False}
    assert threading.Event.is_set is before


promised = Future()


def test_a_future_begins_as_it_was():
    def program():
        got = []
        promised.add_done_callback(lambda future: got.append(future.result()))
        both(lambda: promised.set_result(5), lambda: got.append(promised.done()))
        return tuple(got)

    found = explore(program)
    assert found.complete
    assert set(found.outcomes) == {(5, True), (5, False), (False, 5), (True, 5)}
    assert not found.failures
    assert not promised.done()
    assert not promised._done_callbacks
    assert type(promised._condition._lock) is type(RLock())


hidden_conditions = itertools.repeat(threading.Condition())


@pytest.mark.parametrize(
    "find",
    [
        lambda: next(hidden_conditions),
        lambda: queue.condition,
    ],
    ids=["in C code", "in a library"],
)
def test_a_condition_whose_lock_was_not_found_proves_nothing(monkeypatch, find):
    monkeypatch.setattr(queue, "condition", threading.Condition(), raising=False)

    def program():
        condition = find()

        def notify():
            with condition:
                condition.notify()

        both(notify, int)

    found = explore(program)
    assert "was not found" in (found.bound or "")
    assert not found.failures


things = queue.SimpleQueue()
thing_lock = Lock()
things.put(thing_lock)
put_thing = things.put
get_thing = things.get
jobs = queue.Queue()
jobs.put("first")


@pytest.mark.parametrize(("items", "put"), [(things, put_thing), (jobs, jobs.put)])
def test_a_queue_has_what_it_had(items, put):
    def program():
        got = []
        both(lambda: put("last"), lambda: got.append(items.get()))
        assert items.get() == "last"
        put("more")
        return items.qsize(), got[0] if got[0] == "first" else type(got[0]).__name__

    before = (things.qsize(), jobs.qsize())
    for _ in range(2):
        found = explore(program)
        assert found.complete
        assert set(found.outcomes) == {(1, "Lock" if items is things else "first")}
    assert (things.qsize(), jobs.qsize()) == before


def test_what_is_in_a_queue_is_lent_and_given_back():
    def program():
        lock = get_thing()
        got = []
        take = functools.partial(lock.acquire, blocking=False)
        both(take, lambda: got.append(take()))
        return got[0]

    found = explore(program)
    assert (set(found.outcomes), found.complete) == ({True, False}, True)
    assert things.get() is thing_lock
    things.put(thing_lock)
    assert not thing_lock.locked()


strays = queue.SimpleQueue()
found_nowhere = {strays: {strays.put}}


@pytest.mark.skipif(queue.SimpleQueue.__module__ == "queue", reason="that of PyPy is in Python")
@pytest.mark.parametrize(
    "use",
    [
        lambda: [each.empty() for each in found_nowhere],
        lambda: [put("stray") for puts in found_nowhere.values() for put in puts],
    ],
)
def test_a_queue_that_is_not_found_everywhere_proves_nothing(use):
    def program():
        both(use, strays.qsize)

    assert "was not found" in (explore(program).bound or "")


def test_who_waits_outside_is_told_afterwards():
    waiting = []
    began = Lock()
    began.acquire()

    class Telling(threading.Condition):
        def wait(self, timeout=None):
            began.release()
            return super().wait(timeout)

    outside = Telling()

    def wait():
        with outside:
            waiting.append(outside.wait(60))

    thread = threading.Thread(target=wait)
    thread.start()
    began.acquire()
    with outside:
        pass  # it has given it up
    explore(lambda: both(outside.acquire, int))
    with outside:
        outside.notify()
    thread.join()
    assert waiting == [True]
