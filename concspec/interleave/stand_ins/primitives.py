"""Cooperative versions of the primitives of `threading`.

Each operation is one step of the scheduler: it becomes possible when the model of the primitive
says so, and no thread of the program ever waits anywhere else.  Locks are replaced as objects,
`queue.SimpleQueue` as a class, `Event`, `Condition` and `Semaphore` by their methods, so that
instances made before and subclasses work alike.  `Barrier`, `Timer` and `queue.Queue` are written
in Python on top of these and stay as they are.
"""

from __future__ import annotations

import _thread
import functools
import queue
import threading
import time
from collections import deque
from typing import TYPE_CHECKING, Any

from concspec.interleave.deadlock import name_of
from concspec.interleave.operations import Operation, Waiter
from concspec.interleave.stand_ins.running import current
from concspec.interleave.stand_ins.table import instead_of, original
from concspec.interleave.tracing import unseen
from concspec.interleave.watched import line_of, stopping_frame

if TYPE_CHECKING:
    from collections.abc import Callable

    from concspec.interleave.scheduler import Execution, Task

_real_allocate = _thread.allocate_lock
_real_rlock = _thread.RLock
_FOREVER = -1


@unseen
def operation(
    execution: Execution,
    task: Task,
    kind: str,
    thing: object,
    *,
    available: Callable[[], bool],
    also: tuple[object, ...] = (),
    field: str = "",
    write: bool = True,
    waits: bool = False,
    ready: Callable[[], bool] | None = None,
    waiter: Waiter | None = None,
) -> None:
    """Make one step on a `field` of a synchronisation object; return when it has its turn.

    The step is one on all of `also`, too.  Steps on two fields of an object are independent.

    `available` tells whether the object could be had now; a step that `waits` waits for that, or
    for `ready` where it waits for more.
    """
    frame = stopping_frame(2)
    name = execution.objects.name
    place = name(thing), field
    places = (place, *[(name(each), "") for each in also])
    filename, line = line_of(frame)
    step = Operation(
        kind,
        type(thing).__name__,
        places,
        write=write,
        filename=filename,
        line=line,
        ready=(ready or available) if waits else None,
        waits_for=thing if waits else None,
    )
    step.waiter = waiter
    execution.reach(task, step)
    step.available = available()
    if execution.explaining and not execution.alone and not execution.over:
        execution.trace[-1].name = name_of(thing, execution, frame)


def _check_acquire(blocking: bool, timeout: float) -> None:
    """Raise what a lock of the interpreter, here a free one, raises for such arguments."""
    if timeout != _FOREVER:
        _real_allocate().acquire(blocking, timeout)


def check_wait(timeout: float | None) -> None:
    """Raise what a condition raises that waits for so long."""
    if timeout is not None and timeout > 0:
        _check_acquire(True, timeout)


class Lock:
    """A lock whose waiting the scheduler sees."""

    def __init__(self) -> None:
        """Make it free."""
        self.holder: Task | None = None
        self.taken = False

    @classmethod
    def make(cls) -> Any:
        """Return a new one, or in threads that are not the program's a real lock."""
        return cls() if current() is not None else _real_allocate()

    def is_free(self) -> bool:
        """Tell whether it can be acquired."""
        return not self.taken

    def acquire(self, blocking: bool = True, timeout: float = _FOREVER) -> bool:  # noqa: FBT002 - as in threading
        """Acquire it; a timeout may be over at any moment at which it is not free."""
        _check_acquire(blocking, timeout)
        found = current()
        if found is None:
            if self.taken and blocking:
                raise RuntimeError("a lock of an exploration was used outside of it")
            taken, self.taken = self.taken, True
            return not taken
        execution, task = found
        waits = blocking and timeout == _FOREVER
        operation(execution, task, "acquire", self, waits=waits, available=self.is_free)
        if self.taken:
            task.clock += max(timeout, 0)
            return False
        self.taken = True
        self.holder = task
        execution.held.add(self)
        return True

    def release(self) -> None:
        """Release it, from whatever thread."""
        found = current()
        if found is not None:
            execution, task = found
            operation(execution, task, "release", self, available=self.is_free)
            execution.held.discard(self)
        if not self.taken:
            raise RuntimeError("release unlocked lock")
        self.taken = False
        self.holder = None

    def locked(self) -> bool:
        """Tell whether somebody holds it."""
        found = current()
        if found is not None:
            execution, task = found
            operation(execution, task, "locked", self, write=False, available=self.is_free)
        return self.taken

    acquire_lock = acquire
    release_lock = release
    locked_lock = locked

    def __enter__(self) -> bool:
        """Acquire it."""
        return self.acquire()

    def __exit__(self, *_error: object) -> None:
        """Release it."""
        self.release()

    def _at_fork_reinit(self) -> None:
        self.taken = False
        self.holder = None


