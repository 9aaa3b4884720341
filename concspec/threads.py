"""Threads that specs start: they end within a bound, and what they raise reaches the spec."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

BOUND = 10.0
"""Seconds that threads may take, or wait for each other: below the bound of the spec."""


def join(*threads: threading.Thread) -> None:
    """Wait for the end of each thread. Raises TimeoutError if one has not ended within BOUND."""
    for thread in threads:
        thread.join(BOUND)
        if thread.is_alive():
            raise TimeoutError(f"{thread.name} did not end within {BOUND:.0f} s")


def wait_for(event: threading.Event) -> None:
    """Wait until an event is set. Raises TimeoutError if it is not within BOUND."""
    if not event.wait(BOUND):
        raise TimeoutError(f"what is waited for did not come within {BOUND:.0f} s")


def in_threads(*calls: Callable[[], Any]) -> list[Any]:
    """Run each call in a thread of its own, all at once; return what they returned, in order.

    A call that raises makes this raise the same; if several do, the first in order counts. Raises
    TimeoutError if a thread has not ended within BOUND.
    """
    results: list[Any] = [None] * len(calls)
    errors: list[BaseException | None] = [None] * len(calls)

    def run(number: int) -> None:
        try:
            results[number] = calls[number]()
        except BaseException as error:  # noqa: BLE001 - raised again where the spec sees it
            errors[number] = error

    threads = [
        threading.Thread(target=run, args=(number,), daemon=True) for number in range(len(calls))
    ]
    for thread in threads:
        thread.start()
    join(*threads)
    for error in errors:
        if error is not None:
            raise error
    return results
