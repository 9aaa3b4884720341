"""Where the interpreter switches from one thread to another."""

from __future__ import annotations

import sys
import threading
from _thread import allocate_lock
from collections.abc import Iterator
from types import FrameType
from typing import Any

from concspec.sabotage import replaced, sabotage, traced

_setswitchinterval = sys.setswitchinterval
_run: Any = threading.Thread._bootstrap_inner  # type: ignore[attr-defined]
_wait = threading.Barrier.wait


@sabotage(
    "a running thread is never asked to let another run",
    "从不要求正在运行的线程让出",
    blocks=True,
    where="cpython and gil and version >= (3, 10)",
)
def never() -> Iterator[None]:
    before = sys.getswitchinterval()
    _setswitchinterval(100)
    try:
        with replaced(sys, setswitchinterval=lambda seconds: None):
            yield
    finally:
        _setswitchinterval(before)


@sabotage(
    "while a thread runs no other does, until it ends or waits at a Barrier",
    "一个线程运行时，其他线程都不运行，直到它结束或在 Barrier 处等待",
    blocks=True,
    where="not cpython or not gil or version < (3, 10)",
)
def one_at_a_time() -> Iterator[None]:
    turn = allocate_lock()

    def run(self: threading.Thread) -> None:
        with turn:
            _run(self)

    def wait(self: threading.Barrier, timeout: float | None = None) -> int:
        turn.release()
        try:
            return _wait(self, timeout)
        finally:
            turn.acquire()

    with replaced(threading.Thread, _bootstrap_inner=run), replaced(threading.Barrier, wait=wait):
        yield


@sabotage(
    "threads switch at any bytecode",
    "线程可在任何字节码处切换",
    where="cpython and gil and version >= (3, 10)",
)
def at_any_bytecode() -> Iterator[None]:
    def trace(frame: FrameType, _event: str, _argument: object) -> Any:
        frame.f_trace_opcodes = True
        frame.f_trace_lines = False
        return let_another_run

    def let_another_run(*_: object) -> Any:
        return let_another_run  # a call of a Python function is where threads switch

    with traced(trace):
        yield


@sabotage(
    "PyPy compiles nothing, and switches at another bytecode each time",
    "PyPy 什么也不编译，每次在不同的字节码处切换",
    where="pypy",
)
def without_jit() -> Iterator[None]:
    import pypyjit  # type: ignore[import-not-found]  # noqa: PLC0415 - only PyPy has it

    before = sys.getswitchinterval()
    pypyjit.set_param("off")
    # PyPy counts bytecodes: by default 10,000, in which a loop can come round to the same one.
    _setswitchinterval(0.00237)
    try:
        yield
    finally:
        _setswitchinterval(before)
        pypyjit.set_param("default")
