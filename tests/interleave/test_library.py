"""What code does with what only one thread has is no switch point, be it Python's own library.

Each of these programs would be three orders of magnitude more executions if it were.
"""

import array
import collections
import contextlib
import copy
import dataclasses
import enum
import fractions
import functools
import hashlib
import io
import itertools
import json
import operator
import pickle
import random
import re
import string
import sys
import traceback
import uuid

import pytest

from concspec.interleave import explore
from tests.interleave.test_shared_state import both
from tests.interleave.test_unusual_accesses import Plain

PYPY = sys.implementation.name == "pypy"
Pair = collections.namedtuple("Pair", "first second")  # noqa: PYI024 - made in another way


class Colour(enum.IntEnum):
    RED = 1


class Used:
    """An object that is used at once, and has all it has from its class."""

    limit = 1

    def get(self):
        return self.limit

    def publish(self, kept):
        kept.append(self)
        self.own = 1
        return self


@dataclasses.dataclass
class Field:
    content: list


def loop_over_items():
    for _, _ in {"a": 1}.items():
        pass


def loop_over_numbered_pairs():
    for _, (_, _) in enumerate(zip("ab", [1, 2])):
        pass


def loop_over_a_display():
    for _, _ in [(1, 2), (3, 4)]:
        pass


def pairs():
    yield from ((each, (each,)) for each in (1, 2))


def loop_over_a_generator():
    for _, (_,) in pairs():
        pass


def fail_and_format():
    try:
        raise ValueError  # noqa: TRY301
    except ValueError:
        traceback.format_exc()


def enter_a_stack():
    with contextlib.ExitStack() as stack:
        stack.enter_context(contextlib.suppress(ValueError))


USES = {
    "loop over items": loop_over_items,
    "loop over numbered pairs": loop_over_numbered_pairs,
    "loop over a display": loop_over_a_display,
    "loop over a generator": loop_over_a_generator,
    "comprehension": lambda: {each: other for other, each in enumerate("ab")},
    "counters": lambda: collections.Counter("ab") + collections.Counter("b"),
    "random numbers": lambda: random.Random(1).random(),
    "identifier": uuid.uuid4,
    "deep copy": lambda: copy.deepcopy({"a": [1]}),
    "new object": lambda: Used().get(),
    "members": lambda: [each.name for each in Colour],
    "text in memory": lambda: io.StringIO("a").read(),
    "array": lambda: array.array("i", [1]).append(2),
    "translation": lambda: "a".translate(str.maketrans("a", "b")),
    "fields": lambda: repr(dataclasses.asdict(Field([1]))) + repr(Field([1])),
    "substitution": lambda: re.sub("a", lambda found: found.group() * 2, "aba"),
    "number with a name": lambda: Colour(1) + Colour.RED,
    "new number": lambda: int.from_bytes(bytes([1]), "big"),
}
IN_C = {
    "text of objects": lambda: json.loads(json.dumps({"a": [1, None]})),
    "fractions": lambda: fractions.Fraction(1, 2) + 1,
    "digest": lambda: hashlib.sha256(b"a").hexdigest(),
    "named tuple": lambda: Pair(1, 2)._replace(first=3),
    "copy": lambda: copy.copy(Field([1])),
    "pickle": lambda: pickle.dumps(Field([1])),
    "template": lambda: string.Template("$a").substitute(a=1),
}
"""On PyPy, these are Python code that uses state of its own."""
if not PYPY:
    USES.update(IN_C)
if (3, 12) <= sys.version_info < (3, 14):  # others look into syntax trees, or do not show where
    USES["failure"] = fail_and_format
if (3, 12) <= sys.version_info < (3, 15):  # others look at classes by means of weak references
    USES["stack"] = enter_a_stack


def adding_up_beside(use):
    """Explore two threads that do something, and then add to one number."""

    def program():
        box = Plain()

        def add():
            use()
            box.x += 1

        both(add, add)
        return box.x

    return explore(program)


@pytest.mark.parametrize("use", USES.values(), ids=USES)
def test_only_what_is_counted_is_shared(use):
    found = adding_up_beside(use)
    assert (found.executions, found.redundant, set(found.outcomes)) == (4, 0, {1, 2})


def first_of_pairs(shared):
    return [first for _, (first, _) in enumerate([shared])]


def first_of_zipped(shared):
    return [first for (first, _), _ in zip([shared], "a")]


def first_of_items(shared):
    return [first for _, (first, _) in {"a": shared}.items()]


def first_of_mapped(shared):
    got = operator.attrgetter("shared")
    return [first for _, (first, _) in zip("a", map(got, [Keeping(shared)]))]


def first_of_reduced(shared):
    first, _ = functools.reduce(lambda _, last: last, [[], shared])
    return [first]


def first_of_grouped(shared):
    return [first for _, group in itertools.groupby([shared], len) for first, _ in group]


def first_of_reversed(shared):
    return [first for first, _ in reversed([shared])]


def first_of_generated(shared):
    def give():
        yield 1, shared

    return [first for _, (first, _) in give()]


def first_of_delegated(shared):
    def give():
        yield from iter([(1, shared)])

    return [first for _, (first, _) in give()]


def first_of_own_items(shared):
    return [first for first, _ in Giving([[5, 5]], shared)]


def first_of_reversed_own(shared):
    return [first for first, _ in reversed(Giving([[5, 5]], shared))]


def first_of_missing(shared):
    first, _ = Missing(shared)["a"]
    return [first]


