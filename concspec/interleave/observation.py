"""From a site and the frame that stands there to the objects about to be touched.

In goes a `Site` with a live frame; out come the places (see `operations`) and whether they are
changed.  Nothing here runs code of the program: attributes are looked up statically, keys are
compared only where they are plain values.
"""

from __future__ import annotations

import builtins
import sys
import types
from collections import OrderedDict, defaultdict, deque
from typing import TYPE_CHECKING, Any

from concspec.interleave.accesses import (
    ATTRIBUTE,
    CALL,
    CAPTURE,
    CELL,
    GLOBAL,
    ITEM,
    ITERATION,
    Constant,
    Local,
    Method,
    Result,
    Site,
    Source,
)
from concspec.interleave.operations import WHOLE

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TypeGuard

    from concspec.interleave.operations import Field, Place

MISSING = object()


class Aliases:
    """The result of a call: a view or an iterator over these containers, or none of them."""

    __slots__ = ("containers",)

    def __init__(self, containers: list[object]) -> None:
        """Remember what the result may reach."""
        self.containers = containers


_IMMUTABLE = (
    bool, int, float, complex, str, bytes, type(None), tuple, frozenset, range, slice,
    type, types.FunctionType, types.BuiltinFunctionType, types.MethodType, types.ModuleType,
    types.CodeType, property, type(Ellipsis),
)  # fmt: skip
_CONTAINERS = (list, dict, set, bytearray, deque)
_PLAIN_KEYS = frozenset([int, str, bytes, bool, float, type(None)])
_READING_METHODS = frozenset(
    [
        "__contains__",
        "__eq__",
        "__ge__",
        "__getitem__",
        "__gt__",
        "__iter__",
        "__le__",
        "__len__",
        "__lt__",
        "__ne__",
        "__repr__",
        "__reversed__",
        "copy",
        "count",
        "difference",
        "get",
        "index",
        "intersection",
        "isdisjoint",
        "issubset",
        "issuperset",
        "items",
        "keys",
        "symmetric_difference",
        "union",
        "values",
    ]
)
_METHODS_OF_CONTAINERS = frozenset(
    name
    for kind in (*_CONTAINERS, OrderedDict, defaultdict)
    for name in dir(kind)
    if not name.startswith("__")
)
_READING_FUNCTIONS = frozenset(
    [
        "all",
        "any",
        "ascii",
        "bool",
        "bytes",
        "dict",
        "dir",
        "enumerate",
        "filter",
        "format",
        "frozenset",
        "getattr",
        "hasattr",
        "hash",
        "id",
        "isinstance",
        "issubclass",
        "iter",
        "len",
        "list",
        "map",
        "max",
        "min",
        "next",
        "print",
        "repr",
        "reversed",
        "set",
        "sorted",
        "str",
        "sum",
        "tuple",
        "type",
        "vars",
        "zip",
    ]
)
_HARMLESS_ITERATORS = frozenset(
    [
        "tuple_iterator",
        "range_iterator",
        "longrange_iterator",
        "str_iterator",
        "str_ascii_iterator",
        "bytes_iterator",
        "generator",
    ]
)
_ATTRIBUTE_FUNCTIONS = (getattr, setattr, delattr, hasattr)
_BOUND = (types.MethodType, types.BuiltinMethodType, types.MethodWrapperType)
_BUILTIN_CALLABLES = (
    types.BuiltinFunctionType,
    types.MethodDescriptorType,
    types.WrapperDescriptorType,
    types.MethodWrapperType,
)

_NAMED = (*_BUILTIN_CALLABLES, *_BOUND, types.FunctionType, type)


