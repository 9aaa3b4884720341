"""What touches nothing that threads share is no switch point, however a program writes it."""

import collections
import datetime as dt
import decimal
import functools
import re
import sys
import threading

import pytest

from concspec.interleave import explore
from tests.interleave.test_shared_state import both, on_a_property
from tests.interleave.test_unusual_accesses import Plain

IN_PYTHON = pytest.mark.skipif(
    sys.implementation.name == "pypy", reason="there, it is Python code that uses its own state"
)
WORD = re.compile(r"\w+")


class Manager:
    def __enter__(self):
        return self

    def __exit__(self, *_):
        return False


class Suppressing(Manager):
    def __exit__(self, *_):
        return True


class Under:
    """A lock by another name."""

    def __init__(self):
        self.lock = threading.Lock()

    def __enter__(self):
        self.lock.acquire()

    def __exit__(self, *_):
        self.lock.release()


class Linked:
    """Gives what it has by a generator of its own."""

    def __init__(self):
        self.items = [1, 2]

    def __iter__(self):
        for each in self.items:  # noqa: UP028 - which goes by other instructions
            yield each


def add_under_a_manager(box):
    with box.manager:
        box.x += 1


def add_behind_what_fails(box):
    with box.suppressing:
        [].pop()
    box.x += 1


def add_behind_what_fails_under_a_lock(box):
    try:
        with box.lock:
            [].pop()
    except IndexError:
        pass
    box.x += 1


def add_behind_a_generator_expression(box):
    for _ in (each for each in box.linked):
        pass
    box.x += 1


def add_behind_a_loop(box):
    for _ in box.linked:
        pass
    box.x += 1


def add_behind_a_match(box):
    box.x += len(WORD.match("a b").group())


def add_behind_a_time(box):
    later = box.start + dt.timedelta(days=1)
    box.x += int(later.strftime("%d")) - box.start.day


def add_behind_a_number(box):
    box.x += int((box.price + decimal.Decimal("0.50")).quantize(decimal.Decimal(1)))


def program_of(add):
    def program():
        box = Plain()
        box.manager, box.suppressing, box.linked = Manager(), Suppressing(), Linked()
        box.lock = threading.Lock()
        box.start, box.price = (
            dt.datetime(2026, 1, 1, tzinfo=dt.timezone.utc),
            decimal.Decimal("0.50"),
        )
        both(lambda: add(box), lambda: add(box))
        return box.x

    return program


@pytest.mark.parametrize(
    "add",
    [
        add_under_a_manager, add_behind_what_fails, add_behind_a_generator_expression,
        add_behind_a_loop, add_behind_a_match,
        pytest.param(add_behind_a_time, marks=IN_PYTHON),
        pytest.param(add_behind_a_number, marks=IN_PYTHON),
    ],
)  # fmt: skip
def test_only_the_attribute_is_shared(add):
    found = explore(program_of(add))
    assert (found.executions, found.redundant, set(found.outcomes)) == (4, 0, {1, 2})


def test_how_a_lock_is_left_is_no_access():
    found = explore(program_of(add_behind_what_fails_under_a_lock))
    assert found.shared == {"box.x"}
    assert set(found.outcomes) == {1, 2}


@pytest.mark.parametrize(
    "manager_of",
    [lambda under: under, lambda under: next(enumerate([under.lock]))[1]],
    ids=["it locks", "it is a lock that C code gives"],
)
def test_a_manager_that_takes_a_lock(manager_of):
    def program():
        box, under = Plain(), Under()

        def add():
            with manager_of(under):
                box.x += 1

        both(add, add)
        return box.x

    found = explore(program)
    assert (found.executions, set(found.outcomes)) == (2, {2})


MATCHING = """
def move(box, event):
    match box.x, event:
        case [0, "up"]:
            box.x = 1
        case [1, "up"]:
            box.x = 2
        case _:
            pass

def add_what_has(box, event):
    match event:
        case Event(n, kind=_):
            box.x += n

def add_what_maps(box, event):
    match event.__dict__:
        case {"n": n, "kind": _}:
            box.x += n

def tell_found(event):
    match event:
        case {"n": n}:
            return n

def tell_rest(event):
    match event:
        case {"n": n, **rest}:
            return n, len(rest)

def tell(event):
    match event:
        case Event(1):
            return 1
        case Event(n=2):
            return 2
"""


class Event:
    __match_args__ = ("n",)

    def __init__(self, n):
        self.n, self.kind = n, "add"


@pytest.mark.skipif(sys.version_info < (3, 10), reason="there is no match")
def test_a_match_of_a_new_pair():
    scope = {}
    exec(MATCHING, scope)

    def program():
        box = Plain(0)
        both(lambda: scope["move"](box, "up"), lambda: scope["move"](box, "up"))
        return box.x

    found = explore(program)
    assert (found.executions, found.redundant, set(found.outcomes)) == (4, 0, {1, 2})


