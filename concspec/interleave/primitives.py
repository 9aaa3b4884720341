"""Cooperative versions of what `threading` offers, put in place for the time of an exploration.

Each operation is one step of the scheduler: it becomes possible when the model of the primitive
says so, and no thread of the program ever waits anywhere else.  Locks are replaced as objects,
`queue.SimpleQueue` as a class, `Thread`, `Event`, `Condition` and `Semaphore` by their methods, so
that instances made before and subclasses work alike.  `Barrier`, `Timer` and `queue.Queue` are
written in Python on top of these and stay as they are.  In threads that are not the program's,
everything does what it always did.
"""

from __future__ import annotations

import _thread
import contextvars
import functools
import itertools
import os
import queue
import sys
import threading
import time
import types
import weakref
from collections import deque
from typing import TYPE_CHECKING, Any

from concspec.interleave import scheduler
from concspec.interleave.classes import is_python
from concspec.interleave.deadlock import name_of
from concspec.interleave.errors import ExplorationError
from concspec.interleave.operations import Operation, Waiter
from concspec.interleave.scheduler import Execution, Task, Unwind, called_by
from concspec.interleave.tracing import unseen
from concspec.interleave.watched import stopping_frame

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from types import TracebackType

    from concspec.interleave.operations import Place

_get_ident = _thread.get_ident
_real_allocate = _thread.allocate_lock
_real_rlock = threading.RLock
_FOREVER = -1

active: Execution | None = None


def current() -> tuple[Execution, Task] | None:
    """Return the execution and the task of the calling thread, if it is the program's."""
    execution = active
    if execution is not None:
        task = execution.by_ident.get(_get_ident())
        if task is not None:
            return execution, task
    return None


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
) -> Operation:
    """Make one step on a `field` of a synchronisation object; return when it has its turn.

    The step is one on all of `also`, too.  Steps on two fields of an object are independent.

    `available` tells whether the object could be had now; a step that `waits` waits for that, or
    for `ready` where it waits for more.
    """
    frame = stopping_frame(2)
    name = execution.observer.name
    place = name(thing), field
    places = (place, *[(name(each), "") for each in also])
    step = Operation(
        kind,
        type(thing).__name__,
        places,
        write=write,
        filename=frame.f_code.co_filename if frame is not None else "",
        line=(frame.f_lineno or 0) if frame is not None else 0,
        ready=(ready or available) if waits else None,
        waits_for=thing if waits else None,
    )
    step.waiter = waiter
    execution.reach(task, step)
    step.available = available()
    if execution.explaining and not execution.alone and not execution.over:
        execution.trace[-1].name = name_of(thing, execution, frame)
    return step


def _check_acquire(blocking: bool, timeout: float) -> None:
    """Raise what a lock of the interpreter, here a free one, raises for such arguments."""
    if timeout != _FOREVER:
        _real_allocate().acquire(blocking, timeout)


def _check_wait(timeout: float | None) -> None:
    """Raise what a condition raises that waits for so long."""
    if timeout is not None and timeout > 0:
        _check_acquire(True, timeout)


class Lock:
    """A lock whose waiting the scheduler sees."""

    def __init__(self) -> None:
        """Make it free."""
        self.holder: Task | None = None
        self.taken = False

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

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
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
        self.outside = _real_rlock()

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
            return self.outside.acquire(blocking, timeout)
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

    def locked(self) -> bool:
        """Tell whether somebody holds it."""
        execution, task = _inside()
        operation(execution, task, "locked", self, write=False, available=self.is_free)
        return self.holder is not None

    __enter__ = acquire

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
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


def _inside() -> tuple[Execution, Task]:
    found = current()
    if found is None:
        raise RuntimeError("a lock of an exploration was used outside of it")
    return found


def _make_lock() -> Any:
    return Lock() if current() is not None else _real_allocate()


def _make_rlock(*arguments: Any, **options: Any) -> Any:
    return RLock() if current() is not None else _real_rlock(*arguments, **options)


