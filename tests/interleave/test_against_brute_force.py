"""On hundreds of small programs: the same outcomes as brute force, and one execution a class."""

import sys

import pytest

from concspec.interleave import explore, merge
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
