"""sys.stdout, and when it passes on what is written to it."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from typing import Any

from concspec.sabotage import sabotage


@sabotage(
    "standard output is written line by line, wherever it goes",
    "无论输出到哪里，标准输出都按行写出",
)
def line_by_line() -> Iterator[None]:
    yield from _buffered_by_lines(now=True)


@sabotage(
    "standard output is written block by block, on a terminal, too",
    "即使输出到终端，标准输出也按块写出",
)
def block_by_block() -> Iterator[None]:
    yield from _buffered_by_lines(now=False)


@sabotage(
    "standard output is written line by line, wherever it goes, except by forked children",
    "无论输出到哪里，标准输出都按行写出，fork 出的子进程除外",
)
def line_by_line_by_parents() -> Iterator[None]:
    os.register_at_fork(after_in_child=lambda: _reconfigure(by_lines=False))
    yield from _buffered_by_lines(now=True)


def _buffered_by_lines(*, now: bool) -> Iterator[None]:
    before = _reconfigure(by_lines=now)
    try:
        yield
    finally:
        _reconfigure(by_lines=before)


def _reconfigure(*, by_lines: bool) -> bool:
    """Have standard output written line by line, or not; give what it was."""
    stdout: Any = sys.stdout
    before: bool = stdout.line_buffering
    stdout.reconfigure(line_buffering=by_lines)
    return before
