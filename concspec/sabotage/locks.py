"""threading.Lock, for everybody but the standard library, whose threads could not start."""

from __future__ import annotations

import sys
import threading
from _thread import allocate_lock
from collections.abc import Iterator
from contextlib import AbstractContextManager
from typing import Any

from concspec.sabotage import replaced, sabotage


class _Lock:
    """A lock in Python, which others take apart."""

    def __init__(self) -> None:
        self._lock = allocate_lock()

    def acquire(self, blocking: bool = True, timeout: float = -1) -> bool:  # noqa: FBT002
        return self._lock.acquire(blocking, timeout)

    def release(self) -> None:
        self._lock.release()

    def locked(self) -> bool:
        return self._lock.locked()

    def __enter__(self) -> bool:
        return self.acquire()

    def __exit__(self, *_: object) -> None:
        self.release()


def _made_by(lock: type[_Lock]) -> AbstractContextManager[None]:
    def make() -> Any:
        inside = sys._getframe(1).f_globals.get("__name__") in ("threading", "queue")
        return allocate_lock() if inside else lock()

    return replaced(threading, Lock=make)


@sabotage("a Lock lets everybody have it", "Lock 让谁都拿得到")
def never_excludes() -> Iterator[None]:
    class Lock(_Lock):
        def acquire(self, blocking: bool = True, timeout: float = -1) -> bool:  # noqa: FBT002
            return True

        def release(self) -> None:
            pass

    with _made_by(Lock):
        yield


@sabotage("a Lock lets two have it at once", "Lock 让两个线程同时拿到")
def two_holders() -> Iterator[None]:
    class Lock(_Lock):
        def __init__(self) -> None:
            super().__init__()
            self._other = allocate_lock()

        def acquire(self, blocking: bool = True, timeout: float = -1) -> bool:  # noqa: FBT002
            return self._other.acquire(blocking=False) or super().acquire(blocking, timeout)

        def release(self) -> None:
            (self._lock if self._lock.locked() else self._other).release()

    with _made_by(Lock):
        yield


@sabotage("nobody gets a Lock", "谁也拿不到 Lock")
def nobody_gets_it() -> Iterator[None]:
    class Lock(_Lock):
        def acquire(self, blocking: bool = True, timeout: float = -1) -> bool:  # noqa: FBT002
            return False

        def release(self) -> None:
            pass

    with _made_by(Lock):
        yield


@sabotage(
    "release() leaves a Lock locked, and who asks for it with a timeout soon gives up",
    "release() 之后 Lock 仍然锁着，限时等待它的线程很快放弃",
)
def never_released() -> Iterator[None]:
    class Lock(_Lock):
        def acquire(self, blocking: bool = True, timeout: float = -1) -> bool:  # noqa: FBT002
            return super().acquire(blocking, min(timeout, 0.05))

        def release(self) -> None:
            pass

    with _made_by(Lock):
        yield
