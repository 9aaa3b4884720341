"""Races in what Python calls by itself: special methods and descriptors that are not Python code.

Each program can give 1 and 2, by a change that only code of C makes or sees.
"""

import functools
import gc
import operator
import threading
import types
import weakref

import pytest

from concspec.interleave import explore
from concspec.interleave.observing.classes import hooks
from tests.interleave.test_shared_state import both
from tests.interleave.test_unusual_accesses import Plain, explored, first_seen

EMPTY = []


def nowhere(*_):
    """Stand where an attribute is, but not what the program gets of it."""


def made(*bases, meta=type, **members):
    """Make a class."""
    return meta("Box", bases, members)


def entered(box):
    """Enter a context manager, and return what it gives."""
    with box as given:
        return given


SEEN = {
    "length": (lambda items: made(__len__=items.__len__)(), len),
    "truth": (lambda items: made(__len__=items.__len__)(), lambda box: 1 if box else 0),
    "partial": (lambda items: made(__len__=staticmethod(functools.partial(len, items)))(), len),
    "static method": (lambda items: made(__len__=staticmethod(items.__len__))(), len),
    "item": (lambda items: made(__getitem__=items.__getitem__)(), lambda box: box[slice(1)]),
    "iterator": (
        lambda items: made(__iter__=items.__iter__)(),
        lambda box: [each for each in box],  # noqa: C416
    ),
    "text": (lambda items: made(__str__=items.__repr__)(), lambda box: f"{box}" != "[]"),
    "operator": (lambda items: made(__add__=items.__add__)(), lambda box: box + EMPTY),
    "sign": (lambda items: made(__neg__=items.__len__)(), lambda box: -box),
    "comparison": (
        lambda items: made(__eq__=items.__eq__, __hash__=None)(),
        lambda box: box == [1],
    ),
    "context manager": (
        lambda items: made(__enter__=items.copy, __exit__=staticmethod(nowhere))(),
        entered,
    ),
    "missing key": (lambda items: made(dict, __missing__=items.count)(), lambda box: box[1]),
    "length of a class": (lambda items: made(meta=made(type, __len__=items.__len__)), len),
    "instance check": (
        lambda items: made(meta=made(type, __instancecheck__=items.__contains__)),
        lambda box: isinstance(1, box),
    ),
    "pose": (
        lambda items: made(__class__=property(lambda _: dict), __len__=items.__len__)(),
        len,
    ),
}
"""What is made of a list, and how it is looked at; another thread appends to the list."""


@pytest.mark.parametrize("way", SEEN)
def test_what_is_seen_of_another_object_is_found(way):
    make, look = SEEN[way]

    def program():
        items = []
        box = make(items)
        return 1 + bool(first_seen(lambda: look(box), lambda: items.append(1)))

    both_seen, _ = explored(program)
    assert both_seen


CHANGED = {
    "call": (lambda items: made(__call__=items.append)(), lambda box: box(1)),
    "item of a class": (lambda items: made(__class_getitem__=items.append), lambda box: box[1]),
    "call of a class": (
        lambda items: made(meta=made(type, __call__=items.append)),
        lambda box: box(1),
    ),
}
"""What is made of a list, and how the list is changed by it; another thread looks at the list."""


@pytest.mark.parametrize("way", CHANGED)
def test_what_is_changed_of_another_object_is_found(way):
    make, put = CHANGED[way]

    def program():
        items = []
        box = make(items)
        return 1 + first_seen(lambda: len(items), lambda: put(box))

    both_seen, _ = explored(program)
    assert both_seen


# Attributes.


class Setting:
    """A descriptor that goes before what an object has."""

    def __init__(self, value):
        self.value = value

    def __get__(self, owner, kind):
        return self.value

    def __set__(self, owner, value):
        raise AttributeError


class Returning:
    """A function as an object."""

    def __init__(self, value):
        self.value = value

    def __call__(self, _):
        return self.value


def with_put(thing):
    """Give an object, or a module, an attribute of its own."""
    vars(thing)["put"] = nowhere
    return thing


def looking_up(append):
    """Return a `__getattribute__` that finds the same everywhere."""
    return lambda *_: append


PUT = {
    "getattribute of a base": lambda append: made(
        made(__getattribute__=looking_up(append)), put=nowhere
    )(),
    "getattribute of a metaclass": lambda append: made(
        meta=made(type, __getattribute__=looking_up(append)), put=nowhere
    ),
    "getattribute that is an object": lambda append: made(
        __getattribute__=Returning(append), put=staticmethod(nowhere)
    )(),
    "descriptor of a metaclass": lambda append: made(
        meta=made(type, put=Setting(append)), put=nowhere
    ),
    "descriptor before what an object has": lambda append: with_put(made(put=Setting(append))()),
    "descriptor before what a module has": lambda append: with_put(
        made(types.ModuleType, put=Setting(append))("module")
    ),
}
"""What has an attribute `put` that is found to be another function than the one that is got."""