# Events and semaphores keep their state in the fields the standard library gave them.


def _event_is_set(self: Any) -> bool:
    found = current()
    if found is not None:
        _on_event(found, self, "is_set", write=False)
    return bool(self._flag)


def _event_set(self: Any) -> None:
    found = current()
    if found is None:
        _original(threading.Event, "set")(self)
        return
    _on_event(found, self, "set", write=True)
    self._flag = True


def _event_clear(self: Any) -> None:
    found = current()
    if found is None:
        _original(threading.Event, "clear")(self)
        return
    _on_event(found, self, "clear", write=True)
    self._flag = False


def _event_wait(self: Any, timeout: float | None = None) -> bool:
    found = current()
    if found is None:
        return bool(_original(threading.Event, "wait")(self, timeout))
    _on_event(found, self, "wait", write=False, waits=timeout is None)
    if not self._flag:
        _check_wait(timeout)
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


def _semaphore_acquire(
    self: Any,
    blocking: bool = True,  # noqa: FBT002 - as in threading
    timeout: float | None = None,
) -> bool:
    found = current()
    if found is None:
        return bool(_original(threading.Semaphore, "acquire")(self, blocking, timeout))
    if not blocking and timeout is not None:
        raise ValueError("can't specify timeout for non-blocking acquire")

    def has_one() -> bool:
        return bool(self._value > 0)

    operation(*found, "acquire", self, waits=blocking and timeout is None, available=has_one)
    if self._value <= 0:
        _check_wait(timeout)
        found[1].clock += timeout or 0
        return False
    self._value -= 1
    return True


def _semaphore_release(self: Any, n: int = 1) -> None:
    found = current()
    if found is None:
        bounded = isinstance(self, threading.BoundedSemaphore)
        _original(threading.BoundedSemaphore if bounded else threading.Semaphore, "release")(
            self, n
        )
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


def _condition_wait(self: Any, timeout: float | None = None) -> bool:
    found = current()
    if found is None:
        return bool(_original(threading.Condition, "wait")(self, timeout))
    execution, task = found
    lock = self._lock
    is_holder = lock.holder is task
    _demand(task, lock, "wait")
    waiter = Waiter()
    operation(execution, task, "wait", self, also=(lock,), available=lock.is_free)
    self._waiters.append(waiter)
    if is_holder:
        _demand_still(execution, lock, "wait")
    elif not execution.over:
        execution.observer.distrust(_OF_ANOTHER)
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
    _check_wait(timeout)  # it has given the lock up by then, and taken it again
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
        execution.observer.distrust("when a condition asks for a lock that others release")
        raise RuntimeError(f"cannot {to} on un-acquired lock")


# What a condition does with those that wait is one step only for who has its lock.
_OF_ANOTHER = "what a condition does while another thread has its lock"


def _condition_notify(self: Any, n: int = 1) -> None:
    found = current()
    if found is None:
        _original(threading.Condition, "notify")(self, n)
        return
    execution, task = found
    lock = self._lock
    is_holder = lock.holder is task
    _demand(task, lock, "notify")
    free = lock.is_free
    # Another thread can release a plain lock, but no other kind.
    also = (self, lock) if isinstance(lock, Lock) else (self,)
    operation(execution, task, "notify", self, field="time out", also=also, available=free)
    if is_holder:
        _demand_still(execution, lock, "notify")
    elif self._waiters and not execution.over:
        execution.observer.distrust(_OF_ANOTHER)
    for _ in range(min(n, len(self._waiters))):
        waiter = self._waiters.popleft()
        waiter.notified = True
        waiter.since = len(execution.trace) - 1


def _condition_notify_all(self: Any) -> None:
    if current() is None:
        _original(threading.Condition, "notify_all")(self)
        return
    _condition_notify(self, sys.maxsize)


# Threads.