class Observer:
    """Resolves the sites of one execution; knows its objects by short names."""

    def __init__(self) -> None:
        """Start with no object named."""
        self.names: dict[int, int] = {}
        self.kept: list[object] = []

    def name(self, thing: object) -> int:
        """Return the name of an object in this execution: the number of objects met before it.

        The object is kept until the execution is over, so that no other takes its identity.
        """
        identity = id(thing)
        name = self.names.get(identity)
        if name is None:
            name = self.names[identity] = len(self.kept)
            self.kept.append(thing)
        return name

    def value(self, source: Source, frame: types.FrameType, results: dict[Any, object]) -> object:
        """Return the value of `source` in `frame`, or MISSING."""
        if isinstance(source, Result):
            return results.get((id(frame), source.offset), MISSING)
        if isinstance(source, Local):
            return frame.f_locals.get(source.name, MISSING)
        if isinstance(source, Constant):
            return source.value
        return MISSING

    def observe(
        self, site: Site, frame: types.FrameType, results: dict[Any, object]
    ) -> tuple[tuple[Place, ...], bool]:
        """Return the places `site` is about to touch, and whether it changes them."""
        kind = site.kind
        if kind == GLOBAL:
            # A global is an item of its module's namespace, as `globals()["name"]` is.
            return ((self.name(frame.f_globals), (site.name,)),), site.write
        if kind == CELL:
            return ((-1, site.name),), site.write
        if kind == ATTRIBUTE:
            receiver = self.value(site.receiver, frame, results)
            return self.attribute(receiver, site.name, write=site.write), site.write
        if kind == ITEM:
            receiver = self.value(site.receiver, frame, results)
            key = self.value(site.key, frame, results)
            return self.items(receiver, key), site.write
        if kind == ITERATION:
            receiver = self.value(site.receiver, frame, results)
            return self.whole(receiver), site.write
        if kind == CALL:
            return self.called(site, frame, results)
        return (), False

    def read(self, site: Site, frame: types.FrameType, results: dict[Any, object]) -> object:
        """Return the value the instruction at `site` is about to push, or MISSING."""
        kind = site.kind
        if kind == GLOBAL:
            value = frame.f_globals.get(site.name, MISSING)
            if value is MISSING:
                value = vars(builtins).get(site.name, MISSING)
            return value
        if kind == CELL:
            return frame.f_locals.get(site.name, MISSING)
        if kind == ATTRIBUTE:
            receiver = self.value(site.receiver, frame, results)
            return static_attribute(receiver, site.name)
        if kind == ITEM:
            receiver = self.value(site.receiver, frame, results)
            return static_item(receiver, self.value(site.key, frame, results))
        if kind == CAPTURE:
            return self.value(site.receiver, frame, results)
        if kind == CALL:
            return self.result(site, frame, results)
        return MISSING

    def looker(
        self, site: Site, frame: types.FrameType, results: dict[Any, object]
    ) -> Callable[[], object]:
        """Return a function that looks, whenever it is called, at what `site` touches now."""
        if site.kind == ATTRIBUTE:
            owner = self.value(site.receiver, frame, results)
            return lambda: static_attribute(owner, site.name)
        if site.kind == ITEM:
            container = self.value(site.receiver, frame, results)
            key = self.value(site.key, frame, results)
            return lambda: static_item(container, key)
        if site.kind in (GLOBAL, CELL):
            return lambda: self.read(site, frame, results)
        source = site.receiver.receiver if isinstance(site.receiver, Method) else site.receiver
        whole = self.value(source, frame, results)
        if type(whole) in _CONTAINERS:
            kind: Any = type(whole)
            return lambda: kind(whole)
        return lambda: whole if isinstance(whole, _IMMUTABLE) else MISSING

    # Attributes.

    def attribute(self, receiver: object, name: str, *, write: bool) -> tuple[Place, ...]:
        if receiver is MISSING or isinstance(receiver, Aliases):
            return ((None, name), (None, (name,)))
        if isinstance(receiver, types.ModuleType):
            return ((self.name(receiver.__dict__), (name,)),)
        own = (self.name(receiver), name)
        if write:
            return (own,)
        kind = type(receiver)
        if isinstance(receiver, type):
            mro: tuple[type, ...] = type.__getattribute__(receiver, "__mro__")
        else:
            if type(name) is str and name in _instance_dict(receiver):
                return (own,)
            mro = kind.__mro__
        for each in mro:
            if name in each.__dict__:
                if isinstance(each.__dict__[name], (types.MemberDescriptorType, property)):
                    return (own,)
                return (own, (self.name(each), name)) if each is not receiver else (own,)
        return (own,)

    # Containers.

    def items(self, receiver: object, key: object) -> tuple[Place, ...]:
        if receiver is MISSING:
            return ((None, WHOLE),)
        if isinstance(receiver, Aliases):
            return tuple(place for each in receiver.containers for place in self.whole(each))
        if isinstance(receiver, _IMMUTABLE):
            return ()
        if not isinstance(receiver, _CONTAINERS):
            if _is_python(receiver):
                return ()
            return ((self.name(receiver), WHOLE),)
        return ((self.name(receiver), _item(receiver, key)),)

    def whole(self, receiver: object) -> tuple[Place, ...]:
        if receiver is MISSING:
            return ((None, WHOLE),)
        if isinstance(receiver, Aliases):
            return tuple(place for each in receiver.containers for place in self.whole(each))
        if isinstance(receiver, _CONTAINERS):
            return ((self.name(receiver), WHOLE),)
        # The hidden argument of a comprehension, up to Python 3.11, and iterators kept by the
        # program: what they go through is known for some, and for the others could be anything.
        kind = type(receiver)
        if not hasattr(kind, "__next__") or kind.__name__ in _HARMLESS_ITERATORS:
            return ()
        if kind.__name__ in ("list_iterator", "sequenceiterator"):
            rest = receiver.__reduce__()[1]
            iterated = rest[0] if isinstance(rest, tuple) and rest else None
            return ((self.name(iterated), WHOLE),) if isinstance(iterated, list) else ()
        return () if _is_python(receiver) else ((None, WHOLE),)

    # Calls.

    def callee(
        self, site: Site, frame: types.FrameType, results: dict[Any, object]
    ) -> tuple[object, object, str]:
        """Return what is called, the object it is bound to, and its name."""
        source = site.receiver
        if isinstance(source, Method):
            receiver = self.value(source.receiver, frame, results)
            if receiver is MISSING or isinstance(receiver, Aliases):
                return MISSING, receiver, source.name
            function = static_attribute(receiver, source.name)
            if isinstance(receiver, (types.ModuleType, type)):
                return function, MISSING, source.name
            return function, receiver, source.name
        function = self.value(source, frame, results)
        name = _name_of(function)
        if isinstance(function, _BOUND):
            owner = function.__self__
            if owner is not None and not isinstance(owner, types.ModuleType):
                return getattr(function, "__func__", function), owner, name
        return function, MISSING, name

    def called(
        self, site: Site, frame: types.FrameType, results: dict[Any, object]
    ) -> tuple[tuple[Place, ...], bool]:
        if site.name:
            return self.operated(site, frame, results)
        function, owner, name = self.callee(site, frame, results)
        if _is_python_function(function):
            if is_program_code(function.__code__.co_filename):
                return (), False
            return self.arguments(site, frame, results), True
        if function in _ATTRIBUTE_FUNCTIONS and len(site.arguments) > 1:
            receiver = self.value(site.arguments[0], frame, results)
            attribute = self.value(site.arguments[1], frame, results)
            write = function in (setattr, delattr)
            if type(attribute) is str:
                return self.attribute(receiver, attribute, write=write), write
        if owner is not MISSING:
            return self.method_called(owner, name, site, frame, results)
        if function is MISSING:
            if name in _METHODS_OF_CONTAINERS:
                return ((None, WHOLE),), name not in _READING_METHODS
            return (), False
        if isinstance(function, (*_BUILTIN_CALLABLES, types.FunctionType, type)):
            if isinstance(function, type) and _is_python_type(function):
                return (), False
            reads = name in _READING_FUNCTIONS or name in _READING_METHODS
            return self.arguments(site, frame, results), not reads
        return (), False

    def method_called(
        self,
        owner: object,
        name: str,
        site: Site,
        frame: types.FrameType,
        results: dict[Any, object],
    ) -> tuple[tuple[Place, ...], bool]:
        if isinstance(owner, Aliases):
            return self.whole(owner), name not in _READING_METHODS
        if isinstance(owner, _IMMUTABLE):
            return self.arguments(site, frame, results), False
        if not isinstance(owner, _CONTAINERS):
            if _is_python(owner):
                return (), False
            # A C object of unknown behaviour (an iterator, a file): a call may change it.
            return ((self.name(owner), WHOLE),), True
        places: tuple[Place, ...] = ((self.name(owner), WHOLE),)
        if name in ("get", "__getitem__", "pop", "setdefault", "__setitem__") and site.arguments:
            key = self.value(site.arguments[0], frame, results)
            if isinstance(owner, dict):
                places = ((self.name(owner), _item(owner, key)),)
        return places + self.arguments(site, frame, results), name not in _READING_METHODS

    def operated(
        self, site: Site, frame: types.FrameType, results: dict[Any, object]
    ) -> tuple[tuple[Place, ...], bool]:
        """Return what an operator touches; `shared += [1]` changes its left operand."""
        places: tuple[Place, ...] = ()
        changed = False
        for position, source in enumerate(site.arguments):
            operand = self.value(source, frame, results)
            if isinstance(operand, _CONTAINERS):
                places += ((self.name(operand), WHOLE),)
                changed = changed or (position == 0 and site.write)
        return places, changed

    def arguments(
        self, site: Site, frame: types.FrameType, results: dict[Any, object]
    ) -> tuple[Place, ...]:
        """Return the containers handed to a call whose inside is not seen."""
        return tuple(
            place
            for source in site.arguments
            if not isinstance(source, Constant)
            for place in self.whole_of_known(self.value(source, frame, results))
        )

    def whole_of_known(self, value: object) -> tuple[Place, ...]:
        return () if value is MISSING else self.whole(value)

    def result(self, site: Site, frame: types.FrameType, results: dict[Any, object]) -> object:
        """Return what the result of a call may reach, as far as it matters later."""
        if site.name:
            return Aliases([])
        function, owner, name = self.callee(site, frame, results)
        if _is_python_function(function) or (function is MISSING and owner is MISSING):
            return MISSING
        if function is globals:
            return frame.f_globals
        reached: list[object] = []
        if isinstance(owner, Aliases):
            reached += owner.containers
        elif isinstance(owner, _CONTAINERS):
            reached.append(owner)
        elif owner is not MISSING and _is_python(owner):
            return MISSING
        if isinstance(function, type) and _is_python_type(function):
            return MISSING
        if name in ("getattr", "next", "max", "min", "pop", "get"):
            # These may return what a container holds, which can be any object.
            return MISSING
        for source in site.arguments:
            value = self.value(source, frame, results)
            if isinstance(value, Aliases):
                reached += value.containers
            elif isinstance(value, _CONTAINERS):
                reached.append(value)
        return Aliases(reached)


