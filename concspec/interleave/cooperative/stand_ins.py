"""What stands in for functions of the standard library for the time of an exploration.

A function or a class says itself what it stands in for, with `instead_of`.  In threads that are not
the program's, it does what the original does.
"""

from __future__ import annotations

import _thread
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

    from concspec.interleave.scheduler import Execution, Task

Replacement = TypeVar("Replacement")

_get_ident = _thread.get_ident

active: Execution | None = None


def current() -> tuple[Execution, Task] | None:
    """Return the execution and the task of the calling thread, if it is the program's."""
    execution = active
    if execution is not None:
        task = execution.by_ident.get(_get_ident())
        if task is not None:
            return execution, task
    return None


class StandIn(NamedTuple):
    """Something that is replaced, and by what."""

    original: Any
    replacement: Any


_stand_ins: dict[tuple[Any, str], StandIn] = {}  # by owner and name

OF_IMPORTED: dict[int, Any] = {}
"""What stands in for what a program may have imported by its name, by the identity of that."""


def instead_of(
    owner: object, name: str, *, imported: bool = False
) -> Callable[[Replacement], Replacement]:
    """Let what is decorated stand in for what an owner has, if `imported` wherever that is."""

    def stand_in(replacement: Replacement) -> Replacement:
        found = _stand_ins[owner, name] = StandIn(vars(owner)[name], replacement)
        if imported:
            OF_IMPORTED[id(found.original)] = replacement
        return replacement

    return stand_in


def original(owner: object, name: str) -> Any:
    """Return what something stands in for."""
    return _stand_ins[owner, name].original


def are_installed() -> bool:
    """Tell whether there is an exploration now."""
    return any(vars(owner)[name] is each.replacement for (owner, name), each in _stand_ins.items())


def install() -> None:
    """Put what stands in in place."""
    for (owner, name), each in _stand_ins.items():
        setattr(owner, name, each.replacement)


def uninstall() -> None:
    """Put back what was there."""
    for (owner, name), each in _stand_ins.items():
        setattr(owner, name, each.original)
