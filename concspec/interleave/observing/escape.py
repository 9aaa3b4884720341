"""Which containers a function keeps to itself, so that no loop through one can meet another thread.

A container that a function makes, and uses for nothing but loops of its own, is known to nobody
else: it does not escape (Choi, Gupta, Serrano, Sreedhar, Midkiff, "Escape Analysis for Java",
OOPSLA 1999, of which this is the simplest case).  So are the constants of the code.  What is in a
container may be known to all.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import TYPE_CHECKING

from concspec.interleave.observing.sites import (
    CALL,
    CAPTURE,
    COMPREHENSIONS,
    GENERATOR,
    ITERATION,
    Built,
    Constant,
    Local,
    Result,
)

if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import CodeType

    from concspec.interleave.observing.sites import Site, Source

SHOWING_VARIABLES = frozenset(["locals", "vars", "dir", "eval", "exec"])
"""Functions that give away the variables of the one that calls them."""


class Variables:
    """What a function does with its local variables.

    `bound` has, for each, where the values come from that it is given, `loads` how often one is
    put on the stack.  `shows` tells whether others can see them, as they see those of a generator.
    """

    def __init__(self, code: CodeType) -> None:
        """Know of none but the parameters."""
        showing = SHOWING_VARIABLES.intersection(code.co_names)
        self.shows = bool(showing or code.co_flags & GENERATOR)
        stars = bool(code.co_flags & 0x4) + bool(code.co_flags & 0x8)  # CO_VARARGS, CO_VARKEYWORDS
        self.parameters = code.co_varnames[: code.co_argcount + code.co_kwonlyargcount + stars]
        self.bound: defaultdict[str, list[Source]] = defaultdict(list)
        self.loads: Counter[str] = Counter()


def own_loops(found: Mapping[int, Site], variables: Variables) -> list[int]:
    """Return the offsets of the sites, of all that were `found`, that are of loops of this kind."""
    if variables.shows:
        return []
    own: list[int] = []
    through: defaultdict[str, list[int]] = defaultdict(list)  # by the variable they go through
    for site in found.values():
        iterator = site.receiver
        if site.kind != ITERATION or site.name != "next" or not isinstance(iterator, Result):
            continue
        asked = found.get(iterator.offset)
        if asked is None or asked.kind != CAPTURE:
            continue
        if isinstance(asked.receiver, (Built, Constant)):
            own += asked.offset, site.offset
        elif isinstance(asked.receiver, Local):
            through[asked.receiver.name] += asked.offset, site.offset
    for name, offsets in through.items():
        if (
            2 * variables.loads[name] == len(offsets)
            and name not in variables.parameters
            and all(_is_made_here(source, found) for source in variables.bound[name])
        ):
            own += offsets
    return own


def _is_made_here(source: Source, found: Mapping[int, Site]) -> bool:
    if not isinstance(source, Result):
        return isinstance(source, (Built, Constant))
    call = found.get(source.offset)
    if call is None or call.kind != CALL or not isinstance(call.receiver, Constant):
        return False
    return getattr(call.receiver.value, "co_name", "") in COMPREHENSIONS
