"""multiprocessing.connection.Connection, the ends of a pipe."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from multiprocessing.connection import Connection
from typing import Any

from concspec.sabotage import replaced, sabotage

_recv = Connection.recv


@sabotage("recv() returns None when there is no message yet", "还没有消息时，recv() 返回 None")
def recv_does_not_wait() -> Iterator[None]:
    def recv(end: Any) -> Any:
        return _recv(end) if end.poll() else None

    with replaced(Connection, recv=recv):
        yield


@sabotage(
    "while a thread waits for a message, no other can",
    "一个线程在等消息时，别的线程都不能等",
    blocks=True,
)
def one_waits_at_a_time() -> Iterator[None]:
    waiting = threading.Lock()

    def recv(end: Any) -> Any:
        with waiting:
            return _recv(end)

    with replaced(Connection, recv=recv):
        yield
