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
from collections.abc import Sequence
from multiprocessing.connection import Connection, Pipe
from pathlib import Path
from typing import Any

import pytest

from concspec.alone import failed
from concspec.children import interpreter_options

CAN_FORK = hasattr(os, "fork")

SURROUNDINGS = pytest.StashKey[dict[str, Any]]()
"""What the spec server tells the guard: where orphans and temporary files of a spec are."""


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

    def run(self, item: pytest.Item) -> list[pytest.TestReport]:
        """Run one spec and give its reports, one a phase.

        A spec that died or was stopped at its bound gives a failed report that says so, with the
        stacks of its threads and children, and all else that it left on standard error.
        """
        answers: list[dict[str, Any]] = []
        lost = True
        try:
            answers, problem = self._ask(item.nodeid)
            lost = False
        except (EOFError, OSError):
            problem = "the spec server died under it"
        except pytest.fail.Exception as failure:  # pytest-timeout: the bound that the user gave
            problem = str(failure.msg)
        except BaseException:
            self._end()
            raise
        if lost:
            self._end()
        reports = [
            self._config.hook.pytest_report_from_serializable(config=self._config, data=answer)
            for answer in answers
        ]
        if problem:
            reports.append(failed(item, f"{problem}\n{self._log()}"))
        if lost:
            self.start()
        return reports

    def close(self) -> None:
        """Stop the server, with whatever it still runs, and remove its temporary files."""
        self._end()
        self._folder.cleanup()

    def start(self) -> None:
        """Start the server and wait until it has collected the specs.

        Raises UsageError with what the server wrote if it ends instead.
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
                    f"--tb={options.tbstyle}",
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
        try:
            self._connection.recv()
        except EOFError:
            self._end()
            raise pytest.UsageError(f"the spec server did not start:\n{self._log()}") from None

    def _ask(self, nodeid: str) -> tuple[list[dict[str, Any]], str | None]:
        self._log_start = self._log_file.stat().st_size
        self._connection.send(nodeid)
        self._connection.poll(None)  # pytest-timeout may interrupt this, but not a half-read answer
        answer: tuple[list[dict[str, Any]], str | None] = self._connection.recv()
        return answer

    def _end(self) -> None:
        if self._process is not None:
            with contextlib.suppress(OSError):  # it has died
                self._connection.send(None)  # the order to kill its spec and end
            self._connection.close()
            self._process.wait()
            self._process = None

    def _log(self) -> str:
        with self._log_file.open(encoding="utf-8", errors="replace") as log:
            log.seek(self._log_start)
            return log.read()
