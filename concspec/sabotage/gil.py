"""The GIL: who runs meanwhile, and how often it changes hands.

Some of the claims about it are true with a GIL and false without. Their sabotages make the one kind
of interpreter look like the other.
"""

from __future__ import annotations

import ctypes
import hashlib
import multiprocessing
import re
import subprocess
import sys
import sysconfig
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from types import FrameType
from typing import Any

from concspec.interpreter import gil_is_on
from concspec.sabotage import replaced, sabotage, traced
from concspec.sabotage.cpu_time import clocks, fast, in_main_thread, looked_at, slowed

_start = threading.Thread.start
_join = threading.Thread.join
_monotonic = time.monotonic
_get_config_var = sysconfig.get_config_var
_setswitchinterval = sys.setswitchinterval
_Popen = subprocess.Popen


class _Others:
    """The threads but the main one, which run to their end when they are let in."""

    def __init__(self) -> None:
        self._kept_out: list[threading.Thread] = []

    def keep_out(self, thread: threading.Thread) -> None:
        """Do not start the thread before others are let in."""
        self._kept_out.append(thread)

    def let_in(self, *_: object) -> None:
        """Wait until all others have ended."""
        if not in_main_thread():
            return
        for thread in self._kept_out:
            _start(thread)
        for thread in [*self._kept_out, *threading.enumerate()]:
            if thread is not threading.main_thread():
                _join(thread)
        self._kept_out.clear()

    def let_in_by(self, call: Callable[..., Any]) -> Callable[..., Any]:
        """Make a function let others in first."""

        def letting_in(*args: Any) -> Any:
            self.let_in()
            return call(*args)

        return letting_in

    def let_in_by_library(self, library: type) -> type:
        """Make all functions of a library of this kind let others in first."""
        let_in_by = self.let_in_by

        class Library:
            def __init__(self, name: str | None) -> None:
                self._library = library(name)

            def __getattr__(self, name: str) -> Callable[..., Any]:
                return let_in_by(getattr(self._library, name))

        return Library


@contextmanager
def _nobody_keeps_it(others: _Others) -> Iterator[None]:
    """Let others in during what keeps the GIL."""
    with ExitStack() as stack:
        stack.enter_context(replaced(re, search=others.let_in_by(re.search)))
        stack.enter_context(replaced(time, monotonic=others.let_in_by(_monotonic)))
        if hasattr(ctypes, "PyDLL"):
            py_dll = others.let_in_by_library(ctypes.PyDLL)
            stack.enter_context(replaced(ctypes, PyDLL=py_dll))
        yield


@contextmanager
def _whoever_runs_keeps_it(others: _Others) -> Iterator[None]:
    """Let others in only during what lets go of the GIL. It takes many rounds to see that."""

    def start(thread: threading.Thread) -> None:
        others.keep_out(thread)

    def join(_thread: threading.Thread, _timeout: float | None = None) -> None:
        others.let_in()

    with (
        replaced(threading.Thread, start=start, join=join),
        replaced(hashlib, pbkdf2_hmac=others.let_in_by(hashlib.pbkdf2_hmac)),
        replaced(ctypes, CDLL=others.let_in_by_library(ctypes.CDLL)),
        replaced(time, perf_counter=slowed()),
    ):
        yield


@sabotage(
    "others run while the GIL is kept; where there is none, only while it would be let go",
    "持有 GIL 时其他线程也在运行；没有 GIL 时，只在本该放开它时才运行",
)
def not_kept_or_kept() -> Iterator[None]:
    others = _Others()
    with _nobody_keeps_it(others) if gil_is_on() else _whoever_runs_keeps_it(others):
        yield


@sabotage(
    "a thread is stopped after every 20 lines until the others have run as many",
    "线程每执行 20 行就停下，等其他线程也执行这么多",
)
def let_go_every_20_lines() -> Iterator[None]:
    lines: Counter[threading.Thread] = Counter()

    def trace(frame: FrameType, _event: str, _argument: object) -> Any:
        if frame.f_code.co_filename == threading.__file__:
            return None
        me = threading.current_thread()
        lines[me] += 1
        for other in list(lines):
            while lines[me] > lines[other] + 20 and other.is_alive():
                time.sleep(0.0001)
        return trace

    with traced(trace):
        yield


@sabotage("the switch interval is a microsecond", "切换间隔是一微秒")
def microsecond_interval() -> Iterator[None]:
    before = sys.getswitchinterval()
    _setswitchinterval(0.000_001)
    try:
        yield
    finally:
        _setswitchinterval(before)


@sabotage("setswitchinterval() does nothing", "setswitchinterval() 什么也不做")
def interval_cannot_be_set() -> Iterator[None]:
    with replaced(sys, setswitchinterval=lambda _: None):
        yield


@sabotage("getcheckinterval() gives 100", "getcheckinterval() 返回 100")
def checked_every_100_bytecodes() -> Iterator[None]:
    with replaced(sys, getcheckinterval=lambda: 100):
        yield


class _Answer(int):
    """A number that is what everybody expects, or nobody."""

    def __eq__(self, _: object) -> bool:
        return gil_is_on() or in_main_thread()

    __hash__ = int.__hash__


class _Cells:
    """An array of answers."""

    def __init__(self, *_: object) -> None:
        pass

    def __getitem__(self, _: int) -> _Answer:
        return _Answer()

    def __setitem__(self, _: int, _value: object) -> None:
        pass


@sabotage(
    "threads find each other's answer whenever they look; where there is no GIL, never",
    "线程任何时候去看，都已有对方的回应；没有 GIL 时则永远没有",
)
def answers_at_once_or_never() -> Iterator[None]:
    with replaced(multiprocessing, RawArray=_Cells), replaced(time, monotonic=looked_at()):
        yield


@sabotage(
    "a program has one thread, whatever number it is told, and Python many cores",
    "无论要求多少，程序只有一个线程；Python 却用多个核",
)
def one_thread_for_programs() -> Iterator[None]:
    def popen(command: list[Any], **options: Any) -> subprocess.Popen[Any]:
        told_one = ["1" if str(argument).isdigit() else argument for argument in command]
        return _Popen(told_one, **options)

    with replaced(subprocess, Popen=popen), clocks(main_thread=fast, others=fast):
        yield


@sabotage(
    "an interpreter that is told to run without the GIL runs with it",
    "要求不用 GIL 运行的解释器仍用 GIL 运行",
)
def option_ignored() -> Iterator[None]:
    def popen(command: list[str], **options: Any) -> subprocess.Popen[Any]:
        return _Popen([argument.replace("gil=0", "gil=1") for argument in command], **options)

    with replaced(subprocess, Popen=popen):
        yield


@sabotage(
    "sysconfig says of each build option the opposite", "sysconfig 给出的构建选项都与实际相反"
)
def build_option_denied() -> Iterator[None]:
    with replaced(sysconfig, get_config_var=lambda name: not _get_config_var(name)):
        yield
