"""Finds what a program made or imported before the exploration began: locks, for which it lends
cooperative ones, functions that something stands in for, and data that is local to threads.

A lock of the interpreter cannot be patched, but whoever refers to it can be given another for a
while.  The walk starts at the program and goes through the module globals, closures, defaults,
classes, instances and containers that belong to it; libraries are not entered, but those locks are
lent that they hold while they do what is watched.
"""

from __future__ import annotations

import _thread
import contextlib
import functools
import itertools
import queue
import sys
import threading
import types
import warnings
from collections import ChainMap, UserDict, UserList, defaultdict, deque
from typing import TYPE_CHECKING, Any

from concspec.interleave.observing.classes import (
    is_a,
    is_of_program,
    is_python,
    module_of,
    mro,
    namespace,
)
from concspec.interleave.observing.looking import REAL_LOCKS, instance_dict
from concspec.interleave.stand_ins.primitives import Lock, RLock, SimpleQueue
from concspec.interleave.stand_ins.table import stand_in_for
from concspec.interleave.watched import is_program_code

if TYPE_CHECKING:
    from collections.abc import Callable

    from concspec.interleave.observing.objects import Objects

_LOCK = type(_thread.allocate_lock())
_METHOD: type = type([].append)
_CACHE: Any = type(functools.lru_cache(len))
_SYNCHRONISATION = (
    threading.Condition, threading.Event, threading.Semaphore, threading.Barrier, queue.Queue,
    queue.SimpleQueue, SimpleQueue,
)  # fmt: skip
_QUEUE_OF_C = None if queue.SimpleQueue.__module__ == "queue" else queue.SimpleQueue
_HOLDING = (
    *_SYNCHRONISATION, functools.cached_property, functools.partialmethod, types.SimpleNamespace,
    ChainMap, UserDict, UserList,
)  # fmt: skip
_LEAVES = (int, float, complex, str, bytes, bytearray, type(None), range, types.CodeType)
# Held while what is watched is done.
_LIBRARY_LOCKS = (("logging", "_lock"), ("_strptime", "_cache_lock"), ("tempfile", "_once_lock"))
# What these decorate is in the closures of functions of theirs.
_DECORATING = (functools.__file__, contextlib.__file__)
_STATE = (
    "_flag", "_value", "_count", "_state", "_result", "_exception", "unfinished_tasks",
    "_waiters", "_done_callbacks", "queue", "_queue", "_items",
)  # fmt: skip


def _futures() -> tuple[type, ...]:
    """Return the class of futures, if its module is there: it is slow to load."""
    module: Any = sys.modules.get("concurrent.futures._base")
    return () if module is None else (module.Future,)


