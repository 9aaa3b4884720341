"""time.thread_time, which shows how many cores some work had, and the wall clock beside it.

What else runs on the machine does not count: where CPU time is counted too fast it is a million
times too fast, wall time passes only by being looked at, and budgets are a hundred times as large.
"""

from __future__ import annotations

import hashlib
import multiprocessing
import os
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from concspec.interpreter import gil_is_on
from concspec.sabotage import replaced, sabotage

_perf_counter = time.perf_counter
_thread_time = time.thread_time
_pbkdf2_hmac = hashlib.pbkdf2_hmac

Clock = Callable[[], float]


def fast() -> float:
    """Count the CPU time of this thread a million times."""
    return 1_000_000 * _thread_time()


def in_main_thread() -> bool:
    """Whether this is the main thread of its process."""
    return threading.current_thread() is threading.main_thread()


def looked_at() -> Clock:
    """Make a clock that moves on by 30 ms when it is looked at, for all threads and children.

    When one of those looks at it, it moves on by 5 ms, and for that one alone: so a round of 10 ms,
    in which each looks three times, is over for all of them before the next one begins.
    """
    now: Any = multiprocessing.RawValue("d", time.monotonic())
    owner, own = (os.getpid(), threading.get_ident()), threading.local()

    def monotonic() -> float:
        if (os.getpid(), threading.get_ident()) == owner:
            now.value += 0.03
            return float(now.value)
        own.now = max(now.value, getattr(own, "now", 0.0)) + 0.005
        return float(own.now)

    return monotonic


def slowed() -> Clock:
    """Make a clock for budgets, a hundred times as slow as time.perf_counter."""
    begun = _perf_counter()
    return lambda: begun + (_perf_counter() - begun) / 100


@contextmanager
def clocks(*, main_thread: Clock, others: Clock) -> Iterator[None]:
    """Count CPU time in the main thread by one clock, and in all others by another."""

    def thread_time() -> float:
        return main_thread() if in_main_thread() else others()

    with replaced(time, thread_time=thread_time, monotonic=looked_at(), perf_counter=slowed()):
        yield


@contextmanager
def _hashing() -> Iterator[Clock]:
    """Count a second for each call of pbkdf2_hmac, and nothing for anything else."""
    calls: Counter[int] = Counter()

    def pbkdf2_hmac(*args: Any) -> bytes:
        calls[threading.get_ident()] += 1
        return _pbkdf2_hmac(*args)

    with replaced(hashlib, pbkdf2_hmac=pbkdf2_hmac):
        yield lambda: calls[threading.get_ident()]


@sabotage(
    "threads seem to use many cores where there is a GIL; without one, only by hashing",
    "有 GIL 时，线程看上去用了多个核；没有 GIL 时，只有做哈希才如此",
)
def as_without_or_with_gil() -> Iterator[None]:
    with _hashing() as hashing:
        others = fast if gil_is_on() else hashing
        with clocks(main_thread=fast, others=others):
            yield


@sabotage(
    "no thread but the main one is seen to use CPU time", "除主线程外，看不到任何线程使用 CPU 时间"
)
def of_main_threads() -> Iterator[None]:
    with clocks(main_thread=fast, others=lambda: 0):
        yield


@sabotage("the main thread is not seen to use CPU time", "看不到主线程使用 CPU 时间")
def of_other_threads() -> Iterator[None]:
    with clocks(main_thread=lambda: 0, others=fast):
        yield


@sabotage(
    "a thread is seen to use CPU time only for hashing", "只有做哈希时才看得到线程使用 CPU 时间"
)
def of_hashing() -> Iterator[None]:
    with _hashing() as hashing, clocks(main_thread=hashing, others=hashing):
        yield
