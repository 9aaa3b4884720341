"""What C code gives may be something else than it was given, or than there was when it began."""

import functools
import operator
import os
import reprlib
import sys

import pytest

from concspec.interleave import explore
from tests.interleave.test_shared_state import both


class Box:
    def __init__(self, **attributes):
        vars(self).update(attributes)


class Path(str):
    __slots__ = ("n",)


def numbered(n, kind=Box):
    made = kind("") if kind is Path else kind()
    made.n = n
    return made


get_x = operator.attrgetter("x")
FETCHING = {
    "reduce": lambda box: functools.reduce(getattr, ["x"], box).n,
    "map of a getter": lambda box: next(map(get_x, [box])).n,
    "map of getattr": lambda box: next(map(getattr, [box], ["x"])).n,
    "until": lambda box: next(iter(functools.partial(getattr, box, "x"), None)).n,
    "least": lambda box: min(map(get_x, [box]), key=id).n,
    "path": lambda box: os.fspath(box.x).n,
    "private method": lambda box: next(map(operator.methodcaller("_get", "x"), [box.holder])).n,
}


@pytest.mark.parametrize("fetch", FETCHING.values(), ids=FETCHING)
def test_what_it_fetches_is_not_among_what_it_was_given(fetch):
    def program():
        first, last, seen = numbered(0, Path), numbered(7, Path), []
        held = {"x": first}

        class Holder:
            _get = held.get

        box = Box(x=first, holder=Holder())

        def change():
            held["x"] = box.x = last
            first.n = 1

        both(lambda: seen.append(fetch(box)), change)
        return seen[0]

    assert {0, 1, 7} == set(explore(program).outcomes)


def greatest(items, tell):
    return max(items, key=lambda each: (tell(each), 0)).n


def first_found(items, tell):
    return next(filter(lambda each: [1] if tell(each) else [], items), items[0]).n


@pytest.mark.parametrize("find", [greatest, first_found])
def test_what_it_has_taken_may_be_taken_away_meanwhile(find):
    def program():
        new, seen, log = numbered(0), [], []
        items = [numbered(7)]

        def tell(each):
            log.append(len(items))
            return each is new

        def change():
            items.append(new)
            items.remove(new)
            new.n = 1

        both(lambda: seen.append(find(items, tell)), change)
        return seen[0], (*log,)

    assert (0, (1, 1)) in explore(program).outcomes


def test_what_comes_to_a_place_meanwhile_is_found_there():
    def program():
        new, seen, box = numbered(0), [], Box(count=0)
        items = [numbered(7)]

        class Place:
            def __index__(self):
                box.count += 1
                return 0

        def change():
            box.count = 5
            items[0] = new
            new.n = 1

        both(lambda: seen.append(items[Place()].n), change)
        return seen[0], box.count

    assert (0, 1) in explore(program).outcomes


def test_what_is_unpacked_is_what_was_there():
    def program():
        box, inner, seen = Box(k=0), [0, 0], []
        record = [1, inner]

        def unpack():
            box.k, (x, y) = record
            seen.append((x, y))

        def change():
            if box.k == 1:
                record[1] = [9, 9]
                inner[0] = 5
                inner[1] = 6

        both(unpack, change)
        return seen[0]

    assert set(explore(program).outcomes) == {(0, 0), (5, 0), (5, 6)}


@pytest.mark.skipif(sys.implementation.name == "pypy", reason="it shows a copy of a list")
def test_what_is_shown_is_gone_through_one_after_the_other():
    def program():
        log, seen = [], []

        class Shown:
            @reprlib.recursive_repr()
            def __repr__(self):
                log.append("shown")
                return "S"

        items = [Shown()]

        def change():
            log.append("changed")
            items.append(Shown())

        both(lambda: seen.append(repr(items)), change)
        return (*log, seen[0])

    assert set(explore(program).outcomes) == {
        ("shown", "changed", "[S]"),
        ("changed", "shown", "[S]"),
        ("shown", "changed", "shown", "[S, S]"),
        ("changed", "shown", "shown", "[S, S]"),
    }


@pytest.mark.parametrize("of_c", [False, True])
def test_subclasses_are_no_new_objects(of_c):
    def program():
        first, last, seen = numbered(0), numbered(7), []

        class Base(Exception):  # noqa: N818
            pass

        class Derived(ArithmeticError if of_c else Base):
            x = first

        def change():
            Derived.x = last
            first.n = 1

        of = ArithmeticError if of_c else Base
        both(lambda: seen.append(type.__subclasses__(of)[-1].x.n), change)
        return seen[0]

    assert set(explore(program).outcomes) == {0, 1, 7}


def test_a_super_that_is_bound_to_nothing_gives_attributes_by_get():
    class Base:
        def get(self):
            return 1

    class Derived(Base):
        pass

    def program():
        looking, seen = super(Derived), []
        both(*[lambda: seen.append(looking.__get__(Derived()).get())] * 2)
        return tuple(seen)

    assert set(explore(program, until=bool).outcomes) == {(1, 1)}
