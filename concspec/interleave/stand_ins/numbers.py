"""The numbers in the names of threads and of pools: each execution counts from the first again."""

from __future__ import annotations

import itertools
import sys
import threading
from typing import Any

from concspec.interleave.stand_ins.running import current
from concspec.interleave.stand_ins.threads import access_to, touch

_before: list[tuple[Any, object]] = []  # what counted where


def count_anew() -> None:
    """Begin with the first numbers."""
    pools: Any = sys.modules.get("concurrent.futures.thread")  # the program may just have loaded it
    counting: list[tuple[Any, str, int]] = [(threading, "thread number", 1)]
    if pools is not None:
        counting.append((pools.ThreadPoolExecutor, "pool number", 0))
    for owner, label, first in counting:
        if not isinstance(owner._counter, Numbers):
            _before.append((owner, owner._counter))
        owner._counter = Numbers(owner, label, first)


def count_on() -> None:
    """Go on with the numbers that there were before."""
    while _before:
        owner, counter = _before[-1]
        owner._counter = counter
        _before.pop()


class Numbers:
    """Counts what is made without a name, as the standard library does."""

    def __init__(self, owner: object, label: str, first: int) -> None:
        """Start with the first."""
        self.owner = owner
        self.label = label
        self.next = itertools.count(first).__next__

    def __call__(self) -> int:
        """Take the next number: a step where another thread takes one, too."""
        found = current()
        if found is not None and not found[0].alone and not found[0].over:
            execution, task = found
            place = execution.objects.name(self.owner), "numbers"
            touch(execution, task, access_to(execution, self.label, place, write=True))
        return self.next()
