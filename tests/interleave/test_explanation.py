"""A schedule told as the notes tell it."""

import collections
import textwrap
import threading
import xml.etree.ElementTree as ET

from concspec.interleave import explain, explore
from tests.interleave.test_shared_state import both

balance = 0
stock = {"n": 1}


def change_it(n):
    global balance
    balance = balance + n
    balance = balance - n


def program():
    global balance
    balance = 0
    t1 = threading.Thread(target=change_it, args=(5,), name="t1")
    t2 = threading.Thread(target=change_it, args=(8,), name="t2")
    t1.start()
    t2.start()
    t1.join()
    t2.join()
    return balance


def test_the_second_table_of_the_notes():
    assert str(explain(program, "12211122")) == textwrap.dedent(
        """\
        step  t1                                 t2
        ----  ---------------------------------  -------------------------------
           1  x1 = balance + 5   # 0 + 5 = 5  !
           2                                     x2 = balance + 8   # 0 + 8 = 8
           3                                     balance = x2   # 8  !
           4  balance = x1   # 5  !
           5  x1 = balance - 5   # 5 - 5 = 0
           6  balance = x1   # 0
           7                                     x2 = balance - 8   # 0 - 8 = -8
           8                                     balance = x2   # -8

        outcome: -8"""
    )


def test_nothing_conflicts_in_the_first_table():
    told = explain(program, "11112222")
    assert [row.code for row in told.rows] == [
        "x1 = balance + 5", "balance = x1", "x1 = balance - 5", "balance = x1",
        "x2 = balance + 8", "balance = x2", "x2 = balance - 8", "balance = x2",
    ]  # fmt: skip
    assert [row.value for row in told.rows] == [0, 5, 5, 0, 0, 8, 8, 0]
    assert not any(row.conflict for row in told.rows)
    assert told.outcome == 0


def test_a_row_names_the_users_line():
    row = explain(program, "12211122").rows[0]
    assert (row.kind, row.label, row.source) == ("read", "balance", "balance = balance + n")
    assert row.filename == __file__
    assert row.thread == "1"
    assert row.name == "t1"


def test_a_check_that_no_longer_holds():
    sold = []

    def buy():
        if stock["n"] > 0:
            stock["n"] -= 1
            sold.append(1)

    def shop():
        stock["n"] = 1
        sold.clear()
        threads = [threading.Thread(target=buy) for _ in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return len(sold)

    told = explain(shop, explore(shop).outcomes[2].witness)
    assert any(row.conflict and row.source == 'if stock["n"] > 0:' for row in told.rows)
    assert """if stock["n"] > 0:   # stock['n'] is 1""" in str(told)


def test_locks_are_named_and_a_deadlock_is_told():
    def crossing():
        a = threading.Lock()
        b = threading.Lock()

        def one():
            with a, b:
                pass

        def two():
            with b, a:
                pass

        threads = [threading.Thread(target=each, name=each.__name__) for each in (one, two)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    (deadlock,) = explore(crossing).deadlocks
    told = str(explain(crossing, deadlock.witness))
    assert "with a, b:   # acquire a" in told
    assert "with b, a:   # acquire b" in told
    assert "deadlock in a cycle: one -> two -> one" in told


def test_other_statements_keep_their_own_words():
    def growing():
        items = []

        def add(n):
            items.append(n)
            if len(items) > 1:
                items[0] = items[0] + items[1]

        threads = [threading.Thread(target=add, args=(n,)) for n in (1, 2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return tuple(items)

    told = str(explain(growing, next(iter(explore(growing).outcomes.values())).witness))
    assert "items.append(n)   # items becomes [1]" in told
    assert "x2 = items[0] + items[1]   # 1 + 2 = 3" in told
    assert "items[0] = x2   # 3" in told


def two(body):
    both(lambda: body(1), lambda: body(2))


def comments(program, schedule):
    return [row.comment for row in explain(program, schedule).rows]


def test_what_is_changed_in_place_is_a_step_between_read_and_write():
    def growing():
        items = []

        def add(n):
            nonlocal items
            items += [n]

        two(add)
        return tuple(items)

    assert comments(growing, "112221") == [
        "items is []", "items becomes [1]", "items is [1]", "items becomes [1, 2]",
        "items + [2] = [1, 2]", "items + [1] = [1, 2]",
    ]  # fmt: skip


def test_values_are_those_of_the_moment():
    def growing():
        rows = {"a": [[0]]}
        queue = collections.deque(maxlen=2)
        chosen = set()

        def grow(n):
            row = rows["a"]
            row.append([n])
            queue.append(rows["a"])
            chosen.add(n)
            rows["a"] = row

        two(grow)
        return str(rows)

    first = next(iter(explore(growing).outcomes.values()))
    assert comments(growing, first.witness)[:6] == [
        "rows['a'] is [[0]]", "row becomes [[0], [1]]", "rows['a'] is [[0], [1]]",
        "queue becomes deque([[[0], [1]]], maxlen=2)", "chosen becomes {1}", "row = [[0], [1]]",
    ]  # fmt: skip


def test_items_are_told_by_their_keys():
    def storing():
        known = {}
        items = [3, 4]

        def store(n):
            if "k" not in known:
                known["k"] = n
            swapped = items[-1], items[0]
            items[0], items[1] = swapped
            del known["k"]

        two(store)
        return str(items)

    first = next(iter(explore(storing).outcomes.values()))
    assert comments(storing, first.witness)[:7] == [
        "'k' in known is False", "1", "items[-1] is 4", "items[0] is 3",
        "items[0] becomes 4", "items[1] becomes 3", "write",
    ]  # fmt: skip


def test_standard_methods_bear_their_own_names():
    def program():
        names = []

        def note(_):
            names.append(threading.Thread.join.__qualname__)

        two(note)
        return names[0]

    assert set(explore(program).outcomes) == {"Thread.join"}


def test_attributes_are_told():
    class Account:
        balance = 0

    def saving():
        account = Account()

        def change(n):
            account.balance = account.balance + n

        both(lambda: change(5), lambda: change(8))
        return account.balance

    told = explain(saving, "1221")
    assert [row.text for row in told.rows] == [
        "x1 = account.balance + 5   # 0 + 5 = 5", "x2 = account.balance + 8   # 0 + 8 = 8",
        "account.balance = x2   # 8", "account.balance = x1   # 5",
    ]  # fmt: skip


def test_the_picture_is_well_formed():
    told = explain(program, "12211122")
    root = ET.fromstring(told.svg())
    kinds = [each.get("class") for each in root.iter("{http://www.w3.org/2000/svg}rect")]
    assert kinds.count("conflict") == 3
    assert kinds.count("step") == 5
    text = " ".join("".join(each.itertext()) for each in root.iter())
    assert "x1 = balance + 5   # 0 + 5 = 5" in text
    assert "outcome: -8" in text


def test_the_picture_tells_a_result_as_the_table_does():
    told = explain(lambda: str(program())[:0], "12211122")
    assert str(told).endswith("outcome: ''")
    assert "outcome: ''" in "".join(ET.fromstring(told.svg()).itertext())
