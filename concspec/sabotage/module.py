"""types.ModuleType, whose attributes are the globals of a module."""

from __future__ import annotations

import threading
import types
from collections.abc import Iterator

from concspec.sabotage import replaced, sabotage


@sabotage("each thread has globals of its own", "每个线程有自己的全局变量")
def globals_for_each_thread() -> Iterator[None]:
    class Module(threading.local):
        def __init__(self, name: str) -> None:
            self.__name__ = name

    with replaced(types, ModuleType=Module):
        yield
