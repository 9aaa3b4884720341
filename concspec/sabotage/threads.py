"""threading.Thread and _thread: how threads run, which there are, and what they are called."""

from __future__ import annotations

import _thread
import functools
import multiprocessing
import os
import re
import sys
import threading
import types
from collections.abc import Callable, Iterator
from typing import Any

from concspec.sabotage import replaced, sabotage

_Thread: Any = threading.Thread
_new: Callable[..., None] = _Thread.__init__
_start: Callable[..., None] = _Thread.start
_run: Callable[..., None] = _Thread.run
_join: Callable[..., None] = _Thread.join


# How a thread starts, runs and ends


@sabotage("start() runs the function itself and starts no thread", blocks=True)
def run_at_start() -> Iterator[None]:
    with _without_start(_run):
        yield


@sabotage("start() does nothing, and the function never runs")
def never_run() -> Iterator[None]:
    with _without_start(lambda self: None):
        yield


def _without_start(instead: Callable[..., None]) -> Any:
    return replaced(
        _Thread,
        start=instead,
        join=lambda self, timeout=None: None,
        is_alive=lambda self: False,
    )


@sabotage("threads are simulated: join() runs the function")
def run_by_join() -> Iterator[None]:
    waiting: list[Any] = []

    def start(self: Any) -> None:
        waiting.append(self)

    def join(self: Any, timeout: float | None = None) -> None:
        if self in waiting:
            waiting.remove(self)
            self.run()

    with replaced(_Thread, start=start, join=join, is_alive=lambda self: self in waiting):
        yield


@sabotage("start() calls the target, whatever run() is, and returns at its end", blocks=True)
def one_after_the_other() -> Iterator[None]:
    def start(thread: threading.Thread) -> None:
        thread.run = functools.partial(_run, thread)  # type: ignore[method-assign]
        _start(thread)
        thread.join()

    with replaced(threading.Thread, start=start):
        yield


@sabotage("start() fails: there can be no more threads")
def cannot_start() -> Iterator[None]:
    def start(_: Any) -> None:
        raise RuntimeError("can't start new thread")

    with replaced(_Thread, start=start):
        yield


@sabotage("a Thread starts when it is made")
def start_when_made() -> Iterator[None]:
    def make(self: Any, *arguments: Any, **options: Any) -> None:
        _new(self, *arguments, **options)
        _start(self)

    with replaced(_Thread, __init__=make):
        yield


@sabotage("making a Thread runs its function")
def run_when_made() -> Iterator[None]:
    def make(self: Any, *arguments: Any, target: Any = None, **options: Any) -> None:
        _new(self, *arguments, target=target, **options)
        target()

    with replaced(_Thread, __init__=make):
        yield


@sabotage("_thread runs the function itself and starts no thread")
def run_by_start_new_thread() -> Iterator[None]:
    def start_new_thread(function: Callable[..., object], args: tuple[Any, ...]) -> int:
        function(*args)
        return threading.get_ident()

    with replaced(_thread, start_new_thread=start_new_thread):
        yield


@sabotage("a Thread is a process, which runs its function on a copy of all data")
def are_processes() -> Iterator[None]:
    with replaced(threading, Thread=multiprocessing.get_context("fork").Process):
        yield


@sabotage("all threads are called with the arguments of the one that was made last")
def arguments_of_the_last() -> Iterator[None]:
    last: Any = ()

    def make(self: Any, *arguments: Any, **options: Any) -> None:
        nonlocal last
        _new(self, *arguments, **options)
        last = self._args

    def run(self: Any) -> None:
        self._args = last
        _run(self)

    with replaced(_Thread, __init__=make, run=run):
        yield


@sabotage("join() returns at once")
def join_at_once() -> Iterator[None]:
    with replaced(_Thread, join=lambda self, timeout=None: None):
        yield


@sabotage("join() returns at once, and a thread begins when the main thread has ended")
def begin_after_main() -> Iterator[None]:
    def run_late(self: Any) -> None:
        _join(threading.main_thread())
        _run(self)

    with replaced(_Thread, join=lambda self, timeout=None: None, run=run_late):
        yield


@sabotage("is_alive() says that a thread which has ended is alive")
def never_dead() -> Iterator[None]:
    with replaced(_Thread, is_alive=lambda self: self.ident is not None):
        yield


# Which threads there are


@sabotage("a forked child begins with a second thread")
def two_in_a_child() -> Iterator[None]:
    real_fork = os.fork

    def fork() -> int:
        pid = real_fork()
        if pid == 0:
            threading.Thread(target=threading.Event().wait, daemon=True).start()
        return pid

    with replaced(os, fork=fork):
        yield


@sabotage("enumerate() leaves out the main thread")
def main_not_counted() -> Iterator[None]:
    enumerate_, main = threading.enumerate, threading.main_thread()
    with replaced(threading, enumerate=lambda: [t for t in enumerate_() if t is not main]):
        yield


@sabotage("all threads have the native id of their process")
def one_native_id() -> Iterator[None]:
    native_id = property(lambda self: os.getpid())
    with replaced(threading, get_native_id=os.getpid), replaced(_Thread, native_id=native_id):
        yield


@sabotage("the threads are those of Windows")
def windows_threads() -> Iterator[None]:
    with replaced(sys, thread_info=types.SimpleNamespace(name="nt", lock=None, version=None)):
        yield


@sabotage("current_thread() gives the main thread wherever it is asked")
def main_is_current() -> Iterator[None]:
    with replaced(threading, current_thread=threading.main_thread):
        yield


# What they are called


@sabotage("the main thread has a made-up name")
def main_without_name() -> Iterator[None]:
    main = threading.main_thread()
    before, main.name = main.name, "Thread-0"
    try:
        yield
    finally:
        main.name = before


def _named(name: Callable[[str], str]) -> Any:
    def make(self: Any, *arguments: Any, **options: Any) -> None:
        _new(self, *arguments, **options)
        self._name = name(self._name)

    return replaced(_Thread, __init__=make)


@sabotage("all threads have the same name")
def one_name_for_all() -> Iterator[None]:
    with replaced(threading.Thread, name=property(lambda _: "Thread")):
        yield


@sabotage("a Thread forgets the name that it was given")
def name_forgotten() -> Iterator[None]:
    with _named(lambda name: name if name.startswith("Thread-") else "Thread-1"):
        yield


@sabotage("all made-up names have the same number")
def numbers_repeat() -> Iterator[None]:
    with _named(lambda name: re.sub(r"^Thread-\d+", "Thread-1", name)):
        yield


@sabotage("a made-up name has no number")
def no_numbers() -> Iterator[None]:
    with _named(lambda name: re.sub(r"^Thread-\d+", "Thread", name)):
        yield


@sabotage("a made-up name is the number alone", where="version >= (3, 10)")
def name_without_target() -> Iterator[None]:
    with _named(lambda name: name.partition(" (")[0]):
        yield


@sabotage("a made-up name shows the target", where="version < (3, 10)")
def name_with_target() -> Iterator[None]:
    def make(self: Any, *arguments: Any, **options: Any) -> None:
        _new(self, *arguments, **options)
        self._name += f" ({self._target.__name__})"

    with replaced(_Thread, __init__=make):
        yield
