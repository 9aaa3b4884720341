"""C code that has called Python code goes on with what that gave it: that is a step of its own."""

import abc
import functools
import itertools
import operator
import struct
import sys
import threading
import types
from xml.etree import ElementTree as ET

import pytest

from concspec.interleave import explore
from tests.interleave.test_shared_state import both


class Tagged:
    def __init__(self, tags):
        self.tags = tags


WAYS = {
    "filter": lambda things: filter(lambda each: each.tags, things),
    "takewhile": lambda things: itertools.takewhile(lambda each: each.tags, things),
    "compress": lambda things: itertools.compress([1], (each.tags for each in things)),
    "chain": lambda things: itertools.chain.from_iterable(each.tags for each in things),
    "chain of a map": lambda things: itertools.chain.from_iterable(
        map(lambda each: each.tags, things)  # noqa: C417
    ),
    "until": lambda things: iter(lambda: things[0].tags, []),
    "starmap": lambda things: itertools.starmap(
        lambda *tags: len(tags) or None, (each.tags for each in things)
    ),
}


def count_in_a_loop(given):
    count = 0
    for each in given:
        if each is not None:
            count += 1
        if count:
            break
    return count


def count_in_a_comprehension(given):
    return len([each for each in itertools.islice(given, 1) if each is not None])


def count_by_delegating(given):
    def give():
        yield from given

    return count_in_a_loop(give())


@pytest.mark.parametrize("count", [count_in_a_loop, count_in_a_comprehension, count_by_delegating])
@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
def test_an_iterator_of_c_looks_at_what_python_code_gives_it(way, count):
    def program():
        tags, seen = [], []
        both(lambda: seen.append(count(way([Tagged(tags)]))), lambda: tags.append(1))
        return seen[0]

    assert set(explore(program).outcomes) == {0, 1}


class Mapping:
    def __init__(self, given):
        self.given = given

    def keys(self):
        return ["a"]

    def __getitem__(self, key):
        return self.given


class Missing(dict):
    given = None

    def __missing__(self, key):
        return self.given


class Sequence:
    def __init__(self, given):
        self.given = given

    def __getitem__(self, place):
        if place:
            raise IndexError
        return self.given


def missing(given):
    known = Missing()
    known.given = given
    return known


OPERATORS = {
    "format": lambda given: "1" in "%(a)s" % Mapping(given),  # noqa: UP031
    "format what is missing": lambda given: "1" in "%(a)s" % missing(given),  # noqa: UP031
    "find": lambda given: [1] in Sequence(given),
}


@pytest.mark.parametrize("look", OPERATORS.values(), ids=OPERATORS)
def test_an_operator_is_not_done_when_it_was_given_an_item(look):
    def program():
        given, seen = [], []
        both(lambda: seen.append(look(given)), lambda: given.append(1))
        return seen[0]

    assert set(explore(program).outcomes) == {False, True}


@pytest.mark.skipif(sys.version_info < (3, 9), reason="dictionaries have no such operator")
def test_a_dictionary_takes_one_item_after_the_other():
    class Two(Mapping):
        def keys(self):
            return ["a", "b"]

    def program():
        known, given, seen = {}, Two(1), []

        def take():
            nonlocal known
            known |= given

        both(take, lambda: seen.append(len(known)))
        return seen[0]

    assert set(explore(program).outcomes) == {0, 1, 2}


def test_a_format_looks_into_what_a_generator_gives():
    def program():
        shared, seen = [1], []

        def give():
            yield shared

        both(
            lambda: seen.append("{[0]}".format(*give())),
            lambda: shared.__setitem__(0, 2),
        )
        return seen[0]

    assert set(explore(program).outcomes) == {"1", "2"}


def that_asks(asked):
    class Abstract(abc.ABC):  # noqa: B024
        @classmethod
        def __subclasshook__(cls, other):
            asked.append(other)
            return NotImplemented

    return (Abstract,)


def that_asks_one_below(asked):
    class Abstract(abc.ABC):  # noqa: B024
        pass

    class Below(*that_asks(asked), Abstract):
        pass

    return Abstract, Below


@pytest.mark.parametrize("make", [that_asks, that_asks_one_below])
def test_an_abstract_class_remembers_what_the_program_said(make):
    def program():
        asked = []
        abstract, *_others = make(asked)
        both(*[lambda: issubclass(list, abstract)] * 2)
        return len(asked)

    found = explore(program)
    assert set(found.outcomes) == {1, 2}
    assert found.interleavings == explore(program, reduce=False).interleavings


