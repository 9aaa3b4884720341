"""One execution of a program: its threads run one at a time, and a search decides which is next.

There is no controlling thread.  A thread that comes to a switch point (an access to shared state, a
synchronisation operation) records what it is about to do, asks the search who goes next, and hands
that thread the baton; if it is itself the next, nothing is handed over.  Whatever a thread does
between two switch points is invisible to the others and runs on at once: a new thread runs to its
first switch point, and one that waited in `join` runs on as soon as it can.  So each time the
search is asked, every thread stands before its next operation, waits, or has ended.
"""

from __future__ import annotations

import _thread
import functools
import operator
import sys
import threading
from _thread import allocate_lock
from time import monotonic
from typing import TYPE_CHECKING, Any

from concspec.interleave.accesses import called_by, operation_at
from concspec.interleave.deadlock import observe_stuck
from concspec.interleave.errors import ExplorationError, TooMuch
from concspec.interleave.interrupts import keep
from concspec.interleave.observing.looking import MISSING
from concspec.interleave.observing.objects import Objects
from concspec.interleave.observing.observer import Observer
from concspec.interleave.observing.showing import snapshot
from concspec.interleave.observing.sites import ATTRIBUTE, Site
from concspec.interleave.operations import Operation, dependent
from concspec.interleave.sharing import Stretch
from concspec.interleave.watched import stopping_frame, where

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from types import FrameType
    from typing import NoReturn, Protocol

    from concspec.interleave.deadlock import Row
    from concspec.interleave.observing.observer import Touched
    from concspec.interleave.sharing import Sharing

    Access = tuple[object, Touched]  # where, and to what

    class Search(Protocol):
        """Decides which thread goes next."""

        def choose(self, execution: Execution, enabled: list[Task]) -> Task:
            """Return one of the enabled threads; raise `Cut` to end this execution here."""

    class Baton(Protocol):
        """Lets one thread wait until another hands over to it."""

        def acquire(self) -> object:
            """Wait for the turn, and take it."""

        def release(self) -> object:
            """Give the turn to the thread that waits, or will; given twice, it counts once."""

        def close(self) -> None:
            """Give back what it took."""


MOST_THREADS = 200
MOST_STEPS = 20_000
MOST_ACCESSES = 500_000
MOST_UNWOUND = 1000
_RELEASE = operator.methodcaller("release")
_SPINNING = (
    "a loop that waits for another thread by looking again and again has no end under some "
    "schedule; wait on a Condition or an Event instead"
)


class Cut(Exception):  # noqa: N818 - not an error: the search needs no more of this execution
    """The search wants to see no more of this execution."""


class Unwind(BaseException):
    """Raised inside the program's threads to end an execution that will not be continued."""


class Raised:
    """The outcome of a program that ended with an exception."""

    __slots__ = ("text",)

    def __init__(self, error: BaseException) -> None:
        """Keep the type and the message."""
        message = str(error)
        self.text = type(error).__name__ + (f": {message}" if message else "")

    def __eq__(self, other: object) -> bool:
        """Compare by type and message."""
        return isinstance(other, Raised) and other.text == self.text

    def __hash__(self) -> int:
        """Hash by type and message."""
        return hash(("Raised", self.text))

    def __repr__(self) -> str:
        """Show what was raised."""
        return f"<raised {self.text}>"


