"""multiprocessing.Process, and the start methods."""

from __future__ import annotations

import contextlib
import multiprocessing
from collections.abc import Iterator
from multiprocessing import context, spawn
from multiprocessing.connection import wait
from multiprocessing.process import BaseProcess
from typing import Any

from concspec.sabotage import replaced, sabotage

_init = BaseProcess.__init__
_start = BaseProcess.start
_run = BaseProcess.run
_join = BaseProcess.join
_get_preparation_data = spawn.get_preparation_data


@sabotage(
    "a Process starts when it is created, and start() does nothing",
    "Process 一创建就启动，start() 什么也不做",
)
def starts_when_created() -> Iterator[None]:
    def init(self: BaseProcess, *arguments: Any, **named: Any) -> None:
        _init(self, *arguments, **named)
        _start(self)

    with replaced(BaseProcess, __init__=init, start=lambda _: None):
        yield


@sabotage("start() does nothing", "start() 什么也不做")
def never_starts() -> Iterator[None]:
    with replaced(BaseProcess, start=lambda _: None):
        yield


@sabotage(
    "start() calls the target in the caller, and starts a process that does nothing",
    "start() 在调用者里执行目标函数，而启动的进程什么也不做",
)
def runs_in_caller() -> Iterator[None]:
    def start(self: Any) -> None:
        self.run()
        self._target = None
        _start(self)

    with replaced(BaseProcess, start=start):
        yield


@sabotage("a process ends without calling its target", "进程不调用目标函数就结束")
def runs_nothing() -> Iterator[None]:
    with replaced(BaseProcess, run=lambda _: None):
        yield


@sabotage(
    "a process has ended when start() returns, which ends it",
    "start() 返回时进程已经结束，因为 start() 让它结束",
)
def ends_at_start() -> Iterator[None]:
    def start(self: BaseProcess) -> None:
        _start(self)
        self.kill()
        self.join()

    with replaced(BaseProcess, start=start):
        yield


@sabotage(
    "join() returns at once, and a process does its work when its parent has ended",
    "join() 立即返回，而进程等父进程结束后才干活",
)
def join_returns_at_once() -> Iterator[None]:
    def run(self: BaseProcess) -> None:
        parent = multiprocessing.parent_process()
        wait([parent.sentinel] if parent else [])
        _run(self)

    try:
        with replaced(BaseProcess, run=run, join=lambda *_: None):
            yield
    finally:
        for child in multiprocessing.active_children():
            child.terminate()


@sabotage("join() returns at once", "join() 立即返回")
def is_not_waited_for() -> Iterator[None]:
    with replaced(BaseProcess, join=lambda *_: None):
        yield


@sabotage("join() terminates the process that it waits for", "join() 终止它所等待的进程")
def join_terminates() -> Iterator[None]:
    def join(self: BaseProcess, timeout: float | None = None) -> None:
        self.terminate()
        _join(self, timeout)

    with replaced(BaseProcess, join=join):
        yield


@sabotage(
    "no process runs before another one of its parent's has ended",
    "父进程的前一个子进程结束之前，后一个不会运行",
    blocks=True,
)
def runs_alone() -> Iterator[None]:
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


@sabotage(
    "a process swaps the last two arguments of its target", "进程把目标函数的最后两个参数对调"
)
def last_arguments_swapped() -> Iterator[None]:
    def run(self: Any) -> None:
        self._args = (*self._args[:-2], *reversed(self._args[-2:]))
        _run(self)

    with replaced(BaseProcess, run=run):
        yield


@sabotage("a process passes its target the first argument only", "进程只把第一个参数传给目标函数")
def first_argument_only() -> Iterator[None]:
    def run(self: Any) -> None:
        self._args = self._args[:1]
        _run(self)

    with replaced(BaseProcess, run=run):
        yield


@sabotage(
    "a Process is spawned by default where it should be forked, and forked elsewhere",
    "默认本该 fork 的平台改用 spawn，其余平台改用 fork",
)
def other_default() -> Iterator[None]:
    default = multiprocessing.get_all_start_methods()[0]
    multiprocessing.set_start_method("spawn" if default == "fork" else "fork", force=True)
    try:
        yield
    finally:
        multiprocessing.set_start_method(None, force=True)


@sabotage(
    "the start method fork starts Python anew, as spawn does",
    "启动方式 fork 像 spawn 那样从头启动 Python",
)
def fork_spawns() -> Iterator[None]:
    with _methods(fork="spawn"):
        yield


@sabotage("the start methods spawn and forkserver fork", "启动方式 spawn 和 forkserver 也用 fork")
def all_methods_fork() -> Iterator[None]:
    with _methods(spawn="fork", forkserver="fork"):
        yield


@contextlib.contextmanager
def _methods(**others: str) -> Iterator[None]:
    contexts: dict[str, Any] = context._concrete_contexts  # type: ignore[attr-defined]
    before = dict(contexts)
    contexts.update({name: before[other] for name, other in others.items()})
    try:
        yield
    finally:
        contexts.update(before)


@sabotage(
    "a spawned process does not import its parent's main module",
    "spawn 出的进程不导入父进程的主模块",
)
def main_not_imported() -> Iterator[None]:
    def get_preparation_data(name: str) -> dict[str, Any]:
        data = _get_preparation_data(name)
        return {key: value for key, value in data.items() if not key.startswith("init_main")}

    with replaced(spawn, get_preparation_data=get_preparation_data):
        yield