def test_what_is_registered_is_asked_for_in_as_many_ways_as_there_are():
    def program():
        class Abstract(abc.ABC):  # noqa: B024
            pass

        class Other:
            pass

        seen = []
        both(
            lambda: Abstract.register(Other),
            lambda: seen.append(isinstance(Other(), Abstract)),
        )
        return seen[0]

    every = explore(program, reduce=False)
    found = explore(program)
    assert found.interleavings == every.interleavings
    assert set(found.outcomes) == set(every.outcomes) == {False, True}


def test_what_a_function_of_c_is_bound_to_is_touched():
    def program():
        items, seen = [], []
        add = types.MethodType(functools.partial(list.append), items)
        both(lambda: add(1), lambda: seen.append(len(items)))
        return seen[0]

    assert set(explore(program).outcomes) == {0, 1}


def test_a_method_of_a_new_object_may_change_what_it_is_given():
    def program():
        buffer, seen = bytearray(4), []
        both(
            lambda: struct.Struct("<I").pack_into(buffer, 0, 1),
            lambda: seen.append(buffer[0]),
        )
        return seen[0]

    assert set(explore(program).outcomes) == {0, 1}


@pytest.mark.parametrize("make", [dict.fromkeys, set])
def test_a_generator_expression_asks_for_its_iterator(make):
    def program():
        known, seen = make([1]), []

        def count():
            try:
                seen.append(sum(1 for _ in known))
            except RuntimeError:
                seen.append("changed")

        both(count, lambda: operator.methodcaller("update", make([2]))(known))
        return seen[0]

    assert set(explore(program).outcomes) == {1, 2, "changed"}


@pytest.mark.parametrize("pairs", [False, True])
def test_a_generator_that_threads_share_runs_until_it_has_given_something(pairs):
    def give():
        yield 1, 2

    def program():
        given, seen = give(), []

        def loop():
            if pairs:
                for _, _ in given:
                    pass
            else:
                for _ in given:
                    pass

        def ask():
            try:
                seen.append(next(given, None))
            except ValueError:
                seen.append("runs already")

        both(loop, ask)
        return seen[0]

    assert set(explore(program).outcomes) == {(1, 2), None, "runs already"}


def test_a_list_of_c_code_may_have_gaps():
    def program():
        seen = []
        both(*[lambda: seen.append(ET.fromstring("<a/>").tag)] * 2)
        return tuple(seen)

    assert set(explore(program, time_budget=1).outcomes) <= {("a", "a")}


def test_a_metaclass_may_make_objects_its_own_way():
    class Counting(type):
        def __call__(cls, *given):
            made = super().__call__(*given)
            made.count = count[0] = count[0] + 1
            return made

    class Counted(metaclass=Counting):
        pass

    count = [0]

    def program():
        count[0] = 0
        threads = [threading.Thread(target=Counted) for _ in (0, 1)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return count[0]

    assert set(explore(program).outcomes) == {1, 2}


def test_the_end_of_what_a_metaclass_makes_is_doubted():
    class Making(type):
        def __call__(cls):
            return super().__call__()

    class Ending(metaclass=Making):
        def __del__(self):
            pass

    def program():
        both(lambda: Ending() and None, int)

    assert "the end of a Ending" in (explore(program).bound or "")


def test_c_code_fills_what_python_code_has_made():
    class Filled(list):
        log = None

        def __new__(cls, items):  # noqa: ARG004
            cls.log.append("made")
            return super().__new__(cls)

    def program():
        Filled.log, items, seen = [], [1], []

        def lengthen():
            seen.append(len(Filled.log))
            items.append(2)

        lengths = []
        both(lambda: lengths.append(len(Filled(items))), lengthen)
        return lengths[0], seen[0]

    assert set(explore(program).outcomes) == {(1, 0), (1, 1), (2, 0), (2, 1)}


def test_a_method_of_a_dictionary_looks_an_attribute_up():
    class Mapping:
        def __getitem__(self, key):
            return key

    def program():
        known, mapping = {}, Mapping()
        mapping.keys = lambda: "a"
        both(
            lambda: list(map(known.update, [mapping])),
            lambda: setattr(mapping, "keys", lambda: "b"),
        )
        return "".join(known)

    assert set(explore(program).outcomes) == {"a", "b"}


def test_a_set_may_hold_classes_of_the_program():
    class Numbered:
        n = 1

    def program():
        Numbered.n = 1
        classes, seen = {Numbered}, []
        both(
            lambda: seen.append(sum(map(operator.attrgetter("n"), classes))),
            lambda: setattr(Numbered, "n", 2),
        )
        return seen[0]

    assert set(explore(program).outcomes) == {1, 2}
