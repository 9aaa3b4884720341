"""Races in what code leaves behind or hands on.

Each program can give 1 and 2: by the order of keys, by what is found in which class, by what Python
code gives to C code that called it, by functions that look at more than they are handed.
"""

import array
import collections
import contextlib
import csv
import ctypes
import decimal
import functools
import heapq
import io
import itertools
import math
import operator
import pathlib
import re
import sys
import threading
import types
import warnings
import weakref

import pytest

from concspec.interleave import explore
from tests.interleave.test_shared_state import both
from tests.interleave.test_unusual_accesses import Plain, explored, first_seen, twice

# What a step touches.


def by_one_of_several_functions_of_c():
    """What it keeps is its module's."""
    limits = (csv.field_size_limit, csv.field_size_limit)
    limits[0](0)

    def add():
        limit = limits[len(limits) - 1]()
        limits[len(limits) - 1](limit + 1)

    both(add, add)
    return limits[0]()


def by_the_order_of_keys():
    table = {}

    def first():
        table["a"] = 1

    def second():
        table["b"] = 2

    both(first, second)
    return next(iter(table.values()))


def by_the_order_of_attributes():
    box = class_under()()

    def first():
        box.a = 1

    def second():
        box.b = 2

    both(first, second)
    return next(iter(vars(box).values()))


def by_the_order_of_globals():
    space = globals()
    for name in ("first_of_two", "second_of_two"):
        space.pop(name, None)

    def first():
        global first_of_two
        first_of_two = 1

    def second():
        global second_of_two
        second_of_two = 2

    both(first, second)
    return 1 if [*space].index("first_of_two") < [*space].index("second_of_two") else 2


def by_items_that_move():
    items = [0, 1, 2]

    def drop():
        del items[0]

    return first_seen(lambda: items[1], drop)


def by_what_came_to_be_there_meanwhile():
    outer, inner = [], []

    def put():
        outer.append(inner)
        inner.append(1)

    return 2 if first_seen(lambda: str(outer), put) == "[[]]" else 1


def count(*arguments):
    """Count arguments."""
    return len(arguments)


def by_arguments_from_a_list():
    items = [1]
    return first_seen(lambda: count(*items), lambda: items.append(1))


def by_arguments_from_an_iterator():
    shared, seen = iter([1, 2]), {}

    def first():
        seen["first"] = next(shared)

    def second():
        count(*shared)

    both(first, second)
    return seen.get("first", 2)


def by_a_sum_in_c():
    items = [1.0]

    def put():
        items[0] = 2.0

    return first_seen(lambda: int(math.fsum(items)), put)


def by_printing_into_a_stream():
    out = io.StringIO()
    both(lambda: print("1", file=out), lambda: print("2", file=out))
    return int(out.getvalue()[0])


def by_printing_where_output_is_redirected():
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        both(lambda: print("1"), lambda: print("2"))  # noqa: T201
    return int(out.getvalue()[0])


def by_printing_a_list():
    class Stream:
        def write(self, text):
            seen.append(text)

    items, seen = [1], []

    def put():
        items[0] = 2

    both(lambda: print(items, file=Stream()), put)
    return int(seen[0][1])


def by_an_attribute_in_a_format():
    box, form = Plain(1), "{0.x}"

    def put():
        box.x = 2

    return first_seen(lambda: int(form.format(box)), put)


def by_a_factory_that_counts():
    table = collections.defaultdict(itertools.count(1).__next__)
    both(lambda: table["a"], lambda: table["b"])
    return table["a"]


def by_a_factory_that_measures():
    table = collections.defaultdict()
    table.default_factory = table.__len__
    both(lambda: table["a"], lambda: table["b"])
    return table["a"] + 1


def by_the_arguments_of_an_exception():
    error = ValueError(1)

    def put():
        error.args = (2,)

    return first_seen(lambda: int(str(error)), put)


ADDING = {
    "a key function": lambda table: sorted(["b"], key=table.__getitem__),
    "a method": lambda table: table.__getitem__("b"),
    "format_map": "{b}".format_map,
    "percent": lambda table: "%(b)s" % table,  # noqa: UP031
}


@pytest.mark.parametrize("way", ADDING)
def test_an_item_that_c_code_has_made_is_found(way):
    def program():
        table = collections.defaultdict(int, a=1)
        return first_seen(lambda: len(table), lambda: ADDING[way](table))

    assert_found(program)


MADE_BY = {
    "a pair": lambda table: table[1, 2],
    "a method": lambda table: table.__getitem__((1, 2)),
    "an object": lambda table: table[frozenset()],
}
SEEN_BY = {
    "in": lambda table: (1, 2) in table or frozenset() in table,
    "get": lambda table: table.get((1, 2), table.get(frozenset())) is not None,
    "star": lambda table: [*table] != ["a"],
    "for": lambda table: [key for key in table if key != "a"] != [],
}