def first_of_loaded(shared):
    first, _ = json.loads('{"a": 1}', object_hook=lambda _: shared)
    return [first]


def first_of_copied(shared):
    first, _ = copy.deepcopy({"a": shared})["a"]
    return [first]


def first_of_dumped(shared):
    return [int(json.dumps(shared)[1])]


def first_of_replaced(shared):
    return [int(re.sub("a", lambda _: str(shared[0]), "a"))]


class Keeping:
    def __init__(self, shared):
        self.shared = shared


class Giving(list):
    def __init__(self, items, shared):
        super().__init__(items)
        self.shared = shared

    def __iter__(self):
        return iter([self.shared])

    def __reversed__(self):
        return iter([self.shared])


class Missing(dict):
    def __init__(self, shared):
        self.shared = shared

    def __missing__(self, key):
        return self.shared


FIRST = [
    first_of_pairs, first_of_zipped, first_of_items, first_of_mapped, first_of_reduced,
    first_of_grouped, first_of_reversed, first_of_generated, first_of_delegated,
    first_of_own_items, first_of_reversed_own, first_of_missing, first_of_loaded, first_of_copied,
    first_of_dumped, first_of_replaced,
]  # fmt: skip


@pytest.mark.parametrize("first_of", FIRST)
def test_what_is_found_in_another_is_shared_all_the_same(first_of):
    def program():
        shared, seen = [1, 1], []
        both(lambda: seen.extend(first_of(shared)), lambda: shared.__setitem__(0, 2))
        return seen[0]

    assert set(explore(program).outcomes) == {1, 2}


def walk_items(shared):
    return (*[each for _, each in shared.items()],)


def walk_numbered(shared):
    return (*[each for _, each in enumerate(shared.values())],)


@pytest.mark.parametrize("walk", [walk_items, walk_numbered])
def test_what_gives_new_tuples_goes_through_what_it_is_of(walk):
    def program():
        shared, seen = {"a": 1, "b": 1}, []

        def change():
            shared["a"] = 2
            shared["b"] = 2

        both(lambda: seen.append(walk(shared)), change)
        return seen[0]

    assert set(explore(program).outcomes) == {(1, 1), (1, 2), (2, 1), (2, 2)}


class Base:
    known = 1


class Derived(Base):
    def get(self):
        return super().known


def test_what_super_finds_is_an_attribute_of_a_class():
    def program():
        Base.known = 1
        seen = []
        both(lambda: seen.append(Derived().get()), lambda: setattr(Base, "known", 2))
        return seen[0]

    found = explore(program)
    assert set(found.outcomes) == {1, 2}


LOOKING = {
    "itself": lambda: Used().limit,
    "method": lambda: Used().get(),
    "by name": lambda: getattr(Used(), "limit"),  # noqa: B009
    "class": lambda: type(Used()).limit,
    "item": lambda: [Used()][0].limit,
    "key": lambda: max([Used()], key=lambda each: each.limit).limit,
    "format": lambda: int("{.limit}".format(Used())),  # noqa: UP032
    "called by c": lambda: next(map(Used.get, [Used()])),
}


@pytest.mark.parametrize("look", LOOKING.values(), ids=LOOKING)
def test_what_a_new_object_has_from_its_class_is_shared(look):
    def program():
        Used.limit = 1
        seen = []
        both(lambda: seen.append(look()), lambda: setattr(Used, "limit", 2))
        return seen[0]

    try:
        assert set(explore(program).outcomes) == {1, 2}
    finally:
        Used.limit = 1


def test_a_new_object_that_has_been_kept_is_shared():
    def program():
        kept, seen = [], []

        def change():
            if kept:
                kept[0].own = 2

        both(lambda: seen.append(Used().publish(kept).own), change)
        return seen[0]

    assert set(explore(program).outcomes) == {1, 2}


class Adder:
    def __init__(self):
        self.x = 0

    def __call__(self, n=1):
        self.x += n
        return self


def test_an_object_that_is_called_gives_what_its_code_gives():
    def program():
        adder = Adder()
        both(*[lambda: adder()(2)] * 2)
        return adder.x

    found = explore(program)
    assert (found.executions, set(found.outcomes)) == (34, {3, 4, 5, 6})


class Slotted:
    __slots__ = ("known",)


class DerivedFromSlotted(Slotted):
    def get(self):
        return super().known


def test_what_super_finds_is_an_attribute_of_an_object():
    def program():
        box, seen = DerivedFromSlotted(), []
        box.known = 1
        both(lambda: seen.append(box.get()), lambda: setattr(box, "known", 2))
        return seen[0]

    assert set(explore(program).outcomes) == {1, 2}


class Number(int):
    pass


def test_a_number_may_have_attributes():
    def program():
        number, seen = Number(1), []
        both(
            lambda: seen.append(vars(copy.copy(number)).get("name")),
            lambda: setattr(number, "name", 1),
        )
        return seen[0]

    assert set(explore(program).outcomes) == {None, 1}


def test_code_of_c_that_looks_into_a_class_conflicts_with_who_changes_it():
    def program():
        Base.known = 1
        seen = []
        both(
            lambda: seen.append(operator.attrgetter("known")(Derived())),
            lambda: setattr(Base, "known", 2),
        )
        return seen[0]

    found = explore(program)
    assert set(found.outcomes) == {1, 2}


def test_threads_that_hand_c_code_the_same_class_only_read_it():
    class Counted(collections.Counter):
        pass

    assert adding_up_beside(lambda: Counted("a")).executions == 4
