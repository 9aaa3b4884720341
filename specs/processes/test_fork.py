"""Notes 1.1, lines 8-31: fork() makes one process into two.

A child must not come out of the spec: it reports through a pipe and ends (``fork_and_report``).
Nothing orders parent and child but what they do about it, so where an order matters, one of them
waits for the end of a pipe that the other one closes.
"""

import os
import re
import sys
from pathlib import Path

from concspec import claim
from concspec.children import fork_and_report, receive, run_and_exit, run_program, send

LISTING = Path(__file__).parent / "listings" / "fork.py"


def run(steps):
    """Note that the body runs."""
    steps.append("runs")
    return "returns"


@claim("call-returns-once", falsified_by="call.runs-twice")
def test_a_call_returns_once():
    """Count the runs of the body and the returns."""
    steps = []
    steps.append(run(steps))
    assert steps == ["runs", "returns"]


@claim("fork-returns-twice", falsified_by=("fork.child-never-returns", "fork.two-children"))
def test_fork_returns_twice():
    """Each return of the one call writes a byte into a pipe, which ends when all have done so."""
    read, write = os.pipe()
    parent = os.getpid()
    os.fork()
    os.write(write, b"x")
    if os.getpid() != parent:
        os._exit(0)
    os.close(write)
    with open(read, "rb") as pipe:
        assert pipe.read() == b"xx"
    os.wait()


@claim("fork-child-gets-zero", falsified_by=("fork.pid-in-child", "fork.zero-once"))
def test_fork_returns_zero_in_the_child():
    """Three children in turn send what fork() returned to them."""
    parent = os.getpid()
    for _ in range(3):
        read, write = os.pipe()
        returned = os.fork()
        if os.getpid() != parent:
            send(write, lambda: returned)  # noqa: B023 - the child ends here
        os.close(write)
        assert receive(read) == 0
        os.wait()


@claim("fork-parent-gets-child-pid", falsified_by=("fork.zero-in-parent", "fork.own-pid-in-parent"))
def test_fork_returns_the_childs_id_in_the_parent():
    """The child sends its own id."""
    returned, child = fork_and_report(os.getpid)
    assert returned == child
    assert returned != os.getpid()


@claim(
    "fork-many-children",
    falsified_by=("fork.child-never-returns", "fork.waits-for-child", "fork.one-child"),
)
def test_a_parent_forks_several_children():
    """Five children wait for the end of one pipe: none can end before all have been forked."""
    hold, release = os.pipe()
    children = []
    for _ in range(5):
        pid = os.fork()
        if pid == 0:
            os.close(release)
            os._exit(len(os.read(hold, 1)))
        children.append(pid)
    alive = [os.waitpid(pid, os.WNOHANG) == (0, 0) for pid in children]
    os.close(release)
    os.close(hold)
    assert all(alive)
    assert len(set(children)) == 5
    assert [os.waitpid(pid, 0) for pid in children] == [(pid, 0) for pid in children]


@claim("fork-getppid", falsified_by=("fork.grandparent-for-parent", "fork.own-id-for-parent"))
def test_a_child_learns_its_parents_id():
    """The child sends what getppid() gave while the parent waited for it."""
    _, parent = fork_and_report(os.getppid)
    assert parent == os.getpid()


def orphan_reports(report):
    """Fork a parent that forks a child and ends; give its id, and the child's late report.

    The child is let go when the parent has been reaped: the end of a process closes its pipes
    before its children are adopted, so the end of a pipe would be too early.
    """
    read, write = os.pipe()
    hold, release = os.pipe()
    parent = os.fork()
    if parent == 0:
        if os.fork() == 0:
            os.close(release)
            os.read(hold, 1)
            send(write, report)
        os._exit(0)
    os.waitpid(parent, 0)
    for end in (write, hold, release):
        os.close(end)
    return parent, receive(read)


@claim("fork-getppid-orphan", falsified_by="fork.frozen-getppid")
def test_an_orphan_keeps_its_parents_id():
    """The child asks for its parent when that one has ended."""
    parent, named = orphan_reports(os.getppid)
    assert named == parent


