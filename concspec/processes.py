"""The family of a process, as Linux's /proc shows it; elsewhere there is nothing to see."""

from __future__ import annotations

import contextlib
import ctypes
import os
import select
import signal
import sys
import time
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from textwrap import shorten

_PROC = Path("/proc")
_PR_SET_PDEATHSIG, _PR_SET_CHILD_SUBREAPER = 1, 36  # linux/prctl.h
_PIDFD_OPEN = 434  # asm-generic/unistd.h; PyPy has no os.pidfd_open


@dataclass(frozen=True)
class Process:
    """A process: what it runs, who waits for it, and whether that is all that is left to do."""

    pid: int
    parent: int
    zombie: bool
    name: str

    def __str__(self) -> str:
        """Give the process id, and the command line or what is known instead."""
        command = self.command
        told = shorten(command, 100) if command else f"{self.name}, ended and not waited for"
        return f"{self.pid} ({told})"

    @property
    def command(self) -> str:
        """The command line; nothing if it has ended."""
        with contextlib.suppress(OSError):
            command = (_PROC / str(self.pid) / "cmdline").read_bytes().rstrip(b"\0")
            return command.replace(b"\0", b" ").decode(errors="replace")
        return ""

    @property
    def environment(self) -> list[bytes]:
        """The variables that it was started with, as NAME=VALUE; none if it is another user's."""
        with contextlib.suppress(OSError):
            return (_PROC / str(self.pid) / "environ").read_bytes().split(b"\0")
        return []

    @property
    def tracks_resources(self) -> bool:
        """Whether it is multiprocessing's resource tracker."""
        return "from multiprocessing.resource_tracker import main" in self.command

    def wait(self, bound: float) -> None:
        """Wait for its end, whosever child it is, for ``bound`` seconds at most (Linux 5.3+)."""
        descriptor = ctypes.CDLL(None).syscall(_PIDFD_OPEN, self.pid, 0)
        if descriptor >= 0:
            select.select([descriptor], [], [], bound)
            os.close(descriptor)


def descendants(ancestor: int) -> list[Process]:
    """List the children of a process and theirs, zombies among them."""
    children = defaultdict(list)
    for process in _all():
        children[process.parent].append(process)
    found = [*children[ancestor]]
    for process in found:
        found += children[process.pid]
    return found


def _all() -> Iterator[Process]:
    for folder in _PROC.iterdir() if (_PROC / "self").exists() else ():
        if folder.name.isdigit():
            with contextlib.suppress(OSError):  # it has ended meanwhile
                start, _, rest = (folder / "stat").read_text(errors="replace").rpartition(")")
                state, parent = rest.split()[:2]
                name = start.partition("(")[2]
                yield Process(int(folder.name), int(parent), state in "ZX", name)


def kill_all_with(variable: str, bound: float) -> None:
    """Kill the processes that were started with a variable, as NAME=VALUE, in their environment.

    multiprocessing's resource tracker is spared for ``bound`` seconds, and goes on if it was
    stopped: it ends when all others have, and unlinks what they left.
    """
    deadline = time.monotonic() + bound
    in_time = True
    while in_time and (
        found := [process for process in _all() if os.fsencode(variable) in process.environment]
    ):
        in_time = time.monotonic() < deadline
        for process in found:
            spared = in_time and process.tracks_resources
            with contextlib.suppress(ProcessLookupError):
                os.kill(process.pid, signal.SIGCONT if spared else signal.SIGKILL)
        found[0].wait(0.1)


def adopt_orphans() -> None:
    """Become the parent of every descendant whose own parent ends, whatever its session."""
    _prctl(_PR_SET_CHILD_SUBREAPER, 1)


def end_with_parent() -> None:
    """Have this process killed when its parent ends."""
    _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def _prctl(option: int, value: int) -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(option, value, 0, 0, 0)
