"""Every interleaving of a threaded program: a deterministic scheduler of real threads.

    >>> def program():
    ...     ...  # set the state, make threading.Threads, start and join them
    ...     return balance
    >>> explore(program).outcomes

`explore` runs every interleaving that matters and returns an `Exploration`; `replay` runs one
schedule again; `explain` shows it step by step.
"""

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
    "explore",
    "merge",
    "replay",
]
