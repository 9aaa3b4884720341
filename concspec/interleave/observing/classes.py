"""What a class is to an exploration.

Classes are known by their identity: one of the program may say how it hashes and compares.
"""

from __future__ import annotations

import operator
import sys
import threading
import types
import weakref
from typing import TYPE_CHECKING, overload

from concspec.interleave.observing.sites import GENERATOR
from concspec.interleave.watched import is_program_code, is_shown

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from typing import Any, TypeGuard, TypeVar

    from typing_extensions import TypeIs

    Kind = TypeVar("Kind")
    Other = TypeVar("Other")
    Told = TypeVar("Told")


_FOR_GOOD = 1 << 8  # Py_TPFLAGS_IMMUTABLETYPE, from Python 3.10 on
_MADE = 1 << 9  # Py_TPFLAGS_HEAPTYPE
TEXTS = (str, bytes, bool, int, float, complex, type(None), range)
_OF_TEXTS = frozenset(id(member) for kind in TEXTS for member in vars(kind).values())
_IMPLEMENTED = (types.MethodDescriptorType, types.WrapperDescriptorType, types.BuiltinFunctionType)
_OF_CLASSES = (
    types.MethodDescriptorType,
    types.WrapperDescriptorType,
    types.ClassMethodDescriptorType,
)
_BINDING = ("__get__", "__set__", "__delete__")

mro: Callable[[Any], tuple[type, ...]] = type.__dict__["__mro__"].__get__
"""The classes that a class has its attributes from, whatever its metaclass makes of `__mro__`."""

namespace: Callable[[Any], Mapping[str, Any]] = type.__dict__["__dict__"].__get__
"""The attributes that a class has itself, whatever its metaclass makes of `__dict__`."""


_flags: Callable[[Any], int] = type.__dict__["__flags__"].__get__
"""What kind of class it is, whatever its metaclass makes of `__flags__`."""


_module: Callable[[Any], object] = type.__dict__["__module__"].__get__
_qualname: Callable[[Any], str] = type.__dict__["__qualname__"].__get__


def found_in(kind: type, name: str) -> Any:
    """Return what a class or one it is derived from has by a name, just as it stands, or None."""
    return next((known[name] for known in map(namespace, mro(kind)) if name in known), None)


def module_of(kind: type) -> str:
    """Return the module of a class, or "" where it has none."""
    try:
        found = _module(kind)
    except AttributeError:  # it was made where there is no `__name__`
        found = ""
    return found if type(found) is str else ""


def path_of(kind: type) -> str:
    """Return the module of a class and its name there."""
    return f"{module_of(kind)}.{_qualname(kind)}"


def can_change(kind: type) -> bool:
    """Tell a class whose attributes can be set, as those of all that are written in Python."""
    return _flags(kind) & (_MADE | _FOR_GOOD) == _MADE


@overload
def is_a(thing: object, kinds: type[Kind]) -> TypeIs[Kind]: ...
@overload
def is_a(thing: object, kinds: tuple[type[Kind], type[Other]]) -> TypeIs[Kind | Other]: ...
@overload
def is_a(thing: object, kinds: tuple[type, ...]) -> bool: ...
def is_a(thing: object, kinds: type | tuple[type, ...]) -> bool:
    """Tell an object of a class, whatever its own class makes of `__class__`."""
    return issubclass(type(thing), kinds)


def is_python_function(function: object) -> TypeGuard[types.FunctionType]:
    """Tell a function written in Python; PyPy's built-in ones are of the same type."""
    return type(function) is types.FunctionType and type(function.__code__) is types.CodeType


def is_python(function: object) -> bool:
    """Tell a function or a method that runs nothing but code that tracing shows."""
    if type(function) is types.MethodType:
        function = function.__func__
    return is_python_function(function) and is_shown(function.__code__)


_known: list[dict[int, tuple[object, Any]]] = []


