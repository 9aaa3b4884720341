"""What a class is to an exploration.

Classes are known by their identity: one of the program may say how it hashes and compares.
"""

from __future__ import annotations

import threading
import types
import weakref
from typing import TYPE_CHECKING

from concspec.interleave.watched import is_program_code, is_shown

if TYPE_CHECKING:
    from typing import TypeGuard

OF_PROGRAM = 1 << 9  # Py_TPFLAGS_HEAPTYPE


def is_python_function(function: object) -> TypeGuard[types.FunctionType]:
    """Tell a function written in Python; PyPy's built-in ones are of the same type."""
    return isinstance(function, types.FunctionType) and isinstance(
        function.__code__, types.CodeType
    )


def is_python(function: object) -> bool:
    """Tell a function or a method that runs nothing but code that tracing shows."""
    if isinstance(function, types.MethodType):
        function = function.__func__
    return is_python_function(function) and is_shown(function.__code__)


_python_types: dict[int, tuple[type, bool]] = {}
_IMPLEMENTED = (types.MethodDescriptorType, types.WrapperDescriptorType, types.BuiltinFunctionType)


def is_python_type(kind: type) -> bool:
    """Tell a class whose methods are Python code that is watched."""
    known = _python_types.get(id(kind))
    if known is None:
        python = bool(kind.__flags__ & OF_PROGRAM) and not any(
            (isinstance(each, _IMPLEMENTED) or _is_hidden(each)) and not is_python(each)
            for each in vars(kind).values()
        )
        known = _python_types[id(kind)] = (kind, python)
    return known[1]


def _is_hidden(function: object) -> bool:
    """Tell a function of PyPy that no tracing shows."""
    return isinstance(function, types.FunctionType) and not is_python(function)


def is_of_python(kind: type) -> bool:
    """Tell a class that has all its methods, but those of `object`, from Python."""
    return all(is_python_type(each) for each in kind.__mro__[:-1])


def is_iterator(kind: type) -> bool:
    """Tell a class whose objects are moved on by going through them."""
    return any("__next__" in vars(each) for each in kind.__mro__)


def is_modelled_class(kind: type) -> bool:
    """Tell the classes whose operations are steps of their own."""
    module = kind.__module__
    return module in ("threading", "_thread") or (
        isinstance(module, str) and module.startswith("concspec.interleave")
    )


def is_of_program(module: object) -> bool:
    """Tell a module that is the program's."""
    return is_program_code(getattr(module, "__file__", None) or "<string>")


def is_watched_for_its_end(thing: object) -> bool:
    """Tell whether something depends on when an object ends, which no access tells."""
    kind = type(thing)
    if kind in _LASTING or is_modelled_class(kind) or isinstance(thing, (type, threading.Thread)):
        return False
    return has_finalizer(kind) or weakref.getweakrefcount(thing) > 0


def has_finalizer(kind: type) -> bool:
    """Tell a class whose objects run code of Python at their end."""
    for each in kind.__mro__:
        if "__del__" in each.__dict__ and is_python_function(each.__dict__["__del__"]):
            return True
    return False


_LASTING = frozenset([dict, list, types.FunctionType, types.ModuleType, types.GeneratorType])
