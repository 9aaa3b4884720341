"""Races in what is done to an object of which it is not known which one it is."""

import functools
import io
import operator
import sys
import threading

import pytest

from concspec.interleave import explore
from tests.interleave.test_shared_state import both
from tests.interleave.test_unusual_accesses import Plain, explored, first_seen


def functions_that_print():
    out, before = io.StringIO(), sys.stdout
    sys.stdout = out

    def say(text, log=None, fallback=print):
        seen = [(log or fallback)(text, end="")]
        return seen[0]

    try:
        both(lambda: say("1"), lambda: say("2"))
    finally:
        sys.stdout = before
    return int(out.getvalue()[0])


def functions_of_a_module():
    before = sys.getrecursionlimit()

    def look(get=None, fallback=sys.getrecursionlimit):
        seen = [(get or fallback)()]
        return 1 if seen[0] == before else 2

    try:
        return first_seen(look, lambda: sys.setrecursionlimit(before + 1))
    finally:
        sys.setrecursionlimit(before)


def function_of_a_list():
    before = sys.getrecursionlimit()
    gets = [sys.getrecursionlimit]

    def look():
        return 1 if max(gets)() == before else 2

    try:
        return first_seen(look, lambda: sys.setrecursionlimit(before + 1))
    finally:
        sys.setrecursionlimit(before)


def formats():
    box = Plain(1)

    def look(form=None):
        seen = [(form or "{0.x}").format(box)]
        return int(seen[0])

    return first_seen(look, lambda: setattr(box, "x", 2))


def format_that_was_made():
    box = Plain(1)

    def look(name="x"):
        return int(("{0." + name + "}").format(box))

    return first_seen(look, lambda: setattr(box, "x", 2))


def traceback_of(error):
    try:
        raise error
    except type(error):
        return sys.exc_info()[2]


def tracebacks():
    one, other = traceback_of(ValueError()), traceback_of(KeyError())

    def look(one, other, *, is_first):
        seen = [(one if is_first else other).tb_next]
        return 1 if seen[0] is None else 2

    return first_seen(
        lambda: look(one, other, is_first=True), lambda: setattr(one, "tb_next", other)
    )


class Keeping:
    """Keeps what it is compared with."""

    def __init__(self):
        self.kept = []

    def __lt__(self, other):
        self.kept.append(other)
        return True


def operands_that_were_kept():
    keeping = Keeping()
    return first_seen(
        lambda: 1 if keeping < [1] < [1, 2] else 2,
        lambda: keeping.kept and keeping.kept[0].append(9),
    )


def operands_that_a_call_made():
    keeping, make = Keeping(), list
    return first_seen(
        lambda: 1 if keeping < make((1,)) < [1, 2] else 2,
        lambda: keeping.kept and keeping.kept[0].append(9),
    )


def cells():
    x = 1

    def inner():
        return x

    def put():
        nonlocal x
        x = 2

    def look(one, other, *, is_first):
        seen = [(one if is_first else other).cell_contents]
        return seen[0]

    (cell,) = inner.__closure__
    return first_seen(lambda: look(cell, cell, is_first=True), put)


def order_of_attributes():
    box = Plain(0)
    both(lambda: setattr(next(iter([box])), "y", 1), lambda: setattr(box, "z", 2))
    return 1 if list(vars(box)) == ["x", "y", "z"] else 2


def one_of_many():
    names = [f"x{number}" for number in range(1200)]
    scope = {}
    exec(
        f"def look({'=0, '.join(names)}=0):\n"
        f"    seen = [({' or '.join(names)})[0]]\n"
        "    return seen[0]",
        scope,
    )
    items = [1]
    return first_seen(lambda: scope["look"](x1199=items), lambda: items.__setitem__(0, 2))


OWN_ORDER = pytest.mark.skipif(
    sys.implementation.name == "pypy", reason="it orders attributes as it has objects of a class"
)


@pytest.mark.parametrize(
    "program",
    [
        functions_that_print, functions_of_a_module, function_of_a_list, formats,
        format_that_was_made, tracebacks, operands_that_were_kept, operands_that_a_call_made,
        cells, pytest.param(order_of_attributes, marks=OWN_ORDER), one_of_many,
    ],
)  # fmt: skip
def test_what_may_be_looked_at_is_found(program):
    found, exploration = explored(program)
    assert found, exploration


COUNT = getattr(sys, "getrefcount", None)


def references():
    items, kept = [], []

    def look(count=COUNT, other=len):
        seen = [(count or other)(items)]
        return seen[0]

    return first_seen(look, lambda: kept.append(items))


class Ending:
    def __del__(self):
        pass


def end_of_an_object():
    box = Plain()

    def put(one, other, *, is_first):
        made = [(one if is_first else other)()]
        box.x = made.pop()

    both(lambda: put(Ending, Plain, is_first=True), lambda: setattr(box, "x", None))


def variables():
    box = Plain()

    def look(show=None, other=locals):
        items = [1, 3]
        shown = [(show or other)()["items"]]
        box.x = shown[0]
        return tuple(each for each in items)

    return first_seen(look, lambda: box.x and box.x.append(2))


any_of = functools.partial(lambda one: one)
"""Gives what it is given, which is not known."""


def dictionary_of_attributes():
    box = Plain(1)
    return first_seen(lambda: box.x, lambda: setattr(any_of(box), "__dict__", {"x": 2}))


def class_of_an_object():
    box = Plain(1)
    return first_seen(lambda: type(box) is Plain, lambda: setattr(any_of(box), "__class__", Ending))


def state_by_variables():
    semaphore = threading.Semaphore(1)
    return first_seen(lambda: vars(semaphore)["_value"], semaphore.acquire)


def state_by_a_getter():
    semaphore = threading.Semaphore(1)
    return first_seen(lambda: operator.attrgetter("_value")(semaphore), semaphore.acquire)


def state_by_a_name_that_was_made():
    semaphore = threading.Semaphore(1)
    return first_seen(lambda name="value": getattr(semaphore, "_" + name), semaphore.acquire)


DOUBTED = {
    end_of_an_object: "the end of a Ending",
    variables: "the variables that locals() shows",
    state_by_variables: "the attribute __dict__ of a Semaphore",
    state_by_a_getter: "an attribute of a Semaphore",
    state_by_a_name_that_was_made: "an attribute of a Semaphore",
}
if sys.implementation.name != "pypy" or sys.version_info >= (3, 10):  # there, partial is known
    DOUBTED[dictionary_of_attributes] = "the attribute __dict__ of an object that is not known"
    DOUBTED[class_of_an_object] = "the attribute __class__ of an object that is not known"
if COUNT is not None:
    DOUBTED[references] = "how often something is referred to"


@pytest.mark.parametrize("program", DOUBTED, ids=lambda program: program.__name__)
def test_what_cannot_be_told_is_doubted(program):
    found = explore(program)
    assert DOUBTED[program] in (found.bound or "")