def static_attribute(receiver: object, name: str) -> object:
    """Return the attribute without running any code of the program, or MISSING."""
    if receiver is MISSING or isinstance(receiver, Aliases):
        return MISSING
    if isinstance(receiver, types.ModuleType):
        return receiver.__dict__.get(name, MISSING)
    if isinstance(receiver, type):
        for each in type.__getattribute__(receiver, "__mro__"):
            if name in each.__dict__:
                found = each.__dict__[name]
                return _unbound(found)
        return MISSING
    own = _instance_dict(receiver).get(name, MISSING)
    for each in type(receiver).__mro__:
        if name in each.__dict__:
            found = each.__dict__[name]
            if isinstance(found, types.MemberDescriptorType):
                try:
                    return found.__get__(receiver)
                except AttributeError:
                    return MISSING
            if own is not MISSING:
                return own
            return MISSING if isinstance(found, property) else _unbound(found)
    return own


def static_item(receiver: object, key: object) -> object:
    """Return an item of a plain container without running any code of the program."""
    if type(receiver) in (list, tuple) and type(key) is int:
        try:
            return receiver[key]  # type: ignore[index]
        except IndexError:
            return MISSING
    if type(receiver) in (dict, defaultdict, OrderedDict) and type(key) in _PLAIN_KEYS:
        return receiver.get(key, MISSING)  # type: ignore[attr-defined]
    return MISSING