class _Handle:
    """Stands for the operating system's thread in a `Thread` that ran on a borrowed one (3.13)."""

    def __init__(self, ident: int) -> None:
        self.ident = ident
        self.done = False

    def is_done(self) -> bool:
        return self.done

    def join(self, timeout: float | None = None) -> None:
        pass

    def _set_done(self) -> None:
        self.done = True


@unseen
def _thread_start(self: Any) -> None:
    found = current()
    if found is None:
        _original(threading.Thread, "start")(self)
        return
    if not getattr(self, "_initialized", False):
        raise RuntimeError("thread.__init__() not called")
    execution, task = found
    if self._started._flag:
        _know_of_start(execution, task, execution.by_thread.get(id(self)))
        raise RuntimeError("threads can only be started once")
    context = _context_of(self)
    target = getattr(self, "_target", None)
    if target is not None and not (
        is_python(target) and type(self._args) is tuple and not self._kwargs
    ):
        given = target, self._args, self._kwargs
        self._target, self._args, self._kwargs = _calling, given, {}
    self._started._flag = True

    def body(child: Task) -> None:
        ident = self._ident = child.ident
        if hasattr(self, "_set_native_id"):
            self._set_native_id()
        if hasattr(self, "_handle"):
            self._handle = _Handle(ident)
        threads = threading._active  # type: ignore[attr-defined]
        threads[ident] = self
        try:
            run = self.run
            execution.traced(context.run, *((run,) if is_python(run) else (_calling, run, (), {})))
        except (SystemExit, Unwind):
            pass
        except ExplorationError as error:
            execution.fail(error)
        except BaseException as error:  # noqa: BLE001 - it ends this thread, and is reported
            if not execution.over:  # else it comes of ending where it stood
                child.failure = error
            if threading.excepthook is not execution.excepthook and not execution.over:
                reason = "what a thread does with an exception that nobody caught"
                execution.observer.distrust(reason)
        finally:
            threads.pop(ident, None)
            self._is_stopped = True
            if hasattr(self, "_handle"):
                self._handle._set_done()
        _end(execution, child)

    execution.start(task, self, body)


# A target that is not written in Python, or is given what others may change, is called where it can
# be seen, in code like the program's.
_scope: dict[str, Any] = {}
exec(  # noqa: S102
    "def call(target, args, kwargs):\n    return target(*args, **kwargs)",
    _scope,
)
_calling = _scope["call"]


def _context_of(thread: Any) -> contextvars.Context:
    given = getattr(thread, "_context", None)
    if given is not None:
        return given  # type: ignore[no-any-return]
    if getattr(sys.flags, "thread_inherit_context", False):
        return contextvars.copy_context()
    return contextvars.Context()


@unseen
def _thread_join(self: Any, timeout: float | None = None) -> None:
    found = current()
    target = None if found is None else found[0].by_thread.get(id(self))
    if found is not None:
        _know_of_start(*found, target)
    if found is None or target is None:
        _original(threading.Thread, "join")(self, timeout)
        return
    execution, task = found
    if target is task:
        raise RuntimeError("cannot join current thread")
    if timeout is None:
        execution.join(task, target)
        return
    _check_wait(timeout)
    _look(execution, task, target)
    if target.finished:
        execution.join(task, target)
    else:
        task.clock += max(timeout, 0)


def _thread_is_alive(self: Any) -> bool:
    found = current()
    target = None if found is None else found[0].by_thread.get(id(self))
    if found is not None:
        _know_of_start(*found, target)
    if found is None or target is None:
        return bool(_original(threading.Thread, "is_alive")(self))
    _look(found[0], found[1], target)
    return not target.finished


def _know_of_start(execution: Execution, task: Task, target: Task | None) -> None:
    """Note that a thread asks for another one's state whose start another schedule has later."""
    born = None if target is None else target.born
    ordered = execution.alone if born is None else born.is_before(task.stretch)
    if not ordered and target is not execution.main:
        execution.observer.distrust("whether a thread has been started")


