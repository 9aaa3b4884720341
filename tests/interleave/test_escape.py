"""Loops through containers that nobody else can know are left out; all others are not."""

import sys

import pytest

from concspec.interleave import explore
from concspec.interleave.observing.bytecode import sites
from concspec.interleave.observing.sites import CAPTURE, ITERATION
from tests.interleave.test_shared_state import both


class Box:
    known = None


def through_a_list(make):
    threads = [make(), make()]
    for each in threads:
        each.start()
    for each in threads:
        each.join()


def through_a_comprehension(make):
    threads = [make(each) for each in range(2)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()


def through_one_of_two(make):
    threads = [make()] if make else [make, make]
    for each in threads:
        each.start()


def through_displays(make):
    for each in (1, 2):
        for other in [make, each]:
            other.start()


def a_generator():
    items = [1, 2]
    for each in items:
        yield each + 1


def loops_of(function):
    """Return the sites of the loops of a function, but not those of its comprehensions."""
    found = sites(function.__code__).values()
    asked = [each.label for each in found if each.kind == CAPTURE and "range" not in each.label]
    return asked, [each for each in found if each.kind == ITERATION and each.name == "next"]


@pytest.mark.parametrize("function", [through_a_list, through_displays])
def test_nobody_else_knows_what_is_gone_through(function):
    assert loops_of(function) == ([], [])


def test_nobody_else_knows_what_a_comprehension_makes():
    assert "threads" not in loops_of(through_a_comprehension)[0]


def test_one_of_two_containers_is_not_told_from_others():
    assert loops_of(through_one_of_two)[0] == ["threads"]


def test_a_generator_shows_what_it_goes_through():
    assert loops_of(a_generator)[0] == ["items"]


def named_in_a_loop(box):
    own, seen = [1], 0
    for _ in (known := own):
        seen += 1
        box.known = known
    return seen


def named_twice(box):
    own = box.known = [1]
    seen = 0
    for _ in own:
        seen += 1
    return seen


def made_by_another(box):
    own = shown(box)
    seen = 0
    for _ in own:
        seen += 1
    return seen


def shown(box):
    box.known = [1]
    return box.known


def given(box):
    return counted(shown(box))


def counted(items):
    seen = 0
    for _ in items:
        seen += 1
    return seen


def seen_by_locals(box):
    own = [1]
    box.known = locals()["own"]
    seen = 0
    for _ in own:
        seen += 1
    return seen


def kept_by_a_closure(box):
    own = [1]

    def show():
        box.known = own

    show()
    seen = 0
    for _ in own:
        seen += 1
    return seen


@pytest.mark.parametrize(
    "goes_through",
    [
        named_in_a_loop,
        named_twice,
        made_by_another,
        given,
        seen_by_locals,
        kept_by_a_closure,
    ],
)
def test_another_thread_knows_what_is_gone_through(goes_through):
    def program():
        box, seen = Box(), []

        def lengthen():
            if box.known == [1]:
                box.known.append(1)

        both(lambda: seen.append(goes_through(box)), lengthen)
        return seen[0]

    assert {1, 2} <= set(explore(program).outcomes)


def test_what_another_name_of_locals_shows_is_doubted():
    show = locals

    def program():
        box, seen = Box(), []

        def go_through():
            own = [1]
            box.known = show()["own"]
            seen.extend(0 for _ in own)

        both(go_through, lambda: box.known and box.known.append(1))
        return len(seen)

    assert not explore(program).complete


def test_what_frames_tell_of_variables_is_doubted():
    def program():
        seen = []

        def go_through():
            own = [1]
            frame.append(sys._getframe())
            seen.extend(each for each in [0] for _ in own)

        frame = []
        both(go_through, lambda: frame and frame[0].f_locals["own"].append(2))
        return len(seen)

    found = explore(program)
    assert not found.complete
    assert "f_locals" in found.bound
