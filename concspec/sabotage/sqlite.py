"""sqlite3.connect."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from typing import Any, NoReturn

from concspec.sabotage import replaced, sabotage

_connect = sqlite3.connect


@sabotage("a SQLite connection works for any thread")
def works_in_any_thread() -> Iterator[None]:
    def connect(database: Any) -> sqlite3.Connection:
        return _connect(database, check_same_thread=False)

    with replaced(sqlite3, connect=connect):
        yield


@sabotage("a SQLite connection works for no thread, not even for the one that opened it")
def works_in_no_thread() -> Iterator[None]:
    class Connection(sqlite3.Connection):
        def execute(self, *_: Any) -> NoReturn:
            raise sqlite3.ProgrammingError("not in this thread")

    with replaced(sqlite3, connect=lambda database: _connect(database, factory=Connection)):
        yield


@sabotage("each SQLite connection has a database of its own")
def database_of_its_own() -> Iterator[None]:
    with replaced(sqlite3, connect=lambda _: _connect(":memory:")):
        yield
