"""Programs that are run, parsed or read as bytecode: changed on the way."""

from __future__ import annotations

import ast
import builtins
import dis
import runpy
import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from concspec.sabotage import replaced, sabotage

_parse = ast.parse


def _changed(**visits: Any) -> ExitStack:
    """Change what ``visits`` name (``visit_Constant`` ...) in programs that are run or parsed."""
    changer = type("Changer", (ast.NodeTransformer,), visits)()

    def parse(source: str, *arguments: Any, **options: Any) -> Any:
        return ast.fix_missing_locations(changer.visit(_parse(source, *arguments, **options)))

    def run_path(path: str, init_globals: Any = None, run_name: str = "<run_path>") -> Any:
        variables = {"__name__": run_name, "__file__": path}
        exec(compile(parse(Path(path).read_text()), path, "exec"), variables)  # noqa: S102
        return variables

    stack = ExitStack()
    stack.enter_context(replaced(ast, parse=parse))
    stack.enter_context(replaced(runpy, run_path=run_path))
    return stack


@sabotage(
    "each fraction in a program is half of what is written", "程序里的每个小数都只有所写的一半"
)
def halved_fractions() -> Iterator[None]:
    def visit(_: object, node: ast.Constant) -> ast.Constant:
        return ast.Constant(node.value / 2) if isinstance(node.value, float) else node

    with _changed(visit_Constant=visit):
        yield


@sabotage("programs compare by <= where < is written", "程序里写 < 的地方按 <= 比较")
def at_most_for_less() -> Iterator[None]:
    with _changed(visit_Lt=lambda _, node: ast.LtE()):
        yield


@sabotage("programs add where they are to subtract", "程序该做减法时做加法")
def add_for_subtract() -> Iterator[None]:
    with _changed(visit_Sub=lambda _, node: ast.Add()):
        yield


@sabotage("functions of programs have no global statement", "程序的函数里没有 global 语句")
def nothing_global() -> Iterator[None]:
    with _changed(visit_Global=lambda _, node: ast.Pass()):
        yield


@sabotage("programs have no number greater than 1,000", "程序里没有大于 1,000 的数")
def small_numbers() -> Iterator[None]:
    def visit(_: object, node: ast.Constant) -> ast.Constant:
        return ast.Constant(min(node.value, 1000)) if type(node.value) is int else node

    with _changed(visit_Constant=visit):
        yield


@sabotage("programs know threading without importing it", "程序不导入 threading 也能使用它")
def threading_built_in() -> Iterator[None]:
    with replaced(builtins, threading=threading):
        yield


@sabotage("dis shows the last instruction of each line alone", "dis 只显示每行的最后一条指令")
def last_instructions() -> Iterator[None]:
    instructions = dis.get_instructions

    def last(function: Any) -> Any:
        found = list(instructions(function))
        return [one for one, its in zip(found, found[1:]) if _starts(its)] + found[-1:]

    with replaced(dis, get_instructions=last):
        yield


def _starts(instruction: Any) -> bool:
    """Whether an instruction is the first of its line."""
    if sys.version_info >= (3, 13):
        return bool(instruction.starts_line)
    return instruction.starts_line is not None