@pytest.mark.parametrize("way", MADE_BY)
@pytest.mark.parametrize("look", SEEN_BY)
def test_an_item_is_made_whose_key_is_no_plain_value(look, way):
    def program():
        table = collections.defaultdict(int, a=1)
        return 1 + first_seen(lambda: SEEN_BY[look](table), lambda: MADE_BY[way](table))

    assert_found(program)


# What Python code gives to C code.


class Iterated:
    """Goes through its items, and says whether another thread had begun before."""

    def __init__(self, begun):
        self.items = [1, 1]
        self.begun = begun
        self.late = None

    def __iter__(self):
        through = iter(self.items)
        self.late = self.begun.x
        return through


def added_up(box):
    """Add in Python."""
    total = 0
    for each in box:
        total += each
    return total


def unpacked(box):
    """Unpack."""
    one, other = box
    return one + other


def extended(box):
    """Extend a list."""
    items = []
    items.extend(box)
    return sum(items)


GOING_THROUGH = {
    "for": added_up,
    "sum": sum,
    "list": lambda box: sum(list(box)),
    "unpacking": unpacked,
    "comprehension": lambda box: sum([each for each in box if each]),
    "star": lambda box: sum([*box]),
    "extend": extended,
    "in": lambda box: 1 if 0 in box else 2,
}


@pytest.mark.parametrize("way", GOING_THROUGH)
def test_what_an_iterator_goes_through_is_found(way):
    """The second thread has to change an item between the end of `__iter__` and the last item."""

    def program():
        begun = Plain(0)
        box = Iterated(begun)
        items = box.items

        def change():
            begun.x = 1
            items[1] = 0

        total = first_seen(lambda: GOING_THROUGH[way](box), change)
        return 2 if (box.late, total) == (0, 1) else 1

    assert_found(program)


def by_half_of_a_change():
    box, seen = Iterated(Plain(0)), []

    def look():
        for each in box:
            seen.append(each)  # noqa: PERF402

    def change():
        box.items[0] = 0
        box.items[1] = 0

    both(look, change)
    return 2 if seen == [1, 0] else 1


def by_keys_that_are_shared():
    rows, begun = [[1], [2]], Plain(0)

    def key(number):
        row = rows[number]
        begun.late = begun.x
        return row

    def change():
        begun.x = 1
        rows[0][0] = 3

    greatest = first_seen(lambda: max((0, 1), key=key), change)
    return 2 if (begun.late, greatest) == (0, 0) else 1


def by_a_key_that_is_an_attribute():
    least, other = [1], [2]
    boxes = [Plain(least), Plain(other)]

    def change():
        least[0] = 3

    return 1 + first_seen(lambda: min(boxes, key=lambda box: box.x).x is least, change)


def by_what_a_mapped_function_gives():
    box = Plain([1])

    def change():
        box.x[0] = 2

    return first_seen(lambda: sum(map(lambda each: each.x, [box]), [])[0], change)  # noqa: C417, RUF017


def by_what_a_mapped_function_gave_before():
    row, begun = [0], Plain(0)

    def pick(_):
        picked = row
        begun.late = begun.x
        return picked

    def change():
        begun.x = 1
        row[0] = 1

    total = first_seen(lambda: sum(map(pick, [1]), []), change)  # noqa: RUF017
    return 2 if (begun.late, total) == (0, [1]) else 1


def by_what_a_generator_gives_to_join():
    data = bytearray(b"1")

    def parts():
        yield data

    def change():
        data[0] = ord("2")

    return first_seen(lambda: int(b"".join(parts())), change)


def by_what_a_generator_gives_to_a_dictionary():
    pair = ["key", 1]

    def pairs():
        yield pair

    def change():
        pair[1] = 2

    return first_seen(lambda: dict(pairs())["key"], change)


def by_an_item_with_an_index_in_python():
    class Zero:
        def __index__(self):
            return 0

    rows, zero = [[1]], Zero()

    def change():
        rows[zero][0] = 2

    return first_seen(lambda: rows[zero][0], change)


class Answering:
    """Compares as it was told."""

    __hash__ = None

    def __init__(self, answer):
        self.answer = answer

    def __eq__(self, other):
        return self.answer


# Classes and functions.


def class_under(*bases, **members):
    """Make a class."""
    return type("Made", bases, members)


def doing(statement, **scope):
    """A function that does a statement, in which the value of each expression is on the stack."""
    exec(f"def do():\n    {statement}", scope)
    return scope["do"]


def set_x(thing):
    """Change the attribute `x`."""
    thing.x = 2


def by_an_attribute_that_comes_to_its_class():
    kind = class_under()
    box = kind()
    return first_seen(lambda: getattr(box, "x", 1), lambda: set_x(kind))


