"""What stands in for which function of the standard library for the time of an exploration.

A function or a class says itself what it stands in for, with `instead_of`.  In threads that are not
the program's, it does what the original does.
"""

from __future__ import annotations

import _thread
from types import CodeType, FunctionType
from typing import TYPE_CHECKING, Any, TypeVar

from concspec.interleave.observing.classes import is_python_function

if TYPE_CHECKING:
    from collections.abc import Callable

Given = TypeVar("Given")

_originals: dict[tuple[Any, str], Any] = {}
_stand_ins: dict[tuple[Any, str], Any] = {}
_by_identity: dict[int, Any] = {}  # of originals that a program may have under names of its own
_codes: list[tuple[FunctionType, CodeType, CodeType]] = []  # of functions: before, and meanwhile


def instead_of(owner: object, name: str, *, imported: bool = False) -> Callable[[Given], Given]:
    """Let what is decorated stand in for `owner.name`.

    A function in Python is given other code, so that it is stood in for wherever the program has
    kept it: as a bound method, say, or under another name in a class.  Anything else is replaced in
    its `owner` and, if `imported`, where the program has it by `from owner import name`.
    """

    def register(stand_in: Given) -> Given:
        before = vars(owner)[name]
        if is_python_function(before):
            code = before.__code__
            _codes.append((before, code, _passing_on(stand_in, name)))
            same = FunctionType(code, before.__globals__, name, before.__defaults__)
            _originals[owner, name] = same
            return stand_in
        _originals[owner, name] = before
        _stand_ins[owner, name] = stand_in
        if isinstance(stand_in, FunctionType):  # the program may show it
            stand_in.__name__ = name
            stand_in.__qualname__ = getattr(before, "__qualname__", name)
        if imported:
            _by_identity[id(before)] = stand_in
        return stand_in

    return register


def _passing_on(stand_in: object, name: str) -> CodeType:
    """Return code by a name that calls `stand_in` with what it is given."""

    def passing_on(*arguments: Any, **options: Any) -> Any:
        call: Any = "what stands in"
        return call(*arguments, **options)

    ours = passing_on.__code__
    constants = [stand_in if each == "what stands in" else each for each in ours.co_consts]
    return ours.replace(co_consts=tuple(constants), co_name=name)


def original(owner: object, name: str) -> Any:
    """Return what `owner.name` is outside of an exploration."""
    return _originals[owner, name]


def stand_in_for(thing: object) -> Any:
    """Return what stands in for something that a program has imported, or None."""
    return _by_identity.get(id(thing))


def are_installed() -> bool:
    """Tell whether there is an exploration now, by what no program has a reason to patch."""
    return _thread.allocate_lock is _stand_ins[_thread, "allocate_lock"]


def install() -> None:
    """Put the stand-ins in place."""
    for function, _, code in _codes:
        function.__code__ = code
    for (owner, name), stand_in in _stand_ins.items():
        setattr(owner, name, stand_in)


def uninstall() -> None:
    """Put back what was there."""
    for function, code, _ in _codes:
        function.__code__ = code
    for owner, name in _stand_ins:
        setattr(owner, name, _originals[owner, name])
