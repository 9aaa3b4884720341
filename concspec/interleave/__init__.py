"""Every interleaving of a threaded program: a deterministic scheduler of real threads.

    >>> def program():
    ...     ...  # set the state, make threading.Threads, start and join them
    ...     return balance
    >>> explore(program).outcomes

`explore` runs every interleaving that matters and returns an `Exploration`; `replay` runs one
schedule again; `explain` shows it step by step.

`session` borrows from the interpreter what `exploration` needs to run a program many times.  In one
execution, `tracing` stops each thread at its accesses, and `observing` tells what they touch;
`stand_ins` make each operation on a lock or the like a step of its own; `scheduler` lets one thread
go on at a time, and `reduction` decides which.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from concspec.interleave.deadlock import Deadlock, Waiting
from concspec.interleave.errors import (
    BlockedOutside,
    ExplorationError,
    NotDeterministic,
    NothingToExplore,
    ScheduleError,
    TooMuch,
)
from concspec.interleave.exploration import Exploration, Outcome, explore, merge, replay
from concspec.interleave.scheduler import Raised

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

    from concspec.interleave.explanation import Explanation

__all__ = [
    "BlockedOutside",
    "Deadlock",
    "Exploration",
    "ExplorationError",
    "NotDeterministic",
    "NothingToExplore",
    "Outcome",
    "Raised",
    "ScheduleError",
    "TooMuch",
    "Waiting",
    "explain",
    "explore",
    "merge",
    "replay",
]


def explain(program: Callable[[], Hashable], schedule: str) -> Explanation:
    """Run `program` along `schedule`; tell step by step what happened, as a table and as SVG."""
    from concspec.interleave import explanation  # noqa: PLC0415 - it imports much, and late

    return explanation.explain(program, schedule)