def _is_python_function(function: object) -> TypeGuard[types.FunctionType]:
    """Tell a function written in Python; PyPy's built-in ones are of the same type."""
    return isinstance(function, types.FunctionType) and isinstance(
        function.__code__, types.CodeType
    )


def _name_of(function: object) -> str:
    name = getattr(function, "__name__", "") if isinstance(function, _NAMED) else ""
    return name if isinstance(name, str) else ""


def _unbound(found: object) -> object:
    if isinstance(found, (staticmethod, classmethod)):
        return found.__func__
    return found


def _instance_dict(receiver: object) -> dict[str, object]:
    try:
        found = object.__getattribute__(receiver, "__dict__")
    except AttributeError:
        return {}
    return found if isinstance(found, dict) else {}


def _item(container: object, key: object) -> Field:
    if type(key) not in _PLAIN_KEYS:
        return WHOLE
    if isinstance(container, dict):
        return (key,)
    if isinstance(container, (list, bytearray, deque)) and isinstance(key, int):
        return (key if key >= 0 else key + len(container),)
    return WHOLE


def _is_python_type(kind: type) -> bool:
    return bool(kind.__flags__ & (1 << 9))  # Py_TPFLAGS_HEAPTYPE


def _is_python(thing: object) -> bool:
    """Tell whether the methods of `thing` are written in Python, where they are seen themselves."""
    kind = type(thing)
    return _is_python_type(kind) and "__module__" in kind.__dict__ and _has_function(kind)


_with_functions: dict[type, bool] = {}


def _has_function(kind: type) -> bool:
    known = _with_functions.get(kind)
    if known is None:
        known = any(
            isinstance(each, (types.FunctionType, property))
            for base in kind.__mro__
            for each in base.__dict__.values()
        )
        _with_functions[kind] = known
    return known


# Which code is the program's.

_OWN = __file__.rpartition("observation")[0]
_LIBRARY = (types.__file__ or "").replace("types.py", "")
_known_files: dict[str, bool] = {}


def is_program_code(filename: str) -> bool:
    """Tell whether code of this file belongs to the program, not to Python or to a library."""
    known = _known_files.get(filename)
    if known is None:
        known = not (
            filename.startswith(("<frozen", "<builtin", _OWN))
            or "site-packages" in filename
            or "dist-packages" in filename
            or (_LIBRARY and filename.startswith(_LIBRARY))
        )
        _known_files[filename] = known
    return known


def stopping_frame(depth: int = 1) -> types.FrameType | None:
    """Return the nearest frame of the program under this call."""
    frame: types.FrameType | None = sys._getframe(depth)
    while frame is not None and not is_program_code(frame.f_code.co_filename):
        frame = frame.f_back
    return frame