def once(tell: Callable[[type], Told]) -> Callable[[type], Told]:
    """Remember what is told of a class, until it ends or all is forgotten."""
    known: dict[int, tuple[object, Told]] = {}
    _known.append(known)

    def told(kind: type) -> Told:
        try:
            return known[id(kind)][1]
        except KeyError:
            key = id(kind)
            # No functools.partial(): on PyPy that is Python code, and would be watched.
            end = weakref.ref(kind, lambda _: known.pop(key, None))
            found = known[id(kind)] = end, tell(kind)
            return found[1]

    return told


def forget() -> None:
    """Forget what is known of classes, where one may have been changed."""
    for each in _known:
        each.clear()


@once
def is_python_type(kind: type) -> bool:
    """Tell a class whose methods are Python code that is watched."""
    if not can_change(kind) or hooks(kind):
        return False
    return all(
        is_python(member) or not _is_implemented(member) or _is_private(name)
        for name, member in namespace(kind).items()
    )


def _is_private(name: object) -> bool:
    """Tell the name of a method that no C code looks up, as that of `_new_member_` of an enum."""
    return type(name) is str and name.startswith("_") and not name.startswith("__")


def _is_implemented(member: object) -> bool:
    """Tell a function that no tracing shows."""
    return is_a(member, _IMPLEMENTED) or _is_hidden(member)


@once
def hooks(kind: type) -> tuple[object, ...]:
    """Return what is not Python code of all that Python calls by itself for objects of a class.

    Such are special methods and what makes up descriptors: `__len__ = items.__len__`, or
    `property(attrgetter("x"))`.
    """
    return tuple(
        hook
        for each in mro(kind)
        if can_change(each)
        for name, member in namespace(each).items()
        if not is_python(member)
        for owner, hook in _called_by_python(each, name, member)
        if _is_unseen(hook) and not _is_usual(kind, owner, name, hook)
    )


def _called_by_python(owner: type, name: str, member: object) -> Iterator[tuple[type, object]]:
    """Give what of a member of a class Python calls by itself, and the class that has it."""
    if is_a(member, property):
        yield from ((owner, each) for each in (member.fget, member.fset, member.fdel))
    elif type(name) is str and name.startswith("__") and name.endswith("__"):
        yield owner, member.__func__ if is_a(member, (staticmethod, classmethod)) else member
        return
    if type(member) is not property:
        for each in mro(type(member)):
            if can_change(each):
                members = namespace(each)
                yield from ((each, members[way]) for way in _BINDING if way in members)


def _is_unseen(member: object) -> bool:
    """Tell what can be called, and is neither Python code that is watched nor a class."""
    if is_a(member, (types.FunctionType, types.MethodType)):
        return not is_python(member)
    kind = type(member)
    if issubclass(kind, type) or not any("__call__" in namespace(each) for each in mro(kind)):
        return False
    return not is_of_python(kind)


def _is_usual(kind: type, owner: type, name: str, member: object) -> bool:
    """Tell what a class of C has of itself, what is inherited anyway, and what texts have."""
    if id(member) in _OF_TEXTS or name == "__new__":
        return True
    if is_a(member, _OF_CLASSES) and getattr(member, "__objclass__", None) is owner:
        return True
    # PyPy has classes of C in Python, and the fields of named tuples as properties.
    if (
        _is_hidden(member)
        and member.__qualname__.startswith(f"{owner.__qualname__}.")
        and not hasattr(member, "__wrapped__")  # which has that name from what it wraps
    ):
        return True
    if is_a(member, operator.itemgetter) and issubclass(owner, tuple):
        return True
    return any(namespace(base).get(name) is member for base in mro(kind) if base is not owner)


def _is_hidden(function: object) -> TypeGuard[types.FunctionType]:
    """Tell a function of PyPy that no tracing shows."""
    return is_a(function, types.FunctionType) and not is_python(function)


@once
def is_of_python(kind: type) -> bool:
    """Tell a class that has all its methods, but those of `object`, from Python."""
    return all(is_python_type(each) for each in mro(kind)[:-1])


@once
def is_of_python_or_text(kind: type) -> bool:
    """Tell likewise a class that has all else from a number or a text, which does not change."""
    return all(
        is_python_type(each) or any(each is text for text in TEXTS) for each in mro(kind)[:-1]
    )


