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


def test_what_threads_meet_in_another_order_is_run_once():
    def program():
        changed = threading.Condition()
        seen = [[]]

        def notify():
            with changed:
                changed.notify()

        def note():
            mine = seen[0]
            mine.append(1)

        threads = [threading.Thread(target=each) for each in (notify, notify, note)]
        for thread in threads:
            thread.start()
        for thread, _ in zip(threads, threads):
            thread.join()
        return len(seen[0])

    found = explore(program)
    assert (found.executions, found.redundant) == (8, 0)
    assert table(found) == table(explore(program, reduce=False))


@pytest.mark.parametrize(
    "bodies",
    [
        ["read y", "write y, write y", "append"],
        ["write x", "read x", "append"],
    ],
)
def test_steps_that_may_touch_anything_leave_no_class_out(bodies):
    plans = [[step.split() for step in body.split(", ")] for body in bodies]

    def program():
        state = {"x": 0, "y": 0}
        seen = []

        def run(n):
            mine = []
            for kind, *names in plans[n]:
                if kind == "read":
                    mine.append(state[names[0]])
                elif kind == "write":
                    state[names[0]] = n + 1
                else:
                    seen.append(n)

        threads = [threading.Thread(target=run, args=(n,)) for n in range(len(plans))]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return (*state.values(), *seen)

    found = explore(program)
    assert found.complete
    assert table(found) == table(explore(program, reduce=False))


@pytest.mark.parametrize("reduce", [True, False])
def test_threads_are_started_in_another_order_once_more_is_shared(reduce):
    def program():
        box = [0]
        started = []

        def change(n):
            box[0] = box[0] * 10 + n

        def start(n):
            thread = threading.Thread(target=change, args=(n,))
            thread.start()
            started.append(thread)

        def change_and_start():
            box[0] += 1
            start(3)

        threads = [threading.Thread(target=each) for each in (change_and_start, lambda: start(4))]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        for thread in started:
            thread.join()
        return box[0]

    found = explore(program, reduce=reduce)
    assert set(found.outcomes) == {4, 13, 14, 43, 53, 134, 143}


def test_a_later_step_goes_before_one_that_was_run_already():
    def program():
        state = {"a": 0, "o": 0}
        first, third, fourth = [], [], []

        def one():
            state["a"] = 1
            first.append(state["a"])

        def two():
            state["a"] = 2

        def three():
            third.append(state["o"])
            state["o"] = 3

        def four():
            fourth.append(state["o"])
            fourth.append(state["a"])

        threads = [threading.Thread(target=each) for each in (one, two, three, four)]
        for thread in threads:
            thread.start()
        seen = state["o"]
        for thread in threads:
            thread.join()
        return (*state.values(), *first, *third, *fourth, seen)

    found = explore(program)
    assert found.interleavings == 5040  # 8! / (2! 2! 2!)
    assert found.complete
    assert (2, 3, 2, 0, 0, 2, 3) in found.outcomes


def test_objects_bear_other_names_in_another_execution():
    def program():
        turn, other = threading.Semaphore(1), threading.Event()
        state = {"x": 0}

        def take():
            if turn.acquire(blocking=False):
                state["x"] = state["x"] * 2 + 1

        def tell():
            other.set()
            state["x"] = state["x"] * 7 + 1

        threads = [threading.Thread(target=each) for each in (take, tell)]
        for thread in threads:
            thread.start()
        turn.acquire(blocking=False)
        for thread in threads:
            thread.join()
        return state["x"]

    found = explore(program)
    assert set(found.outcomes) == {1, 3, 8}
    assert table(found) == table(explore(program, reduce=False))
