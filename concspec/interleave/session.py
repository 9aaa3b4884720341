"""What an exploration borrows from the interpreter, and gives back: tracing, patches, threads.

Operating system threads are used again from one execution to the next; the program sees a new
`threading.Thread` each time.
"""

from __future__ import annotations

import _thread
import contextlib
import gc
import os
import sys
import threading
from _thread import allocate_lock  # by name: the attribute of `_thread` is replaced
from functools import partial
from typing import TYPE_CHECKING, Any, final

from concspec.interleave import stand_ins
from concspec.interleave.errors import BlockedOutside, ExplorationError
from concspec.interleave.interrupts import hear_interrupts, interrupt, keep
from concspec.interleave.observing.classes import forget
from concspec.interleave.scheduler import Execution, Unwind
from concspec.interleave.sharing import Sharing
from concspec.interleave.stand_ins import numbers, pools, running
from concspec.interleave.stand_ins.lending import LentLocks
from concspec.interleave.tracing import tracing
from concspec.interleave.watched import stuck_frame, where

if TYPE_CHECKING:
    from _thread import LockType
    from collections.abc import Callable
    from typing import TypeVar

    from concspec.interleave.operations import Operation
    from concspec.interleave.scheduler import Search, Task

    Given = TypeVar("Given")
    Undoing = list[Callable[[], object]]

PATIENCE = 10.0  # seconds without a step before a thread counts as blocked outside
MOST_KNOWN = 50_000  # accesses that are kept for the executions to come
MOST_GARBAGE = 50_000  # objects that may gather until the garbage collector comes, and
MOST_UNCOLLECTED = 128  # executions that may pass, as few objects can be large
_HAS_FINALIZERS = hasattr(gc, "disable_finalizers")  # those of PyPy can be told to wait


class EventBaton:
    """A turn handed over by the kernel (Linux, Python 3.10+).

    A lock takes twice as long: whom it wakes up has to wait for the GIL next.  Without a GIL a
    thread that waits for a lock first gives up the processor 40 times to look again, all the while
    in the way of the one that has its turn; that takes ten times as long.
    """

    def __init__(self) -> None:
        """Take a descriptor; raise OSError where there are no more."""
        keep(_descriptors, os.eventfd, 0)  # type: ignore[attr-defined,unused-ignore]
        self.descriptor = _descriptors[-1]
        # Unlike `os.eventfd_read`, `os.read` reads again after a signal.
        self.acquire = partial(os.read, self.descriptor, 8)
        self.release = partial(
            os.eventfd_write,  # type: ignore[attr-defined,unused-ignore]
            self.descriptor,
            1,
        )

    def close(self) -> None:
        if self.descriptor in _descriptors:
            _close(_descriptors.index(self.descriptor))


_descriptors: list[int] = []  # of the batons of this process


def _close(position: int) -> None:
    any(map(os.close, map(_descriptors.pop, [position])))  # in C, as in `keep`


def held_lock() -> LockType:
    """Return a lock of the interpreter, already acquired."""
    lock = allocate_lock()
    lock.acquire()
    return lock


class LockBaton:
    """A turn handed over by a lock of the interpreter."""

    def __init__(self) -> None:
        """Acquire it."""
        self.lock = held_lock()
        self.acquire = self.lock.acquire

    def release(self) -> None:
        try:  # noqa: SIM105 - the code of contextlib would be watched like the program's
            self.lock.release()
        except RuntimeError:
            pass  # it was released already

    def close(self) -> None:
        pass


def new_baton() -> EventBaton | LockBaton:
    """Return what a thread of this interpreter best waits for its turn at."""
    if hasattr(os, "eventfd"):
        try:
            return EventBaton()
        except OSError:
            pass  # a lock is slower, and takes no descriptor
    return LockBaton()


class Worker:
    """An operating system thread that runs one thread of a program after the other.

    Between two of them it waits for its baton, so it wakes up only when the next has its first
    turn, or when it is to end.
    """

    def __init__(self) -> None:
        """Prepare to start it."""
        self.baton = new_baton()
        self.running: list[int] = []  # its thread
        self.retired = False
        self.job: Callable[[], None] | None = None
        self.task: Task | None = None
        self.native = 0

    def start(self) -> None:
        """Start it; raise RuntimeError where the system has no more threads."""
        self.ended = held_lock()
        keep(self.running, _start_new_thread, self.loop, (self.ended,))

    def loop(self, ended: LockType) -> None:
        self.native = threading.get_native_id()
        try:
            while not self.retired:
                self.baton.acquire()
                if self.job is not None:
                    self.job()
        finally:
            self.running.clear()
            ended.release()

    def retire(self) -> None:
        """Let the thread end; what it still runs comes first."""
        self.retired = True
        self.job = None
        if self.running:
            self.baton.release()


_start_new_thread = _thread.start_new_thread