class RLock:
    """A lock its holder may acquire again; only the outermost acquire and release are steps.

    Outside of the exploration it is an ordinary one, since libraries keep what a program made, as
    logging its handlers.
    """

    def __init__(self) -> None:
        """Make it free."""
        self.holder: Task | None = None
        self.count = 0
        self.outside: Any = _real_rlock()

    @property
    def taken(self) -> bool:
        """Whether somebody holds it."""
        return self.holder is not None

    def is_free(self) -> bool:
        """Tell whether it can be acquired by a thread that does not hold it."""
        return self.holder is None

    def acquire(self, blocking: bool = True, timeout: float = _FOREVER) -> bool:  # noqa: FBT002 - as in threading
        """Acquire it, once more if the caller holds it."""
        found = current()
        if found is None:
            return bool(self.outside.acquire(blocking, timeout))
        execution, task = found
        _check_acquire(blocking, timeout)
        if self.holder is task:
            self.count += 1
            return True
        waits = blocking and timeout == _FOREVER
        operation(execution, task, "acquire", self, waits=waits, available=self.is_free)
        if self.holder is not None:
            task.clock += max(timeout, 0)
            return False
        self.holder = task
        self.count = 1
        execution.held.add(self)
        return True

    def release(self) -> None:
        """Release it once."""
        found = current()
        if found is None:
            self.outside.release()
            return
        execution, task = found
        if self.holder is not task:
            raise RuntimeError("cannot release un-acquired lock")
        if self.count == 1:
            operation(execution, task, "release", self, available=self.is_free)
            execution.held.discard(self)
            self.holder = None
        self.count -= 1

    if hasattr(_real_rlock(), "locked"):  # since Python 3.14

        def locked(self) -> bool:
            """Tell whether somebody holds it."""
            found = current()
            if found is None:
                return bool(self.outside.locked())
            execution, task = found
            operation(execution, task, "locked", self, write=False, available=self.is_free)
            return self.holder is not None

    __enter__ = acquire

    def __exit__(self, *_error: object) -> None:
        """Release it."""
        self.release()

    def _is_owned(self) -> bool:
        found = current()
        return found is not None and self.holder is found[1]

    def _release_save(self) -> int:
        count, self.count = self.count, 1
        self.release()
        return count

    def _acquire_restore(self, count: int) -> None:
        self.acquire()
        self.count = count

    def _at_fork_reinit(self) -> None:
        self.holder = None
        self.count = 0
        self.outside = _real_rlock()


# Bound, since as an attribute of a class it is not to be given the object, as that of C is not.
_make_lock = Lock.make
for _module, _name in ((_thread, "allocate_lock"), (threading, "Lock")):
    instead_of(_module, _name, imported=True)(_make_lock)
instead_of(threading, "_allocate_lock")(_make_lock)


@instead_of(threading, "RLock")
@instead_of(functools, "RLock")  # of its cached properties and, on PyPy, its caches
def _make_rlock(*arguments: Any, **options: Any) -> Any:
    if current() is not None:
        return RLock()
    return original(threading, "RLock")(*arguments, **options)


# Events and semaphores keep their state in the fields the standard library gave them.


@instead_of(threading.Event, "is_set")
def _event_is_set(self: Any) -> bool:
    found = current()
    if found is not None:
        _on_event(found, self, "is_set", write=False)
    return bool(self._flag)


