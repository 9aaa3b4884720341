"""Notes 2.2, lines 283-351: each process has its own balance, all threads share one.

Whether an update is lost depends on where a thread stops and another goes on. What can happen is
found by going through every interleaving of a small program (``programs``). Whether it happens is
up to the interpreter: there the spec looks again and again until an update is lost (``races``).
"""

import dis
import multiprocessing
import runpy
import sys
import threading
from pathlib import Path

import pytest

from concspec import claim
from concspec.interleave import explore, replay
from concspec.threads import BOUND, in_threads, join
from specs.threads import programs, races, targets
from specs.threads.tables import table

LISTING = Path(__file__).parent / "listings" / "balance.py"

balance = 0


# Whose variable it is


def change_in_child(method, amount, meanwhile=int):
    """Start a child that changes its balance when ``meanwhile`` has been called here.

    Give the balance as the child found it, and as it left it.
    """
    context = multiprocessing.get_context(method)
    orders, give_order = context.Pipe(duplex=False)
    results, send_result = context.Pipe(duplex=False)
    child = context.Process(target=targets.change_balance, args=(orders, send_result))
    child.start()
    meanwhile()
    give_order.send(amount)
    if not results.poll(BOUND):
        raise TimeoutError("the child sends nothing")
    answer = results.recv()
    child.join(BOUND)
    return answer


@claim("processes-copy-variables", falsified_by="starting.are-threads")
def test_a_change_does_not_reach_another_process():
    """Parent and child change the balance in turn: each finds only what it did itself."""

    def change_here():
        targets.balance = targets.balance + 70

    for method in multiprocessing.get_all_start_methods():
        targets.balance = 0
        assert change_in_child(method, 5, meanwhile=change_here) == (0, 5)
        assert targets.balance == 70


@claim("fork-copies-current-value", falsified_by="starting.always-spawn")
def test_a_forked_copy_starts_with_the_current_value():
    """The parent's balance is 100 when it forks."""
    targets.balance = 100
    assert change_in_child("fork", 5) == (100, 105)


@claim("copy-starts-with-current-value", falsified_by="starting.always-fork")
def test_every_copy_starts_with_the_current_value():
    """The parent's balance is 100 when it starts a child by each method there is."""
    targets.balance = 100
    for method in multiprocessing.get_all_start_methods():
        assert change_in_child(method, 5) == (100, 105)


@claim("spawned-copy-starts-anew", falsified_by=("starting.always-fork", "starting.are-threads"))
def test_a_spawned_copy_starts_with_the_modules_value():
    """The parent's balance is 100, and the children find the 0 of their own import."""
    targets.balance = 100
    for method in {"spawn", "forkserver"}.intersection(multiprocessing.get_all_start_methods()):
        assert change_in_child(method, 5) == (0, 5)


@claim("threads-share-variables", falsified_by=("threads.are-processes", "threads.never-run"))
def test_threads_share_a_variable():
    """Two threads add to the balance, one after the other; this thread sees the sum."""
    global balance
    balance = 100

    def add(n):
        global balance
        balance = balance + n

    in_threads(lambda: add(5))
    in_threads(lambda: add(8))
    assert balance == 113


@claim("all-variables-shared", falsified_by="thread_local.shared")
def test_all_variables_are_shared():
    """Look in another thread for what this one has bound in a threading.local."""
    private = threading.local()
    private.balance = 100
    assert in_threads(lambda: getattr(private, "balance", None)) == [100]


@claim("locals-not-shared", falsified_by="thread_local.shared")
def test_locals_are_not_shared():
    """Two threads stand in one function, each with a value of its own, when they look at it."""
    private = threading.local()
    both_bound = threading.Barrier(2)

    def bind_and_look(value):
        own = private.own = value
        both_bound.wait(BOUND)
        return own, private.own

    seen = in_threads(lambda: bind_and_look(5), lambda: bind_and_look(8))
    assert seen == [(5, 5), (8, 8)]
    assert not hasattr(private, "own")