@pytest.mark.parametrize("way", PUT)
def test_the_function_that_is_called_is_the_one_that_is_got(way):
    def program():
        items = []
        box = PUT[way](items.append)
        both(lambda: box.put(1), lambda: box.put(2))
        return items[0]

    both_seen, _ = explored(program)
    assert both_seen


@pytest.mark.parametrize("owner", ["an object", "a class"])
def test_a_method_is_looked_up_before_its_arguments(owner):
    """Another function takes its place while the argument is read."""

    def program():
        items = []
        kind = made(put=items.append)
        box = kind()
        number = Plain(0)
        seen = []

        def change():
            changed = box if owner == "an object" else kind
            changed.put = nowhere
            number.x = 1
            seen.append(len(items))

        both(lambda: box.put(number.x), change)
        return seen[0], *items

    assert set(explore(program).outcomes) == {(0,), (0, 0), (0, 1), (1, 0), (1, 1)}


def test_a_method_is_the_one_that_another_thread_looked_up_for_a_generator():
    def program():
        items = []
        box = Plain(0)
        box.put = nowhere
        seen = []

        def putting():
            while True:
                box.put((yield))

        generator = putting()
        next(generator)

        def change():
            box.put = items.append
            generator.send(1)
            seen.append(len(items))

        thread = threading.Thread(target=change)
        thread.start()
        generator.send(2)
        thread.join()
        return seen[0], *items

    assert {(0, 2), (1, 2)} <= set(explore(program).outcomes)


def module_of(table):
    """Return a module that gives the items of a table as attributes."""
    module = types.ModuleType("module")
    module.__getattr__ = table.__getitem__
    return module


def dictionary_of(table):
    """Return a dictionary that gives its items as attributes, in place of the table."""
    attributes = {"__getattr__": dict.__getitem__, "__setattr__": dict.__setitem__}
    return made(dict, **attributes)(table)


def got(thing):
    """Return the attribute `x`."""
    return thing.x


def set_attribute(thing):
    """Set the attribute `x`."""
    thing.x = 2


def set_item(thing):
    """Set the item `x`."""
    thing["x"] = 2


ATTRIBUTES = {
    "of another": lambda table: (made(__getattr__=table.__getitem__)(), got, table, set_item),
    "of a base of another": lambda table: (
        made(made(__getattr__=table.__getitem__))(),
        got,
        table,
        set_item,
    ),
    "of a module": lambda table: (module_of(table), got, table, set_item),
    "that are items": lambda table: (box := dictionary_of(table), got, box, set_item),
    "that are set as items": lambda table: (
        box := dictionary_of(table),
        operator.itemgetter("x"),
        box,
        set_attribute,
    ),
    "of a property": lambda _: (
        box := made(x=1, y=property(operator.attrgetter("x")))(),
        lambda box: box.y,
        box,
        set_attribute,
    ),
    "of a setter in C": lambda table: (
        table,
        len,
        made(x=property(None, functools.partial(operator.setitem, table)))(),
        set_attribute,
    ),
    "of a descriptor in C": lambda table: (
        table,
        len,
        made(x=made(__set__=table.setdefault)())(),
        set_attribute,
    ),
}
"""What is looked at, how, what is changed, and how."""


@pytest.mark.parametrize("way", ATTRIBUTES)
def test_attributes_in_another_place_are_found(way):
    def program():
        seen, look, changed, change = ATTRIBUTES[way]({"x": 1})
        return first_seen(lambda: look(seen), lambda: change(changed))

    both_seen, _ = explored(program)
    assert both_seen


@pytest.mark.filterwarnings("ignore")  # the methods are deprecated
@pytest.mark.parametrize(
    ("change", "look"),
    [
        (lambda thread: thread.setName("2"), lambda thread: int(thread.getName())),
        (lambda thread: thread.setDaemon(True), lambda thread: 1 + thread.isDaemon()),
    ],
)
def test_what_methods_set_in_a_thread_is_found(change, look):
    def program():
        thread = threading.Thread(name="1")
        return first_seen(lambda: look(thread), lambda: change(thread))

    both_seen, _ = explored(program)
    assert both_seen


def test_an_attribute_by_a_weak_proxy_proves_nothing():
    def program():
        box = Plain(1)
        proxy = weakref.proxy(box)
        return first_seen(lambda: proxy.x, lambda: set_attribute(box))

    _, found = explored(program)
    assert "whether an object is still alive" in (found.bound or "")


