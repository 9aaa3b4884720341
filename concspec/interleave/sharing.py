"""Which accesses are shared: where two threads touch a place, one of them to change it, and neither
`start` nor `join` orders them.

Between two of its starts and joins, all that a thread does is ordered alike with what others do; so
it is kept by such stretches, and compared when the execution is over.  What is before what is told
by vector clocks (Mattern, "Virtual Time and Global States of Distributed Systems", 1989).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from concspec.interleave.operations import WHOLE, WIDE, Inherited, changes

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from concspec.interleave.operations import Field, Operation

    Key = tuple[tuple[int, int, tuple[tuple[int, int], ...], frozenset[Operation]], ...]

MOST_REMEMBERED = 16
MOST_BEGINNINGS = 3  # because reads were missed


class Stretch:
    """What one thread accessed between two of its starts and joins.

    `epoch` counts the threads it had started, `sees` has for each thread that it knows to be at
    least so far in what epoch that was.
    """

    __slots__ = ("accesses", "epoch", "sees", "task")

    def __init__(self, task: int, epoch: int, sees: Mapping[int, int]) -> None:
        """Begin with no access."""
        self.task = task
        self.epoch = epoch
        self.sees = sees
        self.accesses: set[Operation] = set()

    def is_before(self, other: Stretch) -> bool:
        """Tell whether all of this stretch is over when the other begins, under any schedule."""
        return self.task == other.task or other.sees.get(self.task, -1) >= self.epoch


class Sharing:
    """Finds what is shared in executions, most of which access the same as others did before.

    What no thread changes is not shared: once one execution was seen whole, reads of names that are
    not `written` are `passed` over, and not looked at.  Where such a name is changed after all,
    reads were `missed`, and all begins anew; where that goes on, no more are passed over.
    """

    def __init__(self) -> None:
        """Start with no execution known."""
        self.known: dict[Key, frozenset[str]] = {}
        self.passes = False
        self.written: set[Field] = set()
        self.any_written = False  # where it cannot be told which
        self.passed: set[Field] = set()
        self.missed = False
        self.beginnings = 0

    def note(self, change: Operation) -> None:
        """Note the names that are changed."""
        names = {field for _, field in change.places if type(field) is not str}
        self.written |= names
        self.missed = self.missed or not names.isdisjoint(self.passed)

    def note_all(self, change: Operation, has_names: Callable[[int], bool]) -> None:
        """Note whether any name may be changed; `has_names` tells which owners have some."""
        if not self.any_written and any(
            field == WHOLE and (owner is None or has_names(owner)) for owner, field in change.places
        ):
            self.any_written = True
            self.passes = False
            self.missed = self.missed or bool(self.passed)

    def begin_anew(self) -> bool:
        """Tell whether reads were missed since this was last asked; those names are read anew."""
        missed = self.missed
        if missed:
            self.missed = False
            self.passed.clear()
            self.beginnings += 1
            if self.beginnings == MOST_BEGINNINGS:
                self.any_written = True
                self.passes = False
        return missed

    def find(self, stretches: Iterable[Stretch]) -> frozenset[str]:
        """Return the labels of the accesses that are shared; the stretches come as they began."""
        stretches = [each for each in stretches if each.accesses]
        key = tuple(
            [
                (each.task, each.epoch, tuple(each.sees.items()), frozenset(each.accesses))
                for each in stretches
            ]
        )
        found = self.known.get(key)
        if found is None:
            if len(self.known) == MOST_REMEMBERED:
                self.known.clear()
            found = self.known[key] = frozenset(_shared(stretches))
        self.passes = not self.any_written
        return found


def _shared(stretches: Iterable[Stretch]) -> Iterator[str]:
    """Go through the labels of all accesses that another, unordered with it, conflicts with."""
    places: dict[int | None, dict[object, set[tuple[Stretch, str, bool]]]] = {}
    for stretch in stretches:
        for access in stretch.accesses:
            for owner, field in access.places:
                changed = changes(access.write, field)
                mine = stretch, access.label, changed
                records = places.setdefault(owner, {}).setdefault(_kept_as(field), set())
                if mine in records:
                    continue
                for other, label, write in _overlapping(places, owner, field):
                    if (write or changed) and not other.is_before(stretch):
                        yield label
                        yield access.label
                records.add(mine)


def _overlapping(
    places: Mapping[int | None, Mapping[object, set[tuple[Stretch, str, bool]]]],
    owner: int | None,
    field: object,
) -> Iterator[tuple[Stretch, str, bool]]:
    """Go through what was recorded of places that overlap this one."""
    owners = places if owner is None else (owner, None)
    for each in owners:
        fields = places.get(each, {})
        if field in WIDE:
            for its, records in fields.items():
                if its in WIDE or type(its) is tuple:
                    yield from records
            continue
        yield from fields.get(field, ())
        if each is None:
            yield from fields.get(frozenset([field]), ())
        for wide in WIDE if type(field) is tuple else ():
            yield from fields.get(wide, ())


def _kept_as(field: Field) -> object:
    """Return what a field is kept as: an inherited one apart from its equal of a whole."""
    return frozenset([field]) if type(field) is Inherited else field