# What the steps can do


def how_left(balance):
    """The title of a table."""
    return {"en": f"How {balance} is left", "zh": f"余额怎样变成 {balance}"}


@claim(
    "threads-can-corrupt",
    falsified_by=("exploring.first-only", "exploring.global-reads-unseen"),
)
def test_an_update_can_be_lost(evidence):
    """Explore a round of each thread: most interleavings end off 0."""
    found = explore(programs.unlocked)
    off_zero = sum(seen.interleavings for left, seen in found.outcomes.items() if left != 0)
    assert (off_zero, found.interleavings, found.complete) == (40, 70, True)
    evidence(**table(programs.unlocked, found.outcomes[8].witness, how_left(8)))


@claim(
    "lost-update-elsewhere", falsified_by=("exploring.first-only", "exploring.reads-independent")
)
@pytest.mark.parametrize(
    "program",
    [
        programs.deposit_in_attribute,
        programs.deposit_in_item([0], 0),
        programs.deposit_in_item({}, "account"),
    ],
    ids=["attribute", "list", "dict"],
)
def test_an_update_is_lost_elsewhere_as_well(program, evidence):
    """Explore two deposits, of 5 and 8: either of them can be lost."""
    found = explore(program)
    assert set(found.outcomes) == {13, 5, 8}
    assert found.complete
    evidence(**table(program, found.outcomes[5].witness, how_left(5)))


@claim("check-then-act", falsified_by=("exploring.first-only", "exploring.reads-independent"))
def test_a_check_is_out_of_date_when_it_is_acted_on(evidence):
    """Explore two payments, each of which checks the balance first: they can overdraw it."""
    found = explore(programs.check_then_act)
    assert 10 - 5 - 8 in found.outcomes
    evidence(**table(programs.check_then_act, found.outcomes[-3].witness, how_left(-3)))


def run_listing(rounds):
    """Run the listing in this process; give its variables as it left them."""
    sys.argv[1:] = [str(rounds)]
    return runpy.run_path(str(LISTING))


@claim("serial-balance-zero", falsified_by="listings.add-for-subtract")
def test_one_after_the_other_leaves_zero(monkeypatch):
    """Run the listing with threads of which the second starts when the first has ended."""

    class OneByOne(threading.Thread):
        def start(self):
            super().start()
            join(self)

    monkeypatch.setattr(threading, "Thread", OneByOne)
    assert run_listing(10_000)["balance"] == 0


@claim("add-is-two-steps", falsified_by=("listings.nothing-global", "listings.last-instructions"))
def test_an_addition_to_a_global_takes_several_instructions():
    """Read the bytecode of the listing's function: a load, a computation and a store, twice."""
    found = []
    for instruction in dis.get_instructions(run_listing(0)["change_it"]):
        if instruction.argval == "balance":
            found.append(instruction.opname)
        elif instruction.opname.startswith("BINARY_"):
            found.append("compute")
    assert found == ["LOAD_GLOBAL", "compute", "STORE_GLOBAL"] * 2


T1_THEN_T2 = "11112222"
CROSSED = "12211122"
"""The tables of the notes: whose step is next. A step is a read of the balance or a write."""


@claim("table-serial-zero", falsified_by="exploring.replay-crossed")
def test_the_first_table_ends_at_zero(evidence):
    """Replay the table on two threads."""
    evidence(**table(programs.unlocked, T1_THEN_T2, how_left(0)))
    assert replay(programs.unlocked, T1_THEN_T2) == 0


@claim("table-crossed-minus-eight", falsified_by="exploring.replay-in-turn")
def test_the_second_table_ends_at_minus_eight(evidence):
    """Replay the table on two threads."""
    evidence(**table(programs.unlocked, CROSSED, how_left(-8)))
    assert replay(programs.unlocked, CROSSED) == -8


