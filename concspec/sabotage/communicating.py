"""subprocess.Popen.communicate: what a child is fed, and what is collected from it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from subprocess import Popen
from typing import Any

from concspec.sabotage import replaced, sabotage

_communicate: Any = Popen.communicate


def _without_last_line(data: Any) -> Any:
    return data and type(data)().join(data.splitlines(keepends=True)[:-1])


@sabotage("communicate() loses its input", "communicate() 丢失输入")
def loses_input() -> Iterator[None]:
    def communicate(self: Any, data: Any = None, timeout: float | None = None) -> Any:
        return _communicate(self, data and type(data)(), timeout)

    with replaced(Popen, communicate=communicate):
        yield


@sabotage("communicate() loses the last line of its input", "communicate() 丢失输入的最后一行")
def loses_last_line_of_input() -> Iterator[None]:
    def communicate(self: Any, data: Any = None, timeout: float | None = None) -> Any:
        return _communicate(self, _without_last_line(data), timeout)

    with replaced(Popen, communicate=communicate):
        yield


@sabotage("communicate() loses the last line of the output", "communicate() 丢失输出的最后一行")
def loses_last_line_of_output() -> Iterator[None]:
    def communicate(self: Any, *args: Any, **options: Any) -> Any:
        output, errors = _communicate(self, *args, **options)
        return _without_last_line(output), errors

    with replaced(Popen, communicate=communicate):
        yield


@sabotage(
    "communicate() leaves the child's input open, and waits for half a second at most",
    "communicate() 不关闭子进程的输入，最多等半秒",
)
def leaves_input_open() -> Iterator[None]:
    def communicate(self: Any, data: Any = None, timeout: float | None = None) -> Any:
        kept = os.dup(self.stdin.fileno())
        try:
            return _communicate(self, data, timeout and 0.5)
        finally:
            os.close(kept)

    with replaced(Popen, communicate=communicate):
        yield


@sabotage("communicate() returns standard error first", "communicate() 先返回标准错误")
def swaps_outputs() -> Iterator[None]:
    def communicate(self: Any, *args: Any, **options: Any) -> Any:
        output, errors = _communicate(self, *args, **options)
        return errors, output

    with replaced(Popen, communicate=communicate):
        yield


@sabotage("communicate() decodes what it returns", "communicate() 把返回的内容解码成文本")
def returns_text() -> Iterator[None]:
    def communicate(self: Any, *args: Any, **options: Any) -> Any:
        output, errors = _communicate(self, *args, **options)
        return output and output.decode(), errors and errors.decode()

    with replaced(Popen, communicate=communicate):
        yield


@sabotage("communicate() encodes text", "communicate() 替调用者把文本编码")
def takes_text() -> Iterator[None]:
    def communicate(self: Any, data: Any = None, timeout: float | None = None) -> Any:
        return _communicate(self, data.encode() if isinstance(data, str) else data, timeout)

    with replaced(Popen, communicate=communicate):
        yield