class Task:
    """One thread of the program as the scheduler sees it.

    It waits at `baton` while others have their turn, and is `waiting` from when it looks for the
    next one until it is back; `stretch` has what it accesses from its last start or join on, and
    `past` is the reduction's: a bit for each step that happens before its next.
    """

    __slots__ = (
        "access_count",
        "baton",
        "born",
        "children",
        "clock",
        "failure",
        "finished",
        "ident",
        "index",
        "inside",
        "joining",
        "lost",
        "past",
        "path",
        "pending",
        "seen",
        "stands",
        "stretch",
        "thread",
        "unwound",
        "waiting",
    )

    baton: Baton
    stretch: Stretch

    def __init__(self, index: int, path: tuple[int, ...], thread: threading.Thread) -> None:
        """Number a thread of the program; `path` says whose how manyth child it is."""
        self.index = index
        self.path = path
        self.thread = thread
        self.children = 0
        self.clock = 0.0  # how long its timeouts have waited, together
        self.ident = 0
        self.pending: Operation | None = None
        self.joining: Task | None = None
        self.finished = False
        self.lost = False
        self.unwound = 0  # how often it came to a switch point after the end of the execution
        self.waiting = False
        self.born: Stretch | None = None  # the stretch in which it was started
        # Where what it touches depends on state, and what C code that goes on there was given.
        self.stands: tuple[Site, FrameType, tuple[object, ...]] | None = None
        self.failure: BaseException | None = None
        self.past = 0
        self.seen = False  # at an operation on a primitive, or a switch point
        self.access_count = 0
        # By frame, the operation it stands in, in which C code may call Python code, and what that
        # gave it.
        self.inside: dict[int, tuple[Site, tuple[object, ...]]] = {}

    @property
    def name(self) -> str:
        """The name of the thread, as the program knows it."""
        return self.thread.name


class Step:
    """One operation that was performed: who did it, and what; the rest is for explanations."""

    value: object = MISSING  # what was read or written
    look: Callable[[], object] | None = None
    variables: Mapping[str, object] = {}
    frame = 0
    name: str | None = None  # of the primitive, in the program's text
    subject: str | None = None  # what has the value

    def __init__(self, task: Task, operation: Operation) -> None:
        """Record that `task` does `operation`."""
        self.task = task
        self.operation = operation