class LentLocks:
    """The locks of one program, replaced until `undo`."""

    def __init__(self) -> None:
        """Replace nothing yet."""
        self.lent: dict[int, Any] = {}
        self.queues: list[int] = []  # of C: which of those that were lent
        self.kept: list[object] = []
        self.seen: set[int] = set()
        self.todo: list[Any] = []
        self.undoing: list[Callable[[], None]] = []
        self.found: list[dict[str, Any]] = []
        self.states: list[tuple[dict[str, Any], dict[str, object]]] = []
        self.contents: list[tuple[Any, list[object]]] = []
        self.initial: list[tuple[Lock | RLock, bool]] = []
        self.locals: list[threading.local] = []

    def put_in_place(self, program: object) -> None:
        """Walk from `program` and replace what is found, and what libraries hold."""
        self.libraries()
        self.convert(program)
        while self.todo:
            self.enter(self.todo.pop())
        for own in self.found:
            state = {name: own[name] for name in _STATE if name in own}
            self.states.append((own, state))
            for each in state.values():
                if is_a(each, (list, deque)):
                    self.contents.append((each, list(each)))
        self.undoing.append(self.reset)

    def reset(self) -> None:
        """Put the found primitives into the state they had when the exploration began."""
        for lock, taken in self.initial:
            lock.holder = None
            if is_a(lock, Lock):
                lock.taken = taken
            else:
                lock.count = 0
        for own, state in self.states:
            own.update(state)
        for container, items in self.contents:
            container.clear()
            container.extend(items)

    def doubt(self, objects: Objects) -> None:
        """Distrust what an execution did that came to a queue for which it was lent another."""
        if any(each in objects.names for each in self.queues):
            objects.distrust("a SimpleQueue that was there before and was not found")

    def undo(self) -> None:
        """Give everybody the lock they had."""
        while self.undoing:
            self.undoing[-1]()
            self.undoing.pop()  # only now: an interrupt may break it off, and it is done again

    def convert(self, value: Any) -> Any:
        """Return what the program shall see instead of `value`: mostly `value` itself."""
        kind = type(value)
        if kind in _LEAVES:
            return value
        if kind in REAL_LOCKS:
            return self.lend(value)
        if kind is _QUEUE_OF_C:
            return self.lend_queue(value)
        if is_a(value, _METHOD) and not is_python(value):
            bound = value.__self__
            if type(bound) in REAL_LOCKS or type(bound) is _QUEUE_OF_C:
                return getattr(self.convert(bound), value.__name__)
        stand_in = stand_in_for(value)
        if stand_in is not None:
            return stand_in
        if kind is tuple or (issubclass(kind, tuple) and hasattr(kind, "_make")):
            converted = [self.convert(each) for each in value]
            changed = any(a is not b for a, b in zip(converted, value))
            return getattr(kind, "_make", tuple)(converted) if changed else value
        if is_a(value, threading.local):
            self.locals.append(value)
        if id(value) not in self.seen:
            self.seen.add(id(value))
            self.kept.append(value)
            self.todo.append(value)
        return value

    def lend(self, lock: Any) -> Lock | RLock:
        known = self.lent.get(id(lock))
        if known is None:
            if type(lock) is _LOCK:
                known = Lock()
                known.taken = lock.locked()
                self.initial.append((known, known.taken))
            else:
                known = RLock()
                self.initial.append((known, False))
            self.lent[id(lock)] = known
            self.kept.append(lock)
        return known

    def lend_queue(self, lent: Any) -> SimpleQueue:
        known = self.lent.get(id(lent))
        if known is None:
            known = self.lent[id(lent)] = SimpleQueue()
            self.queues.append(id(lent))
            self.kept.append(lent)
            # Each item goes round, out of the queue and in again, in C: no interrupt can lose one.
            taken = map(type(lent).get_nowait, itertools.repeat(lent, lent.qsize()))
            items, again = itertools.tee(taken)
            any(map(lent.put, again))
            known._items.extend(items)
            known._count = threading.Semaphore(len(known._items))
            self.convert(known)
        return known

    def libraries(self) -> None:
        """Lend what libraries hold while they do what is watched."""
        for module, name in _LIBRARY_LOCKS:
            known = getattr(sys.modules.get(module), name, None)
            if known is not None:
                self.put(sys.modules[module], name, self.lend(known))
        note_change = getattr(warnings, "_filters_mutated_lock_held", None)
        if note_change is not None:  # its lock is of C, where the caller is to have it (3.14)
            import _warnings  # noqa: PLC0415

            def change() -> None:
                _warnings._acquire_lock()  # type: ignore[attr-defined]
                try:
                    note_change()
                finally:
                    _warnings._release_lock()  # type: ignore[attr-defined]

            self.put(warnings, "_lock", RLock())
            self.put(warnings, "_filters_mutated_lock_held", change)
        for reference in getattr(sys.modules.get("logging"), "_handlerList", ()):
            handler = reference()
            if handler is not None:
                self.mapping(vars(handler))

    def put(self, owner: types.ModuleType, name: str, value: object) -> None:
        self.undoing.append(functools.partial(setattr, owner, name, getattr(owner, name)))
        setattr(owner, name, value)

    def enter(self, value: Any) -> None:
        if is_a(value, types.FunctionType):
            # PyPy's built-in functions are of the same type, with code of another.
            filename = getattr(value.__code__, "co_filename", "<builtin>")
            if is_program_code(filename) or filename in _DECORATING:
                for cell in value.__closure__ or ():  # such as the lock of a cache, on PyPy
                    self.cell(cell)
            if is_program_code(filename):
                self.mapping(value.__globals__)
                self.attribute(value, "__defaults__")
                self.mapping(value.__kwdefaults__ or {})
                self.mapping(vars(value))
        elif is_a(value, types.MethodType):
            self.convert(value.__self__)
            self.convert(value.__func__)
        elif is_a(value, functools.partial):
            self.partial(value)
            self.mapping(value.keywords)
        elif is_a(value, _CACHE):
            self.convert(value.__wrapped__)
        elif is_a(value, types.ModuleType):
            if is_program_code(str(vars(value).get("__file__") or "<frozen>")):
                self.mapping(value.__dict__)
        elif is_a(value, type):
            if _of_program(value):
                for kind in (type(value), *mro(value)[1:]):
                    self.convert(kind)
                for name, each in list(namespace(value).items()):
                    self.class_attribute(value, name, each)
        elif is_a(value, dict):
            self.mapping(value)
            if is_a(value, defaultdict):
                self.attribute(value, "default_factory")
        elif is_a(value, (list, deque)):
            self.sequence(value)
        elif is_a(value, (set, frozenset)):
            for each in value:
                self.convert(each)
        elif is_a(value, (*_HOLDING, *_futures())) or _of_program(type(value)):
            self.instance(value)

    def instance(self, value: Any) -> None:
        self.convert(type(value))
        own = None if is_a(value, threading.local) else instance_dict(value)
        if own is not None:
            if is_a(value, (*_SYNCHRONISATION, *_futures())):
                self.found.append(own)
            if is_a(value, threading.Condition) and "_waiters" in own:
                # Those that wait are no threads of the program.
                self.undoing.append(functools.partial(own.__setitem__, "_waiters", own["_waiters"]))
                own["_waiters"] = deque()
            for name, each in list(own.items()):
                self.replace(each, functools.partial(own.__setitem__, name))
        for kind in mro(type(value)):
            for member in namespace(kind).values() if _of_program(kind) else ():
                if is_a(member, types.MemberDescriptorType):
                    try:
                        each = member.__get__(value)
                    except AttributeError:
                        continue
                    self.replace(each, functools.partial(member.__set__, value))

    def replace(self, value: object, put: Callable[[Any], None]) -> None:
        converted = self.convert(value)
        if converted is not value:
            self.undoing.append(functools.partial(put, value))
            put(converted)

    def mapping(self, mapping: dict[Any, Any]) -> None:
        if not self.first_time(mapping):
            return
        for key, value in list(mapping.items()):
            if type(key) is str and key.startswith("__") and key.endswith("__"):
                continue
            self.replace(value, functools.partial(mapping.__setitem__, key))

    def first_time(self, container: object) -> bool:
        key = -id(container)
        if key in self.seen:
            return False
        self.seen.add(key)
        self.kept.append(container)
        return True

    def sequence(self, sequence: Any) -> None:
        for position, value in enumerate(list(sequence)):
            self.replace(value, functools.partial(sequence.__setitem__, position))

    def cell(self, cell: types.CellType) -> None:
        if not self.first_time(cell):
            return
        try:
            value = cell.cell_contents
        except ValueError:
            return
        self.replace(value, functools.partial(setattr, cell, "cell_contents"))

    def attribute(self, owner: object, name: str) -> None:
        self.replace(getattr(owner, name), functools.partial(setattr, owner, name))

    def class_attribute(self, owner: type, name: str, value: object) -> None:
        put = functools.partial(type.__setattr__, owner, name)
        if is_a(value, (staticmethod, classmethod)):
            function = self.convert(value.__func__)
            if function is not value.__func__:
                self.undoing.append(functools.partial(put, value))
                put(type(value)(function))
        elif is_a(value, property):
            for function in (value.fget, value.fset, value.fdel):
                self.convert(function)
        elif is_a(value, types.FunctionType):
            self.convert(value)
        elif not name.startswith("__"):
            self.replace(value, put)

    def partial(self, value: functools.partial[Any]) -> None:
        function, given = self.convert(value.func), self.convert(value.args)
        if function is not value.func or given is not value.args:
            state = value.func, value.args, value.keywords, vars(value)
            put = value.__setstate__  # type: ignore[attr-defined]
            self.undoing.append(functools.partial(put, state))
            put((function, given, *state[2:]))


def _of_program(kind: type) -> bool:
    module = module_of(kind)
    if module in ("builtins", "threading", "queue", "_thread"):
        return False
    found = sys.modules.get(module)
    return found is not None and is_of_program(found)
