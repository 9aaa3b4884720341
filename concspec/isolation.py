"""Runs each spec in a process of its own, forked by a second pytest that does nothing else.

Specs fork, kill and corrupt. The pytest that the user started, its plugins and the threads of
pytest-xdist must not be forked along, so a *spec server* (``concspec.server``) is started once:
a fresh interpreter with one thread, which collects the same files and then, on request, forks a
child that runs one spec in a session of its own. The child's reports come back over a pipe and
are handed to pytest as if the spec had run here.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from multiprocessing.connection import Connection, Pipe
from pathlib import Path
from typing import Any

import pytest

from concspec.alone import failed
from concspec.children import interpreter_options
from concspec.processes import kill_all_with

CAN_FORK = hasattr(os, "fork")

SURROUNDINGS = pytest.StashKey[dict[str, Any]]()
"""What the spec server tells the guard: where orphans and temporary files of a spec are."""


BOUND = 120.0
"""Seconds that the server may take to collect, or to answer: four times a spec's bound."""

_GRACE = 30.0
"""Seconds that the server may take to end: three times what a family that resists takes it."""


class SpecServer:
    """The parent's end of the spec server."""

    def __init__(self, config: pytest.Config, files: Sequence[Path]) -> None:
        """Serve specs out of ``files``, with the options that ``config`` was given."""
        self._config = config
        self._files = files
        self._folder = tempfile.TemporaryDirectory(prefix="concspec-")
        self._log_file = Path(self._folder.name, "server.log")
        self._temporary = Path(self._folder.name, "tmp")
        self._temporary.mkdir()
        self._log_start = 0
        self._process: subprocess.Popen[bytes] | None = None
        self._connection: Connection

    def run(self, item: pytest.Item) -> Iterator[pytest.TestReport]:
        """Run one spec and give its reports, one a phase.

        A spec that died or was stopped at its bound gives a failed report that says so, with the
        stacks of its threads and children, and all else that it left on standard error.
        Raises UsageError behind it if the server cannot be started again.
        """
        answers: list[dict[str, Any]] = []
        lost = True
        try:
            answers, problem = self._ask(item.nodeid)
            lost = False
        except TimeoutError as hang:
            problem = str(hang)
        except (EOFError, OSError):
            problem = "the spec server died under it"
        except pytest.fail.Exception as failure:  # pytest-timeout: the bound that the user gave
            problem = str(failure.msg)
        except BaseException:
            self._end()
            raise
        hook = self._config.hook
        if self._config.pluginmanager.has_plugin("timeout"):  # bounds the spec, not what follows
            hook.pytest_timeout_cancel_timer(item=item)
        if lost:
            self._end()
        for answer in answers:
            yield hook.pytest_report_from_serializable(config=self._config, data=answer)
        if problem:
            yield failed(item, f"{problem}\n{self._log()}")
        if lost:
            self.start()

    def close(self) -> None:
        """Stop the server, with whatever it still runs, and remove its temporary files."""
        self._end()
        self._folder.cleanup()

    def start(self) -> None:
        """Start the server and wait until it has collected the specs.

        Raises UsageError with what the server wrote if it ends instead, or does not get there.
        """
        self._connection, there = Pipe()
        options = self._config.option
        rootdir = self._config.rootpath
        with self._log_file.open("wb") as log:
            self._process = subprocess.Popen(
                [
                    sys.executable,
                    *interpreter_options(),
                    *("-m", "pytest", "-p", "concspec.server", "-p", "no:xdist"),
                    *("-p", "no:cacheprovider", "--quiet", "--no-header"),
                    *(
                        [f"--randomly-seed={options.randomly_seed}", "--randomly-dont-reorganize"]
                        if getattr(options, "randomly_reset_seed", False)  # pytest-randomly's
                        else ["-p", "no:randomly"]
                    ),
                    *("--timeout=0", f"--spec-server={there.fileno()}", f"--rootdir={rootdir}"),
                    *(["-c", str(self._config.inipath)] if self._config.inipath else []),
                    *(["--showlocals"] if options.showlocals else []),
                    *["--verbose"] * max(options.verbose, 0),
                    *(f"-W{warning}" for warning in options.pythonwarnings or ()),
                    *(f"-o{setting}" for setting in options.override_ini or ()),
                    *(f"--tb={options.tbstyle}", f"--lang={options.lang}"),
                    *(["--falsify"] if options.falsify else []),
                    f"--capture={options.capture}",
                    f"--basetemp={self._folder.name}/basetemp",
                    *map(str, self._files),
                ],
                cwd=rootdir,
                pass_fds=[there.fileno()],
                env={**os.environ, "TMPDIR": os.fspath(self._temporary), "PYTHONFAULTHANDLER": "1"},
                stdin=subprocess.DEVNULL,
                stdout=None if options.capture == "no" else log,
                stderr=None if options.capture == "no" else log,
                start_new_session=True,
            )
        there.close()
        with contextlib.suppress(EOFError):
            if self._connection.poll(BOUND):
                self._connection.recv()
                return
        self._end()
        raise pytest.UsageError(f"the spec server did not start:\n{self._log()}")

    def _ask(self, nodeid: str) -> tuple[list[dict[str, Any]], str | None]:
        self._log_start = self._log_file.stat().st_size
        self._connection.send(nodeid)
        # pytest-timeout may interrupt this, but not a half-read answer
        if not self._connection.poll(BOUND):
            raise TimeoutError(f"the spec server did not answer within {BOUND:.0f} s")
        answer: tuple[list[dict[str, Any]], str | None] = self._connection.recv()
        return answer

    def _end(self) -> None:
        if self._process is not None:
            with contextlib.suppress(OSError):  # it has died
                self._connection.send(None)  # the order to kill its spec and end
            self._connection.close()
            try:
                self._process.wait(_GRACE)
            except subprocess.TimeoutExpired:
                sys.stderr.write(f"the spec server was killed: no end within {_GRACE:.0f} s\n")
                self._process.kill()
                self._process.wait()
            self._process = None
            # What its specs started has nobody else who ends it, unless the server could.
            kill_all_with(f"TMPDIR={self._temporary}", _GRACE)

    def _log(self) -> str:
        with self._log_file.open(encoding="utf-8", errors="replace") as log:
            log.seek(self._log_start)
            return log.read()
