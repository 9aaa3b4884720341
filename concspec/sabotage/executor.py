"""concurrent.futures.ThreadPoolExecutor."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

from concspec.sabotage import replaced, sabotage


@sabotage(
    "a ThreadPoolExecutor starts a new thread for each task",
    "ThreadPoolExecutor 为每个任务启动一个新线程",
)
def thread_for_each_task() -> Iterator[None]:
    def submit(_: ThreadPoolExecutor, call: Callable[..., Any], *args: Any) -> Future[Any]:
        future: Future[Any] = Future()
        threading.Thread(target=lambda: future.set_result(call(*args))).start()
        return future

    with replaced(ThreadPoolExecutor, submit=submit):
        yield
