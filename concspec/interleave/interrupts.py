"""Interrupts of the main thread: that they are heard, how one is sent, and what none takes apart.

The interpreter looks for signals when a function begins and behind each call, before the result is
kept.
"""

from __future__ import annotations

import _signal  # type: ignore[import-not-found] # signal itself imports much
import _thread
import threading
from functools import partial
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable


def keep(results: list[Any], function: Callable[..., Any], *arguments: object) -> None:
    """Append the result of a function written in C, in C: no interrupt comes between the two."""
    results.extend(map(function, *[(each,) for each in arguments]))


def hear_interrupts(undoing: list[Callable[[], object]]) -> None:
    """Have SIGINT interrupt the main thread even where it is ignored, as in background jobs, or
    ends the process."""
    if threading.current_thread() is threading.main_thread():
        before = _signal.getsignal(_signal.SIGINT)
        if before in (_signal.SIG_IGN, _signal.SIG_DFL):
            undoing.append(partial(_signal.signal, _signal.SIGINT, before))
            _signal.signal(_signal.SIGINT, _signal.default_int_handler)


def interrupt(ident: int) -> None:
    """Raise KeyboardInterrupt in the main thread, out of a system call if need be."""
    if hasattr(_signal, "pthread_kill"):
        _signal.pthread_kill(ident, _signal.SIGINT)
    else:
        _thread.interrupt_main()
