"""How Python calls a function."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from types import FrameType, FunctionType

from concspec.sabotage import sabotage


@sabotage("a function that a test calls runs its body twice", "测试所调用的函数，函数体会执行两次")
def runs_twice() -> Iterator[None]:
    def repeat(frame: FrameType, event: str, _: object) -> None:
        caller = frame.f_back.f_code.co_name if frame.f_back else ""
        if event == "call" and caller.startswith("test_"):
            FunctionType(frame.f_code, frame.f_globals)(**frame.f_locals)

    before = sys.getprofile()
    sys.setprofile(repeat)
    try:
        yield
    finally:
        sys.setprofile(before)