def _end(execution: Execution, task: Task) -> None:
    """End a thread: a step only where another thread asks whether it has ended."""
    if execution.over:
        return
    try:  # noqa: SIM105 - the code of contextlib would be watched like the program's
        _touch(execution, task, _ending(execution, task, write=True))
    except Unwind:
        pass


def _look(execution: Execution, task: Task, target: Task) -> None:
    """Ask, as a step, whether a thread has ended."""
    _touch(execution, task, _ending(execution, target, write=False))


def _touch(execution: Execution, task: Task, access: Operation) -> None:
    """Note an access to what is known of threads, and stop before it if it is a switch point."""
    task.stretch.accesses.add(access)
    if access.label in execution.shared:
        execution.reach(task, called_by(access, sys._getframe(1)))


def _ending(execution: Execution, task: Task, *, write: bool) -> Operation:
    """Return the access to whether a thread has ended."""
    return _access(execution, "thread end", (execution.observer.name(task), "end"), write=write)


def _access(execution: Execution, label: str, place: Place, *, write: bool) -> Operation:
    key: Any = label, place, write
    try:
        return execution.operations[key]
    except KeyError:
        known = execution.operations[key] = Operation(
            "write" if write else "read", label, (place,), write=write
        )
        return known


class Numbers:
    """Counts the threads that are made without a name, as `threading` does for theirs."""

    def __init__(self) -> None:
        """Start with the first."""
        self.next = itertools.count(1).__next__

    def __call__(self) -> int:
        """Take the next number: a step where another thread takes one, too."""
        found = current()
        if found is not None and not found[0].alone and not found[0].over:
            execution, task = found
            place = execution.observer.name(threading), "numbers"
            _touch(execution, task, _access(execution, "thread number", place, write=True))
        return self.next()


def _sleep(seconds: float) -> None:
    found = current()
    if found is None:
        _original(time, "sleep")(seconds)
        return
    found[0].refuse("sleep", stopping_frame(2))


def _refusing(owner: Any, name: str, reason: str) -> Callable[..., Any]:
    """Return what stands for a function that a program has to do without, for a reason."""

    def refused(*arguments: Any, **options: Any) -> Any:
        found = current()
        if found is None:
            return _original(owner, name)(*arguments, **options)
        place = scheduler.where(stopping_frame(2))
        raise found[0].stopped(ExplorationError(f"{owner.__name__}.{name}() at {place} {reason}"))

    return refused


def _monotonic() -> float:
    found = current()
    return time.monotonic() if found is None else found[1].clock


class _Forgetful(set):  # type: ignore[type-arg]
    """Stands for what `threading` notes of its threads by weak references, for its own tests."""

    def add(self, thread: object) -> None:
        pass


class _ForgetfulTable(dict):  # type: ignore[type-arg]
    """Stands for what pools note of their threads by weak references, for the interpreter's end."""

    def __setitem__(self, thread: object, waiting: object) -> None:
        pass


