"""Notes 1.2, lines 33-59: multiprocessing.Process runs a function in a process of its own.

How the process comes to be is the start method: fork copies this one, spawn starts Python anew,
forkserver forks a small server made for it. The last two import the target's module, so targets
stand in ``workers.py``. start() flushes the standard streams before it forks, and a child flushes
them when it ends: unlike in 1.1, buffering neither doubles nor reorders the lines.
"""

import multiprocessing
import os
import re
from pathlib import Path

import pytest

from concspec import claim
from concspec.children import run_program
from specs.processes import workers
from specs.processes.workers import BOUND

LISTINGS = Path(__file__).parent / "listings"
LISTING = LISTINGS / "process.py"
UNGUARDED = LISTINGS / "process_unguarded.py"
SCRIPTS = ("fork.py", "process.py")


def is_recorded(ended):
    """Whether a run of the listing printed the four lines, with the ids of two processes."""
    lines = r"parent (\d+)\nchild is about to start\nchild test runs as (\d+)\nchild has ended\n"
    found = re.fullmatch(lines, ended.output)
    return bool(found) and int(found[1]) == ended.pid != int(found[2])


def start(target, *arguments, using=multiprocessing):
    """Start a process whose target gets a connection first; give it, and the connection to it."""
    here, there = multiprocessing.Pipe()
    process = using.Process(target=target, args=(there, *arguments))
    process.start()
    there.close()
    return process, here


def received(connection):
    """What a process sends. Raises TimeoutError if nothing comes, EOFError if nothing can come."""
    if not connection.poll(BOUND):
        raise TimeoutError("the process sends nothing")
    return connection.recv()


@claim("process-multi-platform", falsified_by=("process.runs-in-caller", "process.runs-nothing"))
@pytest.mark.parametrize("method", multiprocessing.get_all_start_methods())
def test_the_listing_works_with_every_start_method(method):
    """Run the listing with each start method that this system has."""
    ended = run_program(LISTING, method)
    assert is_recorded(ended)
    assert not ended.errors


@claim("process-start-starts", falsified_by=("process.starts-when-created", "process.never-starts"))
def test_start_starts_the_process():
    """Ask the system for children of this process, before start(): there is none to wait for.

    Windows cannot be asked, so that there it is the process that has no id yet.
    """
    here, there = multiprocessing.Pipe()
    process = multiprocessing.Process(target=workers.answer, args=(there,))
    try:
        early = os.waitpid(-1, os.WNOHANG) if hasattr(os, "fork") else process.pid
    except ChildProcessError:
        early = None
    assert early is None
    process.start()
    there.close()
    try:
        pid, _ = received(here)
    except EOFError:  # nobody is there who could send
        pid = None
    assert pid is not None
    process.join()


@claim("process-other-pid", falsified_by=("process.runs-in-caller", "fork.one-id-for-all"))
def test_the_target_runs_in_another_process():
    """The target sends its process's id."""
    process, connection = start(workers.answer)
    pid, _ = received(connection)
    process.join()
    assert pid == process.pid
    assert pid != os.getpid()


@claim(
    "process-args", falsified_by=("process.first-argument-only", "process.last-arguments-swapped")
)
def test_args_become_positional_arguments():
    """The target sends what came behind the connection."""
    process, connection = start(workers.answer, "test", 2, None)
    _, arguments = received(connection)
    process.join()
    assert arguments == ("test", 2, None)


@claim("process-join-waits", falsified_by="process.join-returns-at-once")
def test_join_waits_for_the_end():
    """The child cannot end before it is let go, right before join(); it then has an exit code."""
    process, connection = start(workers.echo)
    assert process.is_alive()
    connection.send("end")
    process.join()
    assert process.exitcode == 0


@claim("process-without-join", falsified_by="process.ends-at-start")
def test_the_parent_goes_on_without_join():
    """The child cannot end before it has heard what the parent says when it has gone on."""
    process, connection = start(workers.echo)
    assert process.is_alive()
    connection.send("gone on")
    assert received(connection) == "gone on"
    process.join()


@claim("process-guard-needed", falsified_by="process.other-default")
def test_the_listing_needs_its_guard():
    """Run the listing without it, by the default start method."""
    assert not is_recorded(run_program(UNGUARDED))


@claim("process-guard-not-needed-with-fork", falsified_by="process.fork-spawns")
def test_a_forked_process_needs_no_guard():
    """Run the listing without it, by fork."""
    assert is_recorded(run_program(UNGUARDED, "fork"))


@claim(
    "process-guard-needed-with-import",
    falsified_by=("process.all-methods-fork", "process.main-not-imported"),
)
@pytest.mark.parametrize("method", ["spawn", "forkserver"])
def test_an_importing_process_needs_the_guard(method):
    """Run the listing without it: the child runs the script again, up to its own start()."""
    ended = run_program(UNGUARDED, method)
    assert ended.lines.count("child is about to start") > 1
    assert "has finished its bootstrapping phase" in ended.errors
    assert "child test runs" not in ended.output


def mark_seen(using):
    """Change a variable, start a process, and give the value that the process sees."""
    workers.mark = "as changed"
    process, connection = start(workers.send_mark, using=using)
    seen = received(connection)
    process.join()
    return seen


@claim("process-default-start-method", falsified_by="process.other-default")
def test_a_process_is_forked_by_default():
    """A forked process has a copy of what its parent changed; another imports the module anew."""
    assert mark_seen(multiprocessing) == "as changed"


@claim("process-fork-on-request", falsified_by="process.fork-spawns")
def test_a_process_is_forked_on_request():
    """Likewise, with the start method named."""
    assert mark_seen(multiprocessing.get_context("fork")) == "as changed"


@claim(
    "process-listing-order", falsified_by=("process.join-returns-at-once", "process.runs-in-caller")
)
@pytest.mark.parametrize("terminal", [True, False], ids=["terminal", "pipe"])
def test_the_listing_prints_its_lines_in_order(terminal):
    """Run the listing with its output on a pseudo-terminal, and in a pipe."""
    assert is_recorded(run_program(LISTING, terminal=terminal))


@claim("errata-one-session", falsified_by="fork.one-id-for-all")
def test_the_notes_ran_two_scripts():
    """Run each listing as a script: the two name two parents, where the two records name one."""
    outputs = [run_program(LISTINGS / name, terminal=True).output for name in SCRIPTS]
    named = {re.search(r"^parent (\d+)", output, re.MULTILINE)[1] for output in outputs}
    recorded = {16351}  # line 29, and line 53
    assert len(recorded) == len(named)
