"""Where paths of a function meet, a value is known as well as on each of them, and no better.

What is chosen is not used in the last few instructions of a function: those are compiled for each
path, which then do not meet.
"""

import operator
import threading
import types

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
    seen = [(one if is_first else other)[0]]
    return seen[0]


def by_cells(one, other, is_first):
    def look():
        seen = [(one if is_first else other)[0]]
        return seen[0]

    return look()


def by_global_names(one, other, is_first):
    global FIRST, SECOND
    FIRST, SECOND = one, other
    seen = [(FIRST if is_first else SECOND)[0]]
    return seen[0]


def by_an_or(one, other, is_first):
    seen = [((is_first and one) or other)[0]]
    return seen[0]


def by_an_or_of_cells(one, other, is_first):
    def look():
        seen = [((is_first and one) or other)[0]]
        return seen[0]

    return look()


def by_three(one, other, is_first):
    seen = [(one if is_first else () if one is None else other)[0]]
    return seen[0]


def by_three_cells(one, other, is_first):
    third = [7]

    def look():
        seen = [(one if is_first else third if one is other else other)[0]]
        return seen[0]

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


def by_a_cell_or_a_constant(one, other, is_first):
    def look():
        seen = [(one if is_first else (0,))[0], (other if not is_first else (0,))[0]]
        return max(seen)

    return look()


def by_a_cell_or_an_argument(one, other, is_first):
    def look(other):
        seen = [(one if is_first else other)[0]]
        return seen[0]

    return look(other)


def by_an_attribute_or_a_constant(one, other, is_first):
    box = types.SimpleNamespace(one=one if is_first else None, other=other)
    seen = [(box.one or (0,))[0], ((0,) if is_first else box.other)[0]]
    return max(seen)


def by_a_pair_or_nothing(one, other, is_first):
    box = types.SimpleNamespace(pair=(other, None) if not is_first else None, one=one)
    first, _ = box.pair or (box.one, None)
    return first[0]


def by_a_pair_of_a_choice(one, other, is_first):
    def look(pair):
        first, _ = pair or (one if is_first else other, None)
        return first[0]

    return look(None)


def by_a_pair_of_a_cell_or_an_argument(one, other, is_first):
    def look(pair, other):
        seen = str(pair or (one if is_first else other, None))  # "([1], None)"
        return int(seen[2])

    return look(None, other)


def by_a_generator_that_is_sent_to(one, other, is_first):
    def look():
        seen = [operator.getitem((one if is_first else ()) or other, (yield))]
        yield seen[0]

    looking = look()
    next(looking)
    return looking.send(0)


def by_frames_that_come_again(one, other, is_first):
    def get(which, *, really):
        seen = [(which if really else (0,))[0], (one if really is None else (0,))[0]]
        return max(seen)

    return max(get(one, really=is_first), get(other, really=not is_first))


def by_a_default_of_get(one, other, is_first):
    known = {"one": one} if is_first else {}
    seen = [known.get("one", other)[0]]
    return seen[0]


def by_a_missing_default_of_get(one, other, is_first):
    known = {} if is_first else {"other": other}
    seen = [(known.get("other") or one)[0]]
    return seen[0]


def by_a_generator(one, other, is_first):
    def look():
        yield max([(one if is_first else (0,))[0]])
        yield max([(other if not is_first else (0,))[0]])

    return max(look())


def by_a_second_round(one, other, is_first):
    def look():
        for chooses_first in (not is_first, is_first):
            seen = (one if chooses_first else other)[0]
        return seen

    return look()


def by_a_call(one, other, is_first):
    def get(which):
        return which

    seen = [(get(one) if is_first else get(other))[0]]
    return seen[0]


def by_an_attribute(one, other, is_first):
    box = type("Box", (), {})()
    box.one, box.other = one, other
    seen = [(box.one if is_first else box.other)[0]]
    return seen[0]


@pytest.mark.parametrize("position", [0, 1])
@pytest.mark.parametrize(
    "choose",
    [
        by_arguments, by_cells, by_global_names, by_an_or, by_an_or_of_cells, by_three,
        by_three_cells, by_unpacking, by_pairs, by_pairs_of_cells, by_a_container_of_either,
        by_an_argument, by_arguments_of_a_call, by_a_variable_that_is_bound_anew,
        by_a_second_round, by_a_call, by_an_attribute, by_a_cell_or_a_constant,
        by_a_cell_or_an_argument, by_an_attribute_or_a_constant, by_a_pair_or_nothing,
        by_a_pair_of_a_choice, by_a_pair_of_a_cell_or_an_argument,
        by_a_generator_that_is_sent_to, by_frames_that_come_again, by_a_default_of_get,
        by_a_missing_default_of_get, by_a_generator,
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


def add_or_begin(box, n):
    box.x = (box.x or 0) + n


def put_greatest(box, n):
    box.x = max(box.x or 0, n)


def add_if_large(box, n):
    box.x += n if n > 1 else len(box.known)


def count_in_a_dictionary(box, n):
    box.known["n"] = (box.known.get("n") or 0) + n


def add_all(box, n):
    for each in box.items or (n,):
        box.x += each


@pytest.mark.parametrize(
    ("change", "classes"),
    [
        (add_or_begin, 4),
        (put_greatest, 4),
        (add_if_large, 4),
        (count_in_a_dictionary, 4),
        (add_all, 4),
    ],
)
def test_a_default_is_no_switch_point(change, classes):
    def program():
        box = types.SimpleNamespace(x=0, items=None, known={})
        both(lambda: change(box, 1), lambda: change(box, 2))

    found = explore(program)
    assert len(found.shared) == 1
    assert (found.executions, found.redundant) == (classes, 0)


def test_what_a_function_chose_is_forgotten_when_it_ends():
    def program():
        items = [1]

        def count(*, really):
            seen = [len(items if really else ())]
            return seen[0]

        def look():
            return count(really=True) + count(really=False)

        return first_seen(look, lambda: items.append(2))

    found = explore(program)
    assert {label: outcome.executions for label, outcome in found.outcomes.items()} == {1: 1, 2: 1}