@final
class Session:
    """What executions of one program need, for as long as they are run."""

    def __init__(self, program: Callable[[], object]) -> None:
        """Prepare to run `program`."""
        self.program = program
        self.tracing = tracing()
        self.workers: list[Worker] = []
        self.busy = 0
        self.numbers: dict[tuple[int, ...], int] = {}
        self.operations: dict[Any, Operation] = {}
        self.sharing = Sharing()
        self.runs = 0
        self.stop = held_lock()
        self.stopped = held_lock()
        self.watching: list[int] = []  # the thread that watches
        self.baton: Any = None
        self.lost = False
        self.undoing: Undoing = []

    def within(self, use: Callable[[Session], Given]) -> Given:
        """Take what is needed, return what `use` gives, and give everything back.

        An interrupt can come when `give_back` is called and has not begun, so it is called again.
        """
        if stand_ins.are_installed():
            raise ExplorationError("an exploration is running already; one at a time")
        try:
            try:
                self.take()
                return use(self)
            finally:
                self.give_back()
        finally:
            self.give_back()

    def take(self) -> None:
        undoing = self.undoing
        self.collected = _collect_rarely(undoing)
        _hold_back_finalizers(undoing)
        forget()
        self.locks = LentLocks()
        undoing.append(self.locks.undo)
        self.locks.put_in_place(self.program)
        _stay_on_one_cpu(undoing)
        hear_interrupts(undoing)
        self.unraisable = sys.unraisablehook
        undoing.append(partial(setattr, sys, "unraisablehook", self.unraisable))
        sys.unraisablehook = self.tell_unraisable
        undoing.append(self.close_batons)
        self.baton = new_baton()
        self.native = threading.get_native_id()
        undoing.append(stand_ins.uninstall)
        undoing.append(partial(setattr, running, "execution", None))
        stand_ins.install()
        undoing.append(numbers.count_on)
        self.main_locals = [dict(vars(each)) for each in self.locks.locals]
        undoing.append(self.restore_locals)
        undoing.append(self.tracing.end)
        self.tracing.begin()  # late: the libraries that are used here would be watched
        undoing.append(self.retire)
        undoing.append(self.stop_watching)
        keep(self.watching, _start_new_thread, self.watch, ())

    def give_back(self) -> None:
        """Give back what was taken, the last first.

        What an interrupt breaks off is done again from its beginning, so each may be done twice.
        """
        failure: BaseException | None = None
        tried: object = None
        while self.undoing:
            latest = self.undoing[-1]
            try:
                latest()
            except BaseException as raised:  # noqa: BLE001 - raised again below
                failure = raised
                if tried is not latest:
                    tried = latest
                    continue
            self.undoing.pop()
        if failure is not None:
            raise failure

    def close_batons(self) -> None:
        if self.lost:  # a lost thread may still give the turn to another
            _descriptors.clear()
        while _descriptors:
            _close(-1)

    def tell_unraisable(self, unraisable: sys.UnraisableHookArgs) -> None:
        """Tell of an exception that nothing can handle, unless it ends an execution."""
        if unraisable.exc_type is not Unwind:
            self.unraisable(unraisable)

    def spawn(self, task: Task, job: Callable[[], None]) -> None:
        """Let an operating system thread run `job` when `task` is handed the baton."""
        if self.busy == len(self.workers):
            self.workers.append(Worker())
        worker = self.workers[self.busy]
        if not worker.running:
            worker.start()
        self.busy += 1
        worker.job = job
        worker.task = task
        task.baton = worker.baton

    def execute(
        self,
        search: Search,
        shared: frozenset[str],
        *,
        explaining: bool = False,
        deadline: float | None = None,
    ) -> tuple[Execution, object]:
        """Run the program once under `search`; return the execution and the result."""
        self.busy = 0
        if len(self.operations) > MOST_KNOWN:
            self.operations.clear()
        self.runs += 1
        if self.collected and (
            not self.runs % MOST_UNCOLLECTED or gc.get_count()[0] > MOST_GARBAGE
        ):
            gc.collect(1)
        if _HAS_FINALIZERS:
            gc.enable_finalizers()  # type: ignore[attr-defined]
            gc.disable_finalizers()  # type: ignore[attr-defined]
        self.locks.reset()
        self.restore_locals()
        pools.install_late()
        numbers.count_anew()
        execution = Execution(
            search,
            shared,
            self.spawn,
            self.baton,
            self.tracing.run,
            numbers=self.numbers,
            operations=self.operations,
            sharing=self.sharing,
            explaining=explaining,
            deadline=deadline,
        )
        self.tracing.execution = execution
        running.execution = execution
        try:
            result = execution.run(self.program)
            self.locks.doubt(execution.objects)
        except KeyboardInterrupt:
            if isinstance(execution.error, BlockedOutside):
                raise execution.error from None
            raise
        finally:
            execution.over = True
            running.execution = None
            self.tracing.execution = None
            # What is the program's is not to end in the midst of the next execution.
            for worker in self.workers:
                if worker.task is not None and not worker.task.lost:
                    worker.job = worker.task = None
                self.lost = self.lost or worker.task is not None
        return execution, result

    def restore_locals(self) -> None:
        """Give the calling thread the thread-local data it came with."""
        for each, values in zip(self.locks.locals, self.main_locals):
            own = vars(each)
            own.clear()
            own.update(values)
        if self.locks.locals and self.workers:
            # What they hold for a thread they hold for the operating system's thread.
            self.retire()

    def retire(self) -> None:
        """Use new operating system threads from here on."""
        # A worker that is stuck somewhere may never come back.
        workers = [each for each in self.workers if each.task is None or not each.task.lost]
        for worker in workers:
            worker.retire()
        ended = [
            each for each in workers if not each.running or each.ended.acquire(timeout=PATIENCE)
        ]
        self.lost = self.lost or len(ended) < len(workers)
        for worker in ended:  # when none can give the turn to another any more
            worker.baton.close()
        self.workers.clear()

    def watch(self) -> None:
        """Find a thread that blocks outside the scheduler's sight.

        One that got no processor, on a busy machine, does not.
        """
        try:
            self.look_now_and_then()
        finally:
            self.watching.clear()
            self.stopped.release()

    def look_now_and_then(self) -> None:
        seen: tuple[int, int, int] | None = None
        waited = 0.0
        while not self.stop.acquire(timeout=PATIENCE):
            now = self.state()
            if now is None:
                continue
            before, waited = waited, _waited_for_cpu(now[-1])
            if now == seen and waited - before < PATIENCE / 2:
                self.give_up()
            seen = now

    def state(self) -> tuple[int, int, int] | None:
        """Return which execution goes on, how far it is, and in which thread.

        Who watched the execution itself would keep it: what is the program's would end late, in the
        midst of another one.
        """
        execution = running.execution
        if execution is None:
            return None
        return self.runs, execution.progress, self.native_of(execution.running)

    def stop_watching(self) -> None:
        if self.stop.locked():  # else this was broken off
            self.stop.release()
        if self.watching:
            self.stopped.acquire()
            self.watching.clear()

    def native_of(self, task: Task | None) -> int:
        """Return the operating system's number of the thread that runs `task`."""
        for worker in self.workers:
            if worker.task is task:
                return worker.native
        return self.native

    def give_up(self) -> None:
        execution = running.execution
        task = None if execution is None else execution.running
        if execution is None or task is None:
            return
        frame = stuck_frame(task.ident)
        execution.fail(
            BlockedOutside(
                f"{task.name} came to no switch point for {PATIENCE:g} seconds; it stands at "
                f"{where(frame)}: a call that waits for the world outside (a socket, a process, "
                "a lock the scheduler could not find), or an endless loop; take it out of the "
                "program"
            )
        )
        if task is execution.main:
            if task.thread is threading.main_thread():
                interrupt(task.ident)
        else:
            execution.lose(task)


