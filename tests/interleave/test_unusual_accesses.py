"""Races in unusual clothes: a result known to be reachable is found, or nothing is proved.

Each program loses an update or reads one half of a change, by ways around plain names, attributes
and items: through C functions that only hold what they touch, through code of the standard library,
and where C code calls back into the program and goes on.
"""

import abc
import array
import builtins
import collections
import contextlib
import copy
import dataclasses
import enum
import functools
import heapq
import itertools
import json
import operator
import random
import string
import sys
import textwrap
import threading
import types
import weakref
from concurrent import futures

import pytest

from concspec.interleave import BlockedOutside, explore
from tests.interleave.test_shared_state import both

total = 0


def twice(add, read):
    """Let two threads call `add`; return what `read` then gives."""
    both(add, add)
    return read()


def first_seen(look, put):
    """Let one thread look, and another one put; return what was seen."""
    seen = []
    both(lambda: seen.append(look()), put)
    return seen[0]


def explored(program):
    """Explore a program until it has given 1 and 2; return whether it did, and the exploration."""
    seen = set()

    def are_both_seen(result):
        seen.add(result)
        return {1, 2} <= seen

    found = explore(program, until=are_both_seen)
    return {1, 2} <= seen, found


class Plain:
    """An object with an attribute."""

    def __init__(self, x=0):
        self.x = x


# Other ways to an attribute.


def by_vars():
    box = Plain()

    def first():
        vars(box)["x"] += 1

    def second():
        box.x += 1

    both(first, second)
    return box.x


def by_the_dict_of_the_object():
    box = Plain()

    def first():
        box.__dict__["x"] += 1

    def second():
        box.x += 1

    both(first, second)
    return box.x


def by_a_dict_kept():
    box = Plain()
    inside = vars(box)

    def first():
        inside.update(x=inside["x"] + 1)

    def second():
        box.x += 1

    both(first, second)
    return box.x


def by_a_dict_that_objects_share():
    class Borg:
        shared = {"x": 0}  # noqa: RUF012

        def __init__(self):
            self.__dict__ = self.shared

    one, other = Borg(), Borg()

    def first():
        one.x += 1

    def second():
        other.x += 1

    both(first, second)
    return one.x


def by_vars_of_a_class():
    class Counted:
        x = 0

    def add():
        Counted.x = vars(Counted)["x"] + 1

    return twice(add, lambda: Counted.x)


def by_the_dict_of_a_class_kept():
    class Counted:
        x = 0

    inside = Counted.__dict__

    def add():
        Counted.x = inside["x"] + 1

    return twice(add, lambda: Counted.x)


def by_attrgetter():
    box = Plain()
    get = operator.attrgetter("x")

    def add():
        box.x = get(box) + 1

    return twice(add, lambda: box.x)


def by_attrgetter_in_two_steps():
    outer = Plain(Plain())

    def add():
        outer.x.x = operator.attrgetter("x.x")(outer) + 1

    return twice(add, lambda: outer.x.x)


def by_setattr_of_object():
    box = Plain()

    def add():
        object.__setattr__(box, "x", object.__getattribute__(box, "x") + 1)

    return twice(add, lambda: box.x)


def by_getattr_kept():
    box = Plain()
    look = getattr

    def add():
        setattr(box, "x", look(box, "x") + 1)  # noqa: B010

    return twice(add, lambda: box.x)


def by_getattr_with_stars():
    box = Plain()
    where = (box, "x")

    def add():
        box.x = getattr(*where) + 1

    return twice(add, lambda: box.x)


def by_mapped_getattr():
    box = Plain()

    def add():
        box.x = next(map(getattr, [box], ["x"])) + 1

    return twice(add, lambda: box.x)


def by_a_copy():
    box = Plain()

    def add():
        box.x = copy.copy(box).x + 1

    return twice(add, lambda: box.x)


def by_a_deep_copy():
    box = {"inner": [0]}

    def add():
        box["inner"][0] = copy.deepcopy(box)["inner"][0] + 1

    return twice(add, lambda: box["inner"][0])


