"""The spec server: a pytest that forks a process for each spec that ``SpecServer`` asks for."""

from __future__ import annotations

import contextlib
import gc
import os
import pickle
import resource
import shutil
import signal
import sys
import tempfile
import time
import traceback
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import Any

import pytest
from _pytest.runner import runtestprotocol

from concspec import processes
from concspec.falsification import falsifier_of
from concspec.isolation import SURROUNDINGS

BOUND = 30.0
"""Seconds that a spec may take: ten times what the slowest needs beside two busy neighbours."""

_GRACE = 3.0
"""Seconds that the processes of a spec at its bound have to write their stacks."""


def pytest_addoption(parser: pytest.Parser) -> None:
    """Declare the pipe to the pytest that the user started."""
    parser.addoption("--spec-server", type=int, metavar="FD", help="descriptor of the pipe")


@pytest.hookimpl(tryfirst=True)
def pytest_runtestloop(session: pytest.Session) -> bool:
    """Run what is asked for until told to end, or until the other end of the pipe is closed.

    Says first that it is ready. A request is a node id; its answer is a pair: the reports, as
    pytest serialises them, and what went wrong with the process that made them, or None. None asks
    to end. If the other end was killed, so that it did not ask, its temporary files are removed.
    """
    connection: Connection = Connection(session.config.getoption("--spec-server"))
    os.set_inheritable(connection.fileno(), False)  # programs that a spec runs have no use of it
    items = {item.nodeid: item for item in session.items}
    children = _Children(connection)
    folder = Path(session.config.getoption("basetemp")).parent
    reports = folder / "reports"
    processes.adopt_orphans()
    session.config.stash[SURROUNDINGS] = {
        "adopter": os.getpid(),
        "folder": Path(tempfile.gettempdir()),
    }
    if hasattr(gc, "freeze"):  # specs need not go through what is here when they collect garbage
        gc.freeze()
    with contextlib.suppress(BrokenPipeError):
        connection.send("ready")
    while True:
        try:
            asked = connection.recv()
        except (EOFError, ConnectionResetError):
            shutil.rmtree(folder, ignore_errors=True)
            return True
        if asked is None:
            return True
        if asked not in items:
            unknown = "collected anew, it is not there: is its name always the same?"
            with contextlib.suppress(BrokenPipeError):
                connection.send(([], unknown))
            continue
        reports.unlink(missing_ok=True)
        problem = children.wait_for(_begin(items[asked], reports, children))
        try:
            answer = pickle.loads(reports.read_bytes())  # noqa: S301 - its own child's
        except FileNotFoundError:
            answer, problem = [], problem or "its process ended without a report"
        said = ""
        if problem:
            capture = session.config.pluginmanager.getplugin("capturemanager")
            said = "\n".join(capture.read_global_capture())
            problem = f"{problem}\n{said}"
        if connection.poll():  # stopped at a bound of the user's, who has our log
            sys.stderr.write(said)
            continue
        with contextlib.suppress(BrokenPipeError):
            connection.send((answer, problem))


def _begin(item: pytest.Item, reports: Path, children: _Children) -> int:
    """Fork a process that runs a spec and ends with this one; give its id."""
    server = os.getpid()
    pid = os.fork()
    if pid == 0:
        status = 1
        try:
            _lead_group(0)
            children.forget()
            processes.end_with_parent()
            if os.getppid() == server:  # which may have ended before
                status = _run(item, reports)
        except BaseException:  # noqa: BLE001 - such as an interrupt, or a disk that is full
            traceback.print_exc()
        finally:
            try:
                sys.stderr.flush()  # PyPy 3.9 does not write it line by line
            finally:
                os._exit(status)
    _lead_group(pid)
    return pid


def _lead_group(pid: int) -> None:
    """Give a child a process group of its own, to be killed by.

    Child and server both do it, so that there is one whichever of them goes on first.
    """
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.setpgid(pid, pid)


