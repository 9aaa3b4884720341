"""multiprocessing.Pipe: what comes out at its other end."""

from __future__ import annotations

from collections.abc import Iterator
from multiprocessing.connection import Connection
from typing import Any

from concspec.sabotage import replaced, sabotage

_recv: Any = Connection.recv


@sabotage("recv() gives None for every message", "recv() 收到的每条消息都是 None")
def deliver_none() -> Iterator[None]:
    def recv(self: Any) -> None:
        _recv(self)

    with replaced(Connection, recv=recv):
        yield
