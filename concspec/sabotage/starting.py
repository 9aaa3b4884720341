"""The processes of multiprocessing, by start method: what they have of their parent's memory."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from multiprocessing import dummy
from typing import Any

from concspec.sabotage import replaced, sabotage


def _process_of(start_method: str) -> Any:
    return type(multiprocessing.get_context(start_method)).Process  # type: ignore[attr-defined]


def _started_by(choose: Callable[[str], Any]) -> ExitStack:
    """Let each start method have the class of processes that is chosen for it."""
    stack = ExitStack()
    chosen = {method: choose(method) for method in multiprocessing.get_all_start_methods()}
    for method, process in chosen.items():
        context = type(multiprocessing.get_context(method))
        stack.enter_context(replaced(context, Process=process))
    return stack


@sabotage(
    "a Process is a thread of its parent, and shares its memory",
    "Process 其实是父进程里的线程，共享父进程的内存",
)
def are_threads() -> Iterator[None]:
    process = dummy.DummyProcess
    with _started_by(lambda method: process), replaced(multiprocessing, Process=process):
        yield


@sabotage("each start method forks", "每种启动方式都用 fork")
def always_fork() -> Iterator[None]:
    with _started_by(lambda method: _process_of("fork")):
        yield


@sabotage("each start method starts afresh", "每种启动方式都从头启动 Python")
def always_spawn() -> Iterator[None]:
    with _started_by(lambda method: _process_of("spawn")):
        yield
