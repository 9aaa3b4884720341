"""What counts as an access to shared state: each kind loses an update, unless a lock guards it."""

import array
import collections
import functools
import os
import sys
import textwrap
import threading
import types

import pytest

from concspec.interleave import explore

total = 0
numbers = [0, 0]
table = {"total": 0}
module = types.ModuleType("module")


class Account:
    bonus = 0

    def __init__(self, balance=0):
        self.balance = balance

    def deposit(self, amount):
        self.balance += amount


class Slotted:
    __slots__ = ("balance",)

    def __init__(self):
        self.balance = 0


class Checked:
    def __init__(self):
        self._balance = 0

    @property
    def balance(self):
        return self._balance

    @balance.setter
    def balance(self, value):
        self._balance = value


def both(*targets):
    threads = [threading.Thread(target=each) for each in targets]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def on_a_global():
    global total
    total = 0

    def add():
        global total
        total += 1

    both(add, add)
    return total


def read_of_a_global_written_elsewhere():
    """A peer takes such reads for no accesses, and calls the notes' program safe."""
    global total
    total = 0

    def add():
        global total
        seen = total
        total = seen + 1

    both(add, add)
    return total


def on_an_attribute():
    account = Account()
    both(lambda: account.deposit(1), lambda: account.deposit(1))
    return account.balance


def on_an_attribute_read_twice_over():
    outer = types.SimpleNamespace(inner=types.SimpleNamespace(value=0))

    def add():
        outer.inner.value += 1

    both(add, add)
    return outer.inner.value


def on_a_class_attribute():
    Account.bonus = 0

    def add():
        Account.bonus += 1

    both(add, add)
    return Account.bonus


def on_a_class_attribute_read_through_an_instance():
    Account.bonus = 0
    account = Account()

    def add():
        Account.bonus = account.bonus + 1

    both(add, add)
    return Account.bonus


def on_a_slot():
    slotted = Slotted()

    def add():
        slotted.balance += 1

    both(add, add)
    return slotted.balance


def on_a_property():
    checked = Checked()

    def add():
        checked.balance += 1

    both(add, add)
    return checked.balance


def on_a_module_attribute():
    module.total = 0

    def add():
        module.total += 1

    both(add, add)
    return module.total


def on_a_closure():
    count = 0

    def add():
        nonlocal count
        count += 1

    both(add, add)
    return count


def on_a_list_item():
    numbers[:] = [0, 0]

    def add():
        numbers[0] += 1

    both(add, add)
    return numbers[0]


def on_a_list_item_counted_from_the_end():
    numbers[:] = [0, 0]

    def first():
        numbers[1] += 1

    def second():
        numbers[-1] += 1

    both(first, second)
    return numbers[1]


def on_a_dict_item():
    table["total"] = 0

    def add():
        table["total"] += 1

    both(add, add)
    return table["total"]


def on_a_nested_item():
    rows = [{"n": 0}]

    def add():
        rows[0]["n"] += 1

    both(add, add)
    return rows[0]["n"]


def by_methods_of_a_dict():
    counts = {}

    def add():
        counts["n"] = counts.get("n", 0) + 1

    both(add, add)
    return counts["n"]


def by_the_length_of_a_list():
    items = []

    def add():
        n = len(items)
        items.append(n)

    both(add, add)
    return 2 if items == [0, 1] else 1


def through_two_names():
    one = Account()
    other = one

    def first():
        one.balance += 1

    def second():
        other.balance += 1

    both(first, second)
    return one.balance


