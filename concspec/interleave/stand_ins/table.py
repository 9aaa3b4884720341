"""What stands in for which function of the standard library for the time of an exploration.

A function or a class says itself what it stands in for, with `instead_of`.  In threads that are not
the program's, it does what the original does.
"""

from __future__ import annotations

import _thread
from types import FunctionType
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

Given = TypeVar("Given")

_originals: dict[tuple[Any, str], Any] = {}
_stand_ins: dict[tuple[Any, str], Any] = {}
_by_identity: dict[int, Any] = {}  # of originals that a program may have under names of its own


def instead_of(owner: object, name: str, *, imported: bool = False) -> Callable[[Given], Given]:
    """Let what is decorated stand in for `owner.name`.

    If `imported`, it does so as well where the program has that by `from owner import name`.
    """

    def register(stand_in: Given) -> Given:
        before = _originals[owner, name] = vars(owner)[name]
        _stand_ins[owner, name] = stand_in
        if isinstance(stand_in, FunctionType):  # the program may show it
            stand_in.__name__ = name
            stand_in.__qualname__ = getattr(before, "__qualname__", name)
        if imported:
            _by_identity[id(_originals[owner, name])] = stand_in
        return stand_in

    return register


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
    for (owner, name), stand_in in _stand_ins.items():
        setattr(owner, name, stand_in)


def uninstall() -> None:
    """Put back what was there."""
    for (owner, name), before in _originals.items():
        setattr(owner, name, before)