@claim(
    "reachable-balances",
    falsified_by=(
        "exploring.one-preemption",
        "exploring.every-other",
        "exploring.all-independent",
        "exploring.global-reads-unseen",
    ),
)
def test_which_balances_one_round_each_can_leave(evidence):
    """Explore a round of each thread, and count the interleavings: 3 is among the results."""
    found = explore(programs.unlocked)
    counts = {left: seen.interleavings for left, seen in found.outcomes.items()}
    evidence(kind="counts", counts=[{"label": str(n), "count": counts[n]} for n in sorted(counts)])
    assert counts == {0: 30, 5: 8, 8: 8, -5: 8, -8: 8, 3: 4, -3: 4}
    assert found.complete
    evidence(**table(programs.unlocked, found.outcomes[3].witness, how_left(3)))


# The steps, in the order that comes of itself

BALANCE = {"en": "Balance that each run left", "zh": "每次运行剩下的余额"}


def balances_left(evidence, *rounds):
    """Run the listing for each number of rounds in turn, until it ends off 0; give what it left.

    Where the interpreter never switches within the statement, looking long would be in vain; and
    so it would be in what PyPy's JIT has compiled, which is for the last spec of this module.
    """
    races.stop_compiling()
    times = 200 if races.loses(races.deposit) else 1
    threading.Thread = races.thread_in_pairs()
    left = {number: [] for number in rounds}
    for number in rounds * times:
        left[number].append(run_listing(number)["balance"])
        if left[number][-1] != 0:
            break
    for number, balances in left.items():
        series = {"en": f"after {number:,} rounds", "zh": f"{number:,} 轮之后"}
        if balances:
            evidence(kind="measurement", quantity=BALANCE, series=series, values=balances)
    return [balance for balances in left.values() for balance in balances]


@claim(
    "unlocked-balance-drifts", falsified_by=("switching.one-at-a-time", "switching.at-any-bytecode")
)
def test_the_unlocked_balance_drifts_in_the_long_run(evidence):
    """Run the listing for 100,000 and for a million rounds, until it ends off 0."""
    assert any(balances_left(evidence, 100_000, 1_000_000))


@claim(
    "drift-at-100000-rounds", falsified_by=("switching.one-at-a-time", "switching.at-any-bytecode")
)
def test_the_unlocked_balance_drifts_at_the_locked_listings_rounds(evidence):
    """Run the listing for 100,000 rounds, again and again, until it ends off 0."""
    assert any(balances_left(evidence, 100_000))


@claim(
    "interpreter-can-switch-between",
    falsified_by=("switching.one-at-a-time", "switching.at-any-bytecode"),
)
def test_another_thread_gets_between_the_read_and_the_write():
    """Have two threads add with the listing's statement, until a deposit is lost."""
    assert races.loses(races.deposit)


@claim("drift-needs-a-switch-point", falsified_by=("switching.never", "switching.one-at-a-time"))
@pytest.mark.parametrize(
    "deposit",
    [races.deposit_by_a_call, races.deposit_by_a_c_call, races.deposit_around_a_loop],
    ids=["call", "call of C", "loop"],
)
def test_a_call_or_a_loop_between_is_enough(deposit):
    """Put a call of a Python function, one of a C function, or a loop between read and write."""
    assert races.loses(deposit, runs=200)


@claim("jit-leaves-no-switch-point", falsified_by="switching.without-jit")
def test_compiled_by_the_jit_the_unlocked_balance_stays_zero():
    """Reset the balance when both threads are in their compiled loops, and let them go on.

    A thread meets the other one at the end of a round, from where the next thing it does is to
    jump back into the compiled loop.
    """

    def reset():
        global balance
        balance = 0

    def add_and_take(n):
        global balance
        balance = balance + n
        balance = balance - n

    def run_thread(n):
        for i in range(2_000_000):
            add_and_take(n)
            if i == 1_000_000:
                line.wait(BOUND)

    line = threading.Barrier(2, action=reset)
    in_threads(lambda: run_thread(5), lambda: run_thread(8))
    assert balance == 0
