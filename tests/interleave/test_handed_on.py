"""Races in what code leaves behind or hands on: a result known to be reachable is found.

Each program can give 1 and 2: by the order of keys, by what is found in which class, by what C code
is given by Python code that it calls, by functions that look at more than they are handed.
"""

import abc
import collections
import contextlib
import ctypes
import functools
import io
import itertools
import math
import operator
import pathlib
import sys
import threading
import types
import warnings
import weakref

import pytest

from concspec.interleave import explore
from tests.interleave.test_shared_state import both
from tests.interleave.test_unusual_accesses import Plain, assert_found_or_not_proved


def first_seen(look, put):
    """Let one thread look, and another one put; return what was seen."""
    seen = []
    both(lambda: seen.append(look()), put)
    return seen[0]


def by_insertion_order():
    table = {}

    def first():
        table["a"] = 1

    def second():
        table["b"] = 2

    both(first, second)
    return table[next(iter(table))]


def by_insertion_order_of_attributes():
    class B:
        pass

    b = B()

    def first():
        b.a = 1

    def second():
        b.b = 2

    both(first, second)
    return next(iter(vars(b).values()))


def by_del_item():
    items = [0, 1, 2]
    seen = []

    def first():
        seen.append(items[1])

    def second():
        del items[0]

    both(first, second)
    return seen[0]


def by_stale_nested2():
    outer, inner, seen = [], [], []

    def first():
        seen.append(str(outer))

    def second():
        outer.append(inner)
        inner.append(1)

    both(first, second)
    return 2 if seen[0] == "[[]]" else 1


def by_iter_of_python_for():
    class Box:
        def __init__(self):
            self.items = [1, 1]

        def __iter__(self):
            return iter(self.items)

    box, seen = Box(), []

    def first():
        n = 0
        for x in box:
            n += x
        seen.append(n)

    items = box.items

    def second():
        items[1] = 0

    both(first, second)
    return seen[0]


def by_iter_of_python_sum():
    class Box:
        def __init__(self):
            self.items = [1, 1]

        def __iter__(self):
            return iter(self.items)

    box, seen = Box(), []
    items = box.items

    def first():
        seen.append(sum(box))

    def second():
        items[1] = 0

    both(first, second)
    return seen[0]


def by_star_call():
    items, seen = [1], []

    def count(*a):
        return len(a)

    def first():
        seen.append(count(*items))

    def second():
        items.append(1)

    both(first, second)
    return seen[0]


def by_star_call_iter():
    it, seen = iter([1, 2]), {}

    def all_of(*a):
        return a

    def first():
        seen["f"] = next(it)

    def second():
        seen["s"] = all_of(*it)

    both(first, second)
    return seen.get("f", 2)


def by_fsum():
    items, seen = [1.0], []

    def first():
        seen.append(math.fsum(items))

    def second():
        items[0] = 2.0

    both(first, second)
    return int(seen[0])


def by_print():
    out = io.StringIO()

    def first():
        print("1", file=out)

    def second():
        print("2", file=out)

    both(first, second)
    return int(out.getvalue()[0])


def by_print_stdout():
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        both(lambda: print("1"), lambda: print("2"))  # noqa: T201
    return int(out.getvalue()[0])


def by_print_items():
    class W:
        def write(self, s):
            seen.append(s)

    items, seen = [1], []

    def first():
        print(items, file=W())

    def second():
        items[0] = 2

    both(first, second)
    return int(seen[0][1])


def by_str_format_attr():
    box, seen = Plain(1), []

    def first():
        seen.append(f"{box.x}")

    def second():
        box.x = 2

    both(first, second)
    return int(seen[0])


def by_count_factory():
    ids = collections.defaultdict(itertools.count(1).__next__)
    both(lambda: ids["a"], lambda: ids["b"])
    return ids["a"]


def by_len_factory():
    ids = collections.defaultdict()
    ids.default_factory = ids.__len__
    both(lambda: ids["a"], lambda: ids["b"])
    return ids["a"] + 1


def by_defaultdict_key_getitem():
    d = collections.defaultdict(int, a=1)
    seen = []

    def first():
        sorted(["b"], key=d.__getitem__)

    def second():
        seen.append(len(d))

    both(first, second)
    return seen[0]


def by_defaultdict_getitem():
    d = collections.defaultdict(int, a=1)
    seen = []

    def first():
        d.__getitem__("b")

    def second():
        seen.append(len(d))

    both(first, second)
    return seen[0]


def by_defaultdict_format_map():
    d = collections.defaultdict(int, a=1)
    seen = []

    def first():
        "{b}".format_map(d)

    def second():
        seen.append(len(d))

    both(first, second)
    return seen[0]