@instead_of(threading.Event, "set")
def _event_set(self: Any) -> None:
    found = current()
    if found is None:
        original(threading.Event, "set")(self)
        return
    _on_event(found, self, "set", write=True)
    self._flag = True


@instead_of(threading.Event, "clear")
def _event_clear(self: Any) -> None:
    found = current()
    if found is None:
        original(threading.Event, "clear")(self)
        return
    _on_event(found, self, "clear", write=True)
    self._flag = False


@instead_of(threading.Event, "wait")
def _event_wait(self: Any, timeout: float | None = None) -> bool:
    found = current()
    if found is None:
        return bool(original(threading.Event, "wait")(self, timeout))
    _on_event(found, self, "wait", write=False, waits=timeout is None)
    if not self._flag:
        check_wait(timeout)
        found[1].clock += timeout or 0
    return bool(self._flag)


def _on_event(
    found: tuple[Execution, Task],
    event: Any,
    kind: str,
    *,
    write: bool,
    waits: bool = False,
) -> None:
    def is_set() -> bool:
        return bool(event._flag)

    operation(*found, kind, event, write=write, waits=waits, available=is_set)


@instead_of(threading.Semaphore, "acquire")
@instead_of(threading.Semaphore, "__enter__")
def _semaphore_acquire(
    self: Any,
    blocking: bool = True,  # noqa: FBT002 - as in threading
    timeout: float | None = None,
) -> bool:
    found = current()
    if found is None:
        return bool(original(threading.Semaphore, "acquire")(self, blocking, timeout))
    if not blocking and timeout is not None:
        raise ValueError("can't specify timeout for non-blocking acquire")

    def has_one() -> bool:
        return bool(self._value > 0)

    operation(*found, "acquire", self, waits=blocking and timeout is None, available=has_one)
    if self._value <= 0:
        check_wait(timeout)
        found[1].clock += timeout or 0
        return False
    self._value -= 1
    return True


@instead_of(threading.Semaphore, "release")
@instead_of(threading.BoundedSemaphore, "release")
def _semaphore_release(self: Any, n: int = 1) -> None:
    found = current()
    if found is None:
        bounded = isinstance(self, threading.BoundedSemaphore)
        original(threading.BoundedSemaphore if bounded else threading.Semaphore, "release")(self, n)
        return
    if n < 1:
        raise ValueError("n must be one or more")
    operation(*found, "release", self, available=lambda: bool(self._value > 0))
    limit = getattr(self, "_initial_value", None)
    if limit is not None and self._value + n > limit:
        raise ValueError("Semaphore released too many times")
    self._value += n


class SimpleQueue:
    """A `queue.SimpleQueue` in Python, each of whose operations is one step, as that of C is one.

    What it holds is touched behind a step of the semaphore, before the thread comes to another one.
    """

    def __init__(self) -> None:
        """Make it empty."""
        self._items: deque[object] = deque()
        self._count = threading.Semaphore(0)

    def put(self, item: object, block: bool = True, timeout: float | None = None) -> None:  # noqa: ARG002, FBT002 - as in queue
        """Put an item in, which never waits."""
        self._count.release()
        self._items.append(item)

    def get(self, block: bool = True, timeout: float | None = None) -> object:  # noqa: FBT002 - as in queue
        """Take the item that came first; raise Empty if there is none, now or in time."""
        if block and timeout is not None and timeout < 0:
            raise ValueError("'timeout' must be a non-negative number")
        if not self._count.acquire(block, timeout if block else None):
            raise queue.Empty
        return self._items.popleft()

    def put_nowait(self, item: object) -> None:
        """Put an item in."""
        self.put(item)

    def get_nowait(self) -> object:
        """Take an item, or raise Empty."""
        return self.get(block=False)

    def empty(self) -> bool:
        """Tell whether there is no item."""
        return self.qsize() == 0

    def qsize(self) -> int:
        """Return how many items there are."""
        found, count = current(), self._count
        if found is not None:
            operation(*found, "qsize", count, write=False, available=lambda: count._value > 0)
        return len(self._items)


