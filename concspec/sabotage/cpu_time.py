"""time.thread_time, which shows how many cores some work had.

CPU time that is counted too fast is a thousand times too fast, so that no other program on the
machine can make up for it.
"""

from __future__ import annotations

import hashlib
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

from concspec.interpreter import gil_is_on
from concspec.sabotage import replaced, sabotage

_thread_time = time.thread_time
_pbkdf2_hmac = hashlib.pbkdf2_hmac

Clock = Callable[[], float]


def _fast() -> float:
    return 1000 * _thread_time()


def _clocks(*, main_thread: Clock, others: Clock) -> AbstractContextManager[None]:
    """Put one clock in place of the main thread's, and one in place of all others."""

    def thread_time() -> float:
        in_main_thread = threading.current_thread() is threading.main_thread()
        return main_thread() if in_main_thread else others()

    return replaced(time, thread_time=thread_time)


@contextmanager
def _hashing() -> Iterator[Clock]:
    """Count a second for each call of pbkdf2_hmac, and nothing for anything else."""
    calls: Counter[int] = Counter()

    def pbkdf2_hmac(*args: Any) -> bytes:
        calls[threading.get_ident()] += 1
        return _pbkdf2_hmac(*args)

    with replaced(hashlib, pbkdf2_hmac=pbkdf2_hmac):
        yield lambda: calls[threading.get_ident()]


@sabotage("threads seem to use many cores where there is a GIL; without one, only by hashing")
def as_without_or_with_gil() -> Iterator[None]:
    with _hashing() as hashing:
        others = _fast if gil_is_on() else hashing
        with _clocks(main_thread=_fast, others=others):
            yield


@sabotage("no thread but the main one is seen to use CPU time")
def of_main_threads() -> Iterator[None]:
    with _clocks(main_thread=_fast, others=lambda: 0):
        yield


@sabotage("the main thread is not seen to use CPU time")
def of_other_threads() -> Iterator[None]:
    with _clocks(main_thread=lambda: 0, others=_fast):
        yield


@sabotage("a thread is seen to use CPU time only for hashing")
def of_hashing() -> Iterator[None]:
    with _hashing() as hashing, _clocks(main_thread=hashing, others=hashing):
        yield
