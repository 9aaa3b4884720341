"""Races in what C code gets of the objects that it is handed, by attributes and without."""

import ast
import collections
import concurrent.futures
import datetime as dt
import functools
import io
import itertools
import sys
import threading
import time
import types

import pytest

from concspec.interleave import explore
from tests.interleave.test_shared_state import both
from tests.interleave.test_unusual_accesses import Plain, explored, first_seen


class Pairs:
    """A mapping of two keys."""

    def keys(self):
        return ["i", "j"]

    def __getitem__(self, key):
        return key


class Table(dict):
    """A dictionary that says itself how it is gone through."""

    def __iter__(self):
        return dict.__iter__(self)


def updated(box):
    found = {}
    found.update(box)
    return found


def added(box):
    found = {}
    found |= box
    return found


KEYS = {
    "dict": dict,
    "ordered": collections.OrderedDict,
    "with a default": lambda box: collections.defaultdict(None, box),
    "update": updated,
    "operator": added,
    "display": lambda box: {**box},
    "method": lambda box: {}.__ior__(box) or box,
    "arguments": lambda box: dict(**box),
}


CASES = [(make, way) for make in (Pairs, lambda: Table(i=1, j=2)) for way in KEYS]
if sys.implementation.name == "pypy":
    CASES.pop()  # it does not ask a dictionary there


@pytest.mark.parametrize(("make", "way"), CASES)
def test_keys_of_a_mapping(make, way):
    taken = KEYS[way]

    def program():
        box = make()
        return first_seen(lambda: len(taken(box)), lambda: setattr(box, "keys", lambda: ["i"]))

    assert explored(program)[0]


@pytest.mark.skipif(
    sys.implementation.name == "pypy", reason="it takes what a dictionary holds, without keys()"
)
@pytest.mark.parametrize("taken", [lambda box: {} | box, lambda box: box | {}, dict.copy])
def test_keys_of_a_dictionary_that_another_is_made_of(taken):
    def program():
        box = Table(i=1, j=2)
        return first_seen(lambda: len(taken(box)), lambda: setattr(box, "keys", lambda: ["i"]))

    assert explored(program)[0]


class Stream:
    def write(self, text):
        pass

    def flush(self):
        pass


class Text(io.StringIO):
    pass


@pytest.mark.parametrize("name", ["write", "flush"])
@pytest.mark.parametrize("make", [Stream, Text])
def test_what_print_calls(make, name):
    def program():
        stream, called = make(), []
        both(
            lambda: print("a", file=stream, flush=True),
            lambda: setattr(stream, name, lambda *_: called.append(1)),
        )
        return 2 if called else 1

    assert explored(program)[0]


def test_a_tree_that_is_compiled():
    def program():
        tree = ast.parse("1", mode="eval")
        return first_seen(
            lambda: eval(compile(tree, "tree", "eval")),
            lambda: setattr(tree.body, "value", 2),
        )

    assert explored(program)[0]


GROUP = """
def noted(group):
    try:
        raise group
    except* ValueError as part:
        found = part.__notes__
    return len(found)
"""


@pytest.mark.skipif(sys.version_info < (3, 11), reason="there are no groups of exceptions")
def test_notes_of_a_group_that_is_matched():
    scope = {}
    exec(GROUP, scope)

    def program():
        group = ExceptionGroup("all", [ValueError()])  # noqa: F821 - of Python 3.11
        group.add_note("one")
        return first_seen(lambda: scope["noted"](group), lambda: group.__notes__.append("two"))

    assert explored(program)[0]


def test_an_exception_that_a_future_raises_is_doubted():
    def program():
        future, error = concurrent.futures.Future(), ValueError(1)
        future.set_exception(error)

        def wait():
            try:  # noqa: SIM105 - the code of contextlib would be watched as well
                future.result()
            except ValueError:
                pass

        both(wait, wait)

    found = explore(program)
    assert not found.complete
    assert "raise" in found.bound


def test_an_iterator_that_has_let_go_of_others():
    def program():
        pairs = itertools.zip_longest([1, 2], "a")
        both(lambda: next(pairs), lambda: next(pairs))
        return len(list(pairs))

    assert set(explore(program).outcomes) == {0}


