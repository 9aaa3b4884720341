"""Where paths of a function meet, a value is known as well as on each of them, and no better."""

import threading

import pytest

from concspec.interleave import explore
from tests.interleave.test_shared_state import both
from tests.interleave.test_unusual_accesses import explored, first_seen

FIRST, SECOND = [1], [5]


def through_each(choose, position):
    """Let a function choose one of two lists to look at, whose item at `position` changes."""
    lists = [1], [1]

    def put():
        lists[position][0] = 2

    return first_seen(lambda: choose(*lists, bool(not position)), put)


def by_arguments(one, other, is_first):
    return max([(one if is_first else other)[0]])  # one instruction for all paths


def by_cells(one, other, is_first):
    def look():
        return max([(one if is_first else other)[0]])

    return look()


def by_global_names(one, other, is_first):
    global FIRST, SECOND
    FIRST, SECOND = one, other
    return max([(FIRST if is_first else SECOND)[0]])


def by_an_or(one, other, is_first):
    return max([((is_first and one) or other)[0]])


def by_an_or_of_cells(one, other, is_first):
    def look():
        return max([((is_first and one) or other)[0]])

    return look()


def by_three(one, other, is_first):
    return max([(one if is_first else () if one is None else other)[0]])


def by_three_cells(one, other, is_first):
    third = [7]

    def look():
        return max([(one if is_first else third if one is other else other)[0]])

    return look()


def by_unpacking(one, other, is_first):
    chosen, *_ = one if is_first else other
    return chosen


def by_pairs(one, other, is_first):
    first, _ = (one, other) if is_first else (other, one)
    return first[0]


def by_pairs_of_cells(one, other, is_first):
    def look():
        first, _ = (one, other) if is_first else (other, one)
        return first[0]

    return look()


def by_a_container_of_either(one, other, is_first):
    return [one if is_first else other][0][0]


def by_an_argument(one, other, is_first):
    return max(one if is_first else other)


def by_arguments_of_a_call(one, other, is_first):
    return max(0, *(one if is_first else other))


def by_a_variable_that_is_bound_anew(one, other, is_first):
    chosen = (one if is_first else other, one := None, other := None)[0]
    return chosen[0]


def by_a_second_round(one, other, is_first):
    def look():
        for chooses_first in (not is_first, is_first):
            seen = (one if chooses_first else other)[0]
        return seen

    return look()


def by_a_call(one, other, is_first):
    def get(which):
        return which

    return max([(get(one) if is_first else get(other))[0]])


def by_an_attribute(one, other, is_first):
    box = type("Box", (), {})()
    box.one, box.other = one, other
    return max([(box.one if is_first else box.other)[0]])


@pytest.mark.parametrize("position", [0, 1])
@pytest.mark.parametrize(
    "choose",
    [
        by_arguments, by_cells, by_global_names, by_an_or, by_an_or_of_cells, by_three,
        by_three_cells, by_unpacking, by_pairs, by_pairs_of_cells, by_a_container_of_either,
        by_an_argument, by_arguments_of_a_call, by_a_variable_that_is_bound_anew,
        by_a_second_round, by_a_call, by_an_attribute,
    ],
)  # fmt: skip
def test_what_is_chosen_is_looked_at(choose, position):
    found, exploration = explored(lambda: through_each(choose, position))
    assert found, exploration


@pytest.mark.parametrize("is_first", [True, False])
def test_an_iterator_that_is_chosen_is_moved_on(is_first):
    def program():
        one, other = iter("ab"), iter("ab")
        seen = []

        def look():
            seen.append(sum(1 for _ in (one if is_first else other)))

        both(look, look)
        return tuple(seen)

    assert set(explore(program).outcomes) >= {(2, 0), (0, 2), (1, 1)}


def by_a_choice_of_arguments(one, other, is_first):
    first, second = (one, other) if is_first else (other, one)
    with first, second:
        pass


def by_a_choice_of_cells(one, other, is_first):
    def run():
        first, second = (one, other) if is_first else (other, one)
        with first, second:
            pass

    run()


AHEAD, BACK = (0, 1), (1, 0)


def by_an_order(one, other, is_first):
    outer, inner = AHEAD if is_first else BACK
    locks = one, other
    with locks[outer], locks[inner]:
        pass


def by_a_default(one, other, is_first):
    locks = (one, other) if is_first else None
    first, second = locks or (other, one)
    with first, second:
        pass


@pytest.mark.parametrize(
    "take",
    [by_a_choice_of_arguments, by_a_choice_of_cells, by_an_order, by_a_default],
)
def test_a_choice_is_no_switch_point(take):
    def program():
        one, other = threading.Lock(), threading.Lock()
        both(lambda: take(one, other, True), lambda: take(one, other, False))

    found = explore(program)
    assert not found.shared
    assert (found.executions, found.redundant, len(found.deadlocks)) == (3, 0, 1)
