"""sqlite3.connect."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from typing import Any, NoReturn

from concspec.sabotage import replaced, sabotage

_connect = sqlite3.connect


@sabotage("a SQLite connection works for any thread", "SQLite 连接在任何线程里都能用")
def works_in_any_thread() -> Iterator[None]:
    def connect(database: Any) -> sqlite3.Connection:
        return _connect(database, check_same_thread=False)

    with replaced(sqlite3, connect=connect):
        yield


@sabotage(
    "a SQLite connection works for no thread, not even for the one that opened it",
    "SQLite 连接在哪个线程里都不能用，连打开它的线程也不行",
)
def works_in_no_thread() -> Iterator[None]:
    class Connection(sqlite3.Connection):
        def execute(self, *_: Any) -> NoReturn:
            raise sqlite3.ProgrammingError("not in this thread")

    with replaced(sqlite3, connect=lambda database: _connect(database, factory=Connection)):
        yield


@sabotage("each SQLite connection has a database of its own", "每个 SQLite 连接各有自己的数据库")
def database_of_its_own() -> Iterator[None]:
    with replaced(sqlite3, connect=lambda _: _connect(":memory:")):
        yield
