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
from specs.threads import races, steps
from specs.threads.bounded import BOUND, join

LISTING = Path(__file__).parent / "listings" / "locked_balance.py"
IN_VAIN = 0.01
"""How long to wait for a lock that nobody releases meanwhile."""


def in_thread(function, *arguments):
    """Call ``function`` in a thread of its own; give what it returned."""
    returned = []
    thread = threading.Thread(target=lambda: returned.append(function(*arguments)))
    thread.start()
    join(thread)
    return returned[0]


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

    assert not races.loses(locked_deposit, runs=5)


@claim("locked-balance-zero")
def test_the_locked_listing_prints_zero():
    """Run the listing with its 100,000 rounds."""
    assert run_program(LISTING).lines == ["0"]


@claim("lock-one-holder")
def test_one_thread_holds_the_lock():
    """Five threads try to take the lock: one gets it; while that one has it, nobody else does."""
    lock = threading.Lock()
    got = [in_thread(lock.acquire, False) for _ in range(5)]
    assert got == [True, False, False, False, False]
    assert lock.locked()


@claim("lock-others-wait")
def test_another_thread_waits_for_the_release():
    """A second thread waits in vain while the lock is held, and gets it when it is released."""
    lock = threading.Lock()
    asked = threading.Event()
    got = []

    def ask():
        got.append(lock.acquire(timeout=IN_VAIN))
        asked.set()
        got.append(lock.acquire(timeout=BOUND))

    lock.acquire()
    thread = threading.Thread(target=ask)
    thread.start()
    assert asked.wait(BOUND)
    lock.release()
    join(thread)
    assert got == [False, True]


def fail_with_finally(lock):
    """Raise while the lock is held, and release it all the same."""
    lock.acquire()
    try:
        fail()
    finally:
        lock.release()


def fail_without_finally(lock):
    """Raise while the lock is held, and never come to the release."""
    lock.acquire()
    fail()
    lock.release()


def fail():
    raise ArithmeticError


def end_by_exception(function, lock):
    """Be a thread that the exception of ``function`` ends."""
    with contextlib.suppress(ArithmeticError):
        function(lock)


@claim("without-finally-deadlock")
def test_without_finally_everybody_waits():
    """A thread fails between acquire() and release(): two others then wait in vain."""
    lock = threading.Lock()
    in_thread(end_by_exception, fail_without_finally, lock)
    assert lock.locked()
    assert [in_thread(lock.acquire, True, IN_VAIN) for _ in range(2)] == [False, False]


@claim("lock-finally-releases")
def test_finally_releases_the_lock():
    """A thread fails within try: another one then gets the lock."""
    lock = threading.Lock()
    in_thread(end_by_exception, fail_with_finally, lock)
    assert in_thread(lock.acquire, True, BOUND)


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
