"""Who waits for whom when nobody can go on."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Optional

from concspec.interleave.observing.looking import instance_dict
from concspec.interleave.watched import line_of, stuck_frame

if TYPE_CHECKING:
    from collections.abc import Hashable
    from types import FrameType

    from concspec.interleave.scheduler import Execution, Task


class Waiting(NamedTuple):
    """One thread that waits: for what, where, and whom that has to come from (if anybody)."""

    thread: str
    action: str
    what: str
    filename: str
    line: int
    held_by: str | None

    def __str__(self) -> str:
        """Tell it in a line."""
        held = self.held_by and self.action != "join"
        holder = f", held by {self.held_by}" if held else ""
        where = f"{self.filename}:{self.line}"
        return f"{self.thread} waits to {self.action} {self.what}{holder} ({where})"


class Deadlock(NamedTuple):
    """A state in which threads are left and none can go on.

    `waiting` has each of them; `cycle` the names of those that wait for one another in a ring,
    empty where the ring is open: somebody waits for a thread that has ended, or for a signal that
    nobody is left to give.
    """

    waiting: tuple[Waiting, ...]
    cycle: tuple[str, ...]
    interleavings: int | None = None
    executions: int = 0
    witness: str = ""

    @property
    def key(self) -> Hashable:
        """What makes two deadlocks the same."""
        return self.waiting

    def __str__(self) -> str:
        """Tell who waits for whom."""
        ring = f" in a cycle: {' -> '.join((*self.cycle, self.cycle[0]))}" if self.cycle else ""
        lines = [f"deadlock{ring}", *(f"  {each}" for each in self.waiting)]
        if self.witness:
            lines.append(f"  such as {self.witness!r}")
        return "\n".join(lines)


Row = tuple[str, str, str, str, int, Optional[str]]  # the fields of a `Waiting`


def observe_stuck(execution: Execution) -> None:
    """Note, while the threads still stand there, what each one waits for."""
    # Plain tuples: this runs in a thread of the program, and making a named one would be traced.
    rows: list[Row] = []
    holders: dict[int, Task | None] = {}
    for task in execution.stuck:
        frame = stuck_frame(task.ident)
        filename, line = line_of(frame)
        holder: Task | None = None
        if task.joining is not None:
            holder = task.joining
            action, what = "join", _name(holder)
        else:
            assert task.pending is not None
            action = task.pending.kind
            thing = task.pending.waits_for
            holder = getattr(thing, "holder", None)
            if action == "wake":
                action, holder = "be notified by", None
            elif action == "wait":
                action = "see set"
            what = name_of(thing, execution, frame) or task.pending.label
            filename = task.pending.filename or filename
            line = task.pending.line or line
        held_by = None if holder is None else _name(holder)
        rows.append((task.name, action, what, filename, line, held_by))
        holders[task.index] = holder
    execution.waiting = rows
    execution.cycle = _cycle(holders, execution)


def _name(task: Task) -> str:
    return f"{task.name}, which has ended" if task.finished else task.name


def describe(execution: Execution, witness: str) -> Deadlock:
    """Return the deadlock in which an execution ended."""
    waiting = tuple(Waiting(*row) for row in execution.waiting)
    return Deadlock(waiting, execution.cycle, witness=witness)


def _cycle(holders: dict[int, Task | None], execution: Execution) -> tuple[str, ...]:
    for start in holders:
        path = [start]
        while True:
            holder = holders.get(path[-1])
            if holder is None or holder.index not in holders:
                break
            if holder.index in path:
                ring = path[path.index(holder.index) :]
                return tuple(execution.by_index[index].name for index in ring)
            path.append(holder.index)
    return ()


def name_of(thing: object, execution: Execution, frame: FrameType | None) -> str | None:
    """Return the name by which the program's text refers to a primitive, if it can be found."""
    frames: list[FrameType] = [] if frame is None else [frame]
    for task in execution.tasks:
        other = stuck_frame(task.ident)
        if other is not None:
            frames.append(other)
    for each in frames:
        for scope in (each.f_locals, each.f_globals):
            for name, value in list(scope.items()):
                if value is thing:
                    return name
    for each in frames:
        for scope in (each.f_locals, each.f_globals):
            for name, value in list(scope.items()):
                for attribute, inner in list((instance_dict(value) or {}).items()):
                    if inner is thing:
                        return f"{name}.{attribute}"
                members = (
                    list(value.items())
                    if type(value) is dict
                    else list(enumerate(value))
                    if type(value) in (list, tuple)
                    else []
                )
                for key, inner in members:
                    if inner is thing:
                        return f"{name}[{key!r}]"
    return None
