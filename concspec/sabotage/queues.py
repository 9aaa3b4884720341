"""multiprocessing.Queue: what is put, and what comes out of it."""

from __future__ import annotations

import multiprocessing
import os
import queue as queue_of_threads
from collections.abc import Iterator
from multiprocessing.queues import JoinableQueue, Queue
from multiprocessing.reduction import ForkingPickler
from typing import Any

from concspec.sabotage import replaced, sabotage

_put: Any = Queue.put
_get: Any = Queue.get
_put_to_join: Any = JoinableQueue.put


@sabotage(
    "a Queue keeps its items in the memory of its process", "Queue 把数据保存在自己进程的内存里"
)
def in_memory() -> Iterator[None]:
    with replaced(multiprocessing, Queue=queue_of_threads.Queue):
        yield


@sabotage("put() loses its item", "put() 把数据丢失")
def loses_items() -> Iterator[None]:
    with replaced(Queue, put=lambda *_: None):
        yield


@sabotage("put() loses every hundredth item", "put() 每一百项丢一项")
def loses_every_hundredth() -> Iterator[None]:
    count = 0

    def put(self: Any, *args: Any, **options: Any) -> None:
        nonlocal count
        count += 1
        if count % 100:
            _put(self, *args, **options)

    with replaced(Queue, put=put):
        yield


@sabotage("put() puts its item twice", "put() 把同一项放入两次")
def puts_twice() -> Iterator[None]:
    def put(self: Any, *args: Any, **options: Any) -> None:
        _put(self, *args, **options)
        _put(self, *args, **options)

    with replaced(Queue, put=put):
        yield


@sabotage("get() takes the item that was put last", "get() 取出最后放入的那一项")
def last_in_first_out() -> Iterator[None]:
    taken: list[Any] = []

    def get(self: Any, *args: Any, **options: Any) -> Any:
        while not taken or not self.empty():
            taken.append(_get(self, *args, **options))
        return taken.pop()

    with replaced(Queue, get=get):
        yield


@sabotage("get() gives None for every item", "get() 取到的每一项都是 None")
def deliver_none() -> Iterator[None]:
    def get(self: Any, *args: Any, **options: Any) -> None:
        _get(self, *args, **options)

    with replaced(Queue, get=get):
        yield


@sabotage(
    "get() does not wait: it gives None when there is no item", "get() 不等待：没有数据时返回 None"
)
def get_does_not_wait() -> Iterator[None]:
    def get(self: Any, *args: Any, **options: Any) -> Any:
        return None if self.empty() else _get(self, *args, **options)

    with replaced(Queue, get=get):
        yield


@sabotage("get() ends a process that has had three items", "取过三项的进程再调用 get() 就会结束")
def three_items_only() -> Iterator[None]:
    left = iter(range(3))

    def get(self: Any, *args: Any, **options: Any) -> Any:
        if next(left, None) is None:
            os._exit(0)
        return _get(self, *args, **options)

    with replaced(Queue, get=get):
        yield


@sabotage("get() reads from the pipe without locking the queue", "get() 读管道时不给队列加锁")
def get_without_lock() -> Iterator[None]:
    def get(self: Any, *_: Any, timeout: float | None = None) -> Any:
        if timeout is not None and not self._poll(timeout):
            raise queue_of_threads.Empty
        return ForkingPickler.loads(self._recv_bytes())

    with replaced(Queue, get=get):
        yield


@sabotage(
    "put() writes into the pipe itself, which a thread should do",
    "put() 自己写管道，而这本该由一个线程来写",
    blocks=True,
)
def put_writes_itself() -> Iterator[None]:
    with replaced(multiprocessing, Queue=multiprocessing.SimpleQueue):
        yield


@sabotage(
    "put() waits until the reader has done with the item, and asks for the next",
    "put() 要等读进程处理完这一项、来要下一项时才返回",
)
def put_waits() -> Iterator[None]:
    read_from: set[int] = set()

    def put(self: Any, *args: Any, **options: Any) -> None:
        _put_to_join(self, *args, **options)
        self.join()

    def get(self: Any, *args: Any, **options: Any) -> Any:
        if id(self) in read_from:
            self.task_done()
        read_from.add(id(self))
        return _get(self, *args, **options)

    joinable = multiprocessing.JoinableQueue
    with replaced(multiprocessing, Queue=joinable), replaced(JoinableQueue, put=put, get=get):
        yield