def _run(item: pytest.Item, file: Path) -> int:
    """Run one spec in this process, a child of the server; give its exit status."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    runner = os.getpid()
    reports = runtestprotocol(item, log=False)
    if os.getpid() != runner:  # a child that the spec forked came out of the spec
        sys.stderr.write("".join(r.longreprtext for r in reports if r.failed))
        return 1
    part = file.with_suffix(".part")  # who is killed while writing gives no report
    part.write_bytes(pickle.dumps([_serialised(item, report) for report in reports]))
    part.replace(file)
    if "multiprocessing.util" in sys.modules and falsifier_of(item) is None:
        # What it does when an interpreter ends; under a sabotage that may take forever.
        sys.modules["multiprocessing.util"]._exit_function()
    with contextlib.suppress(OSError, ValueError):  # nobody reads it, or it is closed
        print(end="", flush=True)  # noqa: T201 - what the spec printed, if there is anywhere to
    return 0


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
        self._connection.close()  # its end says that the server has ended

    def wait_for(self, pid: int) -> str | None:
        """Wait for a child and end what is left of its family; say what went wrong.

        At its bound all of them are stopped, and get SIGABRT one after the other, at which
        faulthandler writes the stacks of all threads; and then SIGKILL. So they do when the other
        end of the pipe is closed.
        """
        status = self._status(pid, BOUND, self._connection)
        if status is None:
            family = map(str, processes.descendants(os.getpid()))
            problem = f"killed, because it did not end within {BOUND:.0f} s"
            problem = "\n  process ".join([problem, *family])
            _signal(pid, signal.SIGSTOP)
            _signal(pid, signal.SIGABRT, signal.SIGCONT, grace=_GRACE)
            self._all_ended(_GRACE)
        self._end_family(pid)
        if status is None:
            return problem
        if os.WIFSIGNALED(status):
            number = os.WTERMSIG(status)
            names = {known.value: known.name for known in signal.Signals}  # not of real-time ones
            return f"its process was ended by {names.get(number, f'signal {number}')}"
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
            if not self._wait_for_any(deadline, *listeners):
                return None

    def _end_family(self, group: int) -> None:
        """Kill what there is of a family, again and again for what was forked meanwhile."""
        if sys.platform != "linux":  # nobody adopts its orphans there
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(group, signal.SIGKILL)
        deadline = time.monotonic() + _GRACE
        bound = 0.0
        in_time = True
        while in_time and not self._all_ended(bound):
            in_time = time.monotonic() < deadline
            _signal(group, signal.SIGKILL, spare_tracker=in_time)
            bound = 0.1

    def _all_ended(self, bound: float) -> bool:
        """Wait for all children and adopted orphans, for ``bound`` seconds at most."""
        deadline = time.monotonic() + bound
        while True:
            try:
                while os.waitpid(-1, os.WNOHANG)[0]:
                    pass
            except ChildProcessError:
                return True
            if not self._wait_for_any(deadline):
                return False

    def _wait_for_any(self, deadline: float, *listeners: Connection) -> bool:
        """Wait for the end of any child, till then at most, or until a listener has gone."""
        ready = wait([*listeners, self._woken], max(deadline - time.monotonic(), 0))
        if self._woken not in ready:
            return False
        os.read(self._woken, 4096)
        return True


def _signal(
    group: int, *numbers: signal.Signals, grace: float = 0.0, spare_tracker: bool = True
) -> None:
    """Send signals to a family, wherever its processes are; to its group, where none can be seen.

    Each process gets its share of ``grace`` to end before the next one has its turn.
    multiprocessing's resource tracker is spared, and goes on if it was stopped: it ends when all
    others have, and unlinks what they left.
    """
    family = processes.descendants(os.getpid())
    for number in numbers if not family else ():
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(group, number)
    for process in family:
        spared = spare_tracker and process.tracks_resources
        with contextlib.suppress(ProcessLookupError, PermissionError):
            for number in [signal.SIGCONT] if spared else numbers:
                os.kill(process.pid, number)
        if not spared:
            process.wait(grace / len(family))