def by_an_attribute_that_comes_to_a_class_below():
    kind = class_under(class_under(x=1))
    box = kind()
    return first_seen(lambda: box.x, lambda: set_x(kind))


def by_an_attribute_of_a_class_that_comes_to_a_class_between():
    middle = class_under(class_under(x=1))
    kind = class_under(middle)
    return first_seen(lambda: kind.x, lambda: set_x(middle))


def by_a_method_that_comes_to_a_class_below():
    kind = class_under(class_under(method=lambda _: 1))
    box = kind()

    def change():
        kind.method = lambda _: 2

    return first_seen(lambda: box.method() + 0, change)


def by_an_attrgetter_that_finds_a_class_above():
    above = class_under(x=1)
    box, get = class_under(above)(), operator.attrgetter("x")
    return first_seen(lambda: get(box), lambda: set_x(above))


def by_an_attrgetter_of_a_class_with_c_code():
    kind, get = class_under(x=1, size=len), operator.attrgetter("x")
    return first_seen(lambda: get(kind), lambda: set_x(kind))


def by_the_names_of_an_object():
    box = class_under()()
    return first_seen(lambda: 1 + ("x" in dir(box)), lambda: set_x(box))


def by_the_names_of_a_class():
    kind = class_under()
    return first_seen(lambda: 1 + ("x" in dir(kind)), lambda: set_x(kind))


def by_the_run_of_a_class_in_c():
    items = [1]
    return with_a_thread(class_under(threading.Thread, run=items.clear)(), lambda: 2 - len(items))


def by_the_run_of_an_object_in_c():
    items, thread = [], threading.Thread()
    thread.run = functools.partial(items.append, 1)
    return with_a_thread(thread, lambda: 1 + len(items))


def with_a_thread(thread, look):
    """Look while a thread runs."""
    seen = []
    looking = threading.Thread(target=lambda: seen.append(look()))
    thread.start()
    looking.start()
    thread.join()
    looking.join()
    return seen[0]


CLOSURE = """
def program():
    x = 1

    def look():
        if False:
            return x
        return {expression}

    def put():
        nonlocal x
        x = 2

    return first_seen(look, put)
"""


@pytest.mark.parametrize(
    "expression", ['locals()["x"]', 'int("{x}".format(**locals()))', 'eval("x")', 'vars()["x"]']
)
def test_variables_that_are_looked_up_by_name_are_found(expression):
    space = {"first_seen": first_seen}
    exec(CLOSURE.replace("{expression}", expression), space)
    assert_found(space["program"])


def by_an_attribute_of_a_metaclass():
    class Meta(type):
        x = 1

    kind = Meta("Made", (), {})
    return first_seen(lambda: kind.x, lambda: set_x(Meta))


def by_the_stream_that_is_printed_to():
    stream = io.StringIO()

    def redirect():
        with contextlib.redirect_stdout(stream):
            pass

    both(redirect, lambda: print(end="."))  # noqa: T201
    return 1 + len(stream.getvalue())


def by_an_imported_module():
    operator.x = 1
    try:
        return first_seen(lambda: operator.x, doing("__import__('operator').x = 2"))
    finally:
        del operator.x


def by_what_a_property_that_fails_is_replaced_by():
    class Box:
        @property
        def inner(self):
            return self.missing

        def __getattr__(self, name):
            if name == "missing":
                raise AttributeError(name)
            return shared

    shared, box = Plain(1), Box()
    return first_seen(lambda: shared.x, doing("box.inner.x = 2", box=box))


def by_what_a_getattribute_that_fails_is_replaced_by():
    class Box:
        def __getattribute__(self, name):
            return super().__getattribute__(name)

        def __getattr__(self, name):
            return shared

    shared, box = Plain(1), Box()
    return first_seen(lambda: shared.x, doing("box.inner.x = 2", box=box))


def by_a_comprehension_that_calls_itself():
    class Node:
        def __init__(self, value, *below):
            self.value = value
            self.below = [*below]

        def total(self):
            return self.value + sum([each.total() for each in self.below])

    root = Node(0, Node(1), Node(2), Node(4))

    def cut():
        del root.below[0]

    totals = {7: 1, 6: 1, 5: 2}  # 5: when the one that moves was not reached yet
    return totals[first_seen(root.total, cut)]


def by_a_name_that_a_comprehension_binds_anew():
    items = [0]

    def first(_):
        return 0

    def add():
        mine = items
        mine[first([mine := each for each in [[5]]])] += 1

    return twice(add, lambda: items[0])


def by_a_new_list_that_has_a_name():
    box, met = Plain(), []

    def go():
        for each in (mine := [0]):
            box.x = mine
            met.append(each)

    def put():
        if box.x:
            box.x.append(0)

    both(go, put)
    return len(met)


