"""The reduction leaves no class of interleavings out, however threads and objects come together."""

import functools
import random
import threading
from math import factorial, prod

import pytest

from concspec.interleave import explore
from concspec.interleave.observing.classes import is_python
from concspec.interleave.operations import Operation
from tests.interleave.test_waiting_against_brute_force import table


def reading_and_writing(bodies):
    """A program whose threads read (`a`) and write (`A`) variables; the last is the main one."""

    def program():
        state = dict.fromkeys("aeo", 0)

        def run(body):
            for letter in body:
                if letter == "A":
                    state["a"] = body
                elif letter == "E":
                    state["e"] = body
                elif letter == "O":
                    state["o"] = body
                else:
                    state[letter]

        threads = [threading.Thread(target=run, args=(body,)) for body in bodies[:-1]]
        for thread in threads:
            thread.start()
        run(bodies[-1])
        for thread in threads:
            thread.join()
        return tuple(state.values())

    return program


def random_bodies(seed):
    chance = random.Random(seed)
    others = ["".join(chance.choices("aeoAEO", k=chance.choice((1, 2, 2)))) for _ in range(3)]
    return ["A", *others, "a"]


@pytest.mark.parametrize(
    ("kind", "other", "alike"),
    [("read", "write", True), ("acquire", "release", False), ("acquire", "acquire", True)],
)
def test_a_planned_read_may_write_and_no_acquire_may_release(kind, other, alike):
    one, another = (Operation(each, "Lock", (), write=True, line=1) for each in (kind, other))
    assert one.is_at(another) is alike


@pytest.mark.parametrize(
    "bodies",
    [
        ["Aa", "A", "oO", "oa", "o"],
        ["e", "eA", "Oe", "aA", "AE"],
        ["oa", "AA", "Oo", "o", "eO"],
        *map(random_bodies, range(40)),
    ],
    ids="-".join,
)
def test_threads_that_read_and_write_have_as_many_interleavings_as_can_be(bodies):
    found = explore(reading_and_writing(bodies))
    steps = [*map(len, bodies)]
    assert found.shared == {"state[]"}
    assert found.interleavings == factorial(sum(steps)) // prod(map(factorial, steps))
    assert found.redundant == 0


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
        for thread in threads:
            len(any_of(threads))
            thread.join()
        return len(seen[0])

    any_of = functools.partial(lambda one: one)  # it is not known what that gives

    found = explore(program)
    # PyPy 3.9 has `partial` in Python, so that it is known.
    most = 2 if is_python(functools.partial.__call__) else 8
    assert (found.executions, found.redundant) == (most, 0)
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
        started = [None, None]

        def change(n):
            box[0] = box[0] * 10 + n

        def start(n, place):
            started[place] = threading.Thread(target=change, args=(n,))
            started[place].start()

        def change_and_start():
            box[0] += 1
            start(3, 0)

        threads = [
            threading.Thread(target=each) for each in (change_and_start, lambda: start(4, 1))
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        for thread in started:
            thread.join()
        return box[0]

    found = explore(program, reduce=reduce)
    assert set(found.outcomes) == {4, 13, 14, 43, 53, 134, 143}


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


@pytest.mark.parametrize("keys", ["vvw", "vvww", "vwv"])
def test_a_step_may_touch_more_where_it_is_run_than_where_it_was_planned(keys):
    """A key that another thread has put there is no new one, and comes behind no other."""

    def program():
        items = {}
        threads = [threading.Thread(target=put, args=(items, key)) for key in keys]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return "".join(items)

    def put(items, key):
        items[key] = 1

    found = explore(program)
    assert set(found.outcomes) == {"vw", "wv"}
    assert found.interleavings == factorial(len(keys))


def test_a_step_that_touches_less_where_it_is_planned_is_not_run_again():
    """A key that is there is put where it is, and beside others it does not matter when."""

    def program():
        items = {"a": 5}

        def drop():
            items.pop("a", None)

        threads = [
            threading.Thread(target=target) for target in (drop, lambda: put("a"), lambda: put("c"))
        ]

        def put(key):
            items[key] = 1

        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return "".join(items)

    found = explore(program)
    assert {key: each.interleavings for key, each in found.outcomes.items()} == {
        "c": 3, "ca": 2, "ac": 1,
    }  # fmt: skip
