"""Small specifications of their own, for the harness to be tried on."""

import json
import textwrap
from pathlib import Path

import pytest

from tests.samples import NOTES, SETTINGS, falsified

ROOT = Path(__file__).parent.parent


class Suite:
    """A folder with a catalogue and specs, and a pytest to run there."""

    def __init__(self, pytester):
        self._pytester = pytester
        self.path = pytester.path
        (self.path / "specs" / "chapter").mkdir(parents=True)
        pytester.makeini(SETTINGS)
        pytester.makeconftest('pytest_plugins = ["concspec.plugin"]')
        self.write("specs/notes.toml", NOTES)

    def write(self, name, text):
        """Write a file of the suite."""
        (self.path / name).write_text(textwrap.dedent(text), encoding="utf-8")

    def claims(self, *tables):
        """Write the catalogue of the one chapter."""
        self.write("specs/chapter/claims.toml", "\n".join(tables))

    def specs(self, source, name="test_chapter.py"):
        """Write a module of specs."""
        head = "import os, pytest\nfrom concspec import claim, inconclusive\n"
        self.write(f"specs/chapter/{name}", head + falsified(textwrap.dedent(source)))

    def pytest(self, *arguments):
        """Run pytest in a process of its own."""
        command = ("-p", "no:randomly", *arguments)
        return self._pytester.runpytest_subprocess(*command, timeout=50)

    def results(self, *arguments):
        """Run pytest and return the results file's verdicts by slug."""
        self.pytest("--results=results.json", *arguments)
        return {claim["slug"]: claim for claim in self.read("results.json")["claims"]}

    def read(self, name):
        """Read a JSON file of the suite."""
        return json.loads((self.path / name).read_text(encoding="utf-8"))


@pytest.fixture
def suite(pytester, monkeypatch):
    """A suite without claims and specs yet."""
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.delenv("PYTEST_ADDOPTS", raising=False)
    monkeypatch.delenv("PYTEST_XDIST_WORKER", raising=False)  # the suite's pytest is in none
    return Suite(pytester)