if queue.SimpleQueue.__module__ != "queue":  # PyPy's is in Python, and takes several steps
    instead_of(queue, "SimpleQueue", imported=True)(SimpleQueue)


@instead_of(threading.Condition, "wait")
def _condition_wait(self: Any, timeout: float | None = None) -> bool:
    found = current()
    if found is None:
        return bool(original(threading.Condition, "wait")(self, timeout))
    execution, task = found
    lock = self._lock
    if not isinstance(lock, (Lock, RLock)):  # then what it always does is watched
        return bool(original(threading.Condition, "wait")(self, timeout))
    is_holder = lock.holder is task
    _demand(task, lock, "wait")
    waiter = Waiter()
    operation(execution, task, "wait", self, also=(lock,), available=lock.is_free)
    self._waiters.append(waiter)
    if is_holder:
        _demand_still(execution, lock, "wait")
    elif not execution.over:
        execution.objects.distrust(_OF_ANOTHER)
        if not lock.taken:
            raise RuntimeError("release unlocked lock")
    count = getattr(lock, "count", 1)
    lock._at_fork_reinit()

    def ready() -> bool:
        return waiter.notified and bool(lock.is_free())

    in_vain = False
    if timeout is not None:  # a notification that comes later is, though this still waits for it
        operation(execution, task, "time out", self, field="time out", write=False, available=bool)
        in_vain = not waiter.notified
    operation(
        execution,
        task,
        "wake",
        self,
        also=(lock,),
        available=lock.is_free,
        waits=True,
        ready=ready if timeout is None else lock.is_free,
        waiter=waiter if timeout is None else None,
    )
    if in_vain:
        if not waiter.notified:
            self._waiters.remove(waiter)
        task.clock += timeout or 0
    if isinstance(lock, Lock):
        lock.taken = True
    else:
        lock.count = count
    lock.holder = task
    check_wait(timeout)  # it has given the lock up by then, and taken it again
    return not in_vain


def _demand(task: Task, lock: Lock | RLock, to: str) -> None:
    """Raise RuntimeError unless the lock is held: if it is a plain one, by whomever.

    A condition finds that out by taking it.
    """
    if lock.holder is task:
        return
    if isinstance(lock, Lock):
        if not lock.acquire(blocking=False):
            return
        lock.release()
    raise RuntimeError(f"cannot {to} on un-acquired lock")


def _demand_still(execution: Execution, lock: Lock | RLock, to: str) -> None:
    """Raise RuntimeError if the lock was released by another thread since its holder came here.

    Whether that is before or after a condition asks for its lock is told by no step.
    """
    if not lock.taken and not execution.over:
        execution.objects.distrust("when a condition asks for a lock that others release")
        raise RuntimeError(f"cannot {to} on un-acquired lock")


# What a condition does with those that wait is one step only for who has its lock.
_OF_ANOTHER = "what a condition does while another thread has its lock"


@instead_of(threading.Condition, "notify")
def _condition_notify(self: Any, n: int = 1) -> None:
    found = current()
    if found is None:
        original(threading.Condition, "notify")(self, n)
        return
    execution, task = found
    lock = self._lock
    if not isinstance(lock, (Lock, RLock)):  # then what it always does is watched
        original(threading.Condition, "notify")(self, n)
        return
    is_holder = lock.holder is task
    _demand(task, lock, "notify")
    free = lock.is_free
    # Another thread can release a plain lock, but no other kind.
    also = (self, lock) if isinstance(lock, Lock) else (self,)
    operation(execution, task, "notify", self, field="time out", also=also, available=free)
    if is_holder:
        _demand_still(execution, lock, "notify")
    elif self._waiters and not execution.over:
        execution.objects.distrust(_OF_ANOTHER)
    for _ in range(min(n, len(self._waiters))):
        waiter = self._waiters.popleft()
        waiter.notified = True
        waiter.since = len(execution.trace) - 1


# What wakes up in time tells how long it waited, and no clock does.


@instead_of(threading, "_time")
@instead_of(queue, "time")
def _monotonic() -> float:
    found = current()
    return time.monotonic() if found is None else found[1].clock