def by_a_new_list_that_others_know():
    jobs, met = [], []

    def go():
        nonlocal jobs
        for each in (jobs := [0]):
            met.append([each])

    def put():
        if jobs:
            jobs.append(0)

    both(go, put)
    return len(met)


def by_an_object_that_is_not_the_last_self():
    class Node:
        def __init__(self, items, after=None):
            self.items = items
            while after:
                self, after = after, None  # noqa: PLW0642 - who sees the last one, sees another

    items, last = [1], Node([3])

    def put():
        items[0] = 2

    return first_seen(lambda: Node(items, last).items[0], put)


def by_an_object_that_is_the_first_of_all_arguments():
    class Kept:
        kept = None

        def __new__(cls, *_):
            cls.kept = cls.kept or object.__new__(cls)
            return cls.kept

        def __init__(*arguments):
            pass

    box = Kept()
    box.x = 1
    return first_seen(lambda: Kept().x, lambda: set_x(box))


def by_what_is_added_to_a_list_that_has_it():
    row, other, written = [0], [0], "{} {}".format
    rows, seen = [row], []

    def look():
        seen.append(written(row + rows, other[0]))

    def put():
        other[0] = 1
        row[0] = 1

    both(look, put)
    return 2 if seen[0] == "[0, [1]] 0" else 1


def by_a_variable_of_a_comprehension_beside_that_of_a_closure():
    rows, each = [[1]], [0]

    def look():
        return [each[0] for each in rows], each

    return first_seen(lambda: look()[0][0], doing("rows[0][0] = 2", rows=rows))


def by_a_variable_of_a_comprehension_beside_one_for_a_closure():
    rows = [[1]]

    def look():
        each = [0]
        return [each[0] for each in rows], lambda: each

    return first_seen(lambda: look()[0][0], doing("rows[0][0] = 2", rows=rows))


def by_a_comprehension_that_is_executed():
    scope = {"n": 0}
    look = compile("seen = [(n, n) for _ in (1,)]", "<look>", "exec")
    both(lambda: exec(look, scope), doing("scope['n'] = 1", scope=scope))
    return 2 if scope["seen"] == [(0, 1)] else 1


if sys.version_info >= (3, 12):  # before, it knows none of these variables

    def by_a_comprehension_that_is_executed_with_other_variables():
        items, seen = [1], []
        look = compile("[seen.append(items[0]) for _ in (1,)]", "<look>", "exec")
        both(
            lambda: exec(look, {"items": [0], "seen": seen}, {"items": items}),
            doing("items[0] = 2", items=items),
        )
        return seen[0]


def by_a_name_that_is_missing_in_the_body_of_a_class():
    class Names(dict):
        def __missing__(self, name):
            if name == "items":
                return items
            raise KeyError(name)

    class Meta(type):
        def __prepare__(*_):
            return Names()

    items = [1, 1]
    scope = {"Meta": Meta, "items": [0, 0], "__name__": "generated"}
    body = compile("class Kind(metaclass=Meta):\n    x = items[0], items[1]", "<body>", "exec")

    def put():
        items[0] = items[1] = 2

    both(lambda: exec(body, scope), put)
    return 2 if scope["Kind"].x == (1, 2) else 1


def by_names_of_a_class_that_are_in_no_dictionary():
    class Names:
        def __init__(self):
            self.known = {}

        def __getitem__(self, name):
            return self.known[name]

        def __setitem__(self, name, value):
            self.known[name] = value

        def __delitem__(self, name):  # PyPy does
            del self.known[name]

    class Meta(type):
        def __prepare__(*_):
            return Names()

        def __new__(cls, name, bases, names):
            return type(name, bases, names.known)

    items = [1]

    def look():
        class Kind(metaclass=Meta):
            x = items
            y = x[0]

        return Kind.y

    return first_seen(look, doing("items[0] = 2", items=items))


def by_a_variable_that_is_spelled_as_a_text():
    items = [1]

    def look(items, *, really):
        seen = [(items if really else "items")[0]]  # more than what is compiled for each path
        return seen[0]

    return first_seen(lambda: look(items, really=True), doing("items[0] = 2", items=items))


def by_a_format_of_all_variables():
    items = [1]

    def look(shown):
        return int(("%(shown)s" % locals())[1])  # noqa: UP031 - which has them as one

    return first_seen(lambda: look(items), doing("items[0] = 2", items=items))


def by_all_variables_as_keywords():
    items, written = [1], "{shown}".format

    def look(shown):  # noqa: ARG001 - it is used
        return int(written(**vars())[1])

    return first_seen(lambda: look(items), doing("items[0] = 2", items=items))


def by_keywords_the_other_way_round():
    table = collections.OrderedDict(a=1)

    def put():
        table["a"] = 2

    return first_seen(lambda: table.pop(default=None, key="a"), put)


