"""subprocess.Popen and subprocess.call: programs as children."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from subprocess import DEVNULL, PIPE, Popen
from typing import Any

from concspec.sabotage import replaced, sabotage

_init = Popen.__init__
_not_waited_for: list[object] = []
"""Kept, since a Popen that is dropped while its program runs would warn."""


def _through_shell(script: str) -> Any:
    """Give an ``__init__`` of Popen that starts a shell, whose ``"$@"`` is the program."""

    def init(self: Any, args: list[str], *more: Any, **options: Any) -> None:
        _init(self, ["sh", "-c", script, "sh", *args], *more, **options)

    return init


@sabotage(
    "Popen runs the program false, whatever it is asked for",
    "无论要求运行什么，Popen 都运行程序 false",
)
def another_is_run() -> Iterator[None]:
    with replaced(Popen, __init__=_through_shell("exec false")):
        yield


@sabotage("Popen has the program run by a child of its child", "Popen 让子进程的子进程去运行程序")
def run_by_a_grandchild() -> Iterator[None]:
    with replaced(Popen, __init__=_through_shell('"$@"; exit $?')):
        yield


@sabotage(
    "Popen gives a program an empty input, and loses what is written to it",
    "Popen 给程序空的输入，写给它的内容都丢失",
)
def input_is_empty() -> Iterator[None]:
    def init(self: Any, *args: Any, **options: Any) -> None:
        _init(self, *args, **{**options, "stdin": DEVNULL})
        if options.get("stdin") == PIPE:
            self.stdin = os.fdopen(
                os.open(os.devnull, os.O_WRONLY), "w" if self.text_mode else "wb"
            )

    with replaced(Popen, __init__=init):
        yield


@sabotage("Popen throws away what a program writes to its output", "Popen 丢弃程序写到输出的内容")
def output_is_discarded() -> Iterator[None]:
    with replaced(Popen, __init__=_through_shell('exec "$@" > /dev/null')):
        yield


@sabotage("call() writes the program's output to sys.stdout", "call() 把程序的输出写到 sys.stdout")
def output_through_python() -> Iterator[None]:
    def call(args: list[str]) -> int:
        ended = subprocess.run(args, stdout=PIPE, text=True, check=False)
        sys.stdout.write(ended.stdout)
        return ended.returncode

    with replaced(subprocess, call=call):
        yield


@sabotage("Popen.wait() returns at once", "Popen.wait() 立即返回")
def wait_returns_at_once() -> Iterator[None]:
    def wait(self: Any, timeout: float | None = None) -> None:
        _not_waited_for.append((self, timeout))

    with replaced(Popen, wait=wait):
        yield


@sabotage("the exit code of every program is taken to be 0", "任何程序的退出码都被当成 0")
def exit_code_zero() -> Iterator[None]:
    def handle(self: Any, *_: Any) -> None:
        self.returncode = 0

    with replaced(Popen, _handle_exitstatus=handle):
        yield