def by_defaultdict_percent():
    d = collections.defaultdict(int, a=1)
    seen = []

    def first():
        "%(b)s" % d  # noqa: UP031

    def second():
        seen.append(len(d))

    both(first, second)
    return seen[0]


class Iter:
    def __init__(self, flag):
        self.items = [1, 1]
        self.flag = flag
        self.seen = None

    def __iter__(self):
        it = iter(self.items)
        self.seen = self.flag.x
        return it


def _iter(consume):
    flag = Plain(0)
    box = Iter(flag)
    seen = []
    items = box.items

    def first():
        seen.append(consume(box))

    def second():
        flag.x = 1
        items[1] = 0

    both(first, second)
    return 2 if (box.seen, seen[0]) == (0, 1) else 1


def consume_for(box):
    n = 0
    for x in box:
        n += x
    return n


def by_iter_python_for():
    return _iter(consume_for)


def by_iter_python_sum():
    return _iter(sum)


def by_iter_python_list():
    return _iter(lambda b: sum(list(b)))


def by_iter_python_unpack():
    def f(b):
        x, y = b
        return x + y

    return _iter(f)


def by_iter_python_comp():
    return _iter(lambda b: len([x for x in b if x]))


def by_iter_python_star():
    return _iter(lambda b: sum([*b]))


def by_iter_python_extend():
    def f(b):
        got = []
        got.extend(b)
        return sum(got)

    return _iter(f)


def by_iter_python_in():
    return 1 if _iter(lambda b: 1 if 0 in b else 2) == 1 else 2


def by_iter_for_halves():
    class Box:
        def __init__(self):
            self.items = [0, 0]

        def __iter__(self):
            return iter(self.items)

    box, seen = Box(), []

    def first():
        for x in box:
            seen.append(x)  # noqa: PERF402

    def second():
        box.items[0] = 1
        box.items[1] = 1

    both(first, second)
    return 2 if seen == [0, 1] else 1


def by_key_that_returns_shared():
    rows, seen, flag = [[1], [2]], [], Plain(0)

    def key(i):
        r = rows[i]
        flag.seen = flag.x
        return r

    def first():
        seen.append(max((0, 1), key=key))

    def second():
        flag.x = 1
        rows[0][0] = 3

    both(first, second)
    return 2 if (flag.seen, seen[0]) == (0, 0) else 1


def by_mapped_function_that_returns_shared():
    row, seen, flag = [0], [], Plain(0)

    def pick(_):
        r = row
        flag.seen = flag.x
        return r

    def first():
        seen.append(sum(map(pick, [1]), []))  # noqa: RUF017

    def second():
        flag.x = 1
        row[0] = 1

    both(first, second)
    return 2 if (flag.seen, seen[0]) == (0, [1]) else 1


def by_mapped_function_simple():
    row, seen = [0], []

    class B:
        def __init__(self):
            self.r = row

    b = B()

    def pick(_):
        return b.r

    def first():
        seen.append(sum(map(pick, [1]), []))  # noqa: RUF017

    def second():
        row[0] = 1

    both(first, second)
    return 1 + seen[0][0]


def by_join_of_generator():
    row, seen = bytearray(b"1"), []

    def rows():
        yield row

    def first():
        seen.append(b"".join(rows()))

    def second():
        row[0] = 50

    both(first, second)
    return int(seen[0])


def by_sorted_rows_key():
    a, b, seen = [1], [2], []

    class R:
        def __init__(self, r):
            self.r = r

    rs = [R(a), R(b)]

    def first():
        seen.append(min(rs, key=lambda o: o.r).r is a)

    def second():
        a[0] = 3

    both(first, second)
    return 1 + seen[0]


def by_dict_of_pairs():
    a, seen = ["k", 1], []

    def pairs():
        yield a

    def first():
        seen.append(dict(pairs())["k"])

    def second():
        a[1] = 2

    both(first, second)
    return seen[0]


def by_index_item():
    class Idx:
        def __index__(self):
            return 0

    rows, i, seen = [[1]], Idx(), []

    def first():
        seen.append(rows[i][0])

    def second():
        rows[i][0] = 2

    both(first, second)
    return seen[0]


def by_comparison_result():
    items, seen = [], []

    class F:
        def __eq__(self, o):
            return items

        __hash__ = None

    f = F()

    def first():
        seen.append(2 if f == 1 else 1)

    def second():
        items.append(1)

    both(first, second)
    return seen[0]


def by_comparison_result_attr():
    p, seen = Plain(1), []

    class F:
        def __eq__(self, o):
            return p

        __hash__ = None

    f = F()

    def first():
        seen.append((f == 1).x)

    def second():
        p.x = 2

    both(first, second)
    return seen[0]