def through_an_argument():
    account = Account()

    def add(to):
        to.balance += 1

    threads = [threading.Thread(target=add, args=(account,)) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return account.balance


def in_a_function_called_for_it():
    accounts = [Account()]

    def pick():
        return accounts[0]

    def add():
        pick().balance += 1

    both(add, add)
    return accounts[0].balance


def in_a_thread_class():
    class Adder(threading.Thread):
        total = 0

        def run(self):
            Adder.total += 1

    adders = [Adder(), Adder()]
    for adder in adders:
        adder.start()
    for adder in adders:
        adder.join()
    return Adder.total


def by_setattr():
    account = Account()

    def add():
        setattr(account, "balance", getattr(account, "balance") + 1)  # noqa: B009, B010

    both(add, add)
    return account.balance


def by_globals():
    global total
    total = 0

    def add():
        globals()["total"] += 1

    both(add, add)
    return total


def in_a_list_comprehension():
    items = [0]

    def add():
        copied = [each for each in items]  # noqa: C416
        items[0] = copied[0] + 1

    both(add, add)
    return items[0]


def in_a_dict_comprehension():
    items = {0: 0}

    def add():
        copied = {key: value for key, value in items.items()}  # noqa: C416
        items[0] = copied[0] + 1

    both(add, add)
    return items[0]


def by_unpacking():
    items = [0, 0]

    def add():
        first, _ = items
        items[0] = first + 1

    both(add, add)
    return items[0]


def by_iterating():
    items = [0]

    def add():
        n = 0
        for each in items:
            n = each
        items[0] = n + 1

    both(add, add)
    return items[0]


def by_a_view():
    values = {"a": 0}

    def add():
        n = 0
        for _, n in values.items():
            pass
        values["a"] = n + 1

    both(add, add)
    return values["a"]


def by_a_call_with_a_star():
    items = []

    def add():
        n = len(items)
        items.append(*[n])

    both(add, add)
    return 2 if items == [0, 1] else 1


def by_two_stars():
    values = {"n": 0}

    def add():
        seen = dict(**values)
        values["n"] = seen["n"] + 1

    both(add, add)
    return values["n"]


def in_a_formatted_string():
    items = [0]

    def add():
        text = f"{items}"
        items[0] = int(text[1:-1]) + 1

    both(add, add)
    return items[0]


def by_super():
    class Base:
        total = 0

    class Derived(Base):
        def add(self):
            Base.total = super().total + 1

    derived = Derived()
    both(derived.add, derived.add)
    return Base.total


LOSING = [
    on_a_global,
    read_of_a_global_written_elsewhere,
    on_an_attribute,
    on_an_attribute_read_twice_over,
    on_a_class_attribute,
    on_a_class_attribute_read_through_an_instance,
    on_a_slot,
    on_a_property,
    on_a_module_attribute,
    on_a_closure,
    on_a_list_item,
    on_a_list_item_counted_from_the_end,
    on_a_dict_item,
    on_a_nested_item,
    by_methods_of_a_dict,
    by_the_length_of_a_list,
    through_two_names,
    through_an_argument,
    in_a_function_called_for_it,
    in_a_thread_class,
    by_setattr,
    by_globals,
    in_a_list_comprehension,
    in_a_dict_comprehension,
    by_unpacking,
    by_iterating,
    by_a_view,
    by_a_call_with_a_star,
    by_two_stars,
    in_a_formatted_string,
    by_super,
]


@pytest.mark.parametrize("program", LOSING, ids=lambda program: program.__name__)
def test_an_update_can_be_lost(program):
    found = explore(program)
    assert set(found.outcomes) == {1, 2}
    assert found.complete


def test_a_private_list_multiplies_nothing():
    def program():
        result = []

        def work():
            mine = []
            for number in range(5):
                mine.append(number)
                mine[0] += 1
            result.append(sum(mine))

        both(work, work)
        return tuple(result)

    found = explore(program, reduce=False)
    assert set(found.outcomes) == {(15, 15)}
    assert found.interleavings == 2


def test_different_items_are_independent():
    slots = [0, 0]

    def program():
        slots[:] = [0, 0]

        def first():
            slots[0] += 1

        def second():
            slots[1] += 1

        both(first, second)
        return tuple(slots)

    found = explore(program, reduce=False)
    assert (set(found.outcomes), found.interleavings) == ({(1, 1)}, 1)


def test_who_eats_takes_one_of_the_forks_and_nothing_else():
    """Which one is computed."""

    def program():
        forks = [threading.Lock(), threading.Lock()]
        meals = []

        def eat(place):
            with forks[place], forks[(place + 1) % 2]:
                meals.append(1)

        both(lambda: eat(0), lambda: eat(1))
        return len(meals)

    found = explore(program, reduce=False)
    assert (set(found.outcomes), len(found.deadlocks), found.interleavings) == ({2}, 1, 6)


@pytest.mark.parametrize(
    "items", [[0, 0], (0, 0), {1: 0}, collections.deque([0, 0]), array.array("i", [0, 0]), "00"]
)
def test_an_item_whose_key_is_computed_is_nothing_shared(items):
    def program():
        sums = [0, 0]

        def add(place):
            sums[place] = items[place * 0 + 1] * 1

        both(lambda: add(0), lambda: add(1))
        return tuple(sums)

    assert explore(program, reduce=False).interleavings == 1


@pytest.mark.parametrize("ask", [os.getpid, lambda: os.fspath("file")], ids=["pid", "path"])
def test_what_the_system_is_asked_is_nothing_shared(ask):
    def program():
        both(ask, ask)
        return 0

    assert explore(program, reduce=False).interleavings == 1


class Once:
    made = None

    def __new__(cls):
        if cls.made is None:
            cls.made = super().__new__(cls)
        return cls.made


class Registering(type):
    made = {}  # noqa: RUF012
    lock = threading.Lock()

    def __call__(cls):
        with cls.lock:
            if cls not in cls.made:
                cls.made[cls] = super().__call__()
        return cls.made[cls]


class Registered(metaclass=Registering):
    pass


@pytest.mark.parametrize(("kind", "results", "most"), [(Once, {1, 2}, 200), (Registered, {1}, 10)])
def test_singletons(kind, results, most):
    """What `super()` gives is known, and so is what a metaclass has."""

    def program():
        Once.made = None
        Registering.made.clear()
        made = []
        both(lambda: made.append(kind()), lambda: made.append(kind()))
        return len(set(map(id, made)))

    found = explore(program)
    assert set(found.outcomes) == results
    assert found.complete
    assert found.executions < most


def test_what_super_gives_is_known_and_nothing_else_is_shared():
    class Base:
        def method(self):
            self.x += 1

        @classmethod
        def of_class(cls, one):
            one.x += 1

        @staticmethod
        def of_none(one):
            one.x += 1

    class Derived(Base):
        def method(self):
            super().method()

        @classmethod
        def of_class(cls, one):
            super().of_class(one)

        def of_none(self):
            super(Derived, self).of_none(self)  # noqa: UP008

    for name in ("method", "of_none"):
        found = explore(functools.partial(called_by_both, Derived, name), reduce=False)
        assert (set(found.outcomes), found.interleavings) == ({1, 2}, 6)
    found = explore(functools.partial(called_by_both, Derived, "of_class", 1), reduce=False)
    assert (set(found.outcomes), found.interleavings) == ({1, 2}, 6)


def called_by_both(kind, name, times=0):
    one = kind()
    one.x = 0
    method = getattr(one, name)
    both(lambda: method(*[one] * times), lambda: method(*[one] * times))
    return one.x


def test_check_then_act():
    def program():
        stock = {"n": 1}
        sold = []

        def buy():
            if stock["n"] > 0:
                stock["n"] -= 1
                sold.append(1)

        both(buy, buy)
        return len(sold)

    assert set(explore(program).outcomes) == {1, 2}


@pytest.mark.skipif(sys.version_info < (3, 10), reason="match came with Python 3.10")
def test_a_match_is_seen():
    scope = {"explore": explore, "both": both}
    exec(
        textwrap.dedent(
            """
            def program():
                values = {"n": 0}
                def add():
                    match values:
                        case {"n": seen}:
                            values["n"] = seen + 1
                both(add, add)
                return values["n"]
            """
        ),
        scope,
    )
    assert set(explore(scope["program"]).outcomes) == {1, 2}


def test_an_empty_list_before_and():
    def program():
        queue = [1]
        missed = []

        def take():
            taking = queue and True
            if taking:
                try:
                    queue.pop()
                except IndexError:
                    missed.append(1)

        both(take, take)
        return len(missed)

    assert set(explore(program).outcomes) == {0, 1}


def test_a_deque_is_seen():
    def program():
        queue = collections.deque([1])

        def take():
            if queue:
                try:
                    queue.pop()
                except IndexError:
                    missed.append(1)

        missed = []
        both(take, take)
        return len(missed)

    assert set(explore(program).outcomes) == {0, 1}


def many_names():
    """More than 255 names: instructions with an EXTENDED_ARG before them."""
    names = [f"v{n}" for n in range(300)]
    lines = [
        "def add():",
        "    global v299",
        f"    ({', '.join(names[:299])})",
        "    v299 = v299 + 1",
    ]
    scope = dict.fromkeys(names, 0)
    scope["__name__"] = "generated"
    exec("\n".join(lines), scope)

    def program():
        scope["v299"] = 0
        both(scope["add"], scope["add"])
        return scope["v299"]

    return program


def test_an_instruction_with_an_extended_argument():
    assert set(explore(many_names()).outcomes) == {1, 2}


def test_what_others_put_into_a_cell_stays_there():
    """While C code calls back a function that knows the cell, and goes on when that returns."""

    def program():
        count, items = 0, [1]

        def key(n):
            return n + 0 * count

        def put():
            nonlocal count
            items.append(2)
            count = 5

        both(lambda: max(items, key=key), put)
        return count

    assert set(explore(program).outcomes) == {5}