FOUND = [each for name, each in list(globals().items()) if name.startswith("by_")]


@pytest.mark.parametrize("program", FOUND, ids=lambda program: program.__name__)
def test_what_is_reachable_is_found(program):
    assert_found(program)


def assert_found(program):
    """Explore a program that can give 1 and 2."""
    both_seen, _ = explored(program)
    assert both_seen


# What is no access.


def truth_of_an_answer():
    items = []
    asked = Answering(items)
    return first_seen(lambda: 2 if asked == 1 else 1, lambda: items.append(1))


def attribute_of_an_answer():
    box = Plain(1)
    asked = Answering(box)
    return first_seen(lambda: (asked == 1).x, lambda: set_x(box))


def bases_of_a_class():
    kind = class_under(class_under(x=1))

    def change():
        kind.__bases__ = (class_under(x=2),)

    return first_seen(lambda: kind().x, change)


def code_of_a_function():
    def one():
        return 1

    def two():
        return 2

    def change():
        one.__code__ = two.__code__

    return first_seen(one, change)


def defaults_of_a_function():
    def given(x=1):
        return x

    def change():
        given.__defaults__ = (2,)

    return first_seen(given, change)


def named_defaults_of_a_function():
    def given(*, x=1):
        return x

    def change():
        given.__kwdefaults__["x"] = 2

    return first_seen(given, change)


def references_to_an_object():
    thing, keep = object(), []
    before = sys.getrefcount(thing)
    return first_seen(lambda: sys.getrefcount(thing) - before + 1, lambda: keep.append(thing))


def attribute_of_what_may_end():
    box = Plain(Plain(1))
    proxy = weakref.proxy(box.x)

    def look():
        try:
            return proxy.x
        except ReferenceError:
            return 2

    return first_seen(look, lambda: set_x(box))


def truth_of_what_may_end():
    box = Plain(Plain())
    proxy = weakref.proxy(box.x)

    def look():
        try:
            return 1 + (not proxy)
        except ReferenceError:
            return 2

    return first_seen(look, lambda: set_x(box))


def filters_of_warnings():
    def look():
        try:
            warnings.warn("", stacklevel=1)
        except UserWarning:
            return 2
        return 1

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return first_seen(look, lambda: warnings.simplefilter("error"))


def whether_it_can_be_joined():
    thread = threading.Thread(target=lambda: Plain().x)

    def look():
        try:
            thread.join()
        except RuntimeError:
            return 2
        return 1

    seen = first_seen(look, thread.start)
    thread.join()
    return seen


def whether_it_can_be_started():
    thread, seen = threading.Thread(target=lambda: Plain().x), {}

    def start(name):
        try:
            thread.start()
            seen[name] = 1
        except RuntimeError:
            seen[name] = 2

    both(lambda: start("one"), lambda: start("other"))
    thread.join()
    return seen["one"]


def whether_it_is_alive():
    event = threading.Event()
    thread = threading.Thread(target=event.wait)
    seen = first_seen(lambda: 1 if thread.is_alive() else 2, thread.start)
    event.set()
    thread.join()
    return seen


def ident_of_a_thread():
    thread = threading.Thread(target=lambda: Plain().x)
    seen = first_seen(lambda: 1 if thread.ident else 2, thread.start)
    thread.join()
    return seen


def threads_at_a_barrier():
    barrier, seen = threading.Barrier(2), []

    def look():
        seen.append(1 + barrier.n_waiting)
        barrier.wait()

    both(barrier.wait, look)
    return seen[0]


def state_of_a_barrier():
    barrier = threading.Barrier(2)
    return first_seen(lambda: 1 + barrier.broken, barrier.abort)


def value_of_a_semaphore():
    semaphore = threading.Semaphore(0)
    return first_seen(lambda: 1 + semaphore._value, semaphore.release)


def memory_of_ctypes():
    data = bytearray(b"\1")
    shared = ctypes.c_byte.from_buffer(data)

    def put():
        data[0] = 2

    return first_seen(lambda: shared.value, put)


def line_of_the_input():
    before, sys.stdin = sys.stdin, io.StringIO("1\n2\n")
    try:
        return int(first_seen(input, input))
    finally:
        sys.stdin = before


def class_of_an_object():
    one, other = class_under(__bool__=lambda _: True), class_under(__bool__=lambda _: False)
    thing = one()

    def change():
        thing.__class__ = other

    return first_seen(lambda: 1 if thing else 2, change)


def traceback_of_an_exception():
    error = ValueError()

    def fail():
        try:
            raise error
        except ValueError:
            pass

    return first_seen(lambda: 1 + (error.__traceback__ is None), fail)