def lives(pid):
    """Whether there is a process with this id."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True  # but it is another user's
    return True


@claim("fork-orphan-is-adopted", falsified_by=("fork.frozen-getppid", "fork.nobody-for-parent"))
def test_an_orphan_has_another_parent():
    """The child asks when its parent has ended: the answer is a process that lives."""
    parent, named = orphan_reports(os.getppid)
    assert named != parent
    assert lives(named)


@claim("fork-both-continue", falsified_by=("fork.pid-in-child", "fork.zero-in-parent"))
def test_both_processes_take_their_branch():
    """Each branch of the if writes its own letter; the parent reads when the child has ended."""
    read, write = os.pipe()
    parent = os.getpid()
    pid = os.fork()
    if pid == 0:
        os.write(write, b"c")
    else:
        os.write(write, b"p")
    if os.getpid() != parent:
        os._exit(0)
    os.wait()
    os.close(write)
    with open(read, "rb") as pipe:
        assert sorted(pipe.read()) == sorted(b"cp")


@claim("fork-pids-agree", falsified_by=("fork.own-pid-in-parent", "fork.grandparent-for-parent"))
def test_the_ids_in_the_two_lines_agree():
    """The child sends what its line would say to its parent, which waits and so is there."""
    child, (own, parent) = fork_and_report(lambda: (os.getpid(), os.getppid()))
    assert own == child
    assert parent == os.getpid()


def lines_written(first):
    """Have parent and child write a line each, ``first`` before the other; give both lines."""
    read, write = os.pipe()
    turn, done = os.pipe()
    pid = os.fork()
    me = b"child" if pid == 0 else b"parent"
    if me != first:
        os.read(turn, 1)
    os.write(write, me + b"\n")
    os.write(done, b"x")
    if pid == 0:
        os._exit(0)
    os.waitpid(pid, 0)
    for end in (write, turn, done):
        os.close(end)
    with open(read, "rb") as pipe:
        return pipe.read().split()


@claim("fork-parent-line-first", falsified_by="fork.parent-goes-first")
def test_the_parents_line_comes_first():
    """Ask for each order in turn: the system grants both."""
    assert lines_written(first=b"parent") == [b"parent", b"child"]
    assert lines_written(first=b"child") == [b"parent", b"child"]


@claim("fork-child-names-forker", falsified_by="fork.frozen-getppid")
def test_a_late_child_names_the_process_that_forked_it():
    """Run the listing with a fork() whose child is late: it goes on when its parent is gone."""
    read, write = os.pipe()
    hold, release = os.pipe()

    def late_fork(fork=os.fork):
        pid = fork()
        if pid == 0:
            os.close(release)
            os.read(hold, 1)
        return pid

    parent = os.fork()
    if parent == 0:
        os.fork, sys.stdout = late_fork, open(write, "w", buffering=1)
        run_and_exit(LISTING)
    os.close(write)
    os.waitpid(parent, 0)
    os.close(hold)
    os.close(release)
    with open(read) as output:
        named = re.search(r"child \d+, parent (\d+)", output.read())
    assert int(named[1]) == parent


@claim(
    "fork-listing-three-lines",
    falsified_by=("stdout.block-by-block", "fork.child-never-returns"),
)
def test_the_listing_prints_three_lines():
    """Run the listing on a pseudo-terminal, where Python writes line by line."""
    assert len(run_program(LISTING, terminal=True).lines) == 3


@claim("fork-listing-three-lines-in-a-pipe", falsified_by="stdout.line-by-line")
def test_the_listing_prints_three_lines_into_a_pipe():
    """Run the listing with its output in a pipe, as Python buffers it by default."""
    assert len(run_program(LISTING).lines) == 3


@claim("errata-getppid-for-getpid", falsified_by="fork.own-id-for-parent")
def test_the_first_line_names_the_process_itself():
    """Compare the listing's first line with the id of the process that ran it."""
    ended = run_program(LISTING, terminal=True)
    assert ended.lines[0] == f"process {ended.pid} starts"
