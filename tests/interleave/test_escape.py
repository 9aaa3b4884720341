"""Loops through containers that nobody else can know are left out; all others are not."""

import builtins
import operator
import sys
import threading

import pytest

from concspec.interleave import explore
from concspec.interleave.observing.bytecode import sites
from concspec.interleave.observing.sites import CAPTURE, ITERATION
from tests.interleave.test_shared_state import both


def through_a_list(make):
    threads = [make(), make()]
    for each in threads:
        each.start()
    for each in threads:
        each.join()


def through_a_comprehension(make):
    threads = [make() for _ in (0, 1)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()


def through_displays(make):
    for each in (1, 2):
        for other in [make, each]:
            other.start()


def through_arguments(*threads, **named):
    for each in threads:
        each.start()
    for each in named:
        each.title()


def through_one_of_two(make):
    threads = [make()] if make else [make, make]
    for each in threads:
        each.start()


def a_generator():
    items = [1, 2]
    for each in items:
        yield each + 1


def gone_through(function):
    """Return what the loops of a function go through, and how many sites move them on."""
    found = sites(function.__code__).values()
    asked = [each.label for each in found if each.kind == CAPTURE and each.label != "?"]
    return asked, sum(each.kind == ITERATION and each.name == "next" for each in found)


@pytest.mark.parametrize(
    "function", [through_a_list, through_a_comprehension, through_displays, through_arguments]
)
def test_nobody_else_knows_what_is_gone_through(function):
    assert gone_through(function) == ([], 0)


@pytest.mark.parametrize(
    ("function", "name"), [(through_one_of_two, "threads"), (a_generator, "items")]
)
def test_what_others_may_know_is_gone_through(function, name):
    assert gone_through(function) == ([name], 1)


class Box:
    known = None


def counted(items):
    seen = 0
    for _ in items:
        seen += 1
    return seen


def shown(box):
    box.known = [1]
    return box.known


def counted_of_all(*, items, **_):
    seen = 0
    for _ in items:
        seen += 1
    return seen


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


def seen_by_locals(box):
    own = [1]
    box.known = locals()["own"]
    seen = 0
    for _ in own:
        seen += 1
    return seen


def seen_by_a_variable(box):
    own = [1]
    locals = builtins.locals  # noqa: A001
    box.known = locals()["own"]
    seen = 0
    for _ in own:
        seen += 1
    return seen


KNOWN = {
    "given": lambda box: counted(shown(box)),
    "given by name": lambda box: counted_of_all(items=shown(box)),
    "named in a loop": named_in_a_loop,
    "named twice": named_twice,
    "made by another": made_by_another,
    "seen by locals": seen_by_locals,
    "seen by a variable": seen_by_a_variable,
}
MATCHING = """
class Keeping(type):
    box = None

    def __eq__(kind, other):
        kind.box.known = other
        return False

    def __instancecheck__(kind, other):
        kind.box.known = other
        return False

    __hash__ = type.__hash__


class Leak(metaclass=Keeping):
    pass


class names:
    leak = Leak


def compared(box):
    Leak.box = box
    seen = 0
    match [1]:
        case names.leak:
            pass
        case own:
            for _ in own:
                seen += 1
    return seen


def asked_for_a_class(box):
    Leak.box = box
    seen = 0
    match [1]:
        case Leak():
            pass
        case own:
            for _ in own:
                seen += 1
    return seen


def named_three_times(box):
    def keep(items):
        box.known = items

    seen = 0
    match [1]:
        case (([_] as a) as b) if keep(b):
            pass
        case own:
            for _ in own:
                seen += 1
    return seen
"""
if sys.version_info >= (3, 10):
    matching = {}
    exec(MATCHING, matching)
    for each in ("compared", "asked_for_a_class", "named_three_times"):
        KNOWN[each] = matching[each]


@pytest.mark.parametrize("goes_through", KNOWN.values(), ids=KNOWN)
def test_another_thread_knows_what_is_gone_through(goes_through):
    def program():
        box, seen = Box(), []

        def lengthen():
            if box.known == [1]:
                box.known.append(1)

        both(lambda: seen.append(goes_through(box)), lengthen)
        return seen[0]

    assert {1, 2} <= set(explore(program).outcomes)


show = locals


def by_another_name(box):
    own = [1]
    box.known = show()["own"]
    return own


def of_this_frame(box):
    own = [1]
    box.known = sys._getframe().f_locals["own"]
    return own


def of_a_frame_that_is_kept(box):
    own = [1]
    frame = sys._getframe()
    box.known = frame.f_locals["own"]
    return own


def by_getattr(box):
    own = [1]
    frame = sys._getframe()
    box.known = getattr(frame, "f_locals")["own"]  # noqa: B009
    return own


SHOWN = [by_another_name, of_this_frame, of_a_frame_that_is_kept, by_getattr]


@pytest.mark.parametrize("shown_by", SHOWN)
def test_who_sees_the_variables_of_a_function_is_doubted(shown_by):
    def program():
        box = Box()
        both(lambda: shown_by(box), int)

    assert not explore(program).complete


@pytest.mark.parametrize("shown_by", SHOWN[:3])
def test_who_has_seen_them_before_there_were_threads_is_doubted(shown_by):
    def program():
        shown_by(Box())
        thread = threading.Thread(target=operator.index, args=(1,))
        thread.start()
        thread.join()

    assert not explore(program).complete