class Execution:
    """One run of a program under a search.

    `shared` holds the labels of the accesses that are switch points.  All are watched: those that
    nothing orders end up in `conflicting`, and those among them that were no switch points in
    `discovered`, with which the exploration begins anew, as it does where some were `missed`.
    """

    __slots__ = (
        "alone",
        "baton",
        "by_ident",
        "by_index",
        "by_thread",
        "conflicting",
        "cut",
        "cycle",
        "deadline",
        "discovered",
        "error",
        "excepthook",
        "explaining",
        "fresh",
        "held",
        "late",
        "left",
        "main",
        "missed",
        "numbers",
        "objects",
        "observer",
        "operations",
        "over",
        "pools",
        "previous",
        "progress",
        "running",
        "search",
        "shared",
        "sharing",
        "spawn",
        "stretches",
        "stuck",
        "tasks",
        "trace",
        "traced",
        "waiting",
    )

    def __init__(
        self,
        search: Search,
        shared: frozenset[str],
        spawn: Callable[[Task, Callable[[], None]], None],
        baton: Baton,
        traced: Callable[..., object],
        *,
        numbers: dict[tuple[int, ...], int],
        operations: dict[Access, Operation],
        sharing: Sharing,
        explaining: bool,
        deadline: float | None,
    ) -> None:
        """Prepare an execution in the calling thread, which waits for its turn at `baton`.

        `spawn` runs a function on another operating system thread, `traced` one here, so that the
        accesses of the program are seen.
        """
        self.search = search
        self.shared = shared
        self.spawn = spawn
        self.baton = baton
        self.traced = traced
        self.explaining = explaining
        self.excepthook = threading.excepthook
        self.operations = operations
        self.numbers = numbers
        self.sharing = sharing
        self.stretches: list[Stretch] = []
        self.conflicting: frozenset[str] = frozenset()
        self.discovered: frozenset[str] = frozenset()
        self.missed = False
        self.tasks: list[Task] = []
        self.by_index: dict[int, Task] = {}
        self.by_ident: dict[int, Task] = {}
        self.by_thread: dict[int, Task] = {}  # by its identity: a subclass may hash as it likes
        self.fresh: list[Task] = []
        self.held: set[Any] = set()  # the locks
        self.pools: list[Any] = []  # that have threads; kept, so that none ends before
        self.trace: list[Step] = []
        self.objects = Objects()
        self.observer = Observer(self.objects, shared)
        self.running: Task | None = None
        self.previous: Task | None = None
        self.alone = True
        self.over = False
        self.cut = False
        self.late = False
        self.error: BaseException | None = None
        self.left: Sequence[Task] = ()  # those that wait when nobody can go on, and
        self.stuck: Sequence[Task] = ()  # if that is a deadlock
        self.waiting: Sequence[Row] = ()
        self.cycle: tuple[str, ...] = ()
        self.progress = 0
        self.deadline = deadline

    # The life of an execution.

    def run(self, program: Callable[[], object]) -> object:
        """Run the program in the calling thread to its end and return its result."""
        main = self.main = self.enrol((), threading.current_thread())
        self.begin_stretch(main, 0, {})
        main.baton = self.baton
        main.ident = _thread.get_ident()
        self.by_ident[main.ident] = main
        self.running = main
        result: object = None
        try:
            try:
                result = self.traced(program)
            except Unwind:
                pass
            except ExplorationError as error:
                self.fail(error)
            except Exception as error:  # noqa: BLE001 - an exception is an outcome like any other
                result = Raised(error)
            main.finished = True
            if not self.over:
                main.waiting = True
                following = self.following()
                if following is not main:
                    following.baton.release()
                    while not self.over:
                        main.baton.acquire()
        finally:
            self.over = True
            self.by_ident.pop(main.ident, None)  # what it runs now, a signal's handler, is no step
            self.unwind()
            self.by_ident.clear()
            for lock in self.held:  # a library may keep it for the next execution
                lock._at_fork_reinit()
        if self.error is not None:
            raise self.error
        ended = not self.cut and main not in self.left
        if ended and not all(pool._shutdown for pool in self.pools):
            self.objects.distrust("the end of a pool that was not shut down")
        self.conflicting = self.sharing.find(self.stretches) | self.observer.leaked
        self.discovered = self.conflicting - self.shared
        self.missed = self.sharing.begin_anew()
        return result

    def enrol(
        self,
        path: tuple[int, ...],
        thread: threading.Thread,
        job: Callable[[Task], None] | None = None,
    ) -> Task:
        """Number a thread by who started it and in what order, which no schedule changes.

        `job` is what it will run, where it is not the calling one.
        """
        index = self.numbers.setdefault(path, len(self.numbers))
        task = Task(index, path, thread)
        if job is not None:
            try:
                self.spawn(task, functools.partial(job, task))
            except RuntimeError as error:
                raise self.stopped(
                    ExplorationError(
                        f"there is no thread for {thread.name}, started at "
                        f"{where(stopping_frame(2))}: {error}; the system has a limit"
                    )
                ) from error
        self.tasks.append(task)
        self.by_index[index] = task
        return task

    def begin_stretch(self, task: Task, epoch: int, sees: Mapping[int, int]) -> None:
        """Begin another stretch of a thread, which is ordered otherwise with others."""
        task.stretch = Stretch(task.index, epoch, sees)
        self.stretches.append(task.stretch)

    def unwind(self) -> None:
        """End the threads that still stand somewhere, one after the other.

        Where an interrupt has taken the main thread out of its wait, one of them may still run.
        Another interrupt meanwhile is raised when they have ended; at the next, they are lost.
        """
        interrupt: BaseException | None = None
        for task in self.tasks[1:]:
            told: list[None] = []
            while not task.finished and not task.lost:
                try:
                    if not told:
                        self.running = task
                        self.progress += 1
                        keep(told, _RELEASE, task.baton)  # once
                    self.main.baton.acquire()
                except BaseException as raised:  # noqa: PERF203
                    if interrupt is not None:
                        for each in self.tasks[1:]:
                            each.lost = not each.finished
                        raise
                    interrupt = raised
        self.running = self.main  # which may block as it cleans up
        if interrupt is not None:
            raise interrupt

    def unwind_further(self, task: Task, *, ready: bool = True) -> None:
        """End `task`, but not what it does because it ends: a `with` gives back what it holds.

        Even that ends after a while, or where it would have to wait, as what is not `ready`.  Who
        catches this, too, is lost.
        """
        task.unwound += 1
        cleaning = ready and isinstance(sys.exc_info()[1], Unwind)
        if cleaning and task.unwound <= MOST_UNWOUND:
            return
        if task.unwound > 2 * MOST_UNWOUND and task is not self.main:
            self.fail(
                ExplorationError(
                    f"{task.name} does not end: it catches the exception that ends its execution, "
                    f"and goes on, at {where(stopping_frame(2))}; catch Exception, which this one "
                    "is not"
                )
            )
            self.lose(task)
            never_released = allocate_lock()
            never_released.acquire()
            never_released.acquire()
        raise Unwind

    def lose(self, task: Task) -> None:
        """Go on without a thread that does not come back; nobody finds it any more."""
        task.lost = True
        threading._active.pop(task.ident, None)  # type: ignore[attr-defined]
        self.main.baton.release()

    def fail(self, error: BaseException) -> None:
        """End this execution with an error."""
        if self.error is None:
            self.error = error
        self.over = True

    # Handing over.

    def reach(self, task: Task, operation: Operation) -> None:
        """Stop `task` before `operation`; return when it is its turn to perform it.

        While there is no other thread, or the others have ended and were joined, there is nothing
        to decide, and the operation is no step.
        """
        if task.waiting:
            self.doubt_end()
            if operation.ready is not None and not operation.ready():
                self.cut = self.over = True
                raise Unwind
            return
        if self.over:
            self.unwind_further(task, ready=operation.ready is None or operation.ready())
            return
        task.seen = True
        if self.alone and (operation.ready is None or operation.ready()):
            return
        task.waiting = True  # first: what a finalizer does from here on is no step of its own
        task.pending = operation
        self.hand_over(task)

    def hand_over(self, task: Task) -> None:
        """Let `task`, which is `waiting` by now, stand where it is until it is its turn again."""
        try:
            following = self.following()
            if following is not task:
                self.observer.promised = None
                following.baton.release()
                task.baton.acquire()
                while self.running is not task and not self.over:
                    task.baton.acquire()
            if self.over and task is self.main:
                self.unwind()  # first: another may hold what this one cleans up with
        except BaseException as error:  # an interrupt: another thread may have the turn
            task.waiting = False
            if not isinstance(error, Unwind):
                self.fail(error)
            raise
        task.waiting = False
        if self.over:
            raise Unwind

    def doubt_end(self) -> None:
        """Note that a thread runs code of the program while it is another's turn.

        That can only be the handler of a signal, a finalizer, or the callback of a weak reference,
        for an object whose end came in the thread just now: it is no step of its own, and has to go
        on at once.
        """
        self.objects.distrust("the end of an object between two steps")

    def following(self) -> Task:
        """Return the thread to run next; the main one once this execution is over."""
        self.progress += 1
        try:
            if self.explaining and self.trace and self.trace[-1].look is not None:
                # The thread that wrote is still the only one that went on since.
                self.trace[-1].value = snapshot(self.trace[-1].look())
                self.trace[-1].look = None
            task = self.select()
        except Cut:
            self.cut = self.over = True
            task = self.main
        except BaseException as error:  # noqa: BLE001 - raised again in the thread that explores
            self.fail(error)
            task = self.main
        self.running = task
        return task

    def select(self) -> Task:
        if self.over:
            return self.main
        if self.fresh:
            return self.fresh.pop(0)
        enabled = [
            task
            for task in self.tasks
            if (pending := task.pending) is not None and (pending.ready is None or pending.ready())
        ]
        if not enabled:
            self.over = True
            self.left = [task for task in self.tasks if not task.finished]
            # When the program is over, daemons may wait for ever.
            if not (self.main.finished and all(task.thread.daemon for task in self.left)):
                self.stuck = self.left
                observe_stuck(self)
            return self.main
        if self.deadline is not None and not len(self.trace) % 64:
            self.look_at_the_clock()
        if self.trace:
            done = self.trace[-1].operation
            for each in enabled if done.write else ():
                stands = each.stands
                if stands is not None and (done.moves or stands[0].kind >= ATTRIBUTE):
                    self.look_again(each, done)
        task = self.search.choose(self, enabled)
        operation = task.pending
        assert operation is not None
        task.pending = None
        self.previous = task
        self.trace.append(Step(task, operation))
        if len(self.trace) > MOST_STEPS:
            raise TooMuch(
                f"one execution took more than {MOST_STEPS} steps; {task.name} is at "
                f"{operation.filename}:{operation.line} ({operation.label}): {_SPINNING}"
            )
        return task

    def look_again(self, task: Task, done: Operation) -> None:
        """Observe anew what the last step may have changed: an item may be another object now."""
        assert task.stands is not None
        assert task.pending is not None
        if not dependent(done, task.pending):
            return
        site, frame, given = task.stands
        self.objects.met_local = False
        touched = self.observer.observe(site, frame)
        if self.objects.met_local:  # of the thread that looks now; so keep what it saw itself
            places = dict.fromkeys((*task.pending.places, *touched[0]))
            touched = tuple(places), task.pending.write or touched[1]
        if given:
            touched = self.observer.going_on(site, frame, touched, given)
        elif site.needed:
            self.observer.keep(site, frame, self.observer.read(site, frame))
        operation = operation_at(self, task, site, touched)
        task.pending = called_by(operation, frame) if site.is_of_library else operation

    def look_at_the_clock(self) -> None:
        """End this execution, unfinished, when the time for the search is up."""
        if self.deadline is not None and monotonic() > self.deadline:
            self.late = True
            raise Cut

    # Threads.

    def start(self, task: Task, thread: threading.Thread, body: Callable[[Task], None]) -> None:
        """Let `task` start `thread`, which will run `body`."""
        if self.over:
            self.unwind_further(task, ready=False)
        if len(self.tasks) > MOST_THREADS:
            frame = stopping_frame(2)
            raise self.stopped(
                TooMuch(
                    f"one execution started more than {MOST_THREADS} threads, the last at "
                    f"{where(frame)}: does every thread start another?"
                )
            )

        def run(child: Task) -> None:
            child.ident = _thread.get_ident()
            self.by_ident[child.ident] = child
            try:
                if not self.over:
                    body(child)
            finally:
                self.finish(child)

        task.children += 1
        child = self.by_thread[id(thread)] = self.enrol((*task.path, task.children), thread, run)
        child.past = task.past
        before = child.born = task.stretch
        self.begin_stretch(child, 0, {**before.sees, task.index: before.epoch})
        self.begin_stretch(task, before.epoch + 1, before.sees)
        self.alone = False
        self.fresh.append(child)

    def finish(self, task: Task) -> None:
        """Pass the baton on from a thread that has ended."""
        if task.lost:
            return
        task.finished = True
        self.by_ident.pop(task.ident, None)
        if self.over:
            self.main.baton.release()
            return
        for other in self.tasks:
            if other.joining is task:
                self.fresh.append(other)
        self.following().baton.release()

    def join(self, task: Task, target: Task) -> None:
        """Let `task` wait for the end of `target`."""
        if self.over:
            self.unwind_further(task, ready=target.finished)
            return
        if not target.finished:
            task.waiting = True
            task.joining = target
            self.hand_over(task)
            task.joining = None
        mine, its = task.stretch, target.stretch
        sees = {**_joined(mine.sees, its.sees), target.index: its.epoch}
        self.begin_stretch(task, mine.epoch, sees)
        task.past |= target.past
        for other in self.tasks:
            if other is not task and not (other.finished and other.stretch.is_before(task.stretch)):
                self.alone = False
                break
        else:
            self.alone = True

    def stopped(self, error: ExplorationError) -> ExplorationError:
        """End the execution with `error`, which the caller is to raise inside the program."""
        self.fail(error)
        return error

    def break_off(self, error: Exception) -> NoReturn:
        """End this execution; a fault of ours must not pass for an exception of the program."""
        if isinstance(error, ExplorationError):
            raise error
        if isinstance(error, Cut):
            self.cut = self.over = True
        else:
            self.fail(error)
        raise Unwind from error

    def take_stock(self, task: Task, site: Site, frame: FrameType) -> None:
        """Look, every now and then, whether this execution takes too long."""
        if self.access_count() > MOST_ACCESSES:
            raise self.stopped(
                TooMuch(
                    f"one execution made more than {MOST_ACCESSES:,} accesses; {task.name} is at "
                    f"{where(frame)} ({site.label}): {_SPINNING}"
                )
            )
        self.look_at_the_clock()

    def access_count(self) -> int:
        """Return how many accesses there were so far."""
        return sum([task.access_count for task in self.tasks])


def _joined(one: Mapping[int, int], other: Mapping[int, int]) -> dict[int, int]:
    joined = dict(one)
    for index, epoch in other.items():
        if joined.get(index, -1) < epoch:
            joined[index] = epoch
    return joined
