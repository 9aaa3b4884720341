"""Notes 3, lines 405-435 and 437: threading.local.

One object, bound to a global name, keeps a namespace for each thread. What is private is the
binding of the attributes and not the objects that they are bound to. A namespace lives as long as
its thread, which in a pool is longer than the task that filled it.
"""

import contextlib
import io
import re
import runpy
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from concspec import claim, inconclusive
from concspec.children import run_program
from concspec.threads import BOUND, in_threads, wait_for

LISTING = Path(__file__).parent / "listings" / "local_school.py"


@claim("local-one-object-for-all", falsified_by=("thread_local.shared", "thread_local.keeps-none"))
def test_one_object_serves_all_threads():
    """Eight threads bind an attribute of the one object, and look when all have done so."""
    local = threading.local()
    all_bound = threading.Barrier(8)

    def bind_and_look(number):
        local.number = number
        all_bound.wait(BOUND)
        return id(local), local.number

    seen = in_threads(*[lambda n=n: bind_and_look(n) for n in range(8)])
    assert seen == [(id(local), n) for n in range(8)]


@claim("local-isolates", falsified_by=("thread_local.shared", "thread_local.bound-once-for-all"))
def test_a_thread_reads_what_it_bound():
    """Thread A binds first and reads last; in between thread B binds the same attribute."""
    school = threading.local()
    a_has_bound, b_has_bound = threading.Event(), threading.Event()

    def thread_a():
        school.student = "Alice"
        a_has_bound.set()
        wait_for(b_has_bound)
        return school.student

    def thread_b():
        wait_for(a_has_bound)
        school.student = "Bob"
        b_has_bound.set()
        return school.student

    assert in_threads(thread_a, thread_b) == ["Alice", "Bob"]


def error_of(call):
    """What a call raised, or None."""
    try:
        call()
    except Exception as error:  # noqa: BLE001 - the spec asserts what it is
        return error
    return None


@claim(
    "local-unbound-elsewhere",
    falsified_by=(
        "thread_local.shared",
        "thread_local.copied-to-new-threads",
        "thread_local.none-where-unbound",
    ),
)
def test_what_one_thread_bound_is_unbound_in_another():
    """Bind here, and read in another thread."""
    school = threading.local()
    school.student = "Alice"
    [error] = in_threads(lambda: error_of(lambda: school.student))
    assert isinstance(error, AttributeError)
    assert school.student == "Alice"


TWO_LINES = ["Alice is served by Thread-A", "Bob is served by Thread-B"]


@claim("local-listing-lines", falsified_by=("thread_local.keeps-none", "threads.one-name-for-all"))
def test_the_listing_prints_its_two_lines():
    """Run the listing, and compare its lines without their order.

    print() writes a text and then its newline; the other thread may write in between.
    """
    output = run_program(LISTING).output
    assert sorted(re.findall(r"\w+ is served by Thread-[AB]", output)) == TWO_LINES
    assert sorted(output) == sorted("\n".join([*TWO_LINES, ""]))


def listing_with_late(late, monkeypatch):
    """Run the listing with a Thread whose instance named ``late`` begins when the other is done."""
    other_is_done = threading.Event()

    class Thread(threading.Thread):
        def run(self):
            if self.name == late:
                wait_for(other_is_done)
            super().run()
            other_is_done.set()

    with monkeypatch.context() as patch, contextlib.redirect_stdout(io.StringIO()) as output:
        patch.setattr(threading, "Thread", Thread)
        runpy.run_path(str(LISTING))
    return output.getvalue().splitlines()


@claim("local-listing-order", falsified_by="threads.one-after-the-other")
def test_alices_line_comes_first(monkeypatch):
    """Ask for each order in turn: both are possible."""
    assert listing_with_late("Thread-B", monkeypatch) == TWO_LINES
    assert listing_with_late("Thread-A", monkeypatch) == TWO_LINES


@claim("local-is-a-dict", falsified_by="thread_local.has-items")
def test_a_local_can_be_used_as_a_dict():
    """Bind and read an item, as one does with a dict."""
    school = threading.local()

    def bind_item():
        school["student"] = "Alice"

    error = error_of(bind_item)
    assert error is None, error
    assert school["student"] == "Alice"


@claim("local-dict-per-thread", falsified_by=("thread_local.shared", "thread_local.keeps-none"))
def test_a_local_has_a_dict_for_each_thread():
    """Two threads look at ``__dict__`` when both have bound something."""
    school = threading.local()
    both_bound = threading.Barrier(2)

    def bind_and_look(name, value):
        setattr(school, name, value)
        both_bound.wait(BOUND)
        return school.__dict__

    seen = in_threads(lambda: bind_and_look("student", "Alice"), lambda: bind_and_look("age", 18))
    assert seen == [{"student": "Alice"}, {"age": 18}]


