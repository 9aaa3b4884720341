"""What no thread changes is passed over, until one changes it after all."""

import functools
import sys
import threading
import types
import weakref
import zlib

import pytest

from concspec.interleave import explore, session
from concspec.interleave.observing.looking import MISSING, Aliases, Made
from concspec.interleave.observing.objects import Objects
from concspec.interleave.observing.observer import Observer
from concspec.interleave.observing.sites import ATTRIBUTE, Constant, Site
from concspec.interleave.operations import ONLY_READ, WHOLE, Inherited, Operation
from concspec.interleave.sharing import MOST_BEGINNINGS, Sharing
from tests.interleave.test_shared_state import both

rate = 1
step = 0
module = types.ModuleType("module")


class Rates:
    at_all = 1

    def __init__(self):
        self.rate = 1


class Slotted:
    __slots__ = ("rate",)


class Ending(Rates):
    def __del__(self):
        pass


COMPRESSED = zlib.compress(b"all")
rates = Rates()
stream = zlib.decompressobj()
generator = iter(())
slotted = Slotted()
set_in_slotted = functools.partial(setattr, slotted)
set_in_class = functools.partial(setattr, Rates)
ending = Ending()


def change_a_global():
    global rate
    rate = 2


def change_all_globals():
    globals().update(rate=2)


def change_a_variable_by_its_name():
    globals()["rate"] = 2


def change_an_attribute():
    rates.rate = 2


def change_by_setattr():
    name = "ra" + "te"
    setattr(rates, name, 2)


def change_all_attributes():
    vars(rates).update(rate=2)


def change_the_dictionary():
    rates.__dict__ = {"rate": 2}


def change_a_class():
    Rates.at_all = 2


def change_an_object_by_its_class():
    Rates.rate = property(lambda _: 2)


def change_what_is_not_told():
    setattr(rates, next(iter(["rate"])), 2)


def change_any_slot():
    set_in_slotted("rate", 2)


def change_anything_of_a_class():
    set_in_class("at_all", 2)


def change_a_module():
    module.rate = 2


def take_an_attribute_away():
    del rates.rate


def begin():
    global rate, step, stream, generator
    step = 0
    rate = module.rate = slotted.rate = 1
    Rates.at_all = 1
    if "rate" in vars(Rates):
        del Rates.rate
    rates.__dict__ = {"rate": 1}
    vars(module).pop("__getattr__", None)
    stream = zlib.decompressobj()
    generator = (each for each in "all")


def end_a_stream():
    stream.decompress(COMPRESSED)


def end_a_generator():
    generator.close()


def let_a_module_have_all():
    module.__getattr__ = lambda _: 2


def ask_a_module():
    try:
        return module.rest
    except AttributeError:
        return 1


@pytest.mark.parametrize(
    ("change", "read"),
    [
        (change_a_global, lambda: rate),
        (change_all_globals, lambda: rate),
        (change_a_variable_by_its_name, lambda: rate),
        (change_an_attribute, lambda: rates.rate),
        (change_by_setattr, lambda: rates.rate),
        (change_all_attributes, lambda: rates.rate),
        (change_the_dictionary, lambda: rates.rate),
        (change_what_is_not_told, lambda: rates.rate),
        (change_any_slot, lambda: slotted.rate),
        (change_anything_of_a_class, lambda: rates.at_all),
        (change_an_object_by_its_class, lambda: rates.rate),
        (take_an_attribute_away, lambda: rates.rate),
        (change_a_class, lambda: rates.at_all),
        (change_a_module, lambda: module.rate),
        (let_a_module_have_all, ask_a_module),
        (end_a_stream, lambda: stream.eof + 1),
        (end_a_generator, lambda: 1 if generator.gi_frame else 2),
    ],
)
def test_what_is_changed_under_few_schedules_is_seen(change, read):
    """No thread changes anything where one follows the other, as in the first execution."""
    seen = []
    changed = []

    def look():
        global step
        step = 1
        seen.append(read())
        step = 0

    def change_between():
        if step == 1:
            changed.append(True)
            change()

    def program():
        seen.clear()
        changed.clear()
        begin()
        both(look, change_between)
        return (*seen, *changed)

    results = set(explore(program).outcomes)
    assert results == {(1,), (1, True), (True,) if change is take_an_attribute_away else (2, True)}


def test_the_same_step_may_change_names_under_few_schedules():
    """Of what bears the same name in two executions, one is a list and one has attributes."""

    def program():
        begin()
        seen = []
        cleared = [[], vars(rates)]

        def look():
            global step
            step = 1
            seen.append(rates.rate)
            step = 0

        def clear():
            cleared[step].clear()

        both(look, clear)
        return tuple(seen)

    assert set(explore(program).outcomes) == {(1,), ()}


