"""sys.stdout and print(): when what was printed is written."""

from __future__ import annotations

import builtins
import sys
from collections.abc import Iterator
from typing import Any

from concspec.sabotage import replaced, sabotage

_print = print


def _with_line_buffering(value: bool) -> Iterator[None]:
    stdout: Any = sys.stdout
    before = stdout.line_buffering
    stdout.reconfigure(line_buffering=value)
    try:
        yield
    finally:
        stdout.reconfigure(line_buffering=before)


@sabotage("sys.stdout writes line by line, whatever it leads to")
def line_by_line() -> Iterator[None]:
    yield from _with_line_buffering(True)


@sabotage("sys.stdout does not write line by line, not even to a terminal")
def block_by_block() -> Iterator[None]:
    yield from _with_line_buffering(False)


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