def by_class_attr_absent():
    class C:
        pass

    c = C()

    def put():
        C.x = 2

    return first_seen(lambda: getattr(c, "x", 1), put)


def by_class_attr_absent_direct():
    class C:
        pass

    c = C()

    def look():
        try:
            return c.x
        except AttributeError:
            return 1

    def put():
        C.x = 2

    return first_seen(look, put)


def by_class_attr_override():
    class B:
        x = 1

    class C(B):
        pass

    c = C()

    def put():
        C.x = 2

    return first_seen(lambda: c.x, put)


def by_class_attr_override_cls():
    class B:
        x = 1

    class M(B):
        pass

    class C(M):
        pass

    def put():
        M.x = 2

    return first_seen(lambda: C.x, put)


def by_method_override():
    class B:
        def f(self):
            return 1

    class C(B):
        pass

    c = C()

    def put():
        C.f = lambda _: 2

    return first_seen(lambda: c.f() + 0, put)


def by_bases():
    class A:
        x = 1

    class B:
        x = 2

    class C(A):
        pass

    c = C()

    def put():
        C.__bases__ = (B,)

    return first_seen(lambda: c.x, put)


def by_class_assign_type():
    class A:
        pass

    class B:
        pass

    a = A()

    def put():
        a.__class__ = B

    return first_seen(lambda: 1 if type(a) is A else 2, put)


def by_class_assign_isinstance():
    class A:
        pass

    class B:
        pass

    a = A()

    def put():
        a.__class__ = B

    return first_seen(lambda: 1 if isinstance(a, A) else 2, put)


def by_class_assign_len():
    class A:
        def __len__(self):
            return 1

    class B:
        def __len__(self):
            return 2

    a = A()

    def put():
        a.__class__ = B

    return first_seen(lambda: len(a), put)


def by_class_assign_call():
    class A:
        def __call__(self):
            return 1

    class B:
        def __call__(self):
            return 2

    a = A()

    def put():
        a.__class__ = B

    return first_seen(a, put)


def by_code():
    def f():
        return 1

    def g():
        return 2

    def put():
        f.__code__ = g.__code__

    return first_seen(f, put)


def by_defaults():
    def f(x=1):
        return x

    def put():
        f.__defaults__ = (2,)

    return first_seen(f, put)


def by_kwdefaults():
    def f(*, x=1):
        return x

    def put():
        f.__kwdefaults__["x"] = 2

    return first_seen(f, put)


def by_dir():
    b = Plain()

    def put():
        b.y = 1

    return first_seen(lambda: 1 + ("y" in dir(b)), put)


def by_dir_class():
    class C:
        pass

    def put():
        C.y = 1

    return first_seen(lambda: 1 + ("y" in dir(C)), put)


def by_abc_register():
    class A(abc.ABC):  # noqa: B024
        pass

    class C:
        pass

    def put():
        A.register(C)

    return first_seen(lambda: 1 + isinstance(C(), A), put)


def by_locals():
    x = 1

    def look():
        if False:
            return x
        return locals()["x"]

    def put():
        nonlocal x
        x = 2

    return first_seen(look, put)


def by_format_locals():
    x = 1

    def look():
        if False:
            return x
        return int("{x}".format(**locals()))

    def put():
        nonlocal x
        x = 2

    return first_seen(look, put)


def by_eval_nonlocal():
    x = 1

    def look():
        if False:
            return x
        return eval("x")

    def put():
        nonlocal x
        x = 2

    return first_seen(look, put)


if hasattr(sys, "getrefcount"):

    def by_getrefcount():
        o = object()
        keep = []
        base = sys.getrefcount(o)
        return first_seen(lambda: sys.getrefcount(o) - base + 1, lambda: keep.append(o))


def by_weak_proxy_dies():
    box = Plain(Plain(1))
    proxy = weakref.proxy(box.x)

    def look():
        try:
            return proxy.x
        except ReferenceError:
            return 2

    def put():
        box.x = None

    return first_seen(look, put)


def by_warnings():
    def look():
        try:
            warnings.warn("x", UserWarning, stacklevel=1)
        except UserWarning:
            return 2
        return 1

    def put():
        warnings.simplefilter("error")

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return first_seen(look, put)


def by_excepthook():
    out = []
    before = threading.excepthook
    threading.excepthook = lambda _: out.append(1)
    try:

        def bad():
            raise ValueError

        both(bad, lambda: None)
        return 1 + len(out)
    finally:
        threading.excepthook = before


def by_start_join():
    t = threading.Thread(target=lambda: Plain().x)

    def look():
        try:
            t.join()
        except RuntimeError:
            return 2
        return 1

    r = first_seen(look, t.start)
    t.join()
    return r


