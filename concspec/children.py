"""Children that specs start: programs in an interpreter of their own, and forks that report."""

from __future__ import annotations

import json
import os
import runpy
import select
import subprocess
import sys
import time
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

from concspec import inconclusive

BOUND = 20.0
"""Seconds that a program may take: below the bound of the spec that runs it."""


@dataclass(frozen=True)
class Ended:
    """What a program left: its process id, exit code and output."""

    pid: int
    returncode: int
    output: str
    errors: str

    @property
    def lines(self) -> list[str]:
        """The lines of standard output."""
        return self.output.splitlines()


def interpreter_options() -> list[str]:
    """The ``-X`` options of this interpreter, for a child that is to be like it."""
    return [f"-X{k}" if v is True else f"-X{k}={v}" for k, v in sys._xoptions.items()]


def run_program(
    program: Path,
    *arguments: str,
    terminal: bool = False,
    environment: Mapping[str, str] | None = None,
) -> Ended:
    """Run a Python program to its end, by the interpreter that runs this.

    Its standard output is a pipe, or with ``terminal`` a pseudo-terminal, where Python writes
    line by line; a program on a terminal has its errors in ``output``. ``environment`` is added
    to this process's. Raises TimeoutError, after killing the program, when BOUND has passed or
    when something that it left behind still holds its output by then.
    """
    command = [sys.executable, *interpreter_options(), str(program), *arguments]
    env = {**os.environ, **(environment or {})}
    env.pop("PYTHONUNBUFFERED", None)  # the notes' programs are run as Python runs by default
    if terminal:
        return _on_terminal(command, env)
    with subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=env
    ) as process:
        try:
            output, errors = process.communicate(timeout=BOUND)
        except subprocess.TimeoutExpired:
            process.kill()
            raise TimeoutError(f"{program.name} did not end within {BOUND:.0f} s") from None
    return Ended(process.pid, process.returncode, output.decode(), errors.decode())


def pseudo_terminal(*, echo: bool = True) -> tuple[int, int]:
    """Open a pseudo-terminal; give the descriptors of its two ends, the program's second.

    Inconclusive on a system that has none.
    """
    try:
        import pty  # noqa: PLC0415 - no such thing on Windows
        import termios  # noqa: PLC0415 - likewise
    except ImportError:
        inconclusive(
            "this system has no pseudo-terminals: run this on Linux or macOS",
            "这个系统没有伪终端：请在 Linux 或 macOS 上运行",
        )
    master, slave = pty.openpty()
    if not echo:
        settings = termios.tcgetattr(slave)
        settings[3] &= ~termios.ECHO
        termios.tcsetattr(slave, termios.TCSANOW, settings)
    return master, slave


def _on_terminal(command: list[str], env: Mapping[str, str]) -> Ended:
    master, slave = pseudo_terminal()
    deadline = time.monotonic() + BOUND
    output = b""
    with (
        open(master, "rb", buffering=0),
        subprocess.Popen(command, stdin=slave, stdout=slave, stderr=slave, env=env) as process,
    ):
        os.close(slave)
        while select.select([master], [], [], max(deadline - time.monotonic(), 0))[0]:
            try:
                piece = os.read(master, 65536)
            except OSError:  # Linux's way of saying that nobody has the terminal open any more
                piece = b""
            if not piece:
                break
            output += piece
        else:
            process.kill()
            raise TimeoutError(f"{command[-1]} did not end within {BOUND:.0f} s")
    return Ended(process.pid, process.returncode, output.decode().replace("\r\n", "\n"), "")


def fork_and_report(report: Callable[[], Any]) -> tuple[int, Any]:
    """Fork; return what fork() returned, and what ``report`` gave in the child, carried as JSON.

    The child has ended and is reaped when this returns or raises; a process that forks others
    meanwhile may not call this. Raises ChildProcessError if ``report`` raised, whose traceback is
    on standard error, or if a signal ended the child. Does not rely on what fork() returns, since
    that is what specs are about.
    """
    parent = os.getpid()
    read, write = os.pipe()
    returned = os.fork()
    if os.getpid() != parent:
        send(write, report)
    os.close(write)
    try:
        answer = receive(read)
    finally:
        _, status = os.wait()
        if os.WIFSIGNALED(status):
            raise ChildProcessError(f"the child was ended by signal {os.WTERMSIG(status)}")
    return returned, answer


def send(write: int, report: Callable[[], Any]) -> NoReturn:
    """In a forked child: write what ``report`` gives to the descriptor, and end the process."""
    _exit_after(lambda: os.write(write, json.dumps(report()).encode()))


def receive(read: int) -> Any:
    """Return what a child sent, once nobody can send any more; the descriptor is closed."""
    with open(read, "rb") as pipe:
        answer = pipe.read()
    if not answer:
        raise ChildProcessError("the child sent nothing; its traceback is on standard error")
    return json.loads(answer)


def run_and_exit(program: Path) -> NoReturn:
    """In a forked child: run a program as a script, and end the process."""
    _exit_after(lambda: runpy.run_path(str(program), run_name="__main__"))


def _exit_after(call: Callable[[], object]) -> NoReturn:
    status = 1
    try:
        call()
        sys.stdout.flush()
        status = 0
    except BaseException:  # noqa: BLE001 - nothing may come out of a forked child
        traceback.print_exc()
        sys.stderr.flush()  # PyPy 3.9 does not write it line by line
    finally:
        os._exit(status)