def cause_of_an_exception():
    box = Plain(ValueError())

    def fail():
        try:
            raise box.x from KeyError()
        except ValueError:
            pass

    return first_seen(lambda: 1 + (box.x.__cause__ is None), fail)


def while_lent(lend, change):
    """Have memory lent for a moment, and its size changed, which is refused meanwhile."""

    def look():
        box = Plain(lend())
        del box.x

    def put():
        try:
            change()
        except BufferError:
            return 2
        return 1

    return first_seen(put, look)


def end_of_a_view():
    data = bytearray(1)
    return while_lent(lambda: memoryview(data), lambda: data.append(1))


def end_of_a_buffer():
    stream = io.BytesIO(b"1")
    return while_lent(lambda: stream.getbuffer(), lambda: stream.truncate(0))  # noqa: PLW0108


def context_of_decimal():
    number, before = decimal.Decimal(2), decimal.DefaultContext.prec

    def change():
        decimal.DefaultContext.prec = 1

    try:
        return first_seen(lambda: 1 + (number / 3 < decimal.Decimal("0.67")), change)
    finally:
        decimal.DefaultContext.prec = before


def what_is_found_in_a_bytearray():
    data = bytearray(b"bb")
    found = re.finditer(b"a", data)

    def change():
        data[1] = ord("a")

    return first_seen(lambda: 1 if next(found, None) is None else 2, change)


def what_was_found_in_a_bytearray():
    data = bytearray(b"1")

    def change():
        data[0] = ord("2")

    def look():
        found = re.match(b".", data)
        return int(found.group())

    return first_seen(look, change)


DOUBTED = {
    traceback_of_an_exception: "what `raise` writes into an exception that threads share",
    cause_of_an_exception: "what `raise` writes into an exception that threads share",
    end_of_a_view: "the end of a memoryview",
    end_of_a_buffer: "the end of a memoryview",
    what_is_found_in_a_bytearray: "what a regular expression finds in memory that changes",
    what_was_found_in_a_bytearray: "what a regular expression finds in memory that changes",
    truth_of_an_answer: "the truth of what __eq__ gives",
    attribute_of_an_answer: "the truth of what __eq__ gives",
    bases_of_a_class: "what Made.__bases__ is, which changes",
    code_of_a_function: "the attribute __code__ of a function",
    defaults_of_a_function: "the attribute __defaults__ of a function",
    named_defaults_of_a_function: "the attribute __kwdefaults__ of a function",
    attribute_of_what_may_end: "whether an object is still alive",
    truth_of_what_may_end: "whether an object is still alive",
    filters_of_warnings: "which warnings are filtered, or were given before",
    whether_it_can_be_joined: "whether a thread has been started",
    whether_it_can_be_started: "whether a thread has been started",
    whether_it_is_alive: "whether a thread has been started",
    ident_of_a_thread: "the attribute ident of a Thread",
    threads_at_a_barrier: "the attribute n_waiting of a Barrier",
    state_of_a_barrier: "the attribute broken of a Barrier",
    value_of_a_semaphore: "the attribute _value of a Semaphore",
    memory_of_ctypes: "the memory of ctypes",
    line_of_the_input: "what is read from standard input",
    class_of_an_object: "the class of an object, which changes",
}
if sys.implementation.name == "pypy":  # which makes that of ctypes in Python, and calculates there
    DOUBTED[memory_of_ctypes] = "the end of a memoryview"
else:
    DOUBTED[context_of_decimal] = "which threads have copied a context of decimal"
if hasattr(sys, "getrefcount"):
    DOUBTED[references_to_an_object] = "how often something is referred to"


@pytest.mark.parametrize("program", DOUBTED, ids=lambda program: program.__name__)
def test_nothing_is_proved_of_what_is_no_access(program):
    found = explore(program)
    assert DOUBTED[program] in (found.bound or "")


ANY_KEY = {} if sys.implementation.name == "pypy" else {1: 2}  # PyPy wants texts


def test_a_class_may_be_named_and_filled_with_anything():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        unusual = type("Unusual", (), {"__module__": [], "x": 1, **ANY_KEY})
    module = types.ModuleType("module")
    module.__file__ = pathlib.Path("module.py")
    module.x = 1

    def program():
        box = unusual()
        return first_seen(lambda: box.x + sum([box.x]) + len(vars(module)), unusual)

    assert len(explore(program).outcomes) == 1


# What C code gives back.


class Box:
    def __init__(self):
        self.value = 1


@pytest.mark.parametrize(
    "expression",
    [
        "functools.partial(get, 'a')()",
        "next(map(get, 'a'))",
        "next(iter(lambda: get('a'), None))",
        "next(get(key) for key in 'a')",
        "functools.reduce(lambda _, key: get(key), 'xa')",
    ],
)
def test_what_c_code_got_from_python_code_is_known(expression):
    def program():
        box = Box()
        kept = {"a": box, "x": None}
        seen = []
        scope = {"functools": functools, "get": lambda key: kept[key]}
        both(doing(f"{expression}.value = 2", **scope), lambda: seen.append(box.value))
        return seen[0]

    assert set(explore(program).outcomes) == {1, 2}