@once
def is_iterated_by_python(kind: type) -> bool:
    """Tell a class whose Python code says what goes through an object."""
    return is_python_function(found_in(kind, "__iter__"))


@once
def gives_items_by_python(kind: type) -> bool:
    """Tell a class of which Python code gives one item of an object after the other."""
    ways = ("__iter__", "__next__", "__reversed__", "__getitem__")
    return any(is_python_function(namespace(each).get(way)) for each in mro(kind) for way in ways)


@once
def is_iterated_by_generator(kind: type) -> bool:
    """Tell a class of which a new generator goes through an object."""
    iterating = found_in(kind, "__iter__")
    return is_python_function(iterating) and bool(iterating.__code__.co_flags & GENERATOR)


@once
def is_iterator(kind: type) -> bool:
    """Tell a class whose objects are moved on by going through them."""
    return any("__next__" in namespace(each) for each in mro(kind))


def is_moved_by_python(iterator: object) -> bool:
    """Tell an iterator of which Python code that tracing shows gives what comes next."""
    if is_a(iterator, types.GeneratorType):
        return is_shown(iterator.gi_code)
    return is_python_function(found_in(type(iterator), "__next__"))


def is_asked_by_program(kind: object) -> bool:
    """Tell an abstract class that asks code of the program which other classes count as its own.

    What that said is remembered, so it is not asked again.
    """
    if not is_a(kind, type):
        return False
    asked = [(kind, "__subclasshook__")]
    asked += [(type(kind), name) for name in ("__instancecheck__", "__subclasscheck__")]
    for owner, name in asked:
        found = found_in(owner, name)
        found = found.__func__ if is_a(found, (classmethod, staticmethod)) else found
        if is_python_function(found) and is_program_code(found.__code__.co_filename):
            return True
    return any(map(is_asked_by_program, type.__subclasses__(kind)))


@once
def is_of_ctypes(kind: type) -> bool:
    """Tell a class of `ctypes`: where objects share memory, it does not say so."""
    made_by = type(kind)
    return made_by is not type and any(
        module_of(each).startswith("_ctypes") for each in mro(made_by)
    )


@once
def is_modelled_class(kind: type) -> bool:
    """Tell the classes whose operations are steps of their own."""
    module = module_of(kind)
    return module in ("threading", "_thread") or module.startswith("concspec.interleave")


def is_of_program(module: object) -> bool:
    """Tell a module that is the program's."""
    return is_program_code(str(vars(module).get("__file__") or "<string>"))


def is_watched_for_its_end(thing: object) -> bool:
    """Tell whether something depends on when an object ends, which no access tells."""
    kind = type(thing)
    if _is_lasting(kind):
        return False
    referred_to = not _is_referred_to_weakly(kind) and weakref.getweakrefcount(thing) > 0
    return has_finalizer(kind) or referred_to


@once
def _is_referred_to_weakly(kind: type) -> bool:
    """Tell a class whose own module refers to its objects so, and makes no use of their end.

    Pools do where they were not shut down, which is noticed at the end of an execution.
    """
    known = (("logging", "Handler"), ("concurrent.futures.thread", "ThreadPoolExecutor"))
    classes = [getattr(sys.modules.get(module), name, threading.local) for module, name in known]
    return issubclass(kind, (threading.local, *classes))


@once
def _is_lasting(kind: type) -> bool:
    """Tell a class whose objects are kept, or end in no way that a program makes use of."""
    return (
        any(kind is each for each in _LASTING)
        or is_modelled_class(kind)
        or issubclass(kind, (type, threading.Thread))
    )


def is_copied_by_threads(thing: object) -> bool:
    """Tell the context that each thread copies when it first calculates with decimal numbers."""
    # A thread may be importing the module just now.
    context = getattr(sys.modules.get("decimal"), "DefaultContext", None)
    return context is not None and thing is context


@once
def has_finalizer(kind: type) -> bool:
    """Tell a class whose objects run code of Python at their end."""
    return any(is_python_function(namespace(each).get("__del__")) for each in mro(kind))


_LASTING = (dict, list, types.FunctionType, types.ModuleType, types.GeneratorType)
