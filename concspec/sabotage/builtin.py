"""Built-in functions and names."""

from __future__ import annotations

import ast
import builtins
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from typing import Any

from concspec.sabotage import replaced, sabotage

_compile = builtins.compile
_print = builtins.print


def _functions_changed(change: Callable[[ast.FunctionDef], None]) -> AbstractContextManager[None]:
    """Let compile() change each function, but not for import and ast, which give it flags."""

    def changed(source: Any, filename: Any, mode: str, *flags: Any, **options: Any) -> Any:
        if flags or "dont_inherit" in options:
            return _compile(source, filename, mode, *flags, **options)
        tree: Any = _compile(source, filename, mode, ast.PyCF_ONLY_AST)
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef):
                change(node)
        return _compile(ast.fix_missing_locations(tree), filename, mode)

    return replaced(builtins, compile=changed)


@sabotage("a variable that a function binds is global", "函数里赋值的变量是全局变量")
def compile_without_locals() -> Iterator[None]:
    def make_global(function: ast.FunctionDef) -> None:
        names = [n for n in ast.walk(function) if isinstance(n, ast.Name)]
        bound = {name.id for name in names if isinstance(name.ctx, ast.Store)}
        if bound:
            function.body.insert(0, ast.Global(sorted(bound)))

    with _functions_changed(make_global):
        yield


@sabotage(
    "a function has no parameters: it finds the names in its globals",
    "函数没有形参：它在全局变量里找这些名字",
)
def compile_without_parameters() -> Iterator[None]:
    def drop(function: ast.FunctionDef) -> None:
        function.args.args.clear()

    with _functions_changed(drop):
        yield


@sabotage("print() does not write what it wrote before", "print() 不再写出以前写过的内容")
def print_without_repetition() -> Iterator[None]:
    written = set()

    def print_once(*values: object) -> None:
        if values not in written:
            written.add(values)
            _print(*values)

    with replaced(builtins, print=print_once):
        yield


@sabotage("Student and its subtasks are built in", "Student 及其子任务是内置的")
def student_built_in() -> Iterator[None]:
    names = dict.fromkeys(["Student", "do_subtask_1", "do_subtask_2"], lambda _: None)
    with replaced(builtins, **names):
        yield
