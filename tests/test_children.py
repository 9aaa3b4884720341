"""Programs and forks that specs start."""

import sys
from pathlib import Path

import pytest

from concspec import children
from concspec.children import run_program

ROOT = Path(__file__).parent.parent


@pytest.fixture
def program(tmp_path):
    """Write a program."""

    def write(source):
        path = tmp_path / "program.py"
        path.write_text(source, encoding="utf-8")
        return path

    return write


def test_a_program_is_run_to_its_end(program, monkeypatch):
    monkeypatch.setenv("PYTHONUNBUFFERED", "1")
    path = program(
        "import os, sys\n"
        "print(os.getpid(), sys.argv[1], os.environ['EXTRA'], sys.stdout.isatty())\n"
        "print(sys.stdout.write_through, os.environ.get('PYTHONUNBUFFERED'))\n"
        "sys.exit('bad end')\n"
    )
    ended = run_program(path, "argument", environment={"EXTRA": "extra"})
    assert ended.lines == [f"{ended.pid} argument extra False", "False None"]
    assert (ended.returncode, ended.errors) == (1, "bad end\n")


def test_a_program_on_a_terminal_has_one(program):
    path = program("import sys\nprint(sys.stdout.isatty(), sys.stdin.isatty())\nsys.exit('end')\n")
    ended = run_program(path, terminal=True)
    assert ended.lines == ["True True", "end"]
    assert ended.returncode == 1


def descriptors():
    """What this process has open, where that can be seen."""
    return {fd.name for fd in Path("/proc/self/fd").glob("*")}


@pytest.mark.parametrize("terminal", [False, True])
def test_a_program_that_does_not_end_is_killed(program, monkeypatch, terminal):
    monkeypatch.setattr(children, "BOUND", 0.5)
    before = descriptors()
    path = program("import threading\nthreading.Event().wait()\n")
    with pytest.raises(TimeoutError, match=r"program\.py did not end within"):
        run_program(path, terminal=terminal)
    assert descriptors() == before


def test_a_program_is_run_by_the_same_interpreter_with_the_same_options(program):
    path = program("import sys\nprint(sys.implementation.name, sys.version_info, sys._xoptions)")
    expected = f"{sys.implementation.name} {sys.version_info} {sys._xoptions}"
    assert run_program(path).lines == [expected]


FORKS = """
import os
from concspec.children import fork_and_report

pid, answer = fork_and_report(lambda: [os.getpid(), {"a": None}])
assert answer == [pid, {"a": None}]
try:
    os.waitpid(pid, 0)
except ChildProcessError:
    print("reaped")
try:
    fork_and_report(lambda: 1 / 0)
except ChildProcessError as error:
    print(error)
try:
    fork_and_report(lambda: os.kill(os.getpid(), 9))
except ChildProcessError as error:
    print(error)
try:
    os.wait()
except ChildProcessError:
    print("all reaped")
"""


def test_a_fork_reports_and_is_reaped(program):
    ended = run_program(program(FORKS), environment={"PYTHONPATH": str(ROOT)})
    assert ended.lines == [
        "reaped",
        "the child sent nothing; its traceback is on standard error",
        "the child was ended by signal 9",
        "all reaped",
    ]
    assert "ZeroDivisionError" in ended.errors
    assert ended.returncode == 0
