"""The visible operations of a thread, and which of them depend on each other.

Two operations of different threads are dependent when they touch a common place and at least one of
them changes it: only then does their order matter (Godefroid, "Partial-Order Methods for the
Verification of Concurrent Systems", 1996, chapter 3).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Optional, Union

if TYPE_CHECKING:
    from collections.abc import Callable

# A field is the name of a variable or an attribute, a pair for one item of a container, or WHOLE
# for all of its items and its length at once.  An owner is the name of an object in one execution;
# None stands for an object that could not be told: any object.  Those below 0 are no objects: -1 is
# that of the variables of closures, and what is below it those of the ends of threads.
Field = Union[str, tuple]  # type: ignore[type-arg]
Place = tuple[Optional[int], Field]
WHOLE = "[]"
ORDER = "order"
"""The field that the order of a dictionary's keys depends on: each key that comes to it."""
ONLY_READ = "only read"
"""Likewise all of an object, which a step only reads, whatever else it changes."""
WIDE = (WHOLE, ONLY_READ)


class Inherited(tuple):  # type: ignore[type-arg]
    """The field of an attribute that objects have from a class: no part of what they hold."""

    __slots__ = ()


class Waiter:
    """One thread inside `Condition.wait`; `since` is the depth of the step that notified it."""

    __slots__ = ("notified", "since")

    def __init__(self) -> None:
        """Start waiting."""
        self.notified = False
        self.since = -1


class Operation:
    """One step of one thread.

    `places` is what it touches and `write` whether it changes them; `label` names it and `filename`
    and `line` say where it stands.  `moves` tells whether names may be found elsewhere behind it,
    as where a variable comes or goes, and `changes_all` whether it changes WHOLE objects.  `ready`
    tells whether it can run now (None: always), and `available` keeps, for an operation on a
    synchronisation object, whether that object could be had before this step ran: with it the
    reduction knows which waiting could have come earlier.
    """

    __slots__ = (
        "available",
        "changes_all",
        "filename",
        "kind",
        "label",
        "line",
        "moves",
        "places",
        "ready",
        "waiter",
        "waits_for",
        "write",
    )

    def __init__(
        self,
        kind: str,
        label: str,
        places: tuple[Place, ...],
        *,
        write: bool,
        filename: str = "",
        line: int = 0,
        ready: Callable[[], bool] | None = None,
        waits_for: object = None,
    ) -> None:
        """Record what a thread is about to do."""
        self.kind = kind
        self.label = label
        self.places = places
        self.write = write
        self.filename = filename
        self.line = line
        self.ready = ready
        self.waits_for = waits_for
        self.moves = True
        self.changes_all = False
        self.available = True
        self.waiter: Waiter | None = None

    def same_as(self, other: Operation) -> bool:
        """Tell whether this is the operation another execution did at the same step."""
        return self is other or (self.kind == other.kind and self.is_at(other))

    def is_at(self, other: Operation) -> bool:
        """Tell whether this is of the same instruction; an access may read here and write there."""
        return (
            self.label == other.label
            and self.line == other.line
            and self.filename == other.filename
            and (self.kind == other.kind or {self.kind, other.kind} == {"read", "write"})
        )

    def __str__(self) -> str:
        """Tell what is done to what, and where."""
        return f"{self.kind} {self.label} at {self.filename}:{self.line}"

    def __repr__(self) -> str:
        """Show it."""
        return f"<{self}>"


def dependent(one: Operation, other: Operation) -> bool:
    """Tell whether the order of two operations of different threads can matter."""
    if not (one.write or other.write):
        return False
    for owner, field in one.places:
        for its_owner, its_field in other.places:
            if owner != its_owner and owner is not None and its_owner is not None:
                continue
            if field == its_field:
                if field != ONLY_READ:
                    return True
            elif (field in WIDE or its_field in WIDE) and _clash(one, field, other, its_field):
                return True
    return False


def _clash(one: Operation, field: Field, other: Operation, its_field: Field) -> bool:
    """Tell whether two fields of one object, of which one is all of it, clash."""
    changed = changes(one.write, field) or changes(other.write, its_field)
    return changed and all(each in WIDE or type(each) is tuple for each in (field, its_field))


def changes(write: bool, field: Field) -> bool:
    """Tell whether an operation changes a field, where it changes something."""
    return write and field != ONLY_READ
