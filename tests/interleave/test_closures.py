"""Variables that a function shares only with those inside it that it calls are no shared state."""

import re
import sys
import threading

import pytest

from concspec.interleave import explore
from tests.interleave.test_library import adding_up_beside
from tests.interleave.test_shared_state import both


def called():
    seen = 0

    def note():
        nonlocal seen
        seen += 1

    note()
    note()


def called_at_once():
    limit = 2
    return (lambda each: each > limit)(1)  # noqa: PLC3002


def in_a_comprehension():
    limit = 2
    return [each for each in (1, 2, 3) if each > limit]


def in_a_generator_expression():
    limit = 2
    return any(each > limit for each in (1, 2, 3))


def in_a_loop():
    limit = 2
    for _ in (each > limit for each in (1, 2)):
        pass


def in_a_text():
    suffix = "s"
    return ", ".join(each + suffix for each in "ab")


def as_a_key():
    limit = 2
    items = [3, 1]
    items.sort(key=lambda each: each > limit)
    return sorted(items, key=lambda each: -each * limit), max(items, key=lambda each: each % limit)


def in_a_map():
    limit = 2
    return list(
        filter(lambda each: each > limit, map(lambda each: each * limit, (1, 2)))  # noqa: C417
    )


def in_a_substitution():
    new = "b"
    return re.compile("a").sub(lambda _: new, "aa")


def by_itself():
    def factorial(n):
        return 1 if n < 2 else n * factorial(n - 1)

    return factorial(3)


def by_itself_with_a_cache():
    known = {}

    def fibonacci(n):
        if n not in known:
            known[n] = n if n < 2 else fibonacci(n - 1) + fibonacci(n - 2)
        return known[n]

    return fibonacci(3)


def by_one_that_is_given_back():
    factor = 2

    def times(n):
        return factor * n

    return times


def by_one_of_two():
    limit = 2
    if limit > 1:

        def is_large(each):
            return each > limit
    else:

        def is_large(each):
            return each >= limit

    return is_large(1)


@pytest.mark.parametrize(
    "use",
    [
        called, called_at_once, in_a_comprehension, in_a_generator_expression, in_a_loop, in_a_text,
        as_a_key, in_a_map, in_a_substitution, by_one_of_two, by_itself, by_itself_with_a_cache,
        by_one_that_is_given_back,
    ],
)  # fmt: skip
def test_only_what_is_counted_is_shared(use):
    found = adding_up_beside(use)
    assert (found.executions, found.redundant, set(found.outcomes)) == (4, 0, {1, 2})


class Sorter:
    def __init__(self, kept):
        self.kept = kept

    def sort(self, key):
        self.kept.append(key)


class Sorted(list):
    kept = None

    def sort(self, key):
        self.kept.append(key)


def keep_it(kept):
    x = 1
    kept.append(lambda: x)
    x = 2


def call_and_keep_it(kept):
    x = 1

    def get():
        return x

    get()
    kept.append(get)
    x = 2


def give_it_two_names(kept):
    x = 1
    get = other = lambda: x
    get()
    kept.append(other)
    x = 2


def choose_it(kept):
    x = 1
    kept.append((lambda: x) if kept is not None else None)
    x = 2


def take_it_or_something(kept):
    x = 1
    kept.append((lambda: x) or None)  # noqa: SIM222
    x = 2


def put_it_into_a_list(kept):
    x = 1
    kept.extend([lambda: x])
    x = 2


def make_it_inside(kept):
    x = 1

    def make():
        return lambda: x

    kept.append(make())
    x = 2


def make_it_in_a_generator(kept):
    x = 1
    kept.extend((lambda: x) for _ in (1,))
    x = 2


def make_it_in_a_map(kept):
    x = 1
    kept.extend(map(lambda _: lambda: x, (1,)))  # noqa: C417
    x = 2


def make_a_class(kept):
    x = 1

    class Maker:
        def get(self):
            return x

    kept.append(Maker().get)
    x = 2


def keep_a_generator(kept):
    x = 1
    values = (each + x for each in (0,))
    kept.append(lambda: next(values))
    x = 2


def keep_a_map(kept):
    x = 1
    kept.append(map(lambda each: each + x, (0,)).__next__)  # noqa: C417
    x = 2


def keep_the_greatest_generator(kept):
    x = 1
    found = max((each + x for each in (0,)), (each + x for each in (0,)), key=lambda _: 0)
    kept.append(found.__next__)
    x = 2


