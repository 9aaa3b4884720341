"""Notes 3, lines 385-402: how a thread's own data gets into its functions without a ThreadLocal.

A local variable belongs to one call in one thread, so it has to be handed on; a global belongs to
all threads, so it needs a lock, and cannot be a different object for each. Barriers make sure
that each thread looks only after the other one has written.
"""

import inspect
import runpy
import threading
import types
from pathlib import Path

from concspec import claim
from concspec.children import run_program
from concspec.threads import BOUND, in_threads, join, wait_for

LISTINGS = Path(__file__).parent / "listings"
CALL_CHAIN = LISTINGS / "call_chain.py"


@claim("local-variable-private", falsified_by="builtin.compile-without-locals")
def test_a_local_variable_is_seen_by_its_own_thread():
    """Two threads have bound the student of the listing's first function when either one looks.

    The function hands it to its second task when the first one has waited for the other thread.
    """
    both_bound = threading.Barrier(2)
    seen = {}

    def look(student):
        seen[threading.get_ident()] = student.name

    listing = {"__name__": "listing"}
    exec(compile(CALL_CHAIN.read_text(), CALL_CHAIN.name, "exec"), listing)
    listing.update(do_task_1=lambda _: both_bound.wait(BOUND), do_task_2=look)

    def process(name):
        listing["process_student"](name)
        return seen[threading.get_ident()]

    assert in_threads(lambda: process("Alice"), lambda: process("Bob")) == ["Alice", "Bob"]


NO_LOCK = types.SimpleNamespace(acquire=lambda **_: True, release=lambda: None)


def visits_counted(lock):
    """Let a second thread visit while the first one is between reading and writing the count.

    The first one goes on when the second has visited, or is kept out and about to wait.
    """
    visits = 0
    go_on = threading.Event()

    def visit(between):
        nonlocal visits
        if not lock.acquire(blocking=False):
            go_on.set()
            assert lock.acquire(timeout=BOUND)
        seen = visits
        between()
        visits = seen + 1
        lock.release()
        go_on.set()

    def let_the_second_in():
        second.start()
        wait_for(go_on)

    second = threading.Thread(target=visit, args=(lambda: None,))
    visit(let_the_second_in)
    join(second)
    return visits


@claim("globals-need-lock", falsified_by=("locks.never-excludes", "locks.nobody-gets-it"))
def test_a_shared_variable_needs_a_lock():
    """Two visits are counted as one when they overlap; with a lock they cannot overlap."""
    assert visits_counted(NO_LOCK) == 1
    assert visits_counted(threading.Lock()) == 2


@claim("errata-shared-or-private", falsified_by="builtin.compile-without-locals")
def test_the_notes_agree_on_whether_variables_are_shared():
    """Ask both lines which variables of a function are shared: all of them, or its globals."""
    program = compile("def visit():\n    seen = visits\n    print(seen)", "visit", "exec")
    [visit] = [part for part in program.co_consts if isinstance(part, types.CodeType)]
    by_line_286 = {*visit.co_names, *visit.co_varnames}
    by_line_386 = {*visit.co_names}
    assert by_line_286 == by_line_386


@claim(
    "passing-through-calls",
    falsified_by=("builtin.compile-without-parameters", "builtin.print-without-repetition"),
)
def test_the_object_is_handed_through_every_call():
    """Run the listing, completed: six calls get the student, and each function asks for it."""
    assert run_program(CALL_CHAIN).lines == [
        "task 1 for Alice",
        "subtask 1 for Alice",
        "subtask 2 for Alice",
        "task 2 for Alice",
        "subtask 2 for Alice",
        "subtask 2 for Alice",
    ]
    names = runpy.run_path(str(CALL_CHAIN))
    functions = [function for name, function in names.items() if name.startswith("do_")]
    assert [list(inspect.signature(f).parameters) for f in functions] == [["student"]] * 4


@claim("errata-call-chain-incomplete", falsified_by="builtin.student-built-in")
def test_the_call_chain_runs_as_printed():
    """Run the block as it is printed, and one call of its first function."""
    ended = run_program(LISTINGS / "call_chain_as_printed.py")
    assert ended.returncode == 0, ended.errors


@claim("one-global-cannot-serve", falsified_by="module.globals-for-each-thread")
def test_one_global_cannot_hold_each_threads_object():
    """Both threads bind the same global of a module, and look when both have done so."""
    both_bound = threading.Barrier(2)
    module = types.ModuleType("school")

    def bind_and_look(student):
        module.current_student = student
        both_bound.wait(BOUND)
        return module.current_student

    seen = in_threads(lambda: bind_and_look("Alice"), lambda: bind_and_look("Bob"))
    assert seen in (["Alice", "Alice"], ["Bob", "Bob"])
