"""On hundreds of small programs: the same outcomes as brute force, and one execution a class."""

import pickle
import random
import sys

import pytest

from concspec.interleave import exploration, explore, merge
from tests.interleave.brute_force import brute_force, conditional, generate, source

# Handing over between threads is dearer on PyPy, and without a GIL.
FAST = sys.implementation.name == "cpython" and getattr(sys, "_is_gil_enabled", lambda: True)()
PROGRAMS = 400 if FAST else 60
MOST = 700


def compiled(threads):
    text = source(threads)
    scope = {"__name__": "generated"}
    exec(compile(text, "<generated>", "exec"), scope)
    return scope["program"], text


def outcomes(found):
    table = {result: outcome.interleavings for result, outcome in found.outcomes.items()}
    if found.deadlocks:
        table["deadlock"] = sum(each.interleavings for each in found.deadlocks)
    return table


def cases(first, last):
    for seed in range(first, last):
        threads = generate(seed)
        expected = brute_force(threads, MOST)
        if expected is not None:
            yield (seed, threads, *expected)


@pytest.mark.parametrize("tenth", range(10))
def test_reduced(tenth):
    compared = 0
    for seed, threads, histogram, classes in cases(
        tenth * PROGRAMS // 10, (tenth + 1) * PROGRAMS // 10
    ):
        program, text = compiled(threads)
        found = explore(program)
        assert set(outcomes(found)) == set(histogram), f"seed {seed}:\n{text}"
        assert found.executions == len(classes), f"seed {seed}:\n{text}"
        assert found.redundant == 0, f"seed {seed}:\n{text}"
        assert found.complete
        if not any(map(conditional, threads)):
            assert outcomes(found) == histogram, f"seed {seed}:\n{text}"
        compared += 1
    assert compared >= PROGRAMS // 10 * 0.5


def test_unreduced():
    for seed, threads, histogram, _ in cases(1000, 1000 + PROGRAMS // 10):
        if any(map(conditional, threads)):
            continue
        program, text = compiled(threads)
        found = explore(program, reduce=False)
        assert outcomes(found) == histogram, f"seed {seed}:\n{text}"


def test_shards_add_up():
    for seed, threads, histogram, classes in cases(2000, 2000 + PROGRAMS // 20):
        program, text = compiled(threads)
        for reduce in (True, False):
            whole = explore(program, reduce=reduce)
            shards = [explore(program, reduce=reduce, shard=(part, 3)) for part in range(3)]
            total = merge(shards)
            assert not any(shard.complete for shard in shards)
            assert outcomes(total) == outcomes(whole), f"seed {seed}:\n{text}"
            assert set(outcomes(total)) == set(histogram), f"seed {seed}:\n{text}"
            assert (total.executions, total.complete) == (whole.executions, True)
            if reduce:
                assert total.executions == len(classes)


def test_no_shard_leaves_out_what_a_sleeping_thread_does_not_cover():
    more = [("add", "y", 1)]
    threads = [
        [("if", "x", 1, more), ("write", "x", 2)],
        [("write", "x", 2), ("if", "x", 1, more)],
        [("if", "x", 1, more), ("if", "x", 2, [("write", "y", 1)])],
    ]
    program, _ = compiled(threads)
    every, whole = explore(program, reduce=False), explore(program)
    for parts in (2, 3, 5):
        total = merge([explore(program, shard=(part, parts)) for part in range(parts)])
        assert outcomes(total) == outcomes(every)
        assert total.executions == whole.executions


def hidden(seed):
    """Return a program that touches `h` only where `x` and `y` say so, as some schedules do."""
    chance = random.Random(seed)

    def guarded():
        one, other = chance.sample(("x", "y"), 2)
        inner = ("if", other, chance.randint(0, 1), [(chance.choice(("add", "write")), "h", 1)])
        return [("if", one, chance.randint(0, 1), [inner])]

    writes = [("write", name, 1) for name in chance.sample(("x", "y"), 2)]
    text = source([writes, guarded(), guarded()])
    text = text.replace("x, y", "x, y, h").replace("x = y = 0", "x = y = h = 0")
    scope = {"__name__": "generated"}
    exec(compile(text, "<generated>", "exec"), scope)
    return scope["program"], text


def test_shards_that_discover_different_accesses_add_up(monkeypatch):
    monkeypatch.setattr(exploration, "MOST_SCOUTED", 0)
    differing = 0
    for seed in range(PROGRAMS // 20):
        program, text = hidden(seed)
        whole = explore(program)
        shards = [explore(program, shard=(part, 3)) for part in range(3)]
        differing += len({shard.shared for shard in shards}) > 1
        total = merge(shards)
        assert (total.complete, total.shared) == (True, whole.shared), f"seed {seed}:\n{text}"
        assert outcomes(total) == outcomes(whole), f"seed {seed}:\n{text}"
        assert total.executions == whole.executions, f"seed {seed}:\n{text}"
    assert differing


def test_shards_of_a_program_that_cannot_be_pickled_ask_for_what_is_shared(monkeypatch):
    monkeypatch.setattr(exploration, "MOST_SCOUTED", 0)
    for seed in range(PROGRAMS // 20):
        program, _ = hidden(seed)
        shards = [explore(program, shard=(part, 3)) for part in range(3)]
        if len({shard.shared for shard in shards}) > 1:
            break
    sent = [pickle.loads(pickle.dumps(shard)) for shard in shards]
    with pytest.raises(ValueError, match="explore each shard with shared="):
        merge(sent)
    shared = frozenset().union(*(shard.shared for shard in sent))
    again = [explore(program, shard=(part, 3), shared=shared) for part in range(3)]
    assert merge(pickle.loads(pickle.dumps(again))).complete
