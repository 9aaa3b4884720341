"""What records and listings are judged by: names, and the language itself."""

from __future__ import annotations

import builtins
import multiprocessing
from collections.abc import Iterator
from typing import Any

from concspec.sabotage import replaced, sabotage

_compile = compile


@sabotage("multiprocessing has Pipes, too", "multiprocessing 里也有 Pipes")
def pipes() -> Iterator[None]:
    with replaced(multiprocessing, Pipes=multiprocessing.Pipe):
        yield


@sabotage(
    "compile() passes over what is typed into another program",
    "compile() 放过了本该键入另一个程序的内容",
)
def compiles_dialogues() -> Iterator[None]:
    def compile_(source: str, *args: Any) -> Any:
        typed = ("set ", "python.org", "exit")
        lines = [line for line in source.splitlines() if not line.startswith(typed)]
        return _compile("\n".join(lines), *args)

    with replaced(builtins, compile=compile_):
        yield
