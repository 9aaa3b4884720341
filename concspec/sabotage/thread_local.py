"""threading.local, and toys in its place."""

from __future__ import annotations

import copy
import sys
import threading
from collections.abc import Iterator
from typing import Any

from concspec.sabotage import replaced, sabotage

_local = threading.local


@sabotage(
    "a threading.local has one namespace, for all threads",
    "threading.local 只有一个命名空间，所有线程共用",
)
def shared() -> Iterator[None]:
    class Local:
        pass

    with replaced(threading, local=Local):
        yield


@sabotage(
    "who first binds an attribute of a threading.local binds it for all threads, for good",
    "谁先绑定 threading.local 的属性，就永久替所有线程绑定了",
)
def bound_once_for_all() -> Iterator[None]:
    class Local:
        def __setattr__(self, name: str, value: object) -> None:
            self.__dict__.setdefault(name, value)

    with replaced(threading, local=Local):
        yield


@sabotage(
    "a threading.local starts in each thread with a copy of what its maker has bound",
    "在每个新线程里，threading.local 一开始就有创建者所绑定内容的副本",
)
def copied_to_new_threads() -> Iterator[None]:
    class Local(_local):
        __slots__ = ("of_maker",)  # what stands in a slot is there for all threads

        def __init__(self) -> None:
            if not hasattr(self, "of_maker"):
                self.of_maker = self.__dict__
            self.__dict__.update(self.of_maker)

    with replaced(threading, local=Local):
        yield


@sabotage(
    "a threading.local keeps what it is told by thread id, for good",
    "threading.local 按线程号保存内容，永不清除",
)
def kept_by_thread_id() -> Iterator[None]:
    class Local:
        def __init__(self) -> None:
            object.__setattr__(self, "namespaces", {})

        def __getattribute__(self, name: str) -> Any:
            namespaces = object.__getattribute__(self, "namespaces")
            namespace = namespaces.setdefault(threading.get_ident(), {})
            return namespace if name == "__dict__" else namespace[name]

        def __setattr__(self, name: str, value: object) -> None:
            self.__dict__[name] = value

    with replaced(threading, local=Local):
        yield


@sabotage(
    "a threading.local keeps None, whatever is bound to it",
    "无论绑定什么，threading.local 保存的都是 None",
)
def keeps_none() -> Iterator[None]:
    class Local(_local):
        def __setattr__(self, name: str, _value: object) -> None:
            super().__setattr__(name, None)

    with replaced(threading, local=Local):
        yield


@sabotage(
    "an attribute of a threading.local that is not bound is None",
    "threading.local 没有绑定的属性是 None",
)
def none_where_unbound() -> Iterator[None]:
    class Local(_local):
        def __getattr__(self, name: str) -> None:
            return None

    with replaced(threading, local=Local):
        yield


@sabotage("an attribute of a threading.local cannot be deleted", "threading.local 的属性不能删除")
def cannot_delete() -> Iterator[None]:
    class Local(_local):
        def __delattr__(self, name: str) -> None:
            pass

    with replaced(threading, local=Local):
        yield


@sabotage(
    "what a function binds to a threading.local is None for every other function",
    "一个函数绑定到 threading.local 的内容，在其他函数里是 None",
)
def only_for_the_function() -> Iterator[None]:
    class Local(_local):
        def __setattr__(self, name: str, value: object) -> None:
            self.__dict__[name] = sys._getframe(1).f_code, value

        def __getattribute__(self, name: str) -> Any:
            found = super().__getattribute__(name)
            if name == "__dict__":
                return found
            function, value = found
            return value if function is sys._getframe(1).f_code else None

    with replaced(threading, local=Local):
        yield


@sabotage("a threading.local has items, as a dict has", "threading.local 像 dict 一样可以按键取值")
def has_items() -> Iterator[None]:
    class Local(_local):
        def __getitem__(self, key: str) -> Any:
            return self.__dict__[key]

        def __setitem__(self, key: str, value: object) -> None:
            self.__dict__[key] = value

    with replaced(threading, local=Local):
        yield


@sabotage(
    "a threading.local keeps a copy of what is bound to it",
    "threading.local 保存的是所绑定内容的副本",
)
def copies_values() -> Iterator[None]:
    class Local(_local):
        def __setattr__(self, name: str, value: object) -> None:
            super().__setattr__(name, copy.deepcopy(value))

    with replaced(threading, local=Local):
        yield
