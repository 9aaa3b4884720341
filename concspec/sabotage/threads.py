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


@sabotage(
    "start() runs the function itself and starts no thread",
    "start() 自己执行函数，不启动线程",
    blocks=True,
)
def run_at_start() -> Iterator[None]:
    with _without_start(_run):
        yield


@sabotage("start() does nothing, and the function never runs", "start() 什么也不做，函数从不执行")
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


@sabotage("threads are simulated: join() runs the function", "线程是模拟的：join() 才执行函数")
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


@sabotage(
    "start() calls the target, whatever run() is, and returns at its end",
    "start() 不管 run() 是什么，都直接调用目标函数，并在它结束后返回",
    blocks=True,
)
def one_after_the_other() -> Iterator[None]:
    def start(thread: threading.Thread) -> None:
        thread.run = functools.partial(_run, thread)  # type: ignore[method-assign]
        _start(thread)
        thread.join()

    with replaced(threading.Thread, start=start):
        yield


@sabotage("a Thread starts when it is made", "Thread 一创建就启动")
def start_when_made() -> Iterator[None]:
    def make(self: Any, *arguments: Any, **options: Any) -> None:
        _new(self, *arguments, **options)
        _start(self)

    with replaced(_Thread, __init__=make):
        yield


@sabotage("making a Thread runs its function", "创建 Thread 时就执行它的函数")
def run_when_made() -> Iterator[None]:
    def make(self: Any, *arguments: Any, target: Any = None, **options: Any) -> None:
        _new(self, *arguments, target=target, **options)
        target()

    with replaced(_Thread, __init__=make):
        yield


@sabotage(
    "_thread runs the function itself and starts no thread", "_thread 自己执行函数，不启动线程"
)
def run_by_start_new_thread() -> Iterator[None]:
    def start_new_thread(function: Callable[..., object], args: tuple[Any, ...]) -> int:
        function(*args)
        return threading.get_ident()

    with replaced(_thread, start_new_thread=start_new_thread):
        yield


@sabotage(
    "a Thread is a process, which runs its function on a copy of all data",
    "Thread 其实是进程，在所有数据的副本上执行函数",
)
def are_processes() -> Iterator[None]:
    with replaced(threading, Thread=multiprocessing.get_context("fork").Process):
        yield


@sabotage("join() returns at once", "join() 立即返回")
def join_at_once() -> Iterator[None]:
    with replaced(_Thread, join=lambda self, timeout=None: None):
        yield


@sabotage(
    "join() returns at once, and a thread begins when the main thread has ended",
    "join() 立即返回，线程等主线程结束后才开始",
)
def begin_after_main() -> Iterator[None]:
    def run_late(self: Any) -> None:
        _join(threading.main_thread())
        _run(self)

    with replaced(_Thread, join=lambda self, timeout=None: None, run=run_late):
        yield


@sabotage(
    "is_alive() says that a thread which has ended is alive",
    "对已结束的线程，is_alive() 说它还活着",
)
def never_dead() -> Iterator[None]:
    with replaced(_Thread, is_alive=lambda self: self.ident is not None):
        yield


# Which threads there are


@sabotage("a forked child begins with a second thread", "fork 出的子进程一开始就有第二个线程")
def two_in_a_child() -> Iterator[None]:
    real_fork = os.fork

    def fork() -> int:
        pid = real_fork()
        if pid == 0:
            threading.Thread(target=threading.Event().wait, daemon=True).start()
        return pid

    with replaced(os, fork=fork):
        yield


@sabotage("enumerate() leaves out the main thread", "enumerate() 漏掉主线程")
def main_not_counted() -> Iterator[None]:
    enumerate_, main = threading.enumerate, threading.main_thread()
    with replaced(threading, enumerate=lambda: [t for t in enumerate_() if t is not main]):
        yield


@sabotage("all threads have the native id of their process", "所有线程的内核线程号都等于进程号")
def one_native_id() -> Iterator[None]:
    native_id = property(lambda self: os.getpid())
    with replaced(threading, get_native_id=os.getpid), replaced(_Thread, native_id=native_id):
        yield


@sabotage("the threads are those of Windows", "线程是 Windows 的线程")
def windows_threads() -> Iterator[None]:
    with replaced(sys, thread_info=types.SimpleNamespace(name="nt", lock=None, version=None)):
        yield


@sabotage(
    "current_thread() gives the main thread wherever it is asked",
    "无论在哪里问，current_thread() 都返回主线程",
)
def main_is_current() -> Iterator[None]:
    with replaced(threading, current_thread=threading.main_thread):
        yield


# What they are called


@sabotage("the main thread has a made-up name", "主线程的名字是自动取的")
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


@sabotage("all threads have the same name", "所有线程同名")
def one_name_for_all() -> Iterator[None]:
    with replaced(threading.Thread, name=property(lambda _: "Thread")):
        yield


@sabotage("a Thread forgets the name that it was given", "Thread 忘记给它的名字")
def name_forgotten() -> Iterator[None]:
    with _named(lambda name: name if name.startswith("Thread-") else "Thread-1"):
        yield


@sabotage("all made-up names have the same number", "自动取的名字编号都相同")
def numbers_repeat() -> Iterator[None]:
    with _named(lambda name: re.sub(r"^Thread-\d+", "Thread-1", name)):
        yield


@sabotage("a made-up name has no number", "自动取的名字没有编号")
def no_numbers() -> Iterator[None]:
    with _named(lambda name: re.sub(r"^Thread-\d+", "Thread", name)):
        yield


@sabotage("a made-up name is the number alone", "自动取的名字只有编号", where="version >= (3, 10)")
def name_without_target() -> Iterator[None]:
    with _named(lambda name: name.partition(" (")[0]):
        yield


@sabotage("a made-up name shows the target", "自动取的名字里有目标函数", where="version < (3, 10)")
def name_with_target() -> Iterator[None]:
    def make(self: Any, *arguments: Any, **options: Any) -> None:
        _new(self, *arguments, **options)
        self._name += f" ({self._target.__name__})"

    with replaced(_Thread, __init__=make):
        yield
