"""Where there is no fork(): runs each spec alone, by a pytest in an interpreter of its own.

It takes half a second a spec. Its reports come back in a file, since there is no pipe that every
system lets a child inherit. This module is both ends: ``LonePytest`` for the pytest that the user
started, and the plugin of the one that it starts.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import pytest

from concspec.children import interpreter_options

BOUND = 30.0
"""Seconds that a spec may take, with the start of its interpreter: below those after which
pytest-timeout would end the whole run, which it can only do from a thread here."""


class LonePytest:
    """Runs specs, each by a pytest of its own."""

    def __init__(self, config: pytest.Config) -> None:
        """Run specs with the options that ``config`` was given."""
        self._config = config
        self._folder = tempfile.TemporaryDirectory(prefix="concspec-")

    def run(self, item: pytest.Item) -> list[pytest.TestReport]:
        """Run one spec and give its reports, one a phase.

        A spec that died or was stopped at its bound gives a failed report that says so, with what
        it wrote.
        """
        reports, log = (Path(self._folder.name, name) for name in ("reports", "log"))
        reports.unlink(missing_ok=True)
        with log.open("wb") as output:
            try:
                ended = subprocess.run(
                    self._command(reports, item),
                    cwd=self._config.rootpath,
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=output,
                    timeout=BOUND,
                    check=False,
                )
                problem = f"its process ended with exit status {ended.returncode}"
            except subprocess.TimeoutExpired:
                problem = f"killed, because it did not end within {BOUND:.0f} s"
        if reports.exists():
            told = json.loads(reports.read_text(encoding="utf-8"))
            read = self._config.hook.pytest_report_from_serializable
            return [read(config=self._config, data=report) for report in told]
        return [failed(item, f"{problem}\n{log.read_text(encoding='utf-8', errors='replace')}")]

    def close(self) -> None:
        """Remove the temporary files."""
        self._folder.cleanup()

    def _command(self, reports: Path, item: pytest.Item) -> list[str]:
        options = self._config.option
        return [
            *(sys.executable, *interpreter_options(), "-m", "pytest", "-p", "concspec.alone"),
            *("-p", "no:xdist", "-p", "no:cacheprovider", "-p", "no:randomly", "--quiet"),
            *("--timeout=0", f"--spec-reports={reports}", f"--rootdir={self._config.rootpath}"),
            *(["--falsify"] if options.falsify else []),
            *(f"-W{warning}" for warning in options.pythonwarnings or ()),
            *(f"-o{setting}" for setting in options.override_ini or ()),
            *(f"--tb={options.tbstyle}", f"--lang={options.lang}", item.nodeid),
        ]


def failed(item: pytest.Item, text: str) -> pytest.TestReport:
    """The report of a spec whose process gave none."""
    return pytest.TestReport(
        nodeid=item.nodeid,
        location=item.location,
        keywords={},
        outcome="failed",
        longrepr=text.strip(),
        when="call",
        user_properties=item.user_properties,
    )


def pytest_addoption(parser: pytest.Parser) -> None:
    """Declare where the reports go."""
    parser.addoption("--spec-reports", type=Path, metavar="FILE", help="where the reports go")


def pytest_configure(config: pytest.Config) -> None:
    """Keep the reports."""
    config.pluginmanager.register(_Reports(config))


class _Reports:
    """Writes the reports of the one spec at the end."""

    def __init__(self, config: pytest.Config) -> None:
        self._config = config
        self._told: list[dict[str, Any]] = []

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        told = self._config.hook.pytest_report_to_serializable(config=self._config, report=report)
        self._told.append(told)

    def pytest_sessionfinish(self) -> None:
        if self._told:
            file: Path = self._config.getoption("spec_reports")
            file.write_text(json.dumps(self._told), encoding="utf-8")
