"""A system such as Windows, without fork(): made of this one by taking away what that one lacks."""

import sys
from pathlib import Path

import pytest

from concspec import alone
from tests.conftest import ROOT
from tests.samples import claim_table

WITHOUT_FORK = """
import multiprocessing.popen_fork, os, signal, subprocess, sys

# Windows kills a process without a signal.
multiprocessing.popen_fork.Popen.kill = lambda self: self._send_signal(9)
subprocess.Popen.kill = lambda self: self.send_signal(9)

LACKS = {
    os: "fork forkpty register_at_fork setpgid getpgid killpg "
        "sched_getaffinity sched_setaffinity",
    signal: "SIGALRM SIGCHLD SIGHUP SIGKILL SIGSTOP SIGUSR1 SIG_BLOCK SIG_SETMASK SIG_UNBLOCK "
            "pthread_kill pthread_sigmask setitimer",
}
for module, names in LACKS.items():
    for name in names.split():
        if hasattr(module, name):
            delattr(module, name)
for name in "fcntl grp pty pwd readline resource syslog termios tty".split():
    sys.modules[name] = None
multiprocessing.get_all_start_methods = lambda: ["spawn"]
os.process_cpu_count = os.cpu_count
multiprocessing.context._default_context._default_context = multiprocessing.get_context("spawn")
"""


@pytest.fixture
def without_fork(tmp_path, monkeypatch):
    """Have the interpreters that are started lack what Windows lacks."""
    (tmp_path / "usercustomize").mkdir()
    (tmp_path / "usercustomize" / "sitecustomize.py").write_text(WITHOUT_FORK)
    monkeypatch.setenv("PYTHONPATH", f"{tmp_path / 'usercustomize'}:{ROOT}")


@pytest.mark.timeout(240)
@pytest.mark.usefixtures("without_fork")
def test_all_specs_are_found_without_fork(pytester):
    run = pytester.run(
        *(sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "--collect-only", "-q"),
        *(f"--rootdir={ROOT}", f"-c{ROOT / 'pyproject.toml'}", Path(ROOT, "specs")),
    )
    assert run.ret == 0
    found = {line.partition("::")[0] for line in run.outlines if "::" in line}
    modules = [path for path in ROOT.glob("specs/*/*.py") if "@claim(" in path.read_text()]
    assert found == {path.relative_to(ROOT).as_posix() for path in modules}


ALONE = """
import sys

@claim("first")
def test_first():
    sys.trace = "left"
    assert not hasattr(os, "fork")

@claim("second")
def test_second():
    assert not hasattr(sys, "trace")
    assert os.getpid() != int(os.environ.get("FIRST", 0))

@claim("dies")
def test_dies():
    os._exit(3)

@claim("unsure")
def test_unsure(evidence):
    evidence(seen=1)
    inconclusive("no ice", "没有冰")
"""


@pytest.mark.usefixtures("without_fork")
def test_without_fork_each_spec_runs_in_an_interpreter_of_its_own(suite, tmp_path, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", f"{tmp_path / 'usercustomize'}:{ROOT}")
    suite.claims(*map(claim_table, ("first", "second", "dies", "unsure")))
    suite.specs(ALONE)
    run = suite.pytest("--results=results.json")
    claims = suite.read("results.json")["claims"]
    verdicts = ["holds", "holds", "error", "inconclusive"]
    assert [claim["verdict"] for claim in claims] == verdicts
    assert claims[-1]["outcomes"][0]["reason"]["zh"] == "没有冰"
    assert claims[-1]["outcomes"][0]["evidence"] == [{"seen": 1}]
    run.stdout.fnmatch_lines(["*its process ended with exit status 3*"])


HANGS = """
@claim("first")
def test_first(): __import__("time").sleep(1000)

@claim("second")
def test_second(): pass
"""
SHORT_BOUND = """
pytest_plugins = ["concspec.plugin"]
import concspec.alone
concspec.alone.BOUND = 5.0
"""


@pytest.mark.usefixtures("without_fork")
def test_without_fork_a_hanging_spec_is_killed_and_the_rest_goes_on(suite, tmp_path, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", f"{tmp_path / 'usercustomize'}:{ROOT}")
    suite.claims(*map(claim_table, ("first", "second")))
    suite.specs(HANGS)
    suite.write("conftest.py", SHORT_BOUND)
    run = suite.pytest()
    run.assert_outcomes(passed=1, failed=1)
    run.stdout.fnmatch_lines(["*killed, because it did not end within 5 s*"])


def test_without_fork_a_spec_has_its_bound_before_the_run_has(pytestconfig):
    """pytest-timeout ends a whole run where it can interrupt nothing."""
    assert float(pytestconfig.getini("timeout")) / 2 >= alone.BOUND