def test_a_cache_of_limited_size():
    def program():
        same = functools.lru_cache(maxsize=2)(int)
        both(lambda: same(1), lambda: [same.cache_info()])
        return same.cache_info().currsize

    assert set(explore(program).outcomes) == {1}


def test_a_property_in_place_of_the_dictionary():
    class Box:
        asked = 0

        @property
        def __dict__(self):
            Box.asked += 1
            return {}

    def program():
        box = Box()
        seen = []

        def put(value):
            box.x = value
            seen.append((value, box.x))

        both(lambda: put(1), lambda: put(2))
        return tuple(sorted(seen))

    assert set(explore(program).outcomes) == {
        ((1, 1), (2, 2)),
        ((1, 2), (2, 2)),
        ((1, 1), (2, 1)),
    }
    assert not Box.asked


CLOCKS = [time.time_ns, time.monotonic_ns, time.perf_counter, time.process_time_ns]
if sys.implementation.name != "pypy":  # whose datetime is Python code, and goes many steps
    CLOCKS.append(dt.datetime.now)


@pytest.mark.parametrize("clock", CLOCKS)
def test_a_clock_goes_on_with_each_look_at_it(clock):
    def program():
        seen = {}
        both(lambda: seen.update(one=clock()), lambda: seen.update(other=clock()))
        return 1 if seen["one"] <= seen["other"] else 2

    found, exploration = explored(program)
    assert found, exploration


def test_looking_at_clocks_takes_no_more_executions_than_their_order_needs():
    def program():
        box = Plain(0)

        def measure():
            start = time.monotonic()
            box.x = time.monotonic() - start

        both(measure, time.time)

    found = explore(program)
    assert (found.executions, found.redundant) == (3, 0)


def test_what_is_in_a_tuple_that_was_handed_on():
    def program():
        box = Plain()

        def look():
            (items, _) = box.x = ([1, 3], 2)
            seen = []
            for each in items:
                seen.append(each)  # noqa: PERF402 - in a loop of its own
            return seen[0]

        return first_seen(look, lambda: box.x and box.x[0].__setitem__(0, 2))

    found, exploration = explored(program)
    assert found, exploration


class Leaving:
    """A manager that gives a list that threads share as an answer."""

    def __init__(self, answer):
        self.answer = answer

    def __enter__(self):
        return self

    def __exit__(self, *_):
        return self.answer


def test_the_truth_of_what_a_manager_answers():
    def program():
        answer = []

        def look():
            try:
                with Leaving(answer):
                    [].pop()
            except IndexError:
                return 1
            return 2

        return first_seen(look, lambda: answer.append(1))

    found, exploration = explored(program)
    assert found, exploration


class Space(types.SimpleNamespace):
    """One with a class of its own."""


@pytest.mark.parametrize("kind", [types.SimpleNamespace, Space])
@pytest.mark.parametrize(
    "look", [repr, "{}".format, lambda box: f"{box}", lambda box: box == type(box)(x=2)]
)
def test_what_a_namespace_shows(kind, look):
    def program():
        box = kind(x=1)
        seen = first_seen(lambda: look(box), lambda: setattr(box, "x", 2))
        return 1 if seen == look(kind(x=1)) else 2

    found, exploration = explored(program)
    assert found, exploration


def numbers(items, look):
    return [look(each) for each in items]


def test_a_comprehension_that_begins_alone_where_another_was():
    def program():
        before, items, threads = [1], [1, 2], []
        thread = threading.Thread(target=int)
        thread.start()
        numbers(before, abs)
        thread.join()

        def look(number):
            if number == 1:
                threads.append(threading.Thread(target=lambda: items.append(3)))
                threads[0].start()
            return number

        seen = numbers(items, look)
        threads[0].join()
        return len(seen) - 1

    found, exploration = explored(program)
    assert found, exploration


def test_a_class_that_belongs_to_no_module():
    """It is made where nothing has a name."""
    scope = {}
    exec("def make(): return type('Made', (), {'x': 0})", scope)

    def program():
        made = scope["make"]()()
        both(lambda: setattr(made, "x", made.x + 1), lambda: setattr(made, "x", made.x + 2))
        return made.x

    assert set(explore(program).outcomes) == {1, 2, 3}
