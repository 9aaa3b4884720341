"""A schedule told as the notes tell it."""

import textwrap
import threading
import xml.etree.ElementTree as ET

from concspec.interleave import explain, explore

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
    assert 'if stock["n"] > 0:   # stock is 1' in str(told)


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


def test_the_picture_is_well_formed():
    told = explain(program, "12211122")
    root = ET.fromstring(told.svg())
    kinds = [each.get("class") for each in root.iter("{http://www.w3.org/2000/svg}rect")]
    assert kinds.count("conflict") == 3
    assert kinds.count("step") == 5
    text = " ".join("".join(each.itertext()) for each in root.iter())
    assert "x1 = balance + 5   # 0 + 5 = 5" in text
    assert "outcome: -8" in text
