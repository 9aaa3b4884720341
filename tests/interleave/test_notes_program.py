"""The program of the notes, section 2.2: the numbers are known by hand."""

import threading

from concspec.interleave import explore, replay

balance = 0
lock = threading.Lock()


def change_it(n):
    global balance
    balance = balance + n
    balance = balance - n


def change_it_locked(n):
    with lock:
        change_it(n)


def in_two_threads(target):
    global balance
    balance = 0
    t1 = threading.Thread(target=target, args=(5,))
    t2 = threading.Thread(target=target, args=(8,))
    t1.start()
    t2.start()
    t1.join()
    t2.join()
    return balance


def unlocked():
    return in_two_threads(change_it)


def locked():
    return in_two_threads(change_it_locked)


HISTOGRAM = {0: 30, 5: 8, 8: 8, -5: 8, -8: 8, 3: 4, -3: 4}


def histogram(exploration):
    return {result: found.interleavings for result, found in exploration.outcomes.items()}


def test_all_70_interleavings():
    found = explore(unlocked, reduce=False)
    assert histogram(found) == HISTOGRAM
    assert (found.executions, found.interleavings, found.complete) == (70, 70, True)


def test_34_executions_stand_for_all_70():
    found = explore(unlocked)
    assert histogram(found) == HISTOGRAM
    assert (found.executions, found.interleavings, found.complete) == (34, 70, True)
    assert found.redundant == 0


def test_a_lock_leaves_only_zero():
    for reduce in (True, False):
        found = explore(locked, reduce=reduce)
        assert set(found.outcomes) == {0}
        assert found.complete
        assert found.executions == 2


def test_the_two_tables():
    assert replay(unlocked, "11112222") == 0
    assert replay(unlocked, "12211122") == -8


def test_a_witness_gives_its_outcome_every_time():
    found = explore(unlocked)
    for result, outcome in found.outcomes.items():
        assert all(replay(unlocked, outcome.witness) == result for _ in range(15))
    assert all(replay(unlocked, found.outcomes[-3].witness) == -3 for _ in range(100))
