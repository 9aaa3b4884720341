"""With events, semaphores, conditions, try-locks and joins: the reduction misses no outcome.

Here brute force is the explorer without reduction, whose own count is checked elsewhere: the
executions of the reduced search must stand for exactly as many interleavings of each outcome.
"""

import random
import threading

import pytest

from concspec.interleave import explore


def program_of(seed):
    """Return a random program of two or three threads with one or two operations each."""
    chance = random.Random(seed)
    count = chance.choice((2, 2, 3))
    kinds = (
        "write", "read", "acquire", "release", "try", "set", "clear", "wait", "is_set",
        "down", "up", "guarded wait", "guarded notify", "timed wait",
    )  # fmt: skip
    most = 2 if count == 2 else 1
    bodies = [[chance.choice(kinds) for _ in range(chance.randint(1, most))] for _ in range(count)]

    def program():
        state = {"x": 0}
        seen = [[] for _ in bodies]
        lock = threading.Lock()
        event = threading.Event()
        seats = threading.Semaphore(1)
        changed = threading.Condition()

        def run(number):
            mine = seen[number]
            for kind in bodies[number]:
                if kind == "write":
                    state["x"] = number + 1
                elif kind == "read":
                    mine.append(state["x"])
                elif kind == "acquire":
                    lock.acquire()
                elif kind == "release":
                    if lock.locked():
                        lock.release()
                elif kind == "try":
                    mine.append(lock.acquire(blocking=False))
                elif kind in ("set", "clear"):
                    getattr(event, kind)()
                elif kind == "wait":
                    event.wait()
                elif kind == "is_set":
                    mine.append(event.is_set())
                elif kind == "down":
                    seats.acquire()
                elif kind == "up":
                    seats.release()
                elif kind == "guarded wait":
                    with changed:
                        changed.wait()
                elif kind == "guarded notify":
                    with changed:
                        changed.notify()
                else:
                    with changed:
                        mine.append(changed.wait(timeout=1))

        threads = [threading.Thread(target=run, args=(n,)) for n in range(count)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return (state["x"], *map(tuple, seen))

    return program, bodies


def table(found):
    deadlocks = {each.key: each.interleavings for each in found.deadlocks}
    failures = {text: each.interleavings for text, each in found.failures.items()}
    outcomes = {result: each.interleavings for result, each in found.outcomes.items()}
    return outcomes, deadlocks, failures


@pytest.mark.parametrize("seed", range(50))
def test_reduced_and_unreduced_agree(seed):
    program, bodies = program_of(seed)
    whole = explore(program, reduce=False, time_budget=5)
    if not whole.complete:
        pytest.skip("too many interleavings to go through")
    found = explore(program)
    assert table(found) == table(whole), bodies
    assert found.redundant == 0, bodies