def by_a_descriptor():
    class Field:
        def __get__(self, owner, kind=None):
            return owner.values

    class Owner:
        field = Field()

        def __init__(self):
            self.values = [0]

    owner = Owner()

    def add():
        owner.field[0] += 1

    return twice(add, lambda: owner.values[0])


def by_a_property_of_a_list():
    class Owner:
        values = [0]  # noqa: RUF012

        @property
        def field(self):
            return self.values

    owner = Owner()

    def add():
        owner.field[0] = len(owner.field) * owner.field[0] + 1

    Owner.values[:] = [0]
    return twice(add, lambda: owner.values[0])


def by_getattr_of_the_class():
    class Forwarding:
        def __init__(self):
            self.inner = Plain()

        def __getattr__(self, name):
            return getattr(self.inner, name)

    outer = Forwarding()

    def add():
        outer.inner.x = outer.x + 1

    return twice(add, lambda: outer.inner.x)


def in_a_data_class():
    @dataclasses.dataclass
    class Point:
        x: int = 0

    point = Point()

    def add():
        point.x = dataclasses.asdict(point)["x"] + 1

    return twice(add, lambda: point.x)


def by_the_repr_of_a_data_class():
    @dataclasses.dataclass
    class Point:
        x: int = 0

    point = Point()

    def add():
        point.x = int(repr(point).rpartition("=")[2][:-1]) + 1

    return twice(add, lambda: point.x)


def on_a_member_of_an_enum():
    class Colour(enum.Enum):
        RED = 1

    Colour.RED.seen = 0

    def add():
        Colour["RED"].seen = Colour(1).seen + 1

    return twice(add, lambda: Colour.RED.seen)


def on_a_function():
    def counted():
        pass

    counted.calls = 0

    def add():
        counted.calls += 1

    return twice(add, lambda: counted.calls)


def on_a_built_in():
    builtins.concspec_total = 0
    try:

        def add():
            builtins.concspec_total = concspec_total + 1  # noqa: F821

        return twice(add, lambda: builtins.concspec_total)
    finally:
        del builtins.concspec_total


def by_the_contents_of_a_cell():
    count = 0

    def add():
        cell.cell_contents = count + 1

    cell = add.__closure__[1]
    return twice(add, lambda: count)


# Other ways to a container.


def by_getattr_of_a_method():
    items = []

    def add():
        n = len(items)
        getattr(items, "append")(n)  # noqa: B009

    return twice(add, lambda: 2 if items == [0, 1] else 1)


def by_a_partial():
    items = []

    def add():
        functools.partial(items.append, len(items))()

    return twice(add, lambda: 2 if items == [0, 1] else 1)


def by_a_partial_kept():
    items = []
    size = functools.partial(len, items)
    put = functools.partial(items.append)

    def add():
        put(size())

    return twice(add, lambda: 2 if items == [0, 1] else 1)


def by_a_bound_method_kept():
    items = []
    size, put = items.__len__, items.append

    def add():
        put(size())

    return twice(add, lambda: 2 if items == [0, 1] else 1)


def by_a_method_of_the_class():
    items = []

    def add():
        list.append(items, list.__len__(items))

    return twice(add, lambda: 2 if items == [0, 1] else 1)


def by_map():
    items = []

    def add():
        n = len(items)
        list(map(items.append, [n]))

    return twice(add, lambda: 2 if items == [0, 1] else 1)


def by_a_map_kept():
    items = []

    def add():
        waiting = map(items.append, [len(items)])
        for _ in waiting:
            pass

    return twice(add, lambda: 2 if items == [0, 1] else 1)


def by_itemgetter():
    items = [0]

    def add():
        items[0] = operator.itemgetter(0)(items) + 1

    return twice(add, lambda: items[0])


def by_methodcaller():
    items = []

    def add():
        n = len(items)
        operator.methodcaller("append", n)(items)

    return twice(add, lambda: 2 if items == [0, 1] else 1)


def by_operator():
    items = [0]

    def add():
        operator.setitem(items, 0, operator.getitem(items, 0) + 1)

    return twice(add, lambda: items[0])