def _waited_for_cpu(native: int) -> float:
    """Return how many seconds a thread was ready to run and did not, where Linux tells it."""
    try:
        with open(f"/proc/self/task/{native}/schedstat", "rb") as stat:
            return int(stat.read().split()[1]) / 1e9
    except (OSError, ValueError, IndexError):
        return 0.0


def _collect_rarely(undoing: Undoing) -> bool:
    """Keep the garbage collector out of executions of usual size; say whether it comes at all.

    What it ends there, with finalizers and callbacks, would be ended at another step each time.  An
    execution leaves no cycles of ours behind, and while it lasts it needs what it holds.
    """
    if not hasattr(gc, "get_threshold") or not gc.isenabled():  # PyPy has none
        return False
    threshold = gc.get_threshold()
    if not threshold[0]:
        return False
    undoing.append(partial(gc.set_threshold, *threshold))
    gc.set_threshold(max(threshold[0], 20 * MOST_GARBAGE), *threshold[1:])
    return True


def _hold_back_finalizers(undoing: Undoing) -> None:
    """Keep finalizers and callbacks out of executions on PyPy, which runs them when it collects.

    Those of one execution run before the next.
    """
    if _HAS_FINALIZERS:
        undoing.append(_let_finalizers_run)
        gc.disable_finalizers()  # type: ignore[attr-defined]


def _let_finalizers_run() -> None:
    with contextlib.suppress(ValueError):  # they are let run already
        gc.enable_finalizers()  # type: ignore[attr-defined]


def _stay_on_one_cpu(undoing: Undoing) -> None:
    """Keep the threads to come on the processor this one runs on.

    Only one of them runs at a time, and passing the baton to a thread on another processor takes
    ten times as long.
    """
    if not hasattr(os, "sched_setaffinity"):
        return
    with contextlib.suppress(OSError, ValueError, IndexError):
        allowed = os.sched_getaffinity(0)
        if len(allowed) > 1:
            with open("/proc/self/stat", "rb") as stat:
                here = int(stat.read().rpartition(b")")[2].split()[36])
            undoing.append(partial(os.sched_setaffinity, 0, allowed))
            os.sched_setaffinity(0, {here if here in allowed else min(allowed)})
