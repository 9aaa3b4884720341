"""Where the interpreter tells that a thread is about to run an instruction."""

import collections
import threading
import types

import pytest

from concspec.interleave import explore, tracing


def test_a_fault_in_finding_sites_is_no_exception_of_the_program(monkeypatch):
    def fail(_code):
        raise LookupError("an instruction that nobody knows")

    def program():
        thread = threading.Thread(target=print)
        thread.start()
        thread.join()

    monkeypatch.setattr(tracing, "sites", fail)
    with pytest.raises(LookupError, match="that nobody knows"):
        explore(program)


def go_through(items):
    for _ in items:
        pass


def test_each_instruction_is_told_once_though_a_loop_is_compiled(monkeypatch):
    come_to = collections.Counter()
    task = types.SimpleNamespace(inside=None)
    monkeypatch.setattr(
        tracing, "access", lambda _execution, _task, site, _frame: come_to.update([site.label])
    )
    watching = tracing.tracing()
    watching.execution = types.SimpleNamespace(
        by_ident={threading.get_ident(): task}, observer=types.SimpleNamespace(latest=None)
    )
    watching.begin()
    try:
        watching.run(go_through, [0] * 20_000)
    finally:
        watching.end()
    assert come_to == {"items": 1, "items[]": 20_001}
