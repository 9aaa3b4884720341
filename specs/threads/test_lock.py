"""Notes 2.3, lines 353-369: a lock makes the balance safe.

Whether a thread gets the lock is asked by an acquire() that does not wait, or not for long: it
fails while the lock is held, and only then does the spec go on and release it.
"""

import ast
import contextlib
import runpy
import sys
import threading
from pathlib import Path

from concspec import claim
from concspec.interleave import explore
from concspec.threads import BOUND, in_threads, wait_for
from specs.threads import programs, races

LISTING = Path(__file__).parent / "listings" / "locked_balance.py"
IN_VAIN = 0.01
"""How long to wait for a lock that nobody releases meanwhile."""


@claim(
    "locked-balance-zero",
    falsified_by=("exploring.lock-never-excludes", "exploring.lock-never-released"),
)
def test_locked_rounds_leave_zero_in_every_interleaving():
    """Explore a locked round of each thread."""
    found = explore(programs.locked)
    assert set(found.outcomes) == {0}
    assert found.complete


@claim("locked-balance-zero", falsified_by="locks.never-excludes")
def test_no_locked_deposit_is_lost():
    """Between read and write each thread waits for the other to get there as well: in vain."""
    balance = 0
    lock = threading.Lock()
    both_between = threading.Barrier(2)

    def deposit(n):
        nonlocal balance
        lock.acquire()
        try:
            x = balance + n
            with contextlib.suppress(threading.BrokenBarrierError):
                both_between.wait(0.1)
            balance = x
        finally:
            lock.release()

    in_threads(lambda: deposit(5), lambda: deposit(8))
    assert balance == 5 + 8


@claim("locked-balance-zero", falsified_by="locks.never-excludes")
def test_no_deposit_is_lost_around_a_locked_loop():
    """Make the deposits that switches between read and write lose, with the lock held."""
    lock = threading.Lock()

    def deposit(n):
        lock.acquire()
        try:
            races.deposit_around_a_loop(n)
        finally:
            lock.release()

    assert not races.loses(deposit, runs=8)


@claim("locked-balance-zero", falsified_by="listings.add-for-subtract")
def test_the_locked_listing_leaves_zero(monkeypatch):
    """Run the listing in this process with its 100,000 rounds."""
    monkeypatch.setattr(sys, "argv", [str(LISTING)])
    assert runpy.run_path(str(LISTING))["balance"] == 0


@claim(
    "lock-one-holder",
    falsified_by=("locks.never-excludes", "locks.two-holders", "locks.nobody-gets-it"),
)
def test_one_thread_holds_the_lock():
    """Five threads try to take the lock, and none releases it: one of them gets it."""
    lock = threading.Lock()
    got = in_threads(*[lambda: lock.acquire(blocking=False)] * 5)
    assert sorted(got) == [False, False, False, False, True]


@claim("lock-others-wait", falsified_by=("locks.never-excludes", "locks.never-released"))
def test_another_thread_waits_for_the_release():
    """A second thread waits in vain while the lock is held, and gets it when it is released."""
    lock = threading.Lock()
    held, waited_in_vain = threading.Event(), threading.Event()

    def hold():
        lock.acquire()
        held.set()
        wait_for(waited_in_vain)
        lock.release()

    def want():
        wait_for(held)
        before = lock.acquire(timeout=IN_VAIN)
        waited_in_vain.set()
        return before, lock.acquire(timeout=BOUND)

    assert in_threads(hold, want) == [None, (False, True)]


def fail():
    raise ArithmeticError


@claim(
    "without-finally-deadlock",
    falsified_by=("exploring.first-only", "exploring.lock-never-excludes"),
)
def test_without_finally_the_other_thread_waits_for_good():
    """Explore a locked round that fails: whichever thread comes second waits for the lock."""
    found = explore(programs.without_finally)
    assert not found.outcomes
    assert len(found.deadlocks) == 2


@claim(
    "lock-order-deadlock", falsified_by=("exploring.first-only", "exploring.lock-never-excludes")
)
def test_two_locks_in_opposite_order_can_deadlock():
    """Explore two threads that take the same two locks, one in the other's reverse order."""
    found = explore(programs.two_locks((0, 1), (1, 0)))
    assert len(found.deadlocks) == 1
    assert set(found.outcomes) == {0}


@claim(
    "lock-same-order-safe",
    falsified_by=("exploring.lock-never-excludes", "exploring.lock-never-released"),
)
def test_two_locks_in_the_same_order_cannot_deadlock():
    """Explore two threads that take the same two locks in the same order."""
    found = explore(programs.two_locks((0, 1), (0, 1)))
    assert not found.deadlocks
    assert found.complete
    assert set(found.outcomes) == {0}


@claim("lock-finally-releases", falsified_by=("locks.never-released", "locks.nobody-gets-it"))
def test_finally_releases_the_lock():
    """A thread fails within try: another one then gets the lock."""
    lock = threading.Lock()

    def change():
        lock.acquire()
        try:
            fail()
        finally:
            lock.release()

    with contextlib.suppress(ArithmeticError):
        in_threads(change)
    assert in_threads(lambda: lock.acquire(timeout=BOUND)) == [True]


@claim("errata-rounds", falsified_by="listings.small-numbers")
def test_both_listings_do_the_same_number_of_rounds():
    """Compare what our two listings pass to range() if they are not told, as lines 301 and 362."""

    def rounds(listing):
        choices = [
            node for node in ast.walk(ast.parse(listing.read_text())) if type(node) is ast.IfExp
        ]
        assert len(choices) == 1
        return ast.literal_eval(choices[0].orelse)

    assert rounds(LISTING) == rounds(LISTING.with_name("balance.py"))


@claim("errata-locked-listing-alone", falsified_by="listings.threading-built-in")
def test_the_locked_listing_runs_alone():
    """Run those statements of our listing that the notes print with the lock."""
    tree = ast.parse(LISTING.read_text())
    tree.body = [node for node in tree.body if bound(node) & {"balance", "lock", "run_thread"}]
    assert len(tree.body) == 3
    missing = None
    try:
        exec(compile(tree, LISTING.name, "exec"), {})
    except NameError as error:
        missing = error
    assert missing is None


def bound(statement):
    """The names that a definition or an assignment binds."""
    targets = getattr(statement, "targets", ())
    return {getattr(statement, "name", None), *(target.id for target in targets)}
