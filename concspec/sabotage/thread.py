"""threading.Thread."""

from __future__ import annotations

import functools
import threading
from collections.abc import Iterator
from typing import Any

from concspec.sabotage import replaced, sabotage

_Thread = threading.Thread
_start = threading.Thread.start


@sabotage("all threads are called with the arguments of the one that was made last")
def arguments_of_the_last() -> Iterator[None]:
    last: dict[str, Any] = {}

    class Thread(_Thread):
        def __init__(self, *args: Any, **kwargs: Any) -> None:
            super().__init__(*args, **kwargs)
            last["args"] = self._args

        def run(self) -> None:
            self._args = last["args"]
            super().run()

    with replaced(threading, Thread=Thread):
        yield


@sabotage("start() calls the target, whatever run() is, and returns at its end", blocks=True)
def one_after_the_other() -> Iterator[None]:
    def start(thread: threading.Thread) -> None:
        thread.run = functools.partial(_Thread.run, thread)  # type: ignore[method-assign]
        _start(thread)
        thread.join()

    with replaced(threading.Thread, start=start):
        yield


@sabotage("all threads have the same name")
def one_name_for_all() -> Iterator[None]:
    with replaced(threading.Thread, name=property(lambda _: "Thread")):
        yield
