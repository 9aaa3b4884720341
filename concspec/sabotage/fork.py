"""os.fork, os.getpid, os.getppid, and how a child comes to be."""

from __future__ import annotations

import ctypes
import os
import random
import select
import signal
from collections.abc import Callable, Iterator

from concspec.sabotage import replaced, sabotage

_fork: Callable[[], int] = getattr(os, "fork", int)  # Windows, without it, reads names only
_getppid = os.getppid
_read = os.read
_waitpid = os.waitpid

_NOBODY = 2**22 + 1
"""No process has this id: it is above Linux's limit."""


def _await_end(pid: int) -> None:
    """Wait until a child has ended, without reaping it; by the C library, for PyPy's sake."""
    p_pid, wexited, wnowait = 1, 4, 0x01000000
    ctypes.CDLL(None).waitid(p_pid, pid, ctypes.create_string_buffer(128), wexited | wnowait)


@sabotage(
    "fork() returns the child's id in the child, too", "fork() 在子进程里也返回子进程的进程号"
)
def pid_in_child() -> Iterator[None]:
    with replaced(os, fork=lambda: _fork() or os.getpid()):
        yield


@sabotage(
    "fork() returns 0 in the first child only, and in the others their id",
    "fork() 只在第一个子进程里返回 0，在其余子进程里返回它们的进程号",
)
def zero_once() -> Iterator[None]:
    forked = 0

    def fork() -> int:
        nonlocal forked
        forked += 1
        return _fork() or (os.getpid() if forked > 1 else 0)

    with replaced(os, fork=fork):
        yield


@sabotage("fork() returns 0 in the parent, too", "fork() 在父进程里也返回 0")
def zero_in_parent() -> Iterator[None]:
    with replaced(os, fork=lambda: _fork() * 0):
        yield


@sabotage(
    "fork() returns the parent's own id in the parent", "fork() 在父进程里返回父进程自己的进程号"
)
def own_pid_in_parent() -> Iterator[None]:
    with replaced(os, fork=lambda: _fork() and os.getpid()):
        yield


@sabotage("the child of fork() has ended when fork() returns", "fork() 返回时，子进程已经结束")
def child_never_returns() -> Iterator[None]:
    def fork() -> int:
        pid = _fork()
        if pid == 0:
            os._exit(0)
        _await_end(pid)
        return pid

    with replaced(os, fork=fork):
        yield


@sabotage("fork() makes two children", "fork() 一次创建两个子进程")
def two_children() -> Iterator[None]:
    with replaced(os, fork=lambda: _fork() and _fork()):
        yield


@sabotage(
    "fork() makes a child once, and gives that one's id again and again",
    "fork() 只创建一次子进程，以后总是返回它的进程号",
)
def one_child() -> Iterator[None]:
    only = None

    def fork() -> int:
        nonlocal only
        if only is None:
            only = _fork()
        return only

    with replaced(os, fork=fork):
        yield


@sabotage("fork() returns when the child has ended", "fork() 等子进程结束后才返回", blocks=True)
def waits_for_child() -> Iterator[None]:
    def fork() -> int:
        pid = _fork()
        if pid:
            _await_end(pid)
        return pid

    with replaced(os, fork=fork):
        yield


@sabotage(
    "a forked child is stopped until its parent waits for its end, and for nothing else",
    "fork 出的子进程会被暂停，直到父进程什么也不做、只等它结束",
)
def parent_goes_first() -> Iterator[None]:
    def fork() -> int:
        pid = _fork()
        if pid:
            _waitpid(pid, os.WUNTRACED)  # until it has stopped
        else:
            os.kill(os.getpid(), signal.SIGSTOP)
        return pid

    def read(descriptor: int, size: int) -> bytes:
        return _read(descriptor, size) if select.select([descriptor], [], [], 0)[0] else b""

    def waitpid(pid: int, options: int) -> tuple[int, int]:
        os.kill(pid, signal.SIGCONT)
        return _waitpid(pid, options)

    with replaced(os, fork=fork, read=read, waitpid=waitpid):
        yield


@sabotage("getpid() gives the same id in every process", "getpid() 在每个进程里都返回同一个进程号")
def one_id_for_all() -> Iterator[None]:
    with replaced(os, getpid=lambda: _NOBODY):
        yield


@sabotage(
    "getppid() gives what it gave when the process was forked, for good",
    "getppid() 一直返回进程被 fork 出来那一刻的值",
)
def frozen_getppid() -> Iterator[None]:
    parent = _getppid()

    def fork() -> int:
        nonlocal parent
        before = os.getpid()
        pid = _fork()
        if pid == 0:
            parent = before
        return pid

    with replaced(os, fork=fork, getppid=lambda: parent):
        yield


@sabotage("getppid() gives the id of the parent's parent", "getppid() 返回父进程的父进程的进程号")
def grandparent_for_parent() -> Iterator[None]:
    parent = _getppid()
    with replaced(os, getppid=lambda: parent):
        yield


@sabotage("getppid() gives the process's own id", "getppid() 返回进程自己的进程号")
def own_id_for_parent() -> Iterator[None]:
    with replaced(os, getppid=os.getpid):
        yield


@sabotage("getppid() gives an id that no process has", "getppid() 返回一个不属于任何进程的进程号")
def nobody_for_parent() -> Iterator[None]:
    with replaced(os, getppid=lambda: _NOBODY):
        yield


@sabotage(
    "a forked child does not seed the generator of random anew",
    "fork 出的子进程不重新设定 random 的种子",
)
def random_not_reseeded() -> Iterator[None]:
    def fork() -> int:
        state = random.getstate()
        pid = _fork()
        if pid == 0:
            random.setstate(state)
        return pid

    with replaced(os, fork=fork):
        yield


@sabotage(
    "a forked child draws other numbers from its copy of a generator than its parent would",
    "fork 出的子进程用自己那份随机数生成器，得到的数与父进程会得到的不同",
)
def generators_not_copied() -> Iterator[None]:
    def fork() -> int:
        pid = _fork()
        if pid == 0:
            setattr(random.Random, "random", random.SystemRandom().random)  # noqa: B010 - mypy
        return pid

    with replaced(os, fork=fork):
        yield
