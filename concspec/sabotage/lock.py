"""threading.Lock. The locks of the threading module itself stay whole."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager

from concspec.sabotage import replaced, sabotage

_Lock = threading.Lock


class _Toy:
    """A lock that is always free, or never."""

    def __init__(self, *, free: bool) -> None:
        self._free = free

    def acquire(self, blocking: bool = True, timeout: float = -1) -> bool:  # noqa: FBT002
        return self._free

    def release(self) -> None:
        pass

    def __enter__(self) -> bool:
        return self.acquire()

    def __exit__(self, *_: object) -> None:
        self.release()


def _toys(*, free: bool) -> AbstractContextManager[None]:
    def make() -> object:
        of_threading = sys._getframe(1).f_globals is vars(threading)
        return _Lock() if of_threading else _Toy(free=free)

    return replaced(threading, Lock=make)


@sabotage("a lock keeps nobody out")
def keeps_nobody_out() -> Iterator[None]:
    with _toys(free=True):
        yield


@sabotage("a lock cannot be acquired, and says so without waiting")
def cannot_be_acquired() -> Iterator[None]:
    with _toys(free=False):
        yield