MADE_BY_COMPREHENSIONS = {
    "sum": lambda pair: sum([each * 2 for each in pair]),
    "min": lambda pair: min([-each for each in pair if each]),
    "set": lambda pair: len({each % 2 for each in pair}) + sum({each + 1 for each in pair}),
    "dict": lambda pair: str({each: each for each in pair}),
    "nested": lambda pair: str([[one for one in each] for each in [pair]]),  # noqa: C416
    "spread": lambda pair: max(*[each for each in pair], 0),  # noqa: C416
}


@pytest.mark.parametrize("make", MADE_BY_COMPREHENSIONS.values(), ids=MADE_BY_COMPREHENSIONS)
def test_what_a_comprehension_makes_is_known(make):
    """It holds numbers alone; what is not known would conflict with the start of threads, too."""

    def program():
        pair, made = [1, 2], []
        both(lambda: made.append(make(pair)), lambda: pair.__setitem__(0, 5))
        return made[0]

    found = explore(program)
    assert "thread.start" not in found.shared
    assert found.executions <= 7


def rest_of(*rest):
    return rest


HELD_BY_COMPREHENSIONS = {
    "list": lambda a: str([each for each in (a,)]),  # noqa: C416
    "max": lambda a: max([each for each in ([0], a)])[-1],  # noqa: C416
    "dict": lambda a: str(dict.fromkeys((1, 2), a)),
    "key": lambda a: str({(each, str(a)): 1 for each in (1,)}),
    "nested": lambda a: str([[a for _ in range(1)] for _ in range(2)]),
    "called": lambda a: str([list(a) for _ in range(1)]),
    "spread": lambda a: repr((*[a for _ in range(2)],)),
    "extended": lambda a: str([*[each for each in (1, 2)], *a]),  # noqa: C416
    "given": lambda a: str(rest_of(*[each for each in (1,)], *a)),  # noqa: C416
    "named": lambda a: str(dict(**{each: 1 for each in "u"}, a=str(a))),  # noqa: C420
    "chosen": lambda a: str([each for each in ([0], a, [1]) if 9 in each or len(each) > 0][1]),
}


@pytest.mark.parametrize("make", HELD_BY_COMPREHENSIONS.values(), ids=HELD_BY_COMPREHENSIONS)
def test_what_a_comprehension_holds_is_not_new(make):
    def program():
        a, made = [1], []
        both(lambda: made.append(make(a)), lambda: a.append(9))
        return made[0]

    assert len(explore(program).outcomes) == 2


def test_a_comprehension_and_a_loop():
    def program():
        items, made = [3, 1, 2], []

        def total():
            number = 0
            for each in items:
                number += each
            made.append(number)

        def prune():
            items[:] = [each for each in items if each > 1]

        both(total, prune)
        return made[0]

    assert explore(program).executions == 5


def by_setdefault(groups, n):
    groups.setdefault("k", []).append(n)


def by_defaultdict(groups, n):
    groups["k"].append(n)


GROUPING = [(dict, by_setdefault), (lambda: collections.defaultdict(list), by_defaultdict)]


@pytest.mark.parametrize(("make", "put"), GROUPING)
def test_an_item_that_is_made_where_it_is_missing_is_known_from_then_on(make, put):
    def program():
        groups = make()
        both(lambda: put(groups, 1), lambda: put(groups, 2))
        return tuple(groups["k"])

    found = explore(program)
    assert (found.executions, set(found.outcomes)) == (4, {(1, 2), (2, 1)})


@pytest.mark.parametrize(("make", "put"), GROUPING)
def test_an_item_that_was_made_is_not_what_is_put_in_its_place(make, put):
    def program():
        groups, old = make(), []

        def replace():
            old.append(groups.get("k"))
            groups["k"] = [3]

        both(lambda: put(groups, 1), replace)
        return str(old), str(groups["k"])

    assert set(explore(program).outcomes) == {
        ("[None]", "[3, 1]"), ("[None]", "[3]"), ("[[1]]", "[3]"),
    }  # fmt: skip


def test_a_property_is_what_its_code_does():
    found = explore(on_a_property)
    assert (found.executions, found.shared) == (4, {"self._balance"})


def test_a_class_of_properties_may_have_its_own_way_to_set():
    def program():
        state, told = {}, []

        class Stored(property):
            __set__ = state.__setitem__

        class Box:
            x = Stored()

        box = Box()
        both(lambda: setattr(box, "x", 1), lambda: told.append(len(state)))
        return told[0]

    assert set(explore(program).outcomes) == {0, 1}


def test_a_deque_is_one_thing():
    def program():
        last = collections.deque(maxlen=1)
        both(lambda: last.append(1), lambda: last.append(2))
        return last[0]

    found = explore(program)
    assert (found.executions, set(found.outcomes)) == (2, {1, 2})


def keys_by_pop(shared):
    options = [("key", list.pop)]
    return str(sorted([shared, [3]], **{name: each for name, each in options}))  # noqa: C416


def match_in_memory_that_changes(shared):
    return shared.match.group()


def offset_of_a_zone(shared):
    return str(shared.time.utcoffset())


def attribute_of_a_text(shared):
    return len(shared.text.__getattribute__("log"))


class Zone(dt.tzinfo):
    def utcoffset(self, _):
        return dt.timedelta(hours=1)