def test_nothing_is_passed_over_behind_a_change_of_all():
    """Neither comes in the first execution, and no read before the change."""

    def program():
        begin()
        names = vars(rates)
        seen = []
        told = {"first": True, "changed": False}

        def look():
            told["first"] = False
            if told["changed"]:
                seen.append(rates.rate)

        def change():
            is_first = told["first"]
            told["changed"] = is_first
            if is_first:
                names.clear()

        threads = [threading.Thread(target=each) for each in (look, change)]
        for each in [*[each.start for each in threads], *[each.join for each in threads]]:
            each()
        return tuple(seen)

    found = explore(program)
    assert set(found.outcomes) == {(), (1,)}
    assert found.failures  # where there is no such name any more


def on_an_attribute():
    rates.rate = 0

    def add():
        rates.rate += rates.at_all

    both(add, add)
    return rates.rate


def test_what_is_only_read_is_passed_over(monkeypatch):
    made = []
    monkeypatch.setattr(session, "Sharing", lambda: made.append(Sharing()) or made[-1])
    assert set(explore(on_an_attribute).outcomes) == {1, 2}
    (sharing,) = made
    assert {("rates",), ("at_all",)} <= sharing.passed
    assert ("rate",) not in sharing.passed


def test_what_is_named_is_a_switch_point_though_no_thread_changes_it():
    found = explore(on_an_attribute, shared=["rates.at_all"])
    assert "rates.at_all" in found.shared
    assert found.interleavings > explore(on_an_attribute).interleavings


@pytest.mark.parametrize(
    ("thing", "reason"),
    [(ending, "the end of a Ending"), (threading.Barrier(1), "the attribute broken")],
    ids=["what ends", "a primitive"],
)
def test_what_a_name_tells_besides_is_not_passed_over(thing, reason):
    """It is doubted in each execution, not in the first alone."""

    def look():
        global step
        step = 1
        thing.broken if reason.endswith("broken") else thing.at_all

    def program():
        both(look, look)

    found = explore(program)
    assert not found.complete
    assert reason in found.bound


def test_what_is_referred_to_weakly_is_not_passed_over():
    referred_to = Rates()
    reference = weakref.ref(referred_to)

    def look():
        global step
        step = referred_to.at_all

    def program():
        both(look, look)
        return reference is None

    assert explore(program).bound == "the end of a Rates"


@pytest.mark.parametrize(
    ("thing", "plain"),
    [(rates, True), (Aliases([rates]), False), (Made(Rates), False), (MISSING, False)],
)
def test_only_an_object_that_is_known_itself_is_passed_over(thing, plain):
    """Others may have properties of C, which get at more."""
    code = Rates.__init__.__code__
    of = Constant(thing)
    read = Site(code, 0, 1, ATTRIBUTE, "at_all", write=False, label="at_all", receiver=of)
    assert Observer(Objects(), frozenset()).only_looks_up(read, sys._getframe()) is plain


@pytest.mark.parametrize(
    ("thing", "has"),
    [({}, True), (Rates, True), (rates, True), (slotted, True), ([], False), (set(), False)],
)
def test_a_change_of_all_of_a_list_changes_no_names(thing, has):
    objects = Objects()
    assert objects.has_names(objects.name(thing)) is has


def change(*places):
    return Operation("write", "a change", places, write=True)


FIELD = ("rate",)


@pytest.mark.parametrize("field", [FIELD, Inherited(FIELD)])
def test_a_change_of_what_was_passed_over_begins_anew(field):
    sharing = Sharing()
    sharing.passed.add(FIELD)
    sharing.note(change((0, ("other",)), (0, WHOLE)))
    assert not sharing.begin_anew()
    sharing.note(change((0, field)))
    assert sharing.begin_anew()
    assert FIELD in sharing.written
    assert not sharing.passed
    assert not sharing.begin_anew()


@pytest.mark.parametrize("owner", [1, None])
def test_a_change_of_all_that_something_has_begins_anew_and_passes_nothing(owner):
    sharing = Sharing()
    sharing.find([])
    assert sharing.passes
    sharing.passed.add(FIELD)
    sharing.note_all(change((0, WHOLE), (1, ONLY_READ)), bool)
    assert not sharing.begin_anew()
    sharing.note_all(change((owner, WHOLE)), bool)
    assert not sharing.passes
    assert sharing.begin_anew()
    sharing.find([])
    assert not sharing.passes


def test_a_change_of_what_nobody_read_begins_nothing():
    sharing = Sharing()
    sharing.note(change((0, FIELD)))
    sharing.note_all(change((None, WHOLE)), bool)
    assert not sharing.begin_anew()


def test_what_goes_on_to_be_missed_is_passed_over_no_more():
    sharing = Sharing()
    for beginning in range(MOST_BEGINNINGS):
        sharing.find([])
        assert sharing.passes
        field = (str(beginning),)
        sharing.passed.add(field)
        sharing.note(change((0, field)))
        assert sharing.begin_anew()
    assert not sharing.passes
    sharing.find([])
    assert not sharing.passes
