"""The results file: whole or not at all."""

import dataclasses
import json

import pytest

from concspec.catalogue import Catalogue
from concspec.interpreter import this_interpreter
from concspec.results import Run


@pytest.fixture
def run():
    """A run of an empty catalogue."""
    return Run(this_interpreter(), Catalogue((), {}, "hash"))


def test_a_results_file_replaces_the_one_before(run, tmp_path):
    file = tmp_path / "results.json"
    run.write(file)
    dataclasses.replace(run, gil_after=False).write(file)
    assert json.loads(file.read_text())["interpreter"]["gil_after"] is False
    assert list(tmp_path.iterdir()) == [file]


def test_a_failed_write_leaves_the_old_file_and_nothing_else(run, tmp_path, monkeypatch):
    file = tmp_path / "results.json"
    file.write_text("old")

    def full(_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(OSError, match="No space left"):
        run.write(file)
    assert file.read_text() == "old"
    assert list(tmp_path.iterdir()) == [file]
