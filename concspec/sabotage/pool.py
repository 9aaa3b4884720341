"""multiprocessing.Pool: how many workers it has, and how they take tasks."""

from __future__ import annotations

import multiprocessing
import os
import re
import sys
import warnings
from collections.abc import Callable, Iterator
from multiprocessing import pool
from multiprocessing.connection import Connection, wait
from multiprocessing.pool import ApplyResult, Pool, ThreadPool
from pathlib import Path
from typing import Any

from concspec.sabotage import replaced, sabotage

_init = Pool.__init__
_populate = Pool._repopulate_pool  # type: ignore[attr-defined]
_apply_async = Pool.apply_async
_join = Pool.join
_poll = Connection.poll


@sabotage("a pool has one worker more than it should", "进程池比应有的多一个工作进程")
def one_worker_more() -> Iterator[None]:
    def populate(self: Any) -> None:
        self._processes += 1
        _populate(self)

    with replaced(Pool, _repopulate_pool=populate):
        yield


@sabotage(
    "a pool has two workers, whatever it is asked for",
    "无论要求多少，进程池都只有两个工作进程",
    blocks=True,
)
def two_workers() -> Iterator[None]:
    def populate(self: Any) -> None:
        self._processes = 2
        _populate(self)

    with replaced(Pool, _repopulate_pool=populate):
        yield


@sabotage("a pool has four workers by default", "进程池默认有四个工作进程")
def default_is_four() -> Iterator[None]:
    with _default_size(lambda: 4):
        yield


@sabotage(
    "by default a pool counts the usable CPUs up to Python 3.12, and the machine's from 3.13 on",
    "进程池的默认大小，在 Python 3.12 及以前取可用 CPU 数，从 3.13 起取整台机器的 CPU 数",
)
def counts_other_cpus() -> Iterator[None]:
    def usable() -> int:  # as a process learns it without sched_getaffinity(), for PyPy's sake
        status = Path("/proc/self/status").read_text(encoding="utf-8")
        mask = re.findall(r"^Cpus_allowed:\s+(\S+)", status, re.MULTILINE)[0]
        return bin(int(mask.replace(",", ""), 16)).count("1")

    with _default_size(usable if sys.version_info < (3, 13) else lambda: os.cpu_count() or 1):
        yield


def _default_size(size: Callable[[], int]) -> Any:
    def init(self: Pool, processes: int | None = None, *arguments: Any, **named: Any) -> None:
        _init(self, processes or size(), *arguments, **named)

    return replaced(Pool, __init__=init)


@sabotage("the workers of a pool are threads", "进程池用线程来执行任务")
def workers_are_threads() -> Iterator[None]:
    with replaced(multiprocessing, Pool=ThreadPool):
        yield


@sabotage("a pool's worker runs one task and is replaced", "进程池的工作进程执行一个任务就被替换")
def one_task_a_worker() -> Iterator[None]:
    def populate(self: Any) -> None:
        self._maxtasksperchild = 1
        _populate(self)

    with replaced(Pool, _repopulate_pool=populate), warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # a thread forks: the pool's own
        yield


@sabotage(
    "a pool's worker runs one task and is replaced, and calls no initializer before",
    "进程池的工作进程执行一个任务就被替换，也不先调用初始化函数",
)
def one_task_a_worker_at_once() -> Iterator[None]:
    def populate(self: Any) -> None:
        self._maxtasksperchild = 1
        self._initializer = None
        _populate(self)

    with replaced(Pool, _repopulate_pool=populate), warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        yield


def _in_caller(self: Any, function: Callable[..., Any], args: Any = (), **_: Any) -> Any:
    result: Any = ApplyResult(self, None, None)
    result._set(0, (True, function(*args)))
    return result


@sabotage("apply_async() runs the task in the caller", "apply_async() 在调用者里执行任务")
def runs_tasks_in_parent() -> Iterator[None]:
    with replaced(Pool, apply_async=_in_caller):
        yield


@sabotage(
    "apply_async() returns when the task has ended, which waits for nothing itself",
    "apply_async() 等任务结束后才返回，而任务自己不等待任何东西",
)
def apply_async_waits() -> Iterator[None]:
    def apply_async(*arguments: Any, **named: Any) -> Any:
        result = _apply_async(*arguments, **named)
        result.wait()
        return result

    def poll(self: Any, timeout: float | None = None) -> bool:
        return _poll(self)

    with replaced(Pool, apply_async=apply_async), replaced(Connection, poll=poll):
        yield


@sabotage("apply_async() has the task run twice", "apply_async() 让任务执行两次")
def runs_tasks_twice() -> Iterator[None]:
    def apply_async(*arguments: Any, **named: Any) -> Any:
        _apply_async(*arguments, **named)
        return _apply_async(*arguments, **named)

    with replaced(Pool, apply_async=apply_async):
        yield


@sabotage(
    "a pool's join() returns at once, and no worker takes a task before",
    "进程池的 join() 立即返回，而在那之前没有工作进程领取任务",
)
def join_returns_at_once() -> Iterator[None]:
    with replaced(Pool, join=lambda _: None), replaced(pool, worker=_late_worker):
        yield


def _late_worker(*_: object) -> None:
    parent = multiprocessing.parent_process()
    wait([parent.sentinel] if parent else [])


@sabotage("a pool's join() closes it first", "进程池的 join() 会先把池关闭")
def join_closes() -> Iterator[None]:
    def join(self: Pool) -> None:
        self.close()
        _join(self)

    with replaced(Pool, join=join):
        yield


@sabotage(
    "join() of a pool that takes tasks is an AssertionError",
    "对还在接收任务的进程池调用 join() 会引发 AssertionError",
)
def join_asserts() -> Iterator[None]:
    def join(self: Any) -> None:
        assert self._state != pool.RUN
        _join(self)

    with replaced(Pool, join=join):
        yield


@sabotage(
    "a closed pool lets tasks in, and runs them in the caller",
    "已关闭的进程池仍接收任务，并在调用者里执行",
)
def late_tasks_let_in() -> Iterator[None]:
    def apply_async(self: Any, *arguments: Any, **named: Any) -> Any:
        run = _apply_async if self._state == pool.RUN else _in_caller
        return run(self, *arguments, **named)

    with replaced(Pool, apply_async=apply_async):
        yield


@sabotage("a pool's close() does nothing", "进程池的 close() 什么也不做")
def close_does_nothing() -> Iterator[None]:
    with replaced(Pool, close=lambda _: None):
        yield
