"""Specs in processes of their own: what they may do to themselves, and what remains of it."""

import os
import signal
import subprocess
import sys

import pytest

from tests.samples import INTERRUPTIBLE, SHORT_BOUND, claim_table

HOSTILE = """
import signal, subprocess, sys, time, threading

@claim("forks")
def test_forks():
    if os.fork() == 0:
        raise SystemExit("a child that comes out of its spec")
    os.wait()

@claim("dies")
def test_dies(): os.kill(os.getpid(), signal.SIGKILL)

@claim("leaves")
def test_leaves(): os._exit(3)

@claim("leaks")
def test_leaks():
    held = os.open("held", os.O_WRONLY)
    if os.fork() == 0:
        os.read(os.pipe()[0], 1)
    os.close(held)
    threading.Thread(target=threading.Event().wait).start()

@claim("one-thread")
def test_one_thread():
    assert threading.active_count() == 1

@claim("after")
def test_after(): pass
"""
NAMES = ("forks", "dies", "leaves", "leaks", "one-thread", "after")


@pytest.mark.parametrize("arguments", [(), ("-n2",)])
def test_a_spec_harms_nobody_else(suite, arguments):
    suite.claims(*map(claim_table, NAMES))
    suite.specs(HOSTILE)
    os.mkfifo(suite.path / "held")
    held = os.open(suite.path / "held", os.O_RDONLY | os.O_NONBLOCK)
    run = suite.pytest("--results=results.json", *arguments)
    run.assert_outcomes(passed=4, failed=2, errors=1)
    verdicts = {c["slug"]: c["verdict"] for c in suite.read("results.json")["claims"]}
    harmful = dict.fromkeys(["dies", "leaves", "leaks"], "error")
    assert verdicts == {**dict.fromkeys(NAMES, "holds"), **harmful}
    run.stdout.fnmatch_lines(
        ["*its process was ended by SIGKILL*", "*its process ended with exit status 3*"],
    )
    os.set_blocking(held, True)
    assert os.read(held, 1) == b""  # the leaked child has ended: nobody has it open any more


HANGS = """
import signal, threading, subprocess, sys

@claim("hangs")
def test_hangs():
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    print("printed before it hung")
    subprocess.Popen([sys.executable, "-c", "import time; time.sleep(1000)"])
    threading.Event().wait()

@claim("after")
def test_after(): pass
"""


@pytest.mark.parametrize("arguments", [(), ("-n1",)])
def test_a_hanging_spec_is_killed_and_the_rest_goes_on(suite, arguments):
    suite.claims(claim_table("hangs"), claim_table("after"))
    suite.specs(HANGS)
    suite.write("conftest.py", SHORT_BOUND)
    run = suite.pytest("--results=results.json", *arguments)
    run.assert_outcomes(passed=1, failed=1)
    assert [c["verdict"] for c in suite.read("results.json")["claims"]] == ["error", "holds"]
    run.stdout.fnmatch_lines(
        [
            "*killed, because it did not end within 1 s*",
            "*printed before it hung*",
            "*File *test_chapter.py*in test_hangs*",
        ]
    )


@pytest.mark.parametrize("arguments", [(), ("-n1",)])
def test_the_users_timeout_counts_too(suite, arguments):
    suite.claims(claim_table("hangs"), claim_table("after"))
    suite.specs(HANGS)
    run = suite.pytest("--timeout=1", "--results=results.json", *arguments)
    run.assert_outcomes(passed=1, failed=1)
    assert [c["verdict"] for c in suite.read("results.json")["claims"]] == ["error", "holds"]
    run.stdout.fnmatch_lines(
        ["*Timeout (>1.0s)*", "*File *test_chapter.py*in test_hangs*", "*printed before it hung*"]
    )
    run.stdout.no_fnmatch_line("*INTERNALERROR*")


NEVER_BEGINS = """
pytest_plugins = ["concspec.plugin"]
import signal
import concspec.server
lead_group = concspec.server._lead_group
concspec.server._lead_group = lambda pid: lead_group(pid) if pid else signal.pause()
concspec.server.processes.descendants = lambda _: []  # as where there is no /proc
"""


def test_a_spec_can_be_stopped_before_it_has_begun(suite):
    suite.claims(claim_table("after"))
    suite.specs("@claim('after')\ndef test_after(): pass")
    suite.write("conftest.py", NEVER_BEGINS)
    run = suite.pytest("--timeout=1")
    assert run.ret == 1
    run.stdout.fnmatch_lines(["*Timeout (>1.0s)*", "total *0 *0 *0 *0 *1 *0"])


INTERRUPTED = """
@claim("before")
def test_before(): pass

@claim("interrupted")
def test_interrupted():
    with open("started", "w") as started: started.write(f"{os.getpid()}\\n")
    os.open("never", os.O_RDONLY)

@claim("later")
def test_later(): pass
"""


def test_an_interrupt_ends_the_spec_and_keeps_what_was_graded(suite):
    suite.claims(*map(claim_table, ("before", "interrupted", "later")))
    suite.specs(INTERRUPTED)
    os.mkfifo(suite.path / "started")
    os.mkfifo(suite.path / "never")
    command = [sys.executable, "-c", INTERRUPTIBLE, "-p", "no:randomly", "--results=results.json"]
    with subprocess.Popen(command, cwd=suite.path, stdout=subprocess.PIPE) as run:
        pid = int((suite.path / "started").read_text())
        run.send_signal(signal.SIGINT)
        output = run.communicate(timeout=30)[0].decode()
    assert run.returncode == pytest.ExitCode.INTERRUPTED
    assert "KeyboardInterrupt" in output
    assert "broken off: claims without a verdict were not run" in output
    results = suite.read("results.json")
    assert [claim["verdict"] for claim in results["claims"]] == ["holds", "not run", "not run"]
    assert results["partial"]
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def test_a_debugger_gets_the_spec_in_its_own_process(suite):
    suite.claims(claim_table("one"))
    suite.specs(
        "@claim('one')\ndef test_one(): assert 'concspec.server' not in __import__('sys').modules"
    )
    suite.pytest("--pdb").assert_outcomes(passed=1)
    suite.pytest().assert_outcomes(failed=1)


NO_ROOM = """
import multiprocessing.synchronize
pytest_plugins = ["concspec.plugin"]

def full(*args, **kwargs): raise OSError(28, "No space left on device")

multiprocessing.synchronize.SemLock.__init__ = full
"""


def test_without_room_for_semaphores_there_is_no_verdict(suite):
    suite.claims(claim_table("one"))
    suite.specs(
        """
        import multiprocessing
        @claim("one")
        @pytest.mark.usefixtures("semaphores")
        def test_one(): multiprocessing.Queue()
        """
    )
    suite.write("conftest.py", NO_ROOM)
    claim = suite.results()["one"]
    assert claim["verdict"] == "inconclusive"
    assert "/dev/shm" in claim["outcomes"][0]["reason"]["en"]
