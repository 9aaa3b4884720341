"""The execution that goes on now: by it, what stands in knows whose thread calls."""

from __future__ import annotations

from _thread import get_ident
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from concspec.interleave.scheduler import Execution, Task

execution: Execution | None = None


def current() -> tuple[Execution, Task] | None:
    """Return the execution and the task of the calling thread, if it is the program's."""
    running = execution  # which may end, where another thread of the process calls this
    if running is not None:
        task = running.by_ident.get(get_ident())
        if task is not None:
            return running, task
    return None