def by_operator_in_place():
    items = []

    def add():
        n = len(items)
        operator.iadd(items, [n])

    return twice(add, lambda: 2 if items == [0, 1] else 1)


def through_a_function_that_returns_it():
    items = []

    def pick():
        return items

    def add():
        n = len(pick())
        pick().append(n)

    return twice(add, lambda: 2 if items == [0, 1] else 1)


def through_a_function_that_returns_its_method():
    items = []

    def pick():
        return items.append

    def add():
        n = len(items)
        pick()(n)

    return twice(add, lambda: 2 if items == [0, 1] else 1)


def by_the_truth_of_a_result():
    items = []

    def pick():
        return items

    def add():
        if pick():
            items.append(2)
        else:
            items.append(1)

    return twice(add, lambda: 2 if items == [1, 2] else 1)


def by_a_conditional_expression():
    items, none = [], []

    def add():
        n = len(items if total == 0 else none)
        (items or none or items).append(n)

    return twice(add, lambda: 2 if items == [0, 1] else 1)


def out_of_a_tuple():
    both_of = ([0], [0])

    def add():
        (_, items), n = both_of, both_of[1][0]
        items[0] = n + 1

    return twice(add, lambda: both_of[1][0])


def through_star_arguments():
    items = [0]

    def add(*given):
        given[0][0] = sum(*given) + 1

    both(lambda: add(items), lambda: add(items))
    return items[0]


def by_a_nested_container_formatted():
    rows = [[0]]

    def add():
        text = f"{rows}"
        rows[0][0] = int(text[2:-2]) + 1

    return twice(add, lambda: rows[0][0])


def by_percent():
    rows = [[0]]

    def add():
        rows[0][0] = int(("%s" % rows)[2:-2]) + 1  # noqa: UP031

    return twice(add, lambda: rows[0][0])


def by_format():
    rows = {"n": [0]}

    def add():
        rows["n"][0] = int("{n[0]}".format(**rows)) + 1

    return twice(add, lambda: rows["n"][0])


def by_a_template():
    row = {"n": 0}

    def add():
        row["n"] = int(string.Template("$n").substitute(row)) + 1

    return twice(add, lambda: row["n"])


def by_join():
    letters = []

    def add():
        letters.append("x" + "".join(letters))

    return twice(add, lambda: len(max(letters)))


def by_json():
    table = {"inner": {"n": 0}}

    def add():
        table["inner"]["n"] = json.loads(json.dumps(table))["inner"]["n"] + 1

    return twice(add, lambda: table["inner"]["n"])


def by_sorting():
    items = [0]

    def add():
        items[0] = sorted(items)[0] + 1  # noqa: FURB192

    return twice(add, lambda: items[0])


def by_comparing():
    rows, zero = [[0]], [[0]]

    def add():
        rows[0][0] = 1 if rows == zero else 2

    return twice(add, lambda: rows[0][0])


def by_a_chained_comparison():
    box = Plain()

    def add():
        box.x = 1 if -1 < box.x < 1 else 2

    return twice(add, lambda: box.x)


def by_looking_for_a_list():
    rows = [[0]]

    def add():
        rows[0][0] = 1 if [0] in rows else 2

    return twice(add, lambda: rows[0][0])


def by_a_walrus():
    items = [0]

    def add():
        if (n := items[0]) >= 0:
            items[0] = n + 1

    return twice(add, lambda: items[0])


def by_a_slice():
    items = [0]

    def add():
        copied = items[:]
        items[:] = [copied[0] + 1]

    return twice(add, lambda: items[0])


def by_a_slice_of_another():
    items, other = [0], [0]

    def add():
        items[:] = other
        other[0] = items[0] + 1

    return twice(add, lambda: other[0])


def by_an_item_of_a_list_of_lists():
    rows = [[]]

    def add():
        n = len(rows[0])
        rows[0] += [n]

    return twice(add, lambda: 2 if rows == [[0, 1]] else 1)


def by_a_set():
    seen = set()

    def add():
        n = len(seen)
        seen.add(n)

    return twice(add, lambda: len(seen))


