"""sys.stdout and print(): when what was printed is written."""

from __future__ import annotations

import builtins
import io
import os
import sys
from collections.abc import Iterator
from typing import Any

from concspec.sabotage import replaced, sabotage

_print = print


@sabotage("standard output is written line by line, wherever it goes")
def line_by_line() -> Iterator[None]:
    yield from _buffered_by_lines(now=True)


@sabotage("standard output is written block by block, on a terminal, too")
def block_by_block() -> Iterator[None]:
    yield from _buffered_by_lines(now=False)


@sabotage("standard output is written line by line, wherever it goes, but by forked children")
def line_by_line_by_parents() -> Iterator[None]:
    os.register_at_fork(after_in_child=lambda: _reconfigure(by_lines=False))
    yield from _buffered_by_lines(now=True)


@sabotage("print() always flushes")
def always_flushed() -> Iterator[None]:
    def print_(*values: object, **options: Any) -> None:
        _print(*values, **{**options, "flush": True})

    with replaced(builtins, print=print_):
        yield


@sabotage("print() never flushes")
def never_flushed() -> Iterator[None]:
    def print_(*values: object, **options: Any) -> None:
        _print(*values, **{**options, "flush": False})

    with replaced(builtins, print=print_):
        yield


def _buffered_by_lines(*, now: bool) -> Iterator[None]:
    before = _reconfigure(by_lines=now)
    yield
    _reconfigure(by_lines=before)


def _reconfigure(*, by_lines: bool) -> bool:
    """Have standard output written line by line, or not; give what it was."""
    assert isinstance(sys.stdout, io.TextIOWrapper)
    before = sys.stdout.line_buffering
    sys.stdout.reconfigure(line_buffering=by_lines)
    return before
