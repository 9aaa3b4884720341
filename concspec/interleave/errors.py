"""What can go wrong in an exploration, told to the one who wrote the program."""

from __future__ import annotations


class ExplorationError(Exception):
    """The exploration cannot say anything of this program; the message says why and where."""


class NothingToExplore(ExplorationError):
    """The program never had two threads that could do something: a proof of nothing."""


class NotDeterministic(ExplorationError):
    """The same schedule led to different steps: something else than the scheduler decides."""


class BlockedOutside(ExplorationError):
    """A thread blocked (or spun) where the scheduler does not see it."""


class TooMuch(ExplorationError):
    """One execution alone starts threads, or takes steps, without end."""


class ScheduleError(ExplorationError):
    """A schedule that does not fit the program, or is no schedule at all."""