def by_bytes():
    data = bytearray(1)

    def add():
        data[0] = bytes(data)[0] + 1

    return twice(add, lambda: data[0])


def by_a_view_of_memory():
    data = bytearray(1)
    view = memoryview(data)

    def first():
        view[0] = view[0] + 1

    def second():
        data[0] += 1

    both(first, second)
    return data[0]


def by_an_array():
    data = array.array("i", [0])

    def add():
        data[0] = data.tolist()[0] + 1

    return twice(add, lambda: data[0])


def by_a_heap():
    heap = [0]

    def add():
        heapq.heapreplace(heap, heap[0] + 1)

    return twice(add, lambda: heap[0])


def by_a_counter():
    counts = collections.Counter(n=0)

    def add():
        counts.update(n=1)

    return twice(add, lambda: counts["n"])


def by_a_counter_of_letters():
    counts = collections.Counter()

    def first():
        counts["a"] = counts["a"] + 1

    def second():
        counts.update("a")

    both(first, second)
    return counts["a"]


def by_a_default_dict():
    made = []

    def make():
        made.append(1)
        return []

    rows = collections.defaultdict(make)

    def add():
        rows["n"].append(1)

    return twice(add, lambda: len(made))


def by_the_length_of_a_default_dict():
    rows = collections.defaultdict(list)

    def first():
        rows["n"]

    def second():
        rows["seen"] = len(rows)

    both(first, second)
    return rows["seen"] + 1


def by_a_chain_map():
    table = {"n": 0}
    chain = collections.ChainMap(table)

    def add():
        chain["n"] += 1

    return twice(add, lambda: table["n"])


def by_a_user_dict():
    table = collections.UserDict(n=0)

    def add():
        table["n"] += 1

    return twice(add, lambda: table["n"])


def by_a_named_tuple():
    pair = collections.namedtuple("Pair", "items n")([0], 0)  # noqa: PYI024

    def add():
        pair.items[0] += 1

    return twice(add, lambda: pair.items[0])


def by_a_read_only_view():
    table = {"n": 0}
    view = types.MappingProxyType(table)

    def add():
        table["n"] = view["n"] + 1

    return twice(add, lambda: table["n"])


def by_the_values_kept():
    table = {"n": 0}
    values = table.values()

    def add():
        table["n"] = max(values) + 1

    return twice(add, lambda: table["n"])


def by_a_cache():
    calls = []

    @functools.lru_cache(maxsize=8)
    def square(n):
        calls.append(n)
        return n * n

    return twice(lambda: square(3), lambda: 3 - len(calls))


def by_reduce():
    items = [0]

    def add():
        items[0] = functools.reduce(operator.add, items) + 1

    return twice(add, lambda: items[0])


def set_first(items):
    """Change the first item."""
    items[0] = 1


def by_a_number_that_is_looked_for():
    items = [0, 0]
    return first_seen(lambda: 2 if 1 in items else 1, lambda: set_first(items))


def by_a_number_that_is_looked_for_among_bytes():
    items = bytearray(2)
    return first_seen(lambda: 1 if 1 not in items else 2, lambda: set_first(items))


def by_another_factory():
    made = collections.defaultdict(lambda: 1)
    return first_seen(lambda: made["k"], lambda: setattr(made, "default_factory", lambda: 2))


def by_builtins_that_exec_adds():
    scope = {}
    return first_seen(lambda: 1 + len(scope), lambda: exec("", scope))


def by_the_order_of_names():
    scope = {"__builtins__": {}}
    both(lambda: exec("x = 1", scope), lambda: exec("y = 1", scope))
    return 1 + ("y" in list(scope)[-1])


def by_a_name_that_is_built_in():
    scope = {}
    code = compile("seen = spam", "<code>", "exec")
    builtins.spam = 1
    try:
        both(lambda: setattr(builtins, "spam", 2), lambda: exec(code, scope))
    finally:
        del builtins.spam
    return scope["seen"]


