"""Which method is called, where it was another one before."""

import threading

import pytest

from concspec.interleave import explore
from tests.interleave.test_shared_state import both

items = []


class Log:
    def put(self, item):
        """Take no notice."""

    def count(self, *given):
        return len(given)


class Local(threading.local):
    def __init__(self, keeps):
        if keeps:
            self.put = items.append

    put = Log.put


log = Log()
classes = [Log]


def replace(put):
    Log.put = put


def replace_in_what_is_known_in_part(put):
    max(classes, key=id).put = put


def replace_in_what_is_not_known(put):
    next(iter(classes)).put = put


def replace_by_setattr(put):
    name = "put"
    setattr(max(classes, key=id), name, put)


def replace_in_the_object(put):
    log.put = put


@pytest.mark.parametrize(
    "replacing",
    [
        replace,
        replace_in_what_is_known_in_part,
        replace_in_what_is_not_known,
        replace_by_setattr,
        replace_in_the_object,
    ],
)
def test_a_method_is_replaced_between_threads(replacing):
    def use(item):
        log.put(item)

    def program():
        items.clear()
        vars(log).clear()
        Log.put = Local.put
        both(lambda: use(1), lambda: use(2))
        replacing(items.append)
        both(lambda: use(1), lambda: use(2))
        return tuple(items)

    assert set(explore(program).outcomes) == {(1, 2), (2, 1)}


def test_a_class_gets_a_method_between_threads():
    """One that it is derived from had it before."""

    class Derived(Log):
        """Has none of its own."""

    derived = Derived()
    derived_classes = [Derived]

    def use(item):
        derived.put(item)

    def program():
        items.clear()
        if "put" in vars(Derived):
            del Derived.put
        both(lambda: use(1), lambda: use(2))
        max(derived_classes, key=id).put = items.append
        both(lambda: use(1), lambda: use(2))
        return tuple(items)

    Log.put = Local.put
    assert set(explore(program).outcomes) == {(1, 2), (2, 1)}


def test_a_thread_begins_with_a_method_of_its_own():
    """It is asked for before the data of this thread are there."""
    quiet = Local(keeps=False)
    keeping = Local(keeps=True)

    def use(item):
        quiet.put(item)
        keeping.put(item)

    def program():
        items.clear()
        both(lambda: use(1), lambda: use(2))
        return tuple(items)

    assert set(explore(program).outcomes) == {(1, 2), (2, 1)}


def test_a_method_that_was_called_before_is_given_what_a_list_holds_now():
    def program():
        items.clear()
        seen = []
        both(lambda: seen.append(log.count(*items)), lambda: items.append(1))
        return tuple(seen)

    assert set(explore(program).outcomes) == {(0,), (1,)}
