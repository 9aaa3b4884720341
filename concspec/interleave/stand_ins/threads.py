"""Threads of the program: how they start, end, and are joined, as the scheduler has it.

`Thread` is replaced by its methods, so that subclasses work alike.
"""

from __future__ import annotations

import contextvars
import sys
import threading
from typing import TYPE_CHECKING, Any

from concspec.interleave.accesses import called_by
from concspec.interleave.errors import ExplorationError
from concspec.interleave.observing.classes import is_python, is_python_function
from concspec.interleave.operations import Operation
from concspec.interleave.scheduler import Execution, Task, Unwind
from concspec.interleave.stand_ins.primitives import check_wait
from concspec.interleave.stand_ins.running import current
from concspec.interleave.stand_ins.table import instead_of, original
from concspec.interleave.tracing import unseen
from concspec.interleave.watched import stopping_frame, where

if TYPE_CHECKING:
    from concspec.interleave.operations import Place


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


@instead_of(threading.Thread, "start")
@unseen
def _thread_start(self: Any) -> None:
    found = current()
    if found is None:
        original(threading.Thread, "start")(self)
        return
    if not getattr(self, "_initialized", False):
        raise RuntimeError("thread.__init__() not called")
    execution, task = found
    if self._started._flag:
        _know_of_start(execution, task, execution.by_thread.get(id(self)))
        raise RuntimeError("threads can only be started once")
    context = _context_of(self)
    target = getattr(self, "_target", None)
    if is_python_function(target) and target.__module__ == "multiprocessing.pool":
        raise execution.stopped(
            ExplorationError(
                f"the ThreadPool of multiprocessing at {where(stopping_frame(2))} waits for its "
                "threads outside the scheduler's sight; use ThreadPoolExecutor"
            )
        )
    if target is not None and not (
        is_python(target) and type(self._args) is tuple and not self._kwargs
    ):
        given = target, self._args, self._kwargs
        self._target, self._args, self._kwargs = _calling, given, {}
    self._started._flag = True

    execution.start(task, self, lambda child: _live(self, execution, child, context))


def _live(thread: Any, execution: Execution, child: Task, context: contextvars.Context) -> None:
    """Be a thread of the program from its first instruction to its end."""
    ident = thread._ident = child.ident
    if hasattr(thread, "_set_native_id"):
        thread._set_native_id()
    if hasattr(thread, "_handle"):
        thread._handle = _Handle(ident)
    threads = threading._active  # type: ignore[attr-defined]
    threads[ident] = thread
    try:
        _run(thread, execution, child, context)
    except (SystemExit, Unwind):
        pass
    except ExplorationError as error:
        execution.fail(error)
    except BaseException as error:  # noqa: BLE001 - that of a hook
        child.failure = error
    finally:
        threads.pop(ident, None)
        thread._is_stopped = True
        if hasattr(thread, "_handle"):
            thread._handle._set_done()
    _end(execution, child)


def _run(thread: Any, execution: Execution, child: Task, context: contextvars.Context) -> None:
    """Run what is a thread's, and tell the hook for exceptions if it ends with one."""
    run = thread.run
    called = (run,) if is_python(run) else (_calling, run, (), {})
    try:
        execution.traced(context.run, *called)
    except (SystemExit, Unwind, ExplorationError):
        raise
    except BaseException as error:  # noqa: BLE001 - whatever it is
        if execution.over:  # it comes of ending where it stood
            raise Unwind from None
        child.failure = error  # it ends this thread, and is reported
        given = threading.ExceptHookArgs([type(error), error, error.__traceback__, thread])
        execution.traced(_telling, threading, execution.excepthook, given)


# A target that is not written in Python, or is given what others may change, is called where it can
# be seen, in code like the program's; and so is the hook for an exception that nobody caught.
_scope: dict[str, Any] = {}
exec(  # noqa: S102
    """
def call(target, args, kwargs):
    return target(*args, **kwargs)

def tell(threading, usual, given):
    hook = threading.excepthook
    if hook is not usual:
        hook(given)
""",
    _scope,
)
_calling = _scope["call"]
_telling = _scope["tell"]


def _context_of(thread: Any) -> contextvars.Context:
    given = getattr(thread, "_context", None)
    if given is not None:
        return given  # type: ignore[no-any-return]
    if getattr(sys.flags, "thread_inherit_context", False):
        return contextvars.copy_context()
    return contextvars.Context()


@instead_of(threading.Thread, "join")
@unseen
def _thread_join(self: Any, timeout: float | None = None) -> None:
    found = current()
    target = None if found is None else found[0].by_thread.get(id(self))
    if found is not None:
        _know_of_start(*found, target)
    if found is None or target is None:
        original(threading.Thread, "join")(self, timeout)
        return
    execution, task = found
    if target is task:
        raise RuntimeError("cannot join current thread")
    if timeout is None:
        execution.join(task, target)
        return
    check_wait(timeout)
    _look(execution, task, target)
    if target.finished:
        execution.join(task, target)
    else:
        task.clock += max(timeout, 0)


@instead_of(threading.Thread, "is_alive")
def _thread_is_alive(self: Any) -> bool:
    found = current()
    target = None if found is None else found[0].by_thread.get(id(self))
    if found is not None:
        _know_of_start(*found, target)
    if found is None or target is None:
        return bool(original(threading.Thread, "is_alive")(self))
    _look(found[0], found[1], target)
    return not target.finished


def _know_of_start(execution: Execution, task: Task, target: Task | None) -> None:
    """Note that a thread asks for another one's state whose start another schedule has later."""
    born = None if target is None else target.born
    ordered = execution.alone if born is None else born.is_before(task.stretch)
    if not ordered and target is not execution.main:
        execution.objects.distrust("whether a thread has been started")


def _end(execution: Execution, task: Task) -> None:
    """End a thread: a step only where another thread asks whether it has ended."""
    if execution.over:
        return
    try:  # noqa: SIM105 - the code of contextlib would be watched like the program's
        touch(execution, task, _ending(execution, task, write=True))
    except Unwind:
        pass


def _look(execution: Execution, task: Task, target: Task) -> None:
    """Ask, as a step, whether a thread has ended."""
    touch(execution, task, _ending(execution, target, write=False))


def touch(execution: Execution, task: Task, access: Operation) -> None:
    """Note an access to what is known of threads, and stop before it if it is a switch point."""
    task.stretch.accesses.add(access)
    if access.label in execution.shared:
        execution.reach(task, called_by(access, sys._getframe(1)))


def _ending(execution: Execution, task: Task, *, write: bool) -> Operation:
    """Return the access to whether a thread has ended."""
    return access_to(execution, "thread end", (-2 - task.index, "end"), write=write)


def access_to(execution: Execution, label: str, place: Place, *, write: bool) -> Operation:
    """Return the access to a place that the program does not name."""
    key: Any = label, place, write
    try:
        return execution.operations[key]
    except KeyError:
        known = execution.operations[key] = Operation(
            "write" if write else "read", label, (place,), write=write
        )
        return known


class _ForgetfulSet(set):  # type: ignore[type-arg]
    """Stands for what `threading` notes of its threads by weak references, for its own tests."""

    def add(self, thread: object) -> None:
        pass


instead_of(threading, "_dangling")(_ForgetfulSet())
