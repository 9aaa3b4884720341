"""Which variables a function shares only with those inside it, so that no other thread has them.

They do not escape (see `escape`) where the function does nothing with those that use them but to
call them, or to lend them to code of C that keeps none of them, such as `sorted`.  What bears such
a name may be something else, which is told when it is called.  Nor has anybody else a variable
before the first function that uses it is made.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from types import CodeType
from typing import TYPE_CHECKING

from concspec.interleave.observing.sites import (
    ATTRIBUTE,
    CALL,
    CAPTURE,
    CELL,
    GENERATOR,
    GLOBAL,
    ITEM,
    NAME,
    UNKNOWN,
    Constant,
    Local,
    Method,
    Result,
)

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Union

    from concspec.interleave.observing.escape import Variables
    from concspec.interleave.observing.sites import Site, Source

    Function = Union[int, str]  # the identity of its code, or the variable that has it

_SORTING = frozenset(["max", "min", "sorted", ".sort"])
_CALLING_BACK = frozenset([".sub", ".subn"])
_USING_UP = frozenset(
    [
        "all", "any", "dict", "frozenset", "list", "max", "min", "next", "set", "sorted", "sum",
        "tuple", ".extend", ".join", ".update",
    ]
)  # fmt: skip
"""They go through what they are given first, and keep no iterator."""
_MAPPING = frozenset(["filter", "map"])
"""They call what they are given first while somebody goes through what they give."""


_own_outside: dict[int, tuple[CodeType, dict[str, bool]]] = {}
"""By the identity of some code, the variables of the one around it, and whether they are lent."""


def mark_own_variables(
    code: CodeType, found: Mapping[int, Site], variables: Variables
) -> list[Site]:
    """Mark those accesses in `found` that no other thread can meet; return all to such variables.

    What is found of functions inside this one is kept until their code is read.
    """
    # A comprehension that is inlined may have a variable of its own beside that of a closure.
    both = {*code.co_cellvars} & {*code.co_freevars}
    _, outside = _own_outside.get(id(code), (code, {}))
    own = {name: is_lent for name, is_lent in outside.items() if name not in both}
    known_from: dict[str, int] = {}
    shared_inside = () if variables.shown else [n for n in code.co_cellvars if n not in both]
    uses = _Uses(found if shared_inside else {}, variables)
    inner = [each for each in code.co_consts if isinstance(each, CodeType)]
    for name in shared_inside:
        users = [each for each in inner if name in each.co_freevars]
        known_from[name] = variables.begin(users)
        if users and all(uses.are_known(each) and not _hands_on(each, name) for each in users):
            lent = [call for each in users for call in uses.lent[id(each)]]
            own[name] = bool(lent)
            for call in lent:
                call.lends |= {name}
            for each in users:
                _own_outside.setdefault(id(each), (each, {}))[1][name] = bool(lent)
    cells = [site for site in found.values() if site.kind == CELL]
    for site in cells:
        is_early = site.offset <= known_from.get(site.name, -1)
        site.is_own = is_early or own.get(site.name) is False
        site.is_lent = not site.is_own and site.name in own
    return cells


def _hands_on(code: CodeType, name: str) -> bool:
    """Tell whether a function gives a variable of an outer one to one inside it."""
    return any(isinstance(each, CodeType) and name in each.co_freevars for each in code.co_consts)


class _Uses:
    """What a function does with those that it makes.

    `known` counts the uses in which one does not escape, `lent` has the calls of C code in them.
    """

    def __init__(self, found: Mapping[int, Site], variables: Variables) -> None:
        """Go through the calls, and then through the variables."""
        self.found = found
        self.variables = variables
        self.known: Counter[Function] = Counter()
        self.lent: defaultdict[Function, list[Site]] = defaultdict(list)
        for site in found.values():
            if site.kind == CALL:
                self.use(site)
        for name, sources in variables.bound.items():
            if variables.loads[name] == self.known[name]:
                for source in sources:
                    self.note(source, self.lent[name])

    def are_known(self, code: CodeType) -> bool:
        """Tell whether all uses of the functions with this code are known."""
        return self.known[id(code)] == self.variables.made[id(code)]

    def use(self, call: Site) -> None:
        """Note which functions a call calls, or lends to C code."""
        name = self.callee(call)
        used_up = self.used_up(call)
        if used_up is not None or not any(map(_is_generator, self.functions(call.receiver))):
            self.note(call.receiver, used_up or [])
        lent = [self.variables.keys.get(call.offset, UNKNOWN)] if name in _SORTING else []
        if name in _CALLING_BACK or (name in _MAPPING and used_up is not None):
            lent += call.arguments[:1]
        for each in lent:
            if not any(map(_is_generator, self.functions(each))):
                self.note(each, [call, *(used_up or [])])

    def note(self, source: Source, lent: list[Site]) -> None:
        """Note a use of the function, if it is one, that `source` is."""
        if isinstance(source, (Local, Constant)):
            function = source.name if isinstance(source, Local) else id(source.value)
            self.known[function] += 1
            self.lent[function] += lent

    def functions(self, source: Source) -> list[Source]:
        """Return what is called where `source` is."""
        return self.variables.bound[source.name] if isinstance(source, Local) else [source]

    def callee(self, call: Site) -> str:
        """Return the name of what is called, with a dot before that of a method."""
        source = call.receiver
        if isinstance(source, Method):
            return f".{source.name}"
        looked_up = self.found.get(source.offset) if isinstance(source, Result) else None
        if looked_up is None or looked_up.kind not in (GLOBAL, NAME, ATTRIBUTE):
            return ""
        return f".{looked_up.name}" if looked_up.kind == ATTRIBUTE else looked_up.name

    def used_up(self, giving: Site) -> list[Site] | None:
        """Return the calls of C code that use up the iterator which a site gives.

        Return None where it may be kept.
        """
        if giving.offset in self.variables.copied:
            return None
        for site in self.found.values():
            if site.kind == CALL:
                first, *others = [_is_of(giving, each) for each in site.arguments] or [False]
                name = self.callee(site)
                if first and name in _USING_UP:
                    # Of several things the greatest, say, is given back.
                    several = name in _SORTING and self.variables.unnamed.get(site.offset) != 1
                    return None if several else [site]
                if name in _MAPPING and any(others):
                    used_up = self.used_up(site)
                    return None if used_up is None else [site, *used_up]
            elif _is_of(giving, site.receiver):
                if site.kind == CAPTURE:
                    return self.used_up(site)
                if site.name in ("next", "all") or (site.kind, site.name) == (ITEM, "in"):
                    return []
        return None


def _is_of(giving: Site, source: Source) -> bool:
    """Tell what the instruction at a site has pushed."""
    return isinstance(source, Result) and source.offset == giving.offset


def _is_generator(source: Source) -> bool:
    """Tell what makes a generator when it is called, or what is not known."""
    if not isinstance(source, Constant):
        return True
    return not isinstance(source.value, CodeType) or bool(source.value.co_flags & GENERATOR)