PICKED = {
    "class": lambda x: class_under(x=x),
    "function": lambda x: vars_of(lambda: None, x),
    "module": lambda x: vars_of(types.ModuleType("module"), x),
    "thread": lambda x: vars_of(threading.Thread(), x),
}


def vars_of(thing, x):
    """Give something an attribute."""
    thing.x = x
    return thing


@pytest.mark.parametrize("kind", PICKED)
@pytest.mark.parametrize(
    "expression",
    [
        "min(one, other, key=lambda each: each.x)",
        "max((other, one), key=lambda each: -each.x)",
        "next(iter((one, other)))",
        "next(map(lambda each: each, (one, other)))",
    ],
)
def test_what_is_picked_is_known(kind, expression):
    def program():
        one, other = PICKED[kind](1), PICKED[kind](3)
        return first_seen(lambda: one.x, doing(f"{expression}.x = 2", one=one, other=other))

    assert_found(program)


class Remembering:
    """Has what it was asked for kept by code in C."""

    def __init__(self, asked):
        self.asked = asked

    @functools.lru_cache(None)  # noqa: B019 - which is the point
    def ask(self, *_):
        self.asked.append(1)

    @functools.lru_cache(None)  # noqa: B019
    def __getitem__(self, _):
        self.asked.append(1)

    __neg__ = ask
    __add__ = __getitem__
    x = compare = property(ask)


@pytest.mark.parametrize(
    "expression", ["box.x", "box.compare", "box[0]", "box + 0", "box.ask()", "-box"]
)
def test_what_is_remembered_when_python_code_has_ended_is_found(expression):
    """It is asked for a second time where the first answer is not remembered yet."""

    def program():
        asked = []
        box = Remembering(asked)
        ask = doing(expression, box=box)
        both(ask, lambda: asked and ask())
        return len(asked)

    assert_found(program)


def computing():
    """Make a class that computes an attribute once, under a lock in Python before 3.12."""

    class Computing:
        def __init__(self):
            self.computed = []

        @functools.cached_property
        def x(self):
            self.computed.append(1)

    return Computing


MADE_BEFORE = computing()


@pytest.mark.parametrize("make", [lambda: MADE_BEFORE, computing], ids=["before", "meanwhile"])
def test_what_is_computed_once_is_waited_for_where_there_is_a_lock(make):
    def program():
        box = make()()
        both(lambda: box.x, lambda: box.x)
        return len(box.computed)

    is_locked = "lock" in vars(vars(MADE_BEFORE)["x"])
    assert set(explore(program).outcomes) == ({1} if is_locked else {1, 2})


@pytest.mark.parametrize("call", ["count(**table)", "count(1, **table)", "count(*table)"])
def test_what_a_call_spreads_is_gone_through(call):
    def program():
        table = {}
        count = doing(
            f"return {call}", count=lambda *given, **named: len((*given, *named)), table=table
        )
        return first_seen(lambda: 1 + (count() > call.count("1")), lambda: table.update(a=1))

    assert_found(program)


@pytest.mark.parametrize(
    "expression",
    ["table.setdefault('a', [1])", "table.__getitem__('a')", "operator.getitem(table, 'a')"],
)
def test_what_c_code_puts_into_a_dictionary_is_shared(expression):
    def program():
        table = collections.defaultdict(lambda: [1])
        sizes = []

        def look():
            found = table.pop("a", None)
            if found is not None:
                sizes.extend((len(found), len(found)))

        both(doing(f"{expression}.append(2)", table=table, operator=operator), look)
        return tuple(sizes)

    assert set(explore(program).outcomes) == {(), (1, 1), (1, 2), (2, 2)}


@pytest.mark.parametrize(
    "container", ["([1, 2],)", "{'a': [1, 2]}.values()", "(each for each in ([1, 2],))"]
)
def test_what_is_looked_for_is_compared(container):
    def program():
        wanted = [1]
        seen = []
        look = doing(f"seen.append(wanted in {container})", wanted=wanted, seen=seen)
        both(look, lambda: wanted.append(2))
        return seen[0]

    assert set(explore(program).outcomes) == {False, True}


def test_what_a_slice_is_assigned_is_read():
    def program():
        one = array.array("i", [0, 0])
        other = array.array("i", [1, 1])

        def assign():
            one[0:2] = other

        def change():
            other[0] = 2

        both(assign, change)
        return one[0]

    assert set(explore(program).outcomes) == {1, 2}


