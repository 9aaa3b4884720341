"""print(), and whether it flushes what it prints to."""

from __future__ import annotations

import builtins
from collections.abc import Iterator
from typing import Any

from concspec.sabotage import replaced, sabotage

_print = print


@sabotage("print() always flushes", "print() 总是立即写出")
def always_flushed() -> Iterator[None]:
    def print_(*values: object, **options: Any) -> None:
        _print(*values, **{**options, "flush": True})

    with replaced(builtins, print=print_):
        yield


@sabotage("print() never flushes", "print() 从不立即写出")
def never_flushed() -> Iterator[None]:
    def print_(*values: object, **options: Any) -> None:
        _print(*values, **{**options, "flush": False})

    with replaced(builtins, print=print_):
        yield