# Below CPython 3.12 the explorer traces; from then on, what `sys.monitoring` has put into the code
# that runs gets lost when a trace or a profile is set.
_BLINDING = (
    "takes away what the explorer watches the program with; take it, or the debugger, out of the "
    "program"
)
_REFUSED = {
    (_thread, "start_new_thread"): (
        "starts a thread the scheduler does not see; start a threading.Thread"
    ),
    (os, "fork"): (
        "makes a process in which the exploration would go on as well; take it out of the program"
    ),
    (sys, "settrace"): _BLINDING,
    (sys, "setprofile"): _BLINDING,
}
_REPLACED: list[tuple[Any, str, Any]] = [
    (_thread, "allocate_lock", _make_lock),
    (threading, "Lock", _make_lock),
    (threading, "_allocate_lock", _make_lock),
    (threading, "RLock", _make_rlock),
    (functools, "RLock", _make_rlock),  # of its cached properties and, on PyPy, its caches
    (threading.Thread, "start", _thread_start),
    (threading.Thread, "join", _thread_join),
    (threading.Thread, "is_alive", _thread_is_alive),
    (threading.Event, "is_set", _event_is_set),
    (threading.Event, "set", _event_set),
    (threading.Event, "clear", _event_clear),
    (threading.Event, "wait", _event_wait),
    (threading.Condition, "wait", _condition_wait),
    (threading.Condition, "notify", _condition_notify),
    (threading.Condition, "notify_all", _condition_notify_all),
    (threading.Semaphore, "acquire", _semaphore_acquire),
    (threading.Semaphore, "__enter__", _semaphore_acquire),
    (threading.Semaphore, "release", _semaphore_release),
    (threading.BoundedSemaphore, "release", _semaphore_release),
    (threading, "_dangling", _Forgetful()),
    (threading, "_time", _monotonic),
    (queue, "time", _monotonic),
    (time, "sleep", _sleep),
    *[
        (owner, name, _refusing(owner, name, reason))
        for (owner, name), reason in _REFUSED.items()
        if hasattr(owner, name)  # Windows has no fork()
    ],
]
if queue.SimpleQueue.__module__ != "queue":  # PyPy's is in Python, and takes several steps
    _REPLACED.append((queue, "SimpleQueue", SimpleQueue))
_originals = {(owner, name): vars(owner)[name] for owner, name, _ in _REPLACED}
FACTORIES = {
    id(threading.Lock): _make_lock,
    id(threading.RLock): _make_rlock,
    **{
        id(getattr(owner, name)): put
        for owner, name, put in _REPLACED
        if owner in (_thread, os, sys) or name in ("sleep", "SimpleQueue")
    },
}


def _reference_to_pool(pool: object, tell_workers: Callable[[object], None]) -> object:
    """Refer to a pool as its workers do, which end when nobody else does any more."""
    found = current()
    if found is not None:
        found[0].pools.append(pool)
    return weakref.ref(pool, tell_workers)


def _number(future: object) -> int:
    """Number futures by which was met first, where real ones are locked by their addresses."""
    found = current()
    return id(future) if found is None else found[0].observer.name(future)


class _Futures(set):  # type: ignore[type-arg]
    """A set of futures that keeps them in the order they came in."""

    def __init__(self, futures: Iterable[object] = ()) -> None:
        """Hold these."""
        self.order = list(dict.fromkeys(futures))
        super().__init__(self.order)
        found = current()
        if found is not None and len(self.order) > 1:
            found[0].observer.distrust("the order of a set of futures, which is that of addresses")

    def __iter__(self) -> Iterator[object]:
        """Go through them."""
        return iter([each for each in self.order if each in self])


_IN_POOLS: dict[str, dict[str, Any]] = {
    "concurrent.futures.thread": {
        "_threads_queues": _ForgetfulTable(),
        "weakref": types.SimpleNamespace(ref=_reference_to_pool),
    },
    "concurrent.futures._base": {"id": _number, "set": _Futures},
}
_taken_out: list[tuple[dict[str, Any], str, Any]] = []  # what was replaced in which module


def _original(owner: object, name: str) -> Any:
    return _originals[owner, name]


def are_installed() -> bool:
    """Tell whether there is an exploration now."""
    return _thread.allocate_lock is _make_lock


def install() -> None:
    """Put the cooperative versions in place."""
    for owner, name, replacement in _REPLACED:
        setattr(owner, name, replacement)
    if "concurrent.futures" in sys.modules:
        import concurrent.futures.thread  # noqa: F401, PLC0415 - imported when first used
    for module, replacements in _IN_POOLS.items():
        if module in sys.modules:
            names = vars(sys.modules[module])
            for name, replacement in replacements.items():
                _taken_out.append((names, name, names.get(name)))
                names[name] = replacement


def uninstall() -> None:
    """Put back what was there."""
    for (owner, name), original in _originals.items():
        setattr(owner, name, original)
    while _taken_out:
        names, name, original = _taken_out[-1]
        if original is None:
            names.pop(name, None)
        else:
            names[name] = original
        _taken_out.pop()
