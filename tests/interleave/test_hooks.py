"""Races in what Python calls by itself: special methods and descriptors that are not Python code.

Each program can give 1 and 2, by a change that only code of C makes or sees.
"""

import functools
import gc
import operator
import types
import weakref

import pytest

from concspec.interleave import explore
from concspec.interleave.classes import hooks
from tests.interleave.test_shared_state import both
from tests.interleave.test_unusual_accesses import Plain, assert_found_or_not_proved

# What an attribute is found to be may not be what the program gets.


def put_by(box, items):
    """Let two threads call `box.put`, which comes to `items.append`; return what is first."""
    both(lambda: box.put(1), lambda: box.put(2))
    return items[0]


def nowhere(*_):
    """Stand where an attribute is, but not what the program gets of it."""


class Setting:
    """A descriptor that goes before what an object has."""

    def __init__(self, value):
        self.value = value

    def __get__(self, owner, kind):
        return self.value

    def __set__(self, owner, value):
        raise AttributeError


def by_getattribute_of_a_base():
    items = []

    class Base:
        def __getattribute__(self, name):
            return items.append

    class Box(Base):
        put = nowhere

    return put_by(Box(), items)


def by_getattribute_of_a_metaclass():
    items = []

    class Meta(type):
        def __getattribute__(cls, name):
            return items.append

    class Box(metaclass=Meta):
        put = nowhere

    return put_by(Box, items)


def by_getattribute_that_is_an_object():
    items = []

    class Looking:
        def __call__(self, _):
            return items.append

    class Box:
        __getattribute__ = Looking()
        put = staticmethod(nowhere)

    return put_by(Box(), items)


def by_a_descriptor_of_a_metaclass():
    items = []

    class Meta(type):
        put = Setting(items.append)

    class Box(metaclass=Meta):
        put = nowhere

    return put_by(Box, items)


def by_a_descriptor_before_what_an_object_has():
    items = []

    class Box:
        put = Setting(items.append)

    box = Box()
    vars(box)["put"] = nowhere
    return put_by(box, items)


def by_a_descriptor_of_a_module():
    items = []

    class Module(types.ModuleType):
        put = Setting(items.append)

    module = Module("module")
    vars(module)["put"] = nowhere
    return put_by(module, items)


def put_and_seen(look, put):
    """Let one thread look, and another one put; return how much was seen."""
    seen = []
    both(lambda: seen.append(look()), put)
    return 1 + bool(seen[0])


def by_a_property_written_in_c():
    class Box:
        x = 0
        y = property(operator.attrgetter("x"))

    box = Box()

    def put():
        box.x = 1

    return put_and_seen(lambda: box.y, put)


def by_a_setter_written_in_c():
    table = {}

    class Box:
        y = property(None, functools.partial(operator.setitem, table))

    box = Box()

    def put():
        box.y = 1

    return put_and_seen(lambda: len(table), put)


def by_a_length_of_another():
    items = []

    class Box:
        __len__ = items.__len__

    box = Box()
    return put_and_seen(lambda: len(box), lambda: items.append(1))


def by_the_truth_of_another():
    items = []

    class Box:
        __len__ = items.__len__

    box = Box()
    return put_and_seen(lambda: 1 if box else 0, lambda: items.append(1))


def by_a_partial_length():
    items = []

    class Box:
        __len__ = staticmethod(functools.partial(len, items))

    box = Box()
    return put_and_seen(lambda: len(box), lambda: items.append(1))


def by_a_static_method_written_in_c():
    items = []

    class Box:
        __len__ = staticmethod(items.__len__)

    box = Box()
    return put_and_seen(lambda: len(box), lambda: items.append(1))


def by_an_item_of_another():
    items = [0]

    class Box:
        __getitem__ = items.__getitem__

    box = Box()

    def put():
        items[0] = 1

    return put_and_seen(lambda: box[0], put)


def by_an_iterator_of_another():
    items = []

    class Box:
        __iter__ = items.__iter__

    box = Box()
    return put_and_seen(lambda: [each for each in box], lambda: items.append(1))  # noqa: C416


def by_a_call_of_another():
    items = []

    class Box:
        __call__ = items.append

    box = Box()
    return put_and_seen(items.copy, lambda: box(1))


def by_a_text_of_another():
    items = []

    class Box:
        __str__ = items.__repr__

    box = Box()
    return put_and_seen(lambda: f"{box}" != "[]", lambda: items.append(1))


def by_an_operator_of_another():
    items = []

    class Box:
        __add__ = items.__add__

    box, nothing = Box(), []
    return put_and_seen(lambda: box + nothing, lambda: items.append(1))


def by_a_comparison_of_another():
    items = []

    class Box:
        __eq__ = items.__eq__
        __hash__ = None

    box = Box()
    return put_and_seen(lambda: box == [1], lambda: items.append(1))


def by_attributes_that_are_items():
    class Box(dict):
        __getattr__ = dict.__getitem__
        __setattr__ = dict.__setitem__

    box = Box(x=0)

    def put():
        box["x"] = 1

    return put_and_seen(lambda: box.x, put)


