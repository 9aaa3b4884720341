"""What the series of runs counts, and where it goes on after an interruption."""

import json
import sys

import pytest

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="namespaces are Linux's")


@pytest.fixture
def stability():
    """The script as a module."""
    from benchmarks import stability  # noqa: PLC0415 - it is for Linux

    return stability


def results(folder, **verdicts):
    """Write a results file in which each claim has this verdict, and whether it changed."""
    claims = [{"slug": s, "verdict": v, "changed": c} for s, (v, c) in verdicts.items()]
    file = folder / "results.json"
    file.write_text(json.dumps({"claims": claims}))
    return file


@pytest.mark.parametrize(
    ("status", "verdicts", "blamed"),
    [
        (0, {"a": ("holds", False), "b": ("refuted", False)}, ([], [])),
        (1, {"a": ("refuted", True), "b": ("error", True)}, (["a"], ["b"])),
        (0, {"a": ("not run", False)}, ([], ["a"])),
        (3, {"a": ("holds", False)}, ([], ["exit status 3"])),
        (1, {"a": ("holds", False)}, ([], ["exit status 1"])),
    ],
)
def test_what_a_run_is_blamed_for(stability, tmp_path, status, verdicts, blamed):
    seen = stability._verdicts(results(tmp_path, **verdicts), status)
    assert (seen["changed"], seen["errors"]) == blamed


def test_a_run_without_results_is_an_error(stability, tmp_path):
    assert stability._verdicts(tmp_path / "none", None)["errors"]


def test_a_series_goes_on_behind_a_line_that_was_cut_off(stability, tmp_path, monkeypatch):
    ran = []

    def run(interpreter, number):
        ran.append((interpreter, number))
        faults = {fault: [] for fault in stability.FAULTS}
        keys = ("condition", "mode", "seconds", "cpu")
        return {"interpreter": interpreter, "number": number, **dict.fromkeys(keys, 0), **faults}

    monkeypatch.setattr(stability, "run", run)
    monkeypatch.setattr(stability, "prepare", lambda _: None)
    log = tmp_path / "log"
    log.write_text('{"interpreter": "p", "number": 0}\n{"interpreter": "p", "nu')
    for _ in range(2):
        stability.series(["p"], 3, 1, log)
    assert ran == [("p", 1), ("p", 2)]
    assert [line["number"] for line in stability.read(log)] == [0, 1, 2]


def test_no_run_begins_when_the_time_is_over(stability, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(stability, "run", None)
    monkeypatch.setattr(stability, "prepare", lambda _: None)
    stability.series(["p"], 3, 2, tmp_path / "log", minutes=0)
    assert stability.read(tmp_path / "log") == []
    assert capsys.readouterr().err == "3 of 3 runs were not begun: no time was left\n"