def keep_a_key(kept):
    x = 1
    Sorter(kept).sort(key=lambda: x)
    x = 2


def keep_a_key_of_a_list(kept):
    x = 1
    items = Sorted()
    items.kept = kept
    items.sort(key=lambda: x)
    x = 2


def keep_a_default(kept):
    x = 1

    def get(inner=lambda: x):
        return inner

    kept.append(get())
    x = 2


def keep_an_annotation(kept):
    x = 1

    def get():
        return x

    get()
    get.kept = kept
    get.kept.append(get)
    x = 2


def keep_the_cell(kept):
    x = 1

    def get():
        return x

    get()
    cell = get.__closure__[0]
    kept.append(lambda: cell.cell_contents)
    x = 2


def keep_in_a_loop(kept):
    for x in (1, 2):
        kept.append(lambda: x)  # noqa: B023


def keep_in_a_handler(kept):
    x = 1
    try:
        [].pop()
    except IndexError:
        kept.append(lambda: x)
    x = 2


def keep_one_and_make_another(kept):
    x = 1
    kept.append(lambda: x)
    x = 2
    return (lambda: x)()  # noqa: PLC3002


KEEPING = [
    keep_it, call_and_keep_it, give_it_two_names, choose_it, take_it_or_something,
    put_it_into_a_list, make_it_inside, make_it_in_a_generator, make_it_in_a_map, make_a_class,
    keep_a_generator, keep_a_map, keep_the_greatest_generator, keep_a_key, keep_a_key_of_a_list,
    keep_a_default, keep_an_annotation, keep_the_cell, keep_in_a_loop, keep_in_a_handler,
    keep_one_and_make_another,
]  # fmt: skip


@pytest.mark.parametrize("keep", KEEPING)
def test_a_function_that_another_thread_gets_at_shares_its_variables(keep):
    def program():
        kept, seen = [], []

        def look():
            if kept:
                seen.append(kept[0]())

        both(lambda: keep(kept), look)
        return tuple(seen)

    found = explore(program)
    assert set(found.outcomes) == {(), (1,), (2,)}


SHADOWED = """
def {name}(given, key=None):
    kept.append(key or given.__next__)
    return ()

def keep(go_on):
    x = 1
    {call}
    go_on()
    x = 2
    x = 3
"""
CALLS = {"sorted": "sorted((), key=lambda: x)", "any": "any(x for _ in (0,))"}


@pytest.mark.parametrize("alone", [False, True], ids=["beside others", "alone"])
@pytest.mark.parametrize("name", CALLS)
def test_what_bears_the_name_of_a_function_that_keeps_nothing_may_keep_it(name, alone):
    kept = []
    scope = {"kept": kept}
    exec(SHADOWED.format(name=name, call=CALLS[name]), scope)

    def program():
        kept.clear()
        seen = []

        def look():
            if kept:
                seen.append(kept[0]())

        if alone:
            thread = threading.Thread(target=look)
            scope["keep"](thread.start)
            thread.join()
        else:
            both(lambda: scope["keep"](int), look)
        return tuple(seen)

    expected = {(1,), (2,), (3,)} if alone else {(), (1,), (2,), (3,)}
    assert set(explore(program).outcomes) == expected


def test_a_comprehension_may_have_a_variable_of_the_same_name():
    def program():
        x = 0

        def add_and_compare():
            nonlocal x
            x += 1
            return [any(x == other for other in (1, 2)) for x in (1, 2)]

        def add():
            nonlocal x
            x += 1

        both(add_and_compare, add)
        return x

    assert set(explore(program).outcomes) == {1, 2}


def test_a_function_inside_that_is_also_a_target_shares_its_variables():
    def program():
        x = 0

        def work():
            nonlocal x
            x += 1

        thread = threading.Thread(target=work)
        thread.start()
        work()
        thread.join()
        return x

    assert set(explore(program).outcomes) == {1, 2}


@pytest.mark.skipif(sys.implementation.name == "pypy", reason="its frames have no such attribute")
def test_a_frame_shows_the_variables_of_a_function():
    def program():
        kept = []

        def fail():
            x = 1
            try:
                list(each // 0 + x for each in (1,))  # noqa: C400
            except ZeroDivisionError as error:
                kept.append(error.__traceback__.tb_frame)
            x = 2

        def look():
            if kept:
                kept[0].f_locals.get("x")

        both(fail, look)

    assert not explore(program).complete
