"""os.fork, os.getppid, and how a child comes to be."""

from __future__ import annotations

import os
from collections.abc import Iterator

from concspec.sabotage import replaced, sabotage

_fork = os.fork
_getppid = os.getppid


@sabotage("fork() returns the child's id in the child, too")
def pid_in_child() -> Iterator[None]:
    with replaced(os, fork=lambda: _fork() or os.getpid()):
        yield


@sabotage("fork() returns 0 in the parent, too")
def zero_in_parent() -> Iterator[None]:
    with replaced(os, fork=lambda: _fork() * 0):
        yield


@sabotage("fork() returns the parent's own id in the parent")
def own_pid_in_parent() -> Iterator[None]:
    with replaced(os, fork=lambda: _fork() and os.getpid()):
        yield


@sabotage("the child of fork() ends before it returns")
def child_never_returns() -> Iterator[None]:
    def fork() -> int:
        pid = _fork()
        if pid == 0:
            os._exit(0)
        return pid

    with replaced(os, fork=fork):
        yield


@sabotage("fork() returns when the child has ended", blocks=True)
def waits_for_child() -> Iterator[None]:
    def fork() -> int:
        pid = _fork()
        if pid:
            os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
        return pid

    with replaced(os, fork=fork):
        yield


@sabotage("getppid() gives what it gave when the process was forked, for good")
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


@sabotage("getppid() gives the id of the parent's parent")
def grandparent_for_parent() -> Iterator[None]:
    parent = _getppid()
    with replaced(os, getppid=lambda: parent):
        yield
