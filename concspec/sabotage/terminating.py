"""multiprocessing.Process.terminate, and the SIGTERM that it sends."""

from __future__ import annotations

import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.process import BaseProcess
from multiprocessing.queues import Queue
from typing import Any

from concspec.sabotage import replaced, sabotage

_start = BaseProcess.start
_run = BaseProcess.run
_terminate = BaseProcess.terminate
_get: Any = Queue.get
_init: Any = Queue.__init__


@contextmanager
def _masked(how: int) -> Iterator[None]:
    before = signal.pthread_sigmask(how, {signal.SIGTERM})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


@sabotage("terminate() does nothing", "terminate() 什么也不做", blocks=True)
def does_nothing() -> Iterator[None]:
    with replaced(BaseProcess, terminate=lambda _: None):
        yield


@sabotage("terminate() kills", "terminate() 发送的是 SIGKILL")
def kills() -> Iterator[None]:
    with replaced(BaseProcess, terminate=BaseProcess.kill):
        yield


@sabotage(
    "SIGTERM ends a process only when it waits for an item",
    "只有当进程在等数据时，SIGTERM 才能结束它",
)
def waits_for_get() -> Iterator[None]:
    def start(self: BaseProcess) -> None:
        with _masked(signal.SIG_BLOCK):  # the child inherits it
            _start(self)

    def get(self: Any, *args: Any, **options: Any) -> Any:
        if not self.empty():
            return _get(self, *args, **options)
        with _masked(signal.SIG_UNBLOCK):
            return _get(self, *args, **options)

    with replaced(BaseProcess, start=start), replaced(Queue, get=get):
        yield


@sabotage(
    "a process writes its buffered output when SIGTERM ends it",
    "SIGTERM 结束进程时，进程会写出缓冲的输出",
)
def flushes() -> Iterator[None]:
    def flush_and_end(*_: object) -> None:
        sys.stdout.flush()
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        signal.raise_signal(signal.SIGTERM)

    def run(self: BaseProcess) -> None:
        signal.signal(signal.SIGTERM, flush_and_end)
        _run(self)

    with replaced(BaseProcess, run=run):
        yield


@sabotage("terminate() leaves every queue locked", "terminate() 让所有队列一直锁着")
def locks_queues() -> Iterator[None]:
    queues = []

    def init(self: Any, *args: Any, **options: Any) -> None:
        _init(self, *args, **options)
        queues.append(self)

    def terminate(self: BaseProcess) -> None:
        _terminate(self)
        for queue in queues:
            queue._rlock.acquire(block=False)

    with replaced(Queue, __init__=init), replaced(BaseProcess, terminate=terminate):
        yield
