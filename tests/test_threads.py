"""Threads of specs: a hang of theirs is an error, and no answer to what a spec asks."""

import threading

import pytest

from concspec import threads


@pytest.fixture
def never(monkeypatch):
    """An event that is set when the test is over, behind a short bound."""
    monkeypatch.setattr(threads, "BOUND", 0.05)
    event = threading.Event()
    yield event
    event.set()


def test_a_thread_that_does_not_end_is_an_error(never):
    with pytest.raises(TimeoutError, match="did not end within"):
        threads.in_threads(never.wait)


def test_an_event_that_does_not_come_is_an_error(never):
    with pytest.raises(TimeoutError, match="did not come within"):
        threads.wait_for(never)


def test_what_calls_return_and_raise_comes_back():
    assert threads.in_threads(lambda: 1, lambda: 2) == [1, 2]
    with pytest.raises(ZeroDivisionError):
        threads.in_threads(lambda: 1, lambda: 1 / 0, [].pop)