def by_start_join2():
    t = threading.Thread(target=lambda: Plain().x)
    seen = []

    def look():
        try:
            t.join()
            seen.append(1)
        except RuntimeError:
            seen.append(2)

    both(t.start, look)
    t.join()
    return seen[0]


def by_ident():
    t = threading.Thread(target=lambda: Plain().x)
    seen = []
    both(t.start, lambda: seen.append(1 if t.ident else 2))
    t.join()
    return seen[0]


def by_alive():
    e = threading.Event()
    t = threading.Thread(target=e.wait)
    seen = []
    both(t.start, lambda: seen.append(1 if t.is_alive() else 2))
    e.set()
    t.join()
    return seen[0]


def by_double_start():
    t = threading.Thread(target=lambda: Plain().x)
    seen = {}

    def s(n):
        def f():
            try:
                t.start()
                seen[n] = 1
            except RuntimeError:
                seen[n] = 2

        return f

    both(s(1), s(2))
    t.join()
    return seen[1]


def by_barrier_n_waiting():
    b = threading.Barrier(2)
    seen = []

    def a():
        b.wait()

    def c():
        seen.append(1 + b.n_waiting)
        b.wait()

    both(a, c)
    return seen[0]


def by_barrier_broken():
    b = threading.Barrier(2)
    return first_seen(lambda: 1 + b.broken, b.abort)


def by_sem_value():
    s = threading.Semaphore(1)
    return first_seen(lambda: 1 + s._value, s.release)


def by_run_attr():
    items = [1]

    class T(threading.Thread):
        run = items.clear

    t = T()
    seen = []
    u = threading.Thread(target=lambda: seen.append(2 - len(items)))
    t.start()
    u.start()
    t.join()
    u.join()
    return seen[0]


def by_run_instance():
    items = []
    t = threading.Thread()
    t.run = functools.partial(items.append, 1)
    seen = []
    u = threading.Thread(target=lambda: seen.append(1 + len(items)))
    t.start()
    u.start()
    t.join()
    u.join()
    return seen[0]


def by_attrgetter_base():
    class B:
        x = 1

    class C(B):
        pass

    c = C()
    get = operator.attrgetter("x")

    def put():
        B.x = 2

    return first_seen(lambda: get(c), put)


def by_attrgetter_class():
    class B:
        x = 1
        size = len

    get = operator.attrgetter("x")

    def put():
        B.x = 2

    return first_seen(lambda: get(B), put)


def by_the_arguments_of_an_exception():
    error = ValueError(1)

    def put():
        error.args = (2,)

    return first_seen(lambda: int(str(error)), put)


def by_the_sign_of_another():
    items = []

    class Box:
        __neg__ = items.__len__

    box = Box()
    return first_seen(lambda: 1 + -box, lambda: items.append(1))


def by_an_item_of_a_class():
    items = []

    class Box:
        __class_getitem__ = items.append

    return first_seen(lambda: 1 + len(items), lambda: Box[1])


def by_a_call_of_a_class():
    items = []

    class Meta(type):
        __call__ = items.append

    class Box(metaclass=Meta):
        pass

    return first_seen(lambda: 1 + len(items), lambda: Box(1))


def by_the_truth_of_a_weak_proxy():
    box = Plain(Plain())
    proxy = weakref.proxy(box.x)

    def look():
        try:
            return 1 + (not proxy)
        except ReferenceError:
            return 2

    def put():
        box.x = None

    return first_seen(look, put)


def by_memory_of_ctypes():
    data = bytearray(b"\1")
    shared = ctypes.c_byte.from_buffer(data)

    def put():
        data[0] = 2

    return first_seen(lambda: shared.value, put)


def by_the_order_of_globals():
    space = globals()
    for name in ("first_of_two", "second_of_two"):
        space.pop(name, None)

    def first():
        global first_of_two
        first_of_two = 1

    def second():
        global second_of_two
        second_of_two = 2

    both(first, second)
    return 1 if [*space].index("first_of_two") < [*space].index("second_of_two") else 2


PROGRAMS = [each for name, each in list(globals().items()) if name.startswith("by_")]


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda program: program.__name__)
def test_what_is_reachable_is_found_or_nothing_is_proved(program):
    assert_found_or_not_proved(program)


ANY_KEY = {} if sys.implementation.name == "pypy" else {1: 2}  # PyPy wants texts


def test_a_class_may_be_named_and_filled_with_anything():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        unusual = type("Unusual", (), {"__module__": [], "x": 1, **ANY_KEY})
    module = types.ModuleType("module")
    module.__file__ = pathlib.Path("module.py")
    module.x = 1

    def program():
        box = unusual()
        return first_seen(lambda: box.x + sum([box.x]) + len(vars(module)), unusual)

    assert len(explore(program).outcomes) == 1