# Classes change.


def zero(_):
    """Be a length in Python."""
    return 0


def set_by_statement(kind, length):
    """Change a class."""
    kind.__len__ = length


def set_x(kind, value, _name):
    """Change a class."""
    kind.x = value


def set_by_setattr(kind, value, name="__len__"):
    """Change a class, by a function in C."""
    setattr(kind, name, value)


@pytest.mark.parametrize("change", [set_by_statement, set_by_setattr])
def test_a_class_that_changed_between_two_threads_is_looked_at_again(change):
    def program():
        items = []
        box = made(__len__=zero)()
        both(lambda: len(box), lambda: len(box))
        change(type(box), items.__len__)
        return 1 + first_seen(lambda: len(box), lambda: items.append(1))

    both_seen, _ = explored(program)
    assert both_seen


def giving(value):
    """Return a property."""
    return property(lambda _: value)


INSTEAD = {
    "a property for another": (made(x=giving(1)), giving(2)),
    "a property for a value": (made(x=1), giving(2)),
    "a property before what an object has": (made(), giving(2)),
    "a property before a slot": (made(__slots__=("x",)), giving(2)),
    "a value for a property": (made(x=giving(1)), 2),
    "a descriptor before what an object has": (made(), Setting(2)),
}
"""A class, and what it has of `x` later; `x` of its objects is 1 before that."""


@pytest.mark.parametrize("way", INSTEAD)
@pytest.mark.parametrize("change", [set_x, set_by_setattr])
def test_what_a_class_comes_to_have_is_found_in_its_objects(way, change):
    base, new = INSTEAD[way]

    def program():
        kind = made(base)
        box = kind()
        if not hasattr(kind, "x") or "__slots__" in vars(base):
            box.x = 1
        return first_seen(lambda: box.x, lambda: change(kind, new, "x"))

    both_seen, _ = explored(program)
    assert both_seen


@pytest.mark.parametrize("change", [set_x, set_by_setattr])
def test_a_class_that_others_looked_at_before_it_changed_is_looked_at_again(change):
    """The second thread comes to its first look while the first one stands before the change."""

    def program():
        items = []
        kind = made(x=-1)
        box = kind()
        count = property(items.count)
        seen = []

        def change_both():
            change(kind, count, "x")
            items.append(box)

        both(change_both, lambda: seen.append((box.x, box.x)))
        return seen[0]

    assert set(explore(program).outcomes) == {(-1, -1), (-1, 0), (-1, 1), (0, 0), (0, 1), (1, 1)}


def test_what_a_module_comes_to_do_without_an_attribute_is_found():
    def program():
        module = types.ModuleType("module")

        def change():
            module.__getattr__ = lambda _: 2

        return first_seen(lambda: getattr(module, "x", 1), change)

    both_seen, _ = explored(program)
    assert both_seen


def test_a_class_that_changes_meanwhile_proves_nothing():
    def program():
        items = []
        box = made(__len__=zero)()

        def look():
            set_by_statement(type(box), items.__len__)
            return len(box)

        return 1 + first_seen(look, lambda: items.append(1))

    _, found = explored(program)
    assert not found.complete


def test_a_class_that_changed_between_explorations_is_looked_at_again():
    items = []
    kind = made(__len__=zero)

    def program():
        items.clear()
        box = kind()
        return 1 + first_seen(lambda: len(box), lambda: items.append(1))

    assert set(explore(program).outcomes) == {1}
    kind.__len__ = items.__len__
    assert set(explore(program).outcomes) == {1, 2}


@pytest.mark.parametrize(
    "put",
    [
        setattr,
        type.__setattr__,
        functools.partial(setattr),
        lambda *given: list(map(setattr, *[[each] for each in given])),
    ],
)
def test_what_c_code_puts_into_a_class_before_threads_start(put):
    def program():
        items = []

        class Box:
            def look(self):
                return 0

            def __len__(self):
                return 0

        box = Box()
        box.look()
        put(Box, "__len__", items.__len__)
        return first_seen(lambda: len(box), lambda: items.append(1))

    assert set(explore(program).outcomes) == {0, 1}


def test_a_class_is_known_no_longer_than_it_lives():
    known, unknown = made(__len__=[].__len__), made(__len__=[].__len__)
    assert hooks(known)
    ends = weakref.ref(known), weakref.ref(unknown)
    del known, unknown
    gc.collect()
    known, unknown = (end() for end in ends)  # on CPython 3.13t classes have no end
    assert (known is None) is (unknown is None)
