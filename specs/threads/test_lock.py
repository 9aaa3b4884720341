"""Notes 2.3, lines 353-369: a lock makes the balance safe.

Whether a thread gets the lock is asked by an acquire() that does not wait, or not for long: it
fails while the lock is held, and only then does the spec go on and release it.
"""

import ast
import contextlib
import threading
from pathlib import Path

from concspec import claim
from concspec.children import run_program
from concspec.threads import BOUND, in_threads
from specs.threads import races, steps

LISTING = Path(__file__).parent / "listings" / "locked_balance.py"
IN_VAIN = 0.01
"""How long to wait for a lock that nobody releases meanwhile."""


def locked_steps(n, lock):
    """Take the steps of one locked round; a turn in which the lock is taken passes in vain."""
    while not lock.acquire(blocking=False):
        yield
    try:
        yield from steps.change_it(n)
    finally:
        lock.release()


@claim("locked-balance-zero")
def test_locked_steps_leave_zero_in_whatever_order():
    """Give the turns in each of the 70 orders in which unlocked steps leave seven balances."""
    for order in steps.ALL_ORDERS:
        lock = threading.Lock()
        steps.in_order(order, locked_steps(5, lock), locked_steps(8, lock))
        assert steps.balance == 0


@claim("locked-balance-zero")
def test_no_locked_deposit_is_lost():
    """Lock a deposit that is lost without a lock: threads switch between its read and write."""
    lock = threading.Lock()

    def locked_deposit(n):
        lock.acquire()
        try:
            races.deposit_around_a_loop(n)
        finally:
            lock.release()

    assert not races.loses(locked_deposit, runs=3)


@claim("locked-balance-zero")
def test_the_locked_listing_prints_zero():
    """Run the listing with its 100,000 rounds."""
    assert run_program(LISTING).lines == ["0"]


@claim("lock-one-holder")
def test_one_thread_holds_the_lock():
    """Five threads try to take the lock, and none releases it: one of them gets it."""
    lock = threading.Lock()
    got = in_threads(*[lambda: lock.acquire(blocking=False)] * 5)
    assert sorted(got) == [False, False, False, False, True]


@claim("lock-others-wait")
def test_another_thread_waits_for_the_release():
    """A second thread waits in vain while the lock is held, and gets it when it is released."""
    lock = threading.Lock()
    held, waited_in_vain = threading.Event(), threading.Event()

    def hold():
        lock.acquire()
        held.set()
        assert waited_in_vain.wait(BOUND)
        lock.release()

    def want():
        assert held.wait(BOUND)
        before = lock.acquire(timeout=IN_VAIN)
        waited_in_vain.set()
        return before, lock.acquire(timeout=BOUND)

    assert in_threads(hold, want) == [None, (False, True)]


def fail():
    raise ArithmeticError


@claim("without-finally-deadlock")
def test_without_finally_everybody_waits():
    """A thread fails between acquire() and release(): two others then wait in vain."""
    lock = threading.Lock()

    def change():
        lock.acquire()
        fail()
        lock.release()

    with contextlib.suppress(ArithmeticError):
        in_threads(change)
    assert in_threads(*[lambda: lock.acquire(timeout=IN_VAIN)] * 2) == [False, False]


@claim("lock-finally-releases")
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


@claim("errata-rounds")
def test_both_listings_do_the_same_number_of_rounds():
    """Compare the arguments of range() in lines 301 and 362."""
    unlocked, locked = 1_000_000, 100_000
    assert locked == unlocked


@claim("errata-locked-listing-alone")
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
