"""multiprocessing.Process: when a child runs, and what join() waits for."""

from __future__ import annotations

import multiprocessing
from collections.abc import Iterator
from multiprocessing.process import BaseProcess
from typing import Any

from concspec.sabotage import replaced, sabotage

_start = BaseProcess.start
_run = BaseProcess.run
_join = BaseProcess.join


@sabotage("a child ends before it runs its target")
def run_nothing() -> Iterator[None]:
    with replaced(BaseProcess, run=lambda _: None):
        yield


@sabotage("no child runs before another one has ended", blocks=True)
def run_one_at_a_time() -> Iterator[None]:
    turns: list[Any] = []

    def start(self: Any) -> None:
        if not turns:
            turns.append(multiprocessing.Lock())
        self.turn = turns[0]
        _start(self)

    def run(self: Any) -> None:
        with self.turn:
            _run(self)

    with replaced(BaseProcess, start=start, run=run):
        yield


@sabotage("join() returns at once")
def are_not_waited_for() -> Iterator[None]:
    with replaced(BaseProcess, join=lambda *_: None):
        yield


@sabotage("join() terminates the process that it waits for")
def are_terminated_by_join() -> Iterator[None]:
    def join(self: BaseProcess, timeout: float | None = None) -> None:
        self.terminate()
        _join(self, timeout)

    with replaced(BaseProcess, join=join):
        yield