def by_a_variable_that_goes_meanwhile():
    """What is built in is read once the variable is gone that hid it."""
    scope = {"spam": 2}
    exec("def get(): return spam\n\ndef drop(): global spam; del spam", scope)
    builtins.spam = 1
    try:
        seen = []
        threads = [
            threading.Thread(target=target)
            for target in (
                lambda: seen.append(scope["get"]()),
                scope["drop"],
                lambda: setattr(builtins, "spam", 3),
            )
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        del builtins.spam
    return seen[0]


def by_variables_where_eval_is_given_none():
    value = 1

    def look():
        def keep():
            return value

        return eval("value", None) or keep

    def change():
        nonlocal value
        value = 2

    return first_seen(look, change)


def by_names_that_are_made():
    names = collections.defaultdict(int, {"__builtins__": {}})
    code = compile("spam", "<code>", "eval")
    return first_seen(lambda: 1 + ("spam" in names), lambda: eval(code, names))


def by_an_attribute_that_c_code_sets_in_a_class():
    box = Plain(1)
    kind = type("Box", (Plain,), {})
    box.__class__ = kind
    put = functools.partial(setattr, kind, "x")
    return first_seen(lambda: box.x, lambda: put(property(lambda _: 2)))


def by_an_attribute_of_a_class_that_is_named_elsewhere():
    kind = type("Box", (Plain,), {})
    box = kind(1)
    given = [kind, "x", property(lambda _: 2)]
    return first_seen(lambda: box.x, lambda: setattr(*given))


def by_a_cause():
    error = ValueError()

    def change():
        error.__cause__ = None

    return first_seen(lambda: 1 + error.__suppress_context__, change)


def by_builtins_of_its_own():
    own = {"spam": 1}
    scope = {"__builtins__": own}
    exec("def get(): return spam", scope)
    return first_seen(scope["get"], lambda: operator.setitem(own, "spam", 2))


def by_a_class_that_is_registered():
    base = abc.ABCMeta("Base", (), {})
    thing = Plain(0)
    return first_seen(lambda: 1 + isinstance(thing, base), lambda: type(base).register(base, Plain))


def by_an_exception_that_is_made_again():
    error = ValueError(1)
    return first_seen(lambda: error.args[0], lambda: error.__init__(2))


def by_a_stream_that_writes_otherwise():
    seen = []

    class Stream:
        def write(self, _):
            seen.append(1)

    stream = Stream()
    both(
        lambda: setattr(stream, "write", lambda _: seen.append(2)),
        lambda: print("x", end="", file=stream),
    )
    return seen[0]


def by_a_format_of_what_is_local_to_a_thread():
    items = [1]
    data = threading.local()

    def look():
        data.items = items
        return int(str.format("{0.items[0]}", data))

    def change():
        items[0] = 2

    return first_seen(look, change)


def by_the_cell_of_a_variable():
    value = 1

    def change():
        nonlocal value
        value = 2

    cell = change.__closure__[0]
    return first_seen(lambda: operator.attrgetter("cell_contents")(cell), change)


def by_min_with_a_default():
    items = [0]

    def add():
        items[0] = min(items, default=0) + 1

    return twice(add, lambda: items[0])


def by_zip_with_a_star():
    rows = [[0]]

    def add():
        (n,) = next(zip(*rows))
        rows[0][0] = n + 1

    return twice(add, lambda: rows[0][0])


def by_unpacking_with_a_star():
    items = [0, 0]

    def add():
        _, *rest = items
        items[1] = rest[0] + 1

    return twice(add, lambda: items[1])


def by_a_generator_expression():
    items = [0]

    def add():
        items[0] = sum(each for each in items) + 1

    return twice(add, lambda: items[0])


def by_yield_from():
    items = [0]

    def each():
        yield from items

    def add():
        (n,) = each()
        items[0] = n + 1

    return twice(add, lambda: items[0])


# What is shared is an iterator.


def on_a_count():
    numbers, seen = itertools.count(), []

    def first():
        seen.append(("first", next(numbers)))

    def second():
        seen.append(("second", next(numbers)))

    both(first, second)
    return 1 + dict(seen)["first"]


def on_an_iterator():
    numbers, seen = iter([1, 2]), {}

    def first():
        seen["first"] = next(numbers)

    def second():
        for n in numbers:
            seen["second"] = n
            break

    both(first, second)
    return seen["first"]


def on_a_generator():
    def count():
        yield 1
        yield 2

    numbers, seen = count(), {}

    def first():
        seen["first"] = next(numbers)

    def second():
        with contextlib.suppress(ValueError):
            (seen["second"],) = itertools.islice(numbers, 1)

    both(first, second)
    return seen.get("first")


def on_random_numbers():
    numbers, seen = random.Random(7), {}

    def first():
        seen["first"] = numbers.random()

    def second():
        seen["second"] = numbers.random()

    both(first, second)
    return 1 + (seen["first"] < seen["second"])


# C code calls the program back, and goes on.


def between_the_calls_of_a_key():
    items, box, seen = [3], Plain(), []

    def key(n):
        seen.append(box.x)
        return n

    def first():
        seen.append(max(items, key=key))

    def second():
        items.append(5)
        box.x = 1

    both(first, second)
    return 2 if seen == [0, 1, 5] else 1


def between_the_items_of_a_map():
    items, result = [0, 0], []

    def same(n):
        return n

    def first():
        result.extend(map(same, items))

    def second():
        items[0] = 1
        items[1] = 1

    both(first, second)
    return 2 if result == [0, 1] else 1


def while_a_list_is_sorted():
    items, failed = [2, 1], []

    def key(n):
        return n

    def first():
        try:
            items.sort(key=key)
        except ValueError:
            failed.append(1)

    def second():
        items.append(0)

    both(first, second)
    return 1 + len(failed)


def between_the_comparisons_of_a_list():
    class Wanted:
        def __eq__(self, other):
            return other == 1

        __hash__ = None

    items, wanted, seen = [0, 0], Wanted(), []

    def first():
        seen.append(wanted in items)

    def second():
        items[1] = 1
        items[0] = 2

    both(first, second)
    return 1 + seen[0]


def in_a_reduction_of_a_list():
    items, result = [0, 0], []

    def first():
        result.append(functools.reduce(lambda a, b: a * 10 + b, items, 0))

    def second():
        items[0] = 1
        items[1] = 1

    both(first, second)
    return 2 if result == [1] else 1


# Other ways to run code, and to run it in threads.


def by_exec():
    scope = {"x": 0}

    def add():
        exec("x = x + 1", scope)

    return twice(add, lambda: scope["x"])


def by_exec_with_locals():
    scope = {"x": 0}

    def add():
        exec("x = x + 1", {}, scope)

    return twice(add, lambda: scope["x"])


def by_eval():
    scope = {"x": 0}

    def add():
        scope["x"] = eval("x", scope) + 1

    return twice(add, lambda: scope["x"])


def by_globals_kept():
    scope = globals()
    scope["total"] = 0

    def first():
        scope["total"] += 1

    def second():
        global total
        total += 1

    both(first, second)
    seen, scope["total"] = total, 0
    return seen


def by_an_import():
    module = types.ModuleType("concspec_shared")
    module.total = 0
    sys.modules["concspec_shared"] = module
    try:

        def add():
            from concspec_shared import total as seen  # noqa: PLC0415

            module.total = seen + 1

        return twice(add, lambda: module.total)
    finally:
        del sys.modules["concspec_shared"]


def in_a_context_manager():
    box = Plain()

    @contextlib.contextmanager
    def adding():
        n = box.x
        yield
        box.x = n + 1

    def add():
        with adding():
            pass

    return twice(add, lambda: box.x)


def in_a_finally():
    box = Plain()

    def add():
        n = box.x
        try:
            int("no number")
        except ValueError:
            pass
        finally:
            box.x = n + 1

    return twice(add, lambda: box.x)


def in_a_thread_of_c():
    items = []
    threads = [
        threading.Thread(target=items.append, args=(1,)),
        threading.Thread(target=lambda: items.append(len(items))),
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return 1 if items[-1] else 2


def in_a_thread_of_a_partial():
    box = Plain()
    threads = [
        threading.Thread(target=functools.partial(setattr, box, "x", 2)),
        threading.Thread(target=lambda: setattr(box, "x", 1 - box.x % 2)),
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return box.x


def in_a_timer():
    box = Plain()

    def add():
        box.x += 1

    timers = [threading.Timer(0.01, add) for _ in range(2)]
    for timer in timers:
        timer.start()
    for timer in timers:
        timer.join()
    return box.x


def by_the_name_of_a_thread():
    def add():
        thread.name = str(int(thread.name) + 1)

    thread = threading.Thread(name="0")
    return twice(add, lambda: int(thread.name))


def by_a_queue_looked_into():
    import queue  # noqa: PLC0415

    waiting, seen = queue.Queue(), []

    def first():
        waiting.put(1)

    def second():
        seen.append(len(waiting.queue))

    both(first, second)
    return 1 + seen[0]


def in_a_pool():
    box = Plain()

    def add():
        box.x += 1

    with futures.ThreadPoolExecutor(2) as pool:
        pool.submit(add)
        pool.submit(add)
    return box.x


def in_a_pool_that_runs_c():
    items = []
    with futures.ThreadPoolExecutor(2) as pool:
        pool.submit(items.append, 1)
        pool.submit(lambda: items.append(len(items)))
    return 1 if items[-1] else 2


def before_or_behind(exchange):
    """Let one thread exchange all attributes, the other one look at `x` behind a shared step."""
    box, shared, seen = functools.partial(max), [], []
    box.x = 1

    def second():
        shared.append(2)
        seen.append(box.x)

    both(exchange(box, shared), second)
    return seen[0]


def by_attributes_that_a_method_caller_exchanges():
    def exchange(box, shared):
        def first():
            operator.methodcaller("__setattr__", "__dict__", {"x": 2})(box)
            shared.append(1)

        return first

    return before_or_behind(exchange)


def by_attributes_whose_name_is_made_up():
    def exchange(box, shared):
        def first():
            object.__setattr__(box, str.lower("__DICT__"), {"x": 2})
            shared.append(1)

        return first

    return before_or_behind(exchange)


def by_the_state_of_a_partial():
    def exchange(box, shared):
        def first():
            box.__setstate__((max, (), {}, {"x": 2}))
            shared.append(1)

        return first

    return before_or_behind(exchange)


def by_a_property_out_of_a_list():
    box = Plain(1)
    looking = property(operator.attrgetter("x"))
    return first_seen(lambda: next(iter([looking])).fget(box), lambda: setattr(box, "x", 2))


def by_a_method_out_of_a_list():
    table = {"x": 1}
    return first_seen(lambda: table["x"], lambda: [dict.__setitem__].pop()(table, "x", 2))


def by_the_setter_of_a_slot():
    class Slotted:
        __slots__ = ("x",)

    box = Slotted()
    box.x = 1
    return first_seen(lambda: box.x, lambda: list(map(Slotted.x.__set__, [box], [2])))


def by_arguments_that_are_not_known():
    items = iter([1])

    def look(*, really):
        seen = [bool(*(items if really else ()))]  # more than what is compiled for each path
        return 1 + seen[0]

    return first_seen(lambda: look(really=True), lambda: look(really=True))


def by_the_next_of_what_is_not_known():
    items = iter([1, 2])

    def look(*, really):
        seen = [next(items if really else ())]
        return seen[0]

    return first_seen(lambda: look(really=True), lambda: look(really=True))


def by_a_list_of_what_is_not_known():
    items = iter([1])

    def look(*, really):
        seen = [list(items if really else ())]
        return 1 + len(seen[0])

    return first_seen(lambda: look(really=True), lambda: look(really=True))


def by_what_is_not_known_in_another_list():
    items = iter([1])

    def look(*, really):
        seen = [*(items if really else ())]
        return 1 + len(seen)

    return first_seen(lambda: look(really=True), lambda: look(really=True))


def by_unpacking_what_is_not_known():
    items = iter([1])

    def look(*, really):
        [*seen] = items if really else ()
        return 1 + len(seen)

    return first_seen(lambda: look(really=True), lambda: look(really=True))


def by_looking_for_something_in_what_is_not_known():
    items = iter([1])

    def look(*, really):
        seen = [1 in (items if really else ())]
        return 1 + seen[0]

    return first_seen(lambda: look(really=True), lambda: look(really=True))


def by_a_method_of_a_module():
    module = types.ModuleType("module")
    module.x = 1
    look = super(types.ModuleType, module).__getattribute__
    return first_seen(lambda: look("x"), lambda: setattr(module, "x", 2))


def by_a_method_of_a_module_that_a_map_calls():
    module = types.ModuleType("module")
    module.x = 1
    look = super(types.ModuleType, module).__getattribute__
    return first_seen(lambda: next(map(look, ["x"])), lambda: setattr(module, "x", 2))


def by_a_predicate_of_c():
    items, changed, seen = [], threading.Condition(), []

    def first():
        with changed:
            seen.append(changed.wait_for(items.__len__, timeout=1))

    both(first, lambda: items.append(1))
    return 1 + seen[0]


def by_a_weak_reference():
    box = Plain(Plain())
    look, seen = weakref.ref(box.x), []

    def first():
        box.x = None

    def second():
        seen.append(look() is None)

    both(first, second)
    return 1 + seen[0]


def by_a_weak_dictionary():
    box, table = Plain(Plain()), weakref.WeakValueDictionary()
    table["n"], seen = box.x, []

    def first():
        box.x = None

    def second():
        seen.append(len(table))

    both(first, second)
    return 1 + seen[0]


def by_a_finalizer():
    class Ending:
        def __del__(self):
            seen.append(1)

    box, seen = Plain(Ending()), []

    def first():
        box.x = None

    def second():
        box.y = len(seen)

    both(first, second)
    return 1 + box.y


def by_the_threads_alive():
    seen = []
    both(list, lambda: seen.append(threading.active_count()))
    return 1 + (seen[0] > 2)


if sys.version_info >= (3, 10):
    exec(
        textwrap.dedent(
            """
            def by_a_class_pattern():
                box = Plain()
                def add():
                    match box:
                        case Plain(x=n):
                            box.x = n + 1
                return twice(add, lambda: box.x)

            def by_a_sequence_pattern():
                items = [0]
                def add():
                    match items:
                        case [n]:
                            items[0] = n + 1
                return twice(add, lambda: items[0])
            """
        )
    )

if sys.implementation.name == "pypy":
    del by_builtins_of_its_own  # it knows no others than those of the module
    del by_the_state_of_a_partial  # which has other parts

PROGRAMS = [
    each
    for name, each in list(globals().items())
    if isinstance(each, types.FunctionType)
    and name.startswith(("by_", "on_", "in_", "out_", "through_", "between_", "while_"))
]


class Slotted:
    """An object with a slot."""

    __slots__ = ("x",)


THROUGH = {
    "unpacking": lambda box: [*map(Slotted.x.__set__, [box], [2])],
    "in": lambda box: 1 in map(Slotted.x.__set__, [box], [2]),
    "method": lambda box: set().union(map(Slotted.x.__set__, [box], [2])),
    "operator": lambda box: {}.keys() | map(Slotted.x.__set__, [box], [2]),
    "arguments": lambda box: slice(*map(Slotted.x.__set__, [box], [2])),
}


@pytest.mark.parametrize("way", THROUGH)
def test_an_iterator_of_what_is_not_known_may_do_anything(way):
    def program():
        box = Slotted()
        box.x = 1
        return first_seen(lambda: box.x, lambda: THROUGH[way](box))

    both_seen, found = explored(program)
    assert both_seen or not found.complete


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda program: program.__name__)
def test_what_is_reachable_is_found_or_nothing_is_proved(program):
    try:
        both_seen, found = explored(program)
    except BlockedOutside:
        return  # by the lock that PyPy 3.9 has in `functools.lru_cache`
    assert both_seen or not found.complete
