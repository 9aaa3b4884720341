"""Pools of threads and their futures: what in them depends on addresses and weak references.

They are written in Python on top of threads, locks and queues, and stay as they are, but for a few
names of their modules, which a program may load itself.
"""

from __future__ import annotations

import sys
import types
import weakref
from typing import TYPE_CHECKING, Any

from concspec.interleave.stand_ins.running import current

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator


class _ForgetfulDict(dict):  # type: ignore[type-arg]
    """Stands for what pools note of their threads by weak references, for the interpreter's end."""

    def __setitem__(self, thread: object, waiting: object) -> None:
        pass


def _reference_to_pool(pool: object, tell_workers: Callable[[object], None]) -> object:
    """Refer to a pool as its workers do, which end when nobody else does any more."""
    found = current()
    if found is not None:
        found[0].pools.append(pool)
    return weakref.ref(pool, tell_workers)


def _number(future: object) -> int:
    """Number futures by which was met first, where real ones are locked by their addresses."""
    found = current()
    return id(future) if found is None else found[0].objects.name(future)


class _Futures(set):  # type: ignore[type-arg]
    """A set of futures that keeps them in the order they came in."""

    def __init__(self, futures: Iterable[object] = ()) -> None:
        """Hold these."""
        self.order = list(dict.fromkeys(futures))
        super().__init__(self.order)
        found = current()
        if found is not None and len(self.order) > 1:
            found[0].objects.distrust("the order of a set of futures, which is that of addresses")

    def __iter__(self) -> Iterator[object]:
        """Go through them."""
        return iter([each for each in self.order if each in self])


_REPLACED: dict[str, dict[str, Any]] = {
    "concurrent.futures.thread": {
        "_threads_queues": _ForgetfulDict(),
        "weakref": types.SimpleNamespace(ref=_reference_to_pool),
    },
    "concurrent.futures._base": {"id": _number, "set": _Futures},
}
_installed: set[str] = set()  # in which modules
_taken_out: list[tuple[dict[str, Any], str, Any]] = []  # what was replaced in which module


def install() -> None:
    """Put into the modules of pools what they are to use for the time of an exploration."""
    for module in [each for each in _REPLACED if each in sys.modules and each not in _installed]:
        names = vars(sys.modules[module])
        _installed.add(module)
        for name, replacement in _REPLACED[module].items():
            _taken_out.append((names, name, names.get(name)))
            names[name] = replacement


def install_late() -> None:
    """Do the same to what the program has loaded as it ran; forget the threads that it had."""
    known = len(_taken_out)
    install()
    for _, name, before in _taken_out[known:]:
        if name == "_threads_queues":
            before.clear()


def uninstall() -> None:
    """Put back what was there."""
    while _taken_out:
        names, name, before = _taken_out[-1]
        if before is None:
            names.pop(name, None)
        else:
            names[name] = before
        _taken_out.pop()
    _installed.clear()