class Text(str):
    __slots__ = ("__dict__",)


def of_memory(shared):
    memory = [bytearray(b"abc")]
    shared.match = re.compile(b"...").match(memory[0])
    return memory[0]


def of_a_zone(shared):
    zone = Zone()
    shared.time = dt.datetime(2026, 1, 1, tzinfo=zone)
    return zone


def of_a_text(shared):
    shared.text = Text("x")
    shared.text.log = []
    return shared.text.log


def two_hours(_):
    return dt.timedelta(hours=2)


@pytest.mark.parametrize(
    ("make", "tell", "change"),
    [
        (of_memory, match_in_memory_that_changes, lambda it: it.__setitem__(0, 120)),
        pytest.param(
            of_a_zone,
            offset_of_a_zone,
            lambda zone: setattr(zone, "utcoffset", two_hours),
            marks=IN_PYTHON,
        ),
        (of_a_text, attribute_of_a_text, lambda log: log.append(1)),
    ],
    ids=["memory", "zone", "text"],
)
def test_what_a_value_leads_to_is_not_new(make, tell, change):
    def program():
        shared, told = Plain(), []
        part = make(shared)
        both(lambda: told.append(tell(shared)), lambda: change(part))
        return told[0]

    assert len(explore(program).outcomes) == 2


def test_a_group_may_be_what_was_given_for_it():
    def program():
        items, flag, told = [], [0], []
        found = re.match("(a)|(b)", "a")
        tell = lambda: told.append("{} {}".format(found.groups(items), flag[0]))  # noqa: E731, UP032
        both(tell, lambda: (flag.__setitem__(0, 1), items.append(7)))
        return told[0]

    assert len(explore(program).outcomes) == 4


def test_a_method_that_a_comprehension_holds_is_called():
    def program():
        items, told = [1, 2], []
        both(lambda: told.append(keys_by_pop(items)), lambda: told.append(len(items)))
        return len(items), told[-1], len(told)

    assert len(explore(program).outcomes) > 2


@IN_PYTHON
def test_a_time_zone_is_not_what_a_time_is_made_as():
    class Zone(dt.tzinfo):
        def utcoffset(self, _):
            return dt.timedelta(hours=self.hours)

    def program():
        zone, told = Zone(), []
        zone.hours = 1
        now = dt.datetime(2026, 1, 1, tzinfo=zone)
        both(lambda: told.append(now.isoformat()[-6:]), lambda: setattr(zone, "hours", 2))
        return told[0]

    assert set(explore(program).outcomes) == {"+01:00", "+02:00"}


@IN_PYTHON
def test_a_cache_is_shared_and_nothing_beside_it():
    def program():
        calls = []

        @functools.lru_cache(maxsize=4)
        def get(key):
            calls.append(key)
            return key

        both(lambda: get(1), lambda: get(1))
        return len(calls)

    found = explore(program)
    assert found.complete
    assert set(found.outcomes) == {1, 2}
    assert found.shared == {"calls[]", "get[]"}


@pytest.mark.skipif(sys.version_info < (3, 10), reason="there is no match")
@pytest.mark.parametrize("add", ["add_what_has", "add_what_maps"])
def test_what_a_pattern_finds_is_in_a_new_tuple(add):
    scope = {"Event": Event}
    exec(MATCHING, scope)

    def program():
        box, one, two = Plain(0), Event(1), Event(2)
        both(lambda: scope[add](box, one), lambda: scope[add](box, two))
        return box.x

    found = explore(program)
    assert (found.executions, found.shared, set(found.outcomes)) == (4, {"box.x"}, {1, 2, 3})


@pytest.mark.skipif(sys.version_info < (3, 10), reason="there is no match")
def test_a_pattern_looks_at_attributes():
    scope = {"Event": Event}
    exec(MATCHING, scope)

    def program():
        event, told = Event(1), []
        both(lambda: told.append(scope["tell"](event)), lambda: setattr(event, "n", 2))
        return told[0]

    assert set(explore(program).outcomes) == {1, 2}


@pytest.mark.skipif(sys.version_info < (3, 10), reason="there is no match")
def test_what_a_mapping_pattern_leaves_is_looked_at():
    scope = {"Event": Event}
    exec(MATCHING, scope)

    def program():
        event, told = {"n": 1}, []
        change = lambda: (event.update({"n": 2}), event.update({"k": 1}))  # noqa: E731
        both(lambda: told.append(scope["tell_rest"](event)), change)
        return told[0]

    assert set(explore(program).outcomes) == {(1, 0), (1, 1), (2, 0), (2, 1)}


@pytest.mark.skipif(sys.version_info < (3, 10), reason="there is no match")
def test_what_a_mapping_pattern_asks_is_looked_up():
    class Asked(collections.UserDict):
        def get(self, *_):
            return 1

    scope = {"Event": Event}
    exec(MATCHING, scope)

    def program():
        event, told = Asked(n=0), []
        change = lambda: setattr(event, "get", lambda *_: 2)  # noqa: E731
        both(lambda: told.append(scope["tell_found"](event)), change)
        return told[0]

    assert set(explore(program).outcomes) == {1, 2}