@claim(
    "local-other-attributes",
    falsified_by=("thread_local.bound-once-for-all", "thread_local.cannot-delete"),
)
def test_a_local_takes_any_attribute():
    """Bind three attributes, rebind one, delete another."""
    school = threading.local()
    school.student, school.teacher, school.room = "Alice", "Carol", 101
    school.student = "Bob"
    del school.room
    assert (school.student, school.teacher) == ("Bob", "Carol")
    assert not hasattr(school, "room")


@claim(
    "local-no-interference", falsified_by=("thread_local.shared", "thread_local.bound-once-for-all")
)
def test_threads_do_not_disturb_each_other():
    """Eight threads in fifty rounds: all bind, all look, and so on."""
    school = threading.local()
    together = threading.Barrier(8)

    def bind_and_look(number):
        seen = []
        for _ in range(50):
            school.number = number
            together.wait(BOUND)
            seen.append(school.number)
            together.wait(BOUND)
        return seen

    seen = in_threads(*[lambda n=n: bind_and_look(n) for n in range(8)])
    assert seen == [[n] * 50 for n in range(8)]


@claim("local-mutable-object", falsified_by="thread_local.copies-values")
def test_a_mutable_object_is_private_too():
    """Both threads bind one list; one of them appends to its own."""
    school = threading.local()
    students = []
    has_appended = threading.Event()

    def append():
        school.students = students
        school.students.append("Alice")
        has_appended.set()

    def look():
        school.students = students
        wait_for(has_appended)
        return list(school.students)

    _, seen = in_threads(append, look)
    assert seen == []


@claim(
    "local-object-per-thread",
    falsified_by=("thread_local.shared", "thread_local.bound-once-for-all"),
)
def test_an_object_made_by_each_thread_is_private():
    """Each thread binds a list of its own, appends to it, and looks when both have."""
    school = threading.local()
    both_appended = threading.Barrier(2)

    def append_and_look(student):
        school.students = []
        school.students.append(student)
        both_appended.wait(BOUND)
        return school.students

    seen = in_threads(lambda: append_and_look("Alice"), lambda: append_and_look("Bob"))
    assert seen == [["Alice"], ["Bob"]]


@claim(
    "local-fresh-storage",
    falsified_by=("thread_local.shared", "thread_local.copied-to-new-threads"),
)
def test_a_new_thread_starts_empty():
    """Three threads one after the other look for an attribute, and then bind it."""
    school = threading.local()
    school.student = "Alice"

    def look_and_bind():
        before = dict(school.__dict__)
        school.student = "Bob"
        return before

    assert [in_threads(look_and_bind) for _ in range(3)] == [[{}]] * 3


@claim(
    "local-reused-id-fresh", falsified_by=("thread_local.shared", "thread_local.kept-by-thread-id")
)
def test_a_thread_that_reuses_an_id_starts_empty():
    """Start threads that look and bind until two of them had the same id."""
    school = threading.local()
    ids = set()

    def look_and_bind():
        before = dict(school.__dict__)
        school.student = "Alice"
        return threading.get_ident(), before

    for _ in range(100):
        [(ident, seen)] = in_threads(look_and_bind)
        if ident in ids:
            assert seen == {}
            return
        ids.add(ident)
    inconclusive(
        "in 100 threads one after the other, no thread id came up twice",
        "先后启动 100 个线程，线程号没有一个重复",
    )


@claim(
    "local-subclass-init-per-thread",
    falsified_by=("thread_local.shared", "thread_local.bound-once-for-all"),
)
def test_a_subclass_is_initialised_in_each_thread():
    """Count the calls of ``__init__`` by the thread that makes them, at the first use there."""
    calls = []

    class School(threading.local):
        def __init__(self, name):
            calls.append(threading.get_ident())
            self.name = name

    school = School("No. 1")

    def use():
        return threading.get_ident(), school.name, school.name

    [(ident, *names)] = in_threads(use)
    assert names == ["No. 1", "No. 1"]
    assert calls == [threading.get_ident(), ident]


@claim(
    "local-pool-thread-keeps",
    falsified_by=("executor.thread-for-each-task", "thread_local.keeps-none"),
)
def test_a_pooled_thread_keeps_what_a_task_bound():
    """One worker does two tasks: the first one binds, the second one finds it."""
    school = threading.local()

    def bind():
        school.student = "Alice"
        return threading.get_ident()

    def look():
        return threading.get_ident(), getattr(school, "student", None)

    with ThreadPoolExecutor(1) as pool:
        worker = pool.submit(bind).result(BOUND)
        assert pool.submit(look).result(BOUND) == (worker, "Alice")
