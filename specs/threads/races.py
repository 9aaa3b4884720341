"""Deposits by two threads at once, and whether one is ever lost.

An update is lost if its thread has to stop between the read and the write. The interpreter is
asked to switch threads all the time, and the amount is so large that adding it takes longer than
all else in a round: so the request comes, nearly always, while a thread is adding.
"""

import contextlib
import sys
import threading
import time

from concspec.interpreter import gil_is_on
from concspec.threads import BOUND, in_threads

AMOUNT = 1 << 500_000
ROUNDS = 1_000
RUNS = 8 if sys.implementation.name == "cpython" and gil_is_on() else 200
"""How often to look for a lost deposit. Where CPython switches on request, one run in ten at most
shows none. PyPy switches after so many bytecodes; without a GIL the system lets threads meet."""

balance = 0


def deposit(n):
    """Add to the balance with the notes' statement."""
    global balance
    balance = balance + n


def same(n):
    """Give the argument back."""
    return n


def deposit_by_a_call(n):
    """Add to the balance, with a call between the read and the write."""
    global balance
    balance = balance - same(-n)  # it is -n that takes long, and then the call lets others in


def deposit_by_a_c_call(n):
    """Add to the balance, with a call of a C function between the read and the write."""
    global balance
    balance = abs(balance + n)


def deposit_around_a_loop(n):
    """Add to the balance, with a loop between the read and the write."""
    global balance
    x = balance + n
    for _ in range(3):
        pass
    balance = x


def loses(deposit, runs=RUNS):
    """Whether a deposit is lost in any of so many runs of two threads at once."""
    global balance
    with frequent_switches():
        for _ in range(runs):
            balance = 0
            line = starting_line()
            in_threads(*[lambda line=line: deposit_often(deposit, line)] * 2)
            if balance != 2 * ROUNDS * AMOUNT:
                return True
    return False


def deposit_often(deposit, start):
    """Make one thread's deposits."""
    start()
    for _ in range(ROUNDS):
        deposit(AMOUNT)


def starting_line():
    """Make a function in which the threads of a pair wait for each other, busily.

    One that sleeps, as in a Barrier, may get its first turn when the other has done all its rounds.
    """
    arrived = []

    def wait():
        arrived.append(threading.get_ident())
        deadline = time.monotonic() + BOUND
        while len(arrived) % 2 and time.monotonic() < deadline:
            pass

    return wait


@contextlib.contextmanager
def switch_interval(seconds):
    """Have the interpreter ask a thread to give way after so long."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(seconds)
    try:
        yield
    finally:
        sys.setswitchinterval(before)


def frequent_switches():
    """Have the interpreter switch threads as often as is bearable."""
    stop_compiling()
    pypy = sys.implementation.name == "pypy"
    return switch_interval(1e-3 if pypy else 1e-6)  # PyPy counts: this is 2,000 bytecodes


def stop_compiling():
    """Have PyPy compile nothing any more: compiled code switches at the ends of loops only."""
    if sys.implementation.name == "pypy":
        import pypyjit  # noqa: PLC0415 - only PyPy has it

        pypyjit.set_param("off")


def thread_in_pairs():
    """Make a class of threads of which none begins before there are two."""
    start = starting_line()

    class ThreadInPairs(threading.Thread):
        def run(self):
            start()
            super().run()

    return ThreadInPairs
