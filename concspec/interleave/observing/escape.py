"""Which containers a function keeps to itself, so that no loop through one can meet another thread.

A container that a function makes, and uses for nothing but loops of its own, is known to nobody
else: it does not escape (Choi, Gupta, Serrano, Sreedhar, Midkiff, "Escape Analysis for Java",
OOPSLA 1999, of which this is the simplest case).  The constants of the code are known to all, and
cannot change.  What is in a container may be known to all, and change.

Who gets at the variables of a function from outside is doubted, as far as that is seen.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import TYPE_CHECKING

from concspec.interleave.observing.c_code import LOCAL
from concspec.interleave.observing.sites import (
    CALL,
    CAPTURE,
    COMPREHENSIONS,
    GENERATOR,
    ITERATION,
    UNKNOWN,
    Built,
    Constant,
    Gathered,
    Local,
    Result,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from types import CodeType

    from concspec.interleave.observing.sites import Site, Source

_SHOWING = frozenset(each.__name__ for each in (*LOCAL, vars))


class Variables:
    """What a function does with its local variables, and with what it makes.

    `bound` has, by name, the sources of all that a variable is given; `loads` says how many
    instructions put it on the stack, and `copied` which ones gave what then was there twice.
    `made` says, by the identity of their code, how often functions were put there, and `first` from
    where on others may know one; `keys` has what calls are given as `key`, and `unnamed` how much
    without a name, by offset; `loops` is from where to where the code repeats itself.
    `shown` tells whether others may get at them: by `locals()` and the like, or by going on with a
    generator.
    """

    def __init__(self, code: CodeType) -> None:
        """Read off the code what its instructions do not tell."""
        variables = (*code.co_varnames, *code.co_cellvars, *code.co_freevars)
        self.shown = bool(code.co_flags & GENERATOR or _SHOWING.intersection(variables))
        # What `*rest` and `**others` are given is new.
        given = code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]
        self.bound: defaultdict[str, list[Source]] = defaultdict(list)
        self.bound.update({name: [UNKNOWN] for name in given})
        self.loads: Counter[str] = Counter()
        self.copied: set[int] = set()
        self.made: Counter[int] = Counter()
        self.first: dict[int, int] = {}
        self.loops: list[tuple[int, int]] = []
        self.keys: dict[int, Source] = {}
        self.unnamed: dict[int, int] = {}

    def make(self, code: CodeType, offset: int) -> None:
        """Note that a function with this code comes to be on the stack at `offset`."""
        self.made[id(code)] += 1
        self.first.setdefault(id(code), offset)

    def store(self, source: Source, offset: int) -> None:
        """Note that a variable of a closure is given something: a new function is known there."""
        if isinstance(source, Constant) and self.made[id(source.value)] == 1:
            self.first[id(source.value)] = offset

    def begin(self, users: Sequence[CodeType]) -> int:
        """Return before where nobody else knows one of these functions, or 0 where that varies."""
        first = min([self.first[id(each)] for each in users if id(each) in self.first] or [0])
        return 0 if any(start <= first <= end for start, end in self.loops) else first

    def look_up(self, name: str) -> None:
        """Note that a name is looked up that is no local variable."""
        self.shown = self.shown or name in _SHOWING


def own_loops(found: Mapping[int, Site], variables: Variables) -> set[int]:
    """Return the offsets of those sites in `found` that are loops through what nobody else knows.

    They are those of asking for an iterator and of moving it on.
    """
    own: set[int] = set()
    if variables.shown:
        return own
    through: defaultdict[str, list[list[int]]] = defaultdict(list)  # by variable, its loops
    for site in found.values():
        if site.kind != ITERATION or site.name != "next":
            continue
        offsets, source = [site.offset], site.receiver
        # Some releases of Python 3.13 ask for an iterator twice.
        while isinstance(source, Result) and source.offset in found:
            asked = found[source.offset]
            if asked.kind != CAPTURE:
                break
            offsets.append(asked.offset)
            source = asked.receiver
        if len(offsets) == 1:
            continue
        if isinstance(source, Local):
            through[source.name].append(offsets)
        elif _is_made_here(source, found, variables):
            own.update(offsets)
    for name, loops in through.items():
        if variables.loads[name] == len(loops) and all(
            _is_made_here(source, found, variables) for source in variables.bound[name]
        ):
            own.update(*loops)
    return own


def _is_made_here(source: Source, found: Mapping[int, Site], variables: Variables) -> bool:
    """Tell a container that has just been made, and a constant."""
    if isinstance(source, Built):
        return not source.copied
    if isinstance(source, Gathered):
        return True
    if not isinstance(source, Result) or source.offset in variables.copied:
        return isinstance(source, Constant)
    call = found.get(source.offset)
    if call is None or call.kind != CALL or not isinstance(call.receiver, Constant):
        return False
    return getattr(call.receiver.value, "co_name", "") in COMPREHENSIONS