def test_objects_of_the_program_are_not_compared_to_ours():
    class Job:
        def __init__(self, place):
            self.place = place

        def __eq__(self, other):
            return self.place == other.place

        __hash__ = None

        def __lt__(self, other):
            return self.place < other.place

    def program():
        heap = [Job(2)]
        both(lambda: heapq.heappush(heap, Job(1)), lambda: heapq.heappush(heap, Job(3)))
        return heap[0].place

    assert set(explore(program).outcomes) == {1, 2}  # a push may find that the heap has grown


# What is alone when it begins.


def begun(threads, seen, look):
    """Start a thread that looks, unless that was done."""
    if not threads:
        threads.append(threading.Thread(target=lambda: seen.append(look())))
        threads[0].start()
    return 0


ENDING_LATER = {
    "sort": (
        lambda begin, items: items.sort(key=lambda _: begin()),
        len,
        {0, 2},
    ),
    "extend": (
        lambda begin, items: items.extend(begin() for _ in range(1)),
        len,
        {2, 3},
    ),
    "insert": (
        lambda begin, items: items.insert(*(begin() for _ in range(2))),
        len,
        {2, 3},
    ),
}


@pytest.mark.parametrize("way", ENDING_LATER)
def test_a_thread_may_start_while_c_code_goes_on_that_began_alone(way):
    call, look, expected = ENDING_LATER[way]

    def program():
        items = [1, 2]
        threads, seen = [], []
        call(lambda: begun(threads, seen, lambda: look(items)), items)
        threads[0].join()
        return seen[0]

    assert set(explore(program).outcomes) == expected


def test_a_thread_may_start_while_a_cache_is_filled():
    def program():
        threads, made = [], []

        @functools.lru_cache
        def worker():
            made.append(1)
            return begun(threads, [], worker)

        worker()
        threads[0].join()
        return len(made)

    assert {1, 2} >= set(explore(program).outcomes) >= {2}


def test_c_code_goes_on_when_a_generator_has_ended():
    def program():
        data, seen = bytearray(), [0]

        def numbers():
            yield 1
            seen[0] = 1

        def add():
            before = seen[0]
            data.append(2)
            seen[0] += 2 * before

        both(lambda: data.extend(numbers()), add)
        return seen[0], bytes(data)

    assert (3, b"\x02\x01") in explore(program).outcomes


def test_c_code_goes_on_with_what_a_generator_has_from_another():
    def program():
        items, given, seen = [], [0], []

        def numbers():
            yield 1
            given[0] = 1
            yield 2

        def delegating():
            yield from numbers()

        both(
            lambda: items.extend(delegating()),
            lambda: seen.append((given[0], len(items))),
        )
        return seen[0]

    assert (1, 1) in explore(program, until=lambda seen: seen == (1, 1)).outcomes


def test_a_failing_assertion_touches_nothing_that_threads_share():
    def program():
        n = [0]
        check = doing("assert n[0], 'none yet'", n=n)
        both(check, doing("n[0] = 1", n=n))
        return n[0]

    found = explore(program)
    assert (found.complete, found.executions, len(found.failures)) == (True, 2, 1)


def test_a_generator_expression_conflicts_with_what_it_goes_through_and_nothing_else():
    def program():
        n, seen = [0], []
        both(
            lambda: seen.append(sum(n[0] + each for each in (1, 2))),
            doing("n[0] = 1", n=n),
        )
        return seen[0]

    found = explore(program)
    assert (found.executions, set(found.outcomes)) == (3, {3, 4, 5})


# What a class has from its bases.


class Kept(list):
    """A list whose methods call those of a list."""

    def keep(self, item):
        super().append(item)

    def count_all(self):
        return super().__len__()

    def keep_otherwise(self, item):
        super(Kept, self).append(item)  # noqa: UP008


@pytest.mark.parametrize(
    ("change", "look"),
    [
        (lambda items: items.keep(0), len),
        (lambda items: items.keep_otherwise(0), len),
        (lambda items: items.append(0), lambda items: items.count_all()),
        (lambda items: items.keep(0), lambda items: items.count_all()),
    ],
)
def test_what_a_method_of_a_base_changes_or_sees_is_found(change, look):
    def program():
        items = Kept()
        return 1 + first_seen(lambda: look(items), lambda: change(items))

    assert_found(program)


def test_attributes_of_a_function_are_found_in_its_methods():
    def program():
        def method(_):
            method.x = 2

        method.x = 1
        kind = type("Box", (), {"method": method})
        box = kind()

        def look():
            bound = box.method
            return bound.x

        return first_seen(look, box.method)

    assert_found(program)


def test_decimal_may_be_in_the_midst_of_its_import(monkeypatch):
    monkeypatch.setitem(sys.modules, "decimal", types.ModuleType("decimal"))
    assert_found(by_the_order_of_keys)
