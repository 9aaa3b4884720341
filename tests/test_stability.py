"""What the series of runs counts, and where it goes on after an interruption."""

import json
import os
import signal
import subprocess
import sys

import pytest

from tests.conftest import ROOT

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


@pytest.fixture
def hardship(stability, tmp_path, monkeypatch):
    """Have a shell script run in place of Python, under one condition."""
    if subprocess.run(["unshare", "--mount", "true"], capture_output=True, check=False).returncode:
        pytest.skip("needs unshare, and leave to use it")
    root = tmp_path / "a folder"
    root.mkdir()
    monkeypatch.setattr(stability, "ROOT", root)

    def plant(condition, body):
        program = tmp_path / "program"
        program.write_text(f"#!/bin/sh\n{body}\n")
        program.chmod(0o755)
        monkeypatch.setattr(stability, "prepare", lambda _: program)
        monkeypatch.setattr(stability, "CYCLE", [(condition, "serially")])
        return root

    return plant


def test_a_condition_that_cannot_be_set_up_is_an_error(stability, hardship, monkeypatch):
    monkeypatch.setitem(stability.CONDITIONS, "impossible", "echo no >&2; false")
    root = hardship("impossible", "echo >ran")
    seen = stability.run("p", 0)
    assert seen["errors"] == ["the condition could not be set up: impossible"]
    assert seen["output"] == "no\n"
    assert not (root / "ran").exists()


@pytest.mark.parametrize(
    "condition", ["idle", "two hogs", "nice 19", "128 descriptors", "LANG=C", "stdout closed"]
)
def test_a_run_ends_with_its_status_and_leaves_nothing(stability, hardship, condition):
    root = hardship(condition, "echo >ran; exit 5")
    seen = stability.run("p", 0)
    assert (seen["status"], seen["processes"]) == (5, [])
    assert (root / "ran").exists()


def test_a_folder_is_read_only_whatever_its_name(stability, hardship):
    root = hardship("read-only folder", "(echo >ran) || exit 5")
    assert stability.run("p", 0)["status"] == 5
    assert not (root / "ran").exists()


def test_what_is_no_text_is_told_all_the_same(stability, monkeypatch):
    monkeypatch.setattr(stability, "_GRACE", 0)
    command = [sys.executable, "-c", "print(flush=True); input()", b"\xff"]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen(command, env={"MARKED": "here"}, **pipes) as left:
        left.stdout.readline()
        (line,) = stability._left_running(b"MARKED=here")
    assert line.endswith(" \N{REPLACEMENT CHARACTER} ")


def test_the_output_of_a_run_that_went_wrong_is_printed(
    stability, hardship, tmp_path, monkeypatch, capsys
):
    hardship("idle", "echo something went wrong; exit 5")
    monkeypatch.setattr(sys, "argv", ["stability", "p", "--runs=1", f"--log={tmp_path / 'log'}"])
    monkeypatch.setattr(signal, "signal", lambda *_: None)
    assert stability.main() == 1
    assert "something went wrong" in capsys.readouterr().out


SERIES = """
import sys
from pathlib import Path
from benchmarks import stability

program = Path(sys.argv[1])
stability.prepare = lambda _: program
stability.CYCLE = [("two hogs", "serially")]
sys.argv[1:] = ["--runs=1", "--log=log", "p"]
stability.signal.signal(stability.signal.SIGINT, stability.signal.default_int_handler)
stability.main()
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_series_that_is_broken_off_leaves_nothing(stability, hardship, tmp_path, number):
    os.mkfifo(tmp_path / "begun")
    hardship("two hogs", f"echo begun >{tmp_path}/begun; exec sleep 1000")
    (tmp_path / "temporary").mkdir()
    mark = {"MARKED": str(tmp_path), "TMPDIR": str(tmp_path / "temporary")}
    series = subprocess.Popen(
        [sys.executable, "-c", SERIES, tmp_path / "program"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT), **mark},
        stderr=subprocess.DEVNULL,
    )
    with series:
        assert (tmp_path / "begun").read_text() == "begun\n"
        series.send_signal(number)
        series.wait(30)
    assert stability._left_running(f"MARKED={tmp_path}".encode()) == []
    assert list((tmp_path / "temporary").iterdir()) == []
    assert (tmp_path / "log").read_text() == ""
