"""What the series of measured claims logs and prints."""

import json
import sys

import pytest

from tests.conftest import ROOT

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="a program is a shell script")


@pytest.fixture
def measurements(monkeypatch):
    """The script as a module."""
    monkeypatch.syspath_prepend(ROOT / "benchmarks")
    import measurements  # noqa: PLC0415 - on the path only here

    return measurements


TOLD = {
    "echo begun; exec sleep 1000": "begun\ndid not end within 1 s",
    r"printf 'no \377\n'; exit 3": "no \N{REPLACEMENT CHARACTER}\n",
}


@pytest.mark.parametrize("body", TOLD)
def test_a_batch_that_did_not_come_to_its_end_is_logged(
    measurements, tmp_path, monkeypatch, capsys, body
):
    program = tmp_path / "program"
    program.write_text(f"#!/bin/sh\n{body}\n")
    program.chmod(0o755)
    monkeypatch.setattr(measurements, "prepare", lambda _: program)
    monkeypatch.setattr(measurements, "BOUND", 1.0)
    log = tmp_path / "log"
    monkeypatch.setattr(sys, "argv", ["measurements", "--runs=5", f"--log={log}", "p"])
    assert measurements.main() == 1
    line = json.loads(log.read_text())
    assert (line["broken"], line["measured"], line["wrong"]) == (TOLD[body], 0, [])
    assert "| p | idle | 0 | 0 | 0 | none measured |  | 1 |" in capsys.readouterr().out


def test_a_table_may_be_of_batches_in_which_nothing_was_measured(measurements):
    line = {"interpreter": "p", "condition": "idle", "runs": 5, "seconds": 10.0}
    *_, row = measurements.table([{**line, "measured": 0, "inconclusive": [], "wrong": []}])
    assert row == "| together | idle | 5 | 0 | 0 | none measured | 2.0 | 0 |"