def by_attributes_that_are_set_as_items():
    class Box(dict):
        __setattr__ = dict.__setitem__

    box = Box(x=0)

    def put():
        box.x = 1

    return put_and_seen(lambda: box["x"], put)


def by_attributes_of_another():
    table = {"x": 0}

    class Box:
        __getattr__ = table.__getitem__

    box = Box()

    def put():
        table["x"] = 1

    return put_and_seen(lambda: box.x, put)


def by_attributes_of_a_base_of_another():
    table = {"x": 0}

    class Base:
        __getattr__ = table.__getitem__

    class Box(Base):
        pass

    box = Box()

    def put():
        table["x"] = 1

    return put_and_seen(lambda: box.x, put)


def by_attributes_of_a_module():
    table = {"x": 0}
    module = types.ModuleType("module")
    module.__getattr__ = table.__getitem__

    def put():
        table["x"] = 1

    return put_and_seen(lambda: module.x, put)


def by_a_descriptor_written_in_c():
    table = {}

    class Setting:
        __set__ = table.setdefault

    class Box:
        y = Setting()

    box = Box()

    def put():
        box.y = 1

    return put_and_seen(lambda: len(table), put)


def by_a_context_manager_written_in_c():
    items = []

    class Box:
        __enter__ = items.copy
        __exit__ = staticmethod(nowhere)

    box = Box()

    def look():
        with box as found:
            return found

    return put_and_seen(look, lambda: items.append(1))


def by_a_memoryview():
    data = bytearray(1)
    view = memoryview(data)

    def put():
        view[0] = 1

    return put_and_seen(lambda: data[0], put)


def by_a_mapping_proxy():
    table = {"x": 0}
    proxy = types.MappingProxyType(table)

    def put():
        table["x"] = 1

    return put_and_seen(lambda: proxy["x"], put)


def by_a_property_of_a_weak_proxy():
    box = Plain()
    proxy = weakref.proxy(box)

    def put():
        box.x = 1

    return put_and_seen(lambda: proxy.x, put)


def by_a_namespace():
    box = types.SimpleNamespace(x=0)

    def put():
        vars(box)["x"] = 1

    return put_and_seen(lambda: box.x, put)


def by_a_length_of_a_class():
    items = []

    class Meta(type):
        __len__ = items.__len__

    class Box(metaclass=Meta):
        pass

    return put_and_seen(lambda: len(Box), lambda: items.append(1))


def by_an_instance_check_written_in_c():
    items = []

    class Meta(type):
        __instancecheck__ = items.__contains__

    class Box(metaclass=Meta):
        pass

    return put_and_seen(lambda: isinstance(1, Box), lambda: items.append(1))


def by_a_missing_key_written_in_c():
    items = []

    class Box(dict):
        __missing__ = items.count

    box = Box()
    return put_and_seen(lambda: box[1], lambda: items.append(1))


def by_a_class_that_is_not_its_type():
    box = Plain()

    class Posing:
        __class__ = property(lambda _: dict)
        __len__ = staticmethod(functools.partial(operator.attrgetter("x"), box))

    posing = Posing()

    def put():
        box.x = 1

    return put_and_seen(lambda: len(posing), put)


# Classes change.


def by_a_length_that_is_set_between():
    items = []

    class Box:
        def __len__(self):
            return 0

    box = Box()
    both(lambda: len(box), lambda: len(box))
    Box.__len__ = items.__len__
    return put_and_seen(lambda: len(box), lambda: items.append(1))


def by_a_length_that_setattr_sets_between():
    items = []

    class Box:
        def __len__(self):
            return 0

    box = Box()
    both(lambda: len(box), lambda: len(box))
    setattr(Box, "__len__", items.__len__)  # noqa: B010
    return put_and_seen(lambda: len(box), lambda: items.append(1))


def by_a_length_that_is_set_meanwhile():
    items = []

    class Box:
        def __len__(self):
            return 0

    box = Box()

    def look():
        len(box)
        Box.__len__ = items.__len__
        return len(box)

    return put_and_seen(look, lambda: items.append(len(box) + 1))


PROGRAMS = [each for name, each in list(globals().items()) if name.startswith("by_")]


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda program: program.__name__)
def test_what_is_reachable_is_found_or_nothing_is_proved(program):
    assert_found_or_not_proved(program)


def test_a_class_is_known_no_longer_than_it_lives():
    class Box:
        __len__ = [].__len__

    class Unknown:
        __len__ = [].__len__

    assert hooks(Box)
    ends = weakref.ref(Box), weakref.ref(Unknown)
    del Box, Unknown
    gc.collect()
    known, unknown = (end() for end in ends)  # on CPython 3.13t classes have no end
    assert (known is None) is (unknown is None)


def test_a_class_that_changed_is_looked_at_again():
    items = []

    class Box:
        def __len__(self):
            return 0

    def program():
        items.clear()
        box = Box()
        return put_and_seen(lambda: len(box), lambda: items.append(1))

    assert set(explore(program).outcomes) == {1}
    Box.__len__ = items.__len__
    assert set(explore(program).outcomes) == {1, 2}
