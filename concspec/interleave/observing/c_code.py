"""What is known of code written in C, which is not watched as it runs.

Functions that are known only to read, and not to look into attributes, make a call a read of the
containers that it is handed; what is not known is taken to touch all that it can reach.
"""

from __future__ import annotations

import gc
import operator
import os
import re
import sys
import threading
import time
import types
import warnings
import weakref
from collections import OrderedDict, defaultdict, deque
from typing import Any

from concspec.interleave.observing.classes import can_change, is_a, module_of, mro, once, path_of


class _Callable:
    """A callable of C that is known by what it does alone."""


LOOKING, CALLING = _Callable(), _Callable()
READING_METHODS = frozenset(
    [
        "__contains__", "__eq__", "__ge__", "__getitem__", "__gt__", "__iter__", "__le__",
        "__len__", "__lt__", "__ne__", "__repr__", "__reversed__", "copy", "count", "difference",
        "get", "index", "intersection", "isdisjoint", "issubset", "issuperset", "items", "keys",
        "symmetric_difference", "union", "values",
    ]
)  # fmt: skip
KEYED_METHODS = frozenset(["get", "__getitem__", "pop", "setdefault", "__setitem__"])
UPDATING_METHODS = frozenset(["__init__", "__ior__", "__or__", "__ror__", "copy", "update"])
"""Those of a dictionary look the attribute `keys` up on what they put into one."""
# Methods that put their arguments into a container and do not look at them.
STORING_METHODS = frozenset(["append", "appendleft", "insert", "setdefault", "__setitem__"])
COUNTING = frozenset(
    [
        all, any, ascii, bool, callable, chr, float, format, hasattr, hash, hex, id, int,
        isinstance, issubclass, len, oct, ord, print, repr, str, bytes, setattr, delattr,
    ]
)  # fmt: skip
"""What these give back holds nothing that they were given."""
READING = frozenset(
    [
        *COUNTING, abs, bin, divmod, getattr, iter, max, min, next, os.fspath, pow, round, sorted,
        sum,
    ]
)  # fmt: skip
GOING = frozenset(
    [
        all, any, max, min, next, sorted, sum, bytes, bytearray, dict, frozenset, list, set, tuple,
        deque, OrderedDict, defaultdict,
    ]
)  # fmt: skip
"""They move on an iterator that they are given."""
# What they do, they have Python code do, which is seen.
RUNNING = frozenset([globals, __import__])
# They see the variables of the function that calls them, the last two if they are given nothing.
LOCAL = frozenset([exec, eval, locals])
SHOWING = frozenset([dir, vars])
HARMLESS = frozenset([sys.exc_info, sys._getframe, sys.intern, os.getpid])
# Functions of these do nothing but read what they are given.
HARMLESS_MODULES = frozenset(["_thread", "time", "math", "cmath", "errno"])
CLOCKS = frozenset(
    getattr(time, name)
    for clock in ("time", "monotonic", "perf_counter", "process_time")
    for name in (clock, f"{clock}_ns")
)
"""Who reads one of these later sees a later time."""
_CLOCK_METHODS = frozenset(["now", "today", "utcnow"])
# Functions of these touch what they are given and nothing of their own.
STATELESS = frozenset(
    [
        "_bisect", "_codecs", "_collections", "_functools", "_heapq", "_json", "_operator",
        "_struct", "binascii", "builtins", "collections", "functools", "itertools", "operator",
        "unicodedata", "zlib",
    ]
)  # fmt: skip
_VALUES = frozenset(
    [
        "datetime.date", "datetime.datetime", "datetime.time", "datetime.timedelta",
        "datetime.timezone", "decimal.Decimal", "re.Match", "re.Pattern",
    ]
)  # fmt: skip
METHODS_OF_ALL = frozenset(dir(object))
ATTRIBUTE_METHODS = frozenset(["__getattribute__", "__setattr__", "__delattr__"])
COMPARING_METHODS = frozenset(["__contains__", "count", "index", "remove", "sort"])
GETTERS = frozenset([operator.attrgetter, operator.itemgetter])
GETTING = frozenset([getattr, hasattr, object.__getattribute__, type.__getattribute__])
SETTING = frozenset(
    [
        setattr, delattr, object.__setattr__, object.__delattr__, type.__setattr__,
        type.__delattr__,
    ]
)  # fmt: skip
SETTERS = frozenset([*[each.__name__ for each in SETTING], "__setstate__"])
"""The last, of `functools.partial`, sets `__dict__`."""
WEAK = (weakref.ReferenceType, weakref.ProxyType, weakref.CallableProxyType)
OPAQUE = frozenset([types.GeneratorType, types.CoroutineType, types.AsyncGeneratorType, *WEAK])
UNSEEN: dict[object, str] = {
    weakref.ref: "whether an object is still alive",
    gc.collect: "the garbage collector",
    gc.get_objects: "the garbage collector",
    gc.get_referrers: "the garbage collector",
    threading.active_count: "the threads that are alive",
    threading.enumerate: "the threads that are alive",
    input: "what is read from standard input",
    getattr(sys, "getrefcount", None): "how often something is referred to",  # PyPy has none
    warnings.warn: "which warnings are filtered, or were given before",
    warnings.warn_explicit: "which warnings are filtered, or were given before",
    weakref.getweakrefcount: "whether an object is still alive",
    weakref.getweakrefs: "whether an object is still alive",
}
"""What these tell depends on what is no access to shared state; so nothing is proved of it."""


def is_plain_reader(function: Any) -> bool:
    """Tell a function written in C that reads, and looks into no attributes."""
    if isinstance(function, types.BuiltinFunctionType) and not _is_bound(function):
        if function is print:  # it calls methods of a stream
            return False
        return function in READING and function not in GETTING and function not in SETTING
    return getattr(function, "__name__", "") in READING_METHODS


def only_reads(function: Any) -> bool:
    """Tell a function written in C that changes nothing it is given."""
    return (
        function is LOOKING
        or type(function) in GETTERS
        or (isinstance(function, types.BuiltinFunctionType) and function in GETTING)
        or is_plain_reader(function)
    )


def _is_bound(function: types.BuiltinFunctionType) -> bool:
    return function.__self__ is not None and not isinstance(function.__self__, types.ModuleType)


@once
def makes_values(kind: type) -> bool:
    """Tell whether objects of a class of C are what they were made as, and of what."""
    return path_of(kind) in _VALUES and not can_change(kind)


def is_value(thing: Any) -> bool:
    """Tell what stays as it was made, like a number, and looks at nothing that changes."""
    kind = type(thing)
    if not makes_values(kind):
        return False
    if kind is re.Match:  # PyPy 3.9 gives a copy of memory that it was found in
        held = (thing.string, *gc.get_referents(thing))
        return all(type(each) in (str, bytes, re.Pattern, tuple, type, type(None)) for each in held)
    zone = getattr(thing, "tzinfo", None)
    return zone is None or makes_values(type(zone))


def is_known(kind: type) -> bool:
    """Tell a class of C whose making only reads what it is given."""
    return kind is not memoryview and (
        module_of(kind) in STATELESS or issubclass(kind, BaseException)
    )


def reads_clock(function: Any, owner: object) -> bool:
    """Tell what gives the time, among functions written in C and methods of `datetime`."""
    if function in CLOCKS:
        return True
    return (
        function.__name__ in _CLOCK_METHODS
        and is_a(owner, type)
        and any(module_of(each) == "datetime" for each in mro(owner))
    )
