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

from concspec.interleave.observing.classes import (
    can_change,
    is_a,
    is_python_type,
    module_of,
    mro,
    once,
    path_of,
)
from concspec.interleave.observing.looking import CONTAINERS, HOLDERS, NEW
from concspec.interleave.watched import is_of_library


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
        str.maketrans, sum, bytes.maketrans,
    ]
)  # fmt: skip
GOING = frozenset(
    [
        all, any, max, min, next, sorted, sum, bytes, bytearray, dict, frozenset, list, set, tuple,
        deque, OrderedDict, defaultdict,
    ]
)  # fmt: skip
"""They move on an iterator that they are given."""
_LENT_TO = (
    all, any, dict, filter, frozenset, list, map, max, min, next, set, sorted, sum, tuple,
)  # fmt: skip
_LENT_TO_METHODS = (*CONTAINERS, str, bytes, re.Pattern)
# What they do, they have Python code do, which is seen.
RUNNING = frozenset([globals, __import__])
# They see the variables of the function that calls them, the last two if they are given nothing.
LOCAL = frozenset([exec, eval, locals])
SHOWING = frozenset([dir, vars])
SYSTEM = os.stat.__module__
"""The module of what asks the operating system, which gives numbers and texts, and new objects."""
_HARMLESS = {
    "sys": ["exc_info", "exception", "_getframe", "intern"],
    SYSTEM: ["cpu_count", "getpid", "urandom", "_path_normpath", "_path_splitroot_ex"],
}
HARMLESS = frozenset(
    getattr(sys.modules[module], name)
    for module, names in _HARMLESS.items()
    for name in names
    if hasattr(sys.modules[module], name)
)
ASKING = frozenset(
    [os.access, os.fstat, os.getcwd, os.listdir, os.lstat, os.readlink, os.scandir, os.stat]
)
"""They change nothing of the operating system."""
# Functions of these do nothing but read what they are given.
HARMLESS_MODULES = frozenset(["_thread", "time", "math", "math.integer", "cmath", "errno"])
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
        "_bisect", "_blake2", "_bz2", "_codecs", "_collections", "_functools", "_hashlib", "_heapq",
        "_json", "_lzma", "_md5", "_operator", "_random", "_sha1", "_sha2", "_sha256", "_sha3",
        "_sha512", "_statistics", "_string", "_struct", "array", "binascii", "builtins",
        "collections", "functools", "itertools", "operator", "unicodedata", "zlib",
    ]
)  # fmt: skip
_VALUES = frozenset(
    [
        "datetime.date", "datetime.datetime", "datetime.time", "datetime.timedelta",
        "datetime.timezone", "decimal.Decimal", "re.Match", "re.Pattern",
    ]
)  # fmt: skip
_GIVING_TEXTS = frozenset(["_pickle.dumps"])
_SHARED_READERS = frozenset(["_json.Scanner", "_json.Encoder"])
METHODS_OF_ALL = frozenset(dir(object))
ASKING_METHODS = METHODS_OF_ALL - {
    "__class__", "__delattr__", "__init__", "__init_subclass__", "__new__", "__setattr__",
}  # fmt: skip
"""They change nothing, whatever has them."""
METHODS_OF_CONTAINERS = frozenset(name for kind in (*HOLDERS, str, bytes) for name in dir(kind))
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


def _gives_texts(function: Any) -> bool:
    return f"{function.__module__}.{function.__name__}" in _GIVING_TEXTS


def only_reads_what_it_is_given(function: Any) -> bool:
    """Tell a function of C of a module that keeps something, which changes nothing."""
    return function in ASKING or _gives_texts(function)


def gives_new(function: Any) -> bool:
    """Tell a function of C of which the result is a text, or another new value."""
    of_system = function.__module__ == SYSTEM and function is not os.fspath
    return function in COUNTING or of_system or _gives_texts(function)


def stays_outside(function: Any) -> bool:
    """Tell a function written in C that looks into no attributes: of a container, or a reader."""
    if isinstance(function, types.BuiltinFunctionType) and _is_bound(function):
        return is_a(function.__self__, CONTAINERS) and not (
            function.__name__ in METHODS_OF_ALL or function.__name__ in UPDATING_METHODS
        )
    return is_plain_reader(function)


def only_reads(function: Any) -> bool:
    """Tell a function written in C that changes nothing it is given."""
    return (
        function is LOOKING
        or type(function) in GETTERS
        or (isinstance(function, types.BuiltinFunctionType) and function in GETTING)
        or reads_when_called(type(function))
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


@once
def reads_when_called(kind: type) -> bool:
    """Tell a class of C whose objects change nothing, and give what is new, when they are called.

    What they are to call for that is another matter.
    """
    return path_of(kind) in _SHARED_READERS and not is_python_type(kind)


def is_known(kind: type) -> bool:
    """Tell a class of C whose making only reads what it is given."""
    return kind is not memoryview and (
        module_of(kind) in STATELESS
        or issubclass(kind, BaseException)
        or path_of(kind) in ("_io.BytesIO", "_io.StringIO")
    )


def is_of_interpreter(thing: Any) -> bool:
    """Tell C code that comes with the interpreter: it sets attributes of classes where asked to.

    `thing` is a callable, or a class.
    """
    if isinstance(thing, types.BuiltinFunctionType) and not _is_bound(thing):
        return _comes_with_python(thing.__module__ or "")
    if is_a(thing, (types.BuiltinFunctionType, types.MethodWrapperType)):
        thing = type(thing.__self__)
    elif is_a(thing, (types.MethodDescriptorType, types.WrapperDescriptorType)):
        thing = getattr(thing, "__objclass__", type(thing))  # PyPy has functions for them
    return _is_class_of_interpreter(thing if is_a(thing, type) else type(thing))


@once
def _is_class_of_interpreter(kind: type) -> bool:
    return kind is _Callable or all(
        is_python_type(each) or _comes_with_python(module_of(each)) for each in mro(kind)
    )


def _comes_with_python(module: str) -> bool:
    """Tell a module of the standard library, among those that are there."""
    file = getattr(sys.modules.get(module), "__file__", "?" if module not in sys.modules else None)
    return not file or is_of_library(file)


def keeps_nothing(function: object, owner: object) -> bool:
    """Tell what calls what it was lent, and uses up iterators, and has neither when it returns.

    A `map` or a `filter` does for as long as it is used.  `owner` is what a method is bound to.
    """
    if is_a(function, types.BuiltinFunctionType) and is_a(owner, _LENT_TO_METHODS):
        return True
    return function is NEW or any(function is each for each in _LENT_TO)


def reads_clock(function: Any, owner: object) -> bool:
    """Tell what gives the time, among functions written in C and methods of `datetime`."""
    if function in CLOCKS:
        return True
    return (
        function.__name__ in _CLOCK_METHODS
        and is_a(owner, type)
        and any(module_of(each) == "datetime" for each in mro(owner))
    )
