"""The spec server: a pytest that forks a process for each spec that ``SpecServer`` asks for."""

from __future__ import annotations

import contextlib
import os
import pickle
import resource
import signal
import sys
import time
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import Any, NoReturn

import pytest
from _pytest.runner import runtestprotocol

BOUND = 30.0
"""Seconds that a spec may take: ten times what the slowest needs beside two busy neighbours."""

_GRACE = 3.0
"""Seconds that the processes of a spec at its bound have to write their stacks."""


def pytest_addoption(parser: pytest.Parser) -> None:
    """Declare the pipe to the pytest that the user started."""
    parser.addoption("--spec-server", type=int, metavar="FD", help="descriptor of the pipe")


@pytest.hookimpl(tryfirst=True)
def pytest_runtestloop(session: pytest.Session) -> bool:
    """Run what is asked for until the other end of the pipe is closed.

    Says first that it is ready. A request is a node id; its answer is a pair: the reports, as
    pytest serialises them, and what went wrong with the process that made them, or None.
    """
    connection: Connection = Connection(session.config.getoption("--spec-server"))
    os.set_inheritable(connection.fileno(), False)  # programs that a spec runs have no use of it
    items = {item.nodeid: item for item in session.items}
    children = _Children(connection)
    reports = Path(session.config.getoption("basetemp")).with_name("reports")
    connection.send("ready")
    while True:
        try:
            item = items[connection.recv()]
        except EOFError:
            return True
        reports.unlink(missing_ok=True)
        pid = os.fork()
        if pid == 0:
            _lead_group(0)
            children.forget()
            _run(item, reports)
        _lead_group(pid)
        problem = children.wait_for(pid)
        try:
            answer = pickle.loads(reports.read_bytes())  # noqa: S301 - its own child's
        except (OSError, EOFError, pickle.UnpicklingError):
            answer, problem = [], problem or "its process ended without a report"
        said = ""
        if problem:
            capture = session.config.pluginmanager.getplugin("capturemanager")
            said = "\n".join(capture.read_global_capture())
            problem = f"{problem}\n{said}"
        try:
            connection.send((answer, problem))
        except BrokenPipeError:  # stopped at a bound of the user's, who has our log
            sys.stderr.write(said)
            return True


def _lead_group(pid: int) -> None:
    """Give a child a process group of its own, to be killed by.

    Child and server both do it, so that there is one whichever of them goes on first.
    """
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.setpgid(pid, pid)


def _run(item: pytest.Item, file: Path) -> NoReturn:
    """Run one spec in this process, a child of the server, and end it."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    runner = os.getpid()
    status = 1
    try:
        reports = runtestprotocol(item, log=False)
        if os.getpid() == runner:
            file.write_bytes(pickle.dumps([_serialised(item, report) for report in reports]))
            if "multiprocessing.util" in sys.modules:  # what it does when an interpreter ends
                sys.modules["multiprocessing.util"]._exit_function()
            status = 0
        else:  # a child that the spec forked came out of the spec
            sys.stderr.write("".join(r.longreprtext for r in reports if r.failed))
    finally:
        os._exit(status)


def _serialised(item: pytest.Item, report: pytest.TestReport) -> dict[str, Any]:
    config = item.config
    data: dict[str, Any] = config.hook.pytest_report_to_serializable(config=config, report=report)
    return data


class _Children:
    """Waits for forked specs, with a bound, while it watches the pipe."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._woken, self._wake = os.pipe()
        os.set_blocking(self._wake, False)
        signal.set_wakeup_fd(self._wake)
        signal.signal(signal.SIGCHLD, lambda *_: None)

    def forget(self) -> None:
        """Undo in a child what the constructor did to the process."""
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        os.close(self._woken)
        os.close(self._wake)

    def wait_for(self, pid: int) -> str | None:
        """Wait for a child and end what is left of its process group; say what went wrong.

        At its bound the whole group gets SIGABRT, at which faulthandler writes the stacks of all
        threads, and then SIGKILL. So it does when the other end of the pipe is closed.
        """
        status = self._status(pid, BOUND, self._connection)
        if status is None:
            _kill(pid, signal.SIGABRT)
            self._status(pid, _GRACE)
        _kill(pid, signal.SIGKILL)
        if status is None:
            with contextlib.suppress(ChildProcessError):
                os.waitpid(pid, 0)
            return f"killed, because it did not end within {BOUND:.0f} s"
        if os.WIFSIGNALED(status):
            return f"its process was ended by {signal.Signals(os.WTERMSIG(status)).name}"
        if status:
            return f"its process ended with exit status {os.WEXITSTATUS(status)}"
        return None

    def _status(self, pid: int, bound: float, *listeners: Connection) -> int | None:
        """Wait for a child for ``bound`` seconds at most, or until a listener is gone."""
        deadline = time.monotonic() + bound
        while True:
            ended, status = os.waitpid(pid, os.WNOHANG)
            if ended:
                return status
            left = deadline - time.monotonic()
            ready = wait([*listeners, self._woken], max(left, 0))
            if self._woken in ready:
                os.read(self._woken, 4096)
            else:
                return None


def _kill(group: int, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(group, number)
