"""What a program has to do without while it is explored, and why."""

from __future__ import annotations

import _thread
import os
import sys
import time
from typing import TYPE_CHECKING, Any

from concspec.interleave.errors import BlockedOutside, ExplorationError
from concspec.interleave.stand_ins.running import current
from concspec.interleave.stand_ins.table import instead_of, original
from concspec.interleave.watched import stopping_frame, where

if TYPE_CHECKING:
    from collections.abc import Callable


@instead_of(time, "sleep", imported=True)
def _sleep(seconds: float) -> None:
    found = current()
    if found is None:
        original(time, "sleep")(seconds)
        return
    place = where(stopping_frame(2))
    raise found[0].stopped(
        BlockedOutside(
            f"sleep() at {place} waits outside the scheduler's sight, where time "
            "decides and no schedule does; take it out of the program, or wait on an Event"
        )
    )


# Below CPython 3.12 the explorer traces; from then on, what `sys.monitoring` has put into the code
# that runs gets lost when a trace or a profile is set.
_BLINDING = (
    "takes away what the explorer watches the program with; take it, or the debugger, out of the "
    "program"
)
_REFUSED = {
    (_thread, "start_new_thread"): (
        "starts a thread the scheduler does not see; start a threading.Thread"
    ),
    (os, "fork"): (
        "makes a process in which the exploration would go on as well; take it out of the program"
    ),
    (sys, "settrace"): _BLINDING,
    (sys, "setprofile"): _BLINDING,
}


def _refusing(owner: Any, name: str, reason: str) -> Callable[..., Any]:
    """Return what stands for a function that a program has to do without, for a reason."""

    def refused(*arguments: Any, **options: Any) -> Any:
        found = current()
        if found is None:
            return original(owner, name)(*arguments, **options)
        place = where(stopping_frame(2))
        raise found[0].stopped(ExplorationError(f"{owner.__name__}.{name}() at {place} {reason}"))

    return refused


for (_owner, _name), _reason in _REFUSED.items():
    if hasattr(_owner, _name):  # Windows has no fork()
        instead_of(_owner, _name, imported=True)(_refusing(_owner, _name, _reason))
