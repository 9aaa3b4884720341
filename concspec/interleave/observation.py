"""From a site and the frame that stands there to the objects about to be touched.

In goes a `Site` with a live frame; out come the places (see `operations`) and whether they are
changed.  Nothing here runs code of the program: attributes are looked up statically, keys are
compared only where they are plain values.

Code in Python is watched as it runs.  What C code does is not, so a call of it is taken to touch
everything that it can get at from what it was handed: the callee, the object that is bound to, the
arguments, and all that they refer to, as the garbage collector knows it.  Functions that are known
only to read, and not to look into attributes, make that a read, of the containers alone.
"""

from __future__ import annotations

import builtins
import functools
import gc
import operator
import os
import sys
import threading
import types
import weakref
from collections import OrderedDict, defaultdict, deque
from typing import TYPE_CHECKING, Any

from concspec.interleave.accesses import (
    ATTRIBUTE,
    CALL,
    CAPTURE,
    CELL,
    GENERATOR,
    GLOBAL,
    ITEM,
    NAME,
    Built,
    Constant,
    Local,
    Method,
    Result,
    Site,
    Source,
)
from concspec.interleave.operations import WHOLE

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import TypeGuard

    from concspec.interleave.operations import Field, Place

    Touched = tuple[tuple[Place, ...], bool]  # the places, and whether they are changed

MISSING = object()
NOTHING: Touched = (), False
_EMPTY: dict[str, object] = {}


class Aliases:
    """A value known only as one of these objects, or as made of them; of none: a new one."""

    __slots__ = ("objects",)

    def __init__(self, objects: list[object]) -> None:
        """Remember what the value may be or hold."""
        self.objects = objects


NEW = Aliases([])
_ATOMS = frozenset(
    [
        bool, int, float, complex, str, bytes, type(None), range, types.CodeType, type(Ellipsis),
        type(NotImplemented), property, staticmethod, classmethod, types.FrameType,
        types.TracebackType, types.GetSetDescriptorType, types.MemberDescriptorType,
        types.MethodDescriptorType, types.WrapperDescriptorType, type(MISSING),
    ]
)  # fmt: skip
_TEXTS = (str, bytes, bool, int, float, complex, type(None), range)
_CONTAINERS = (list, dict, set, bytearray, deque)
_PLAIN_KEYS = frozenset([int, str, bytes, bool, float, type(None)])
_MOST_REACHED = 5000
ANY = object()  # among the objects that were reached: all others, too


class _Callable:
    """A callable of C that is known by what it does alone."""


LOOKING, CALLING = _Callable(), _Callable()
_READING_METHODS = frozenset(
    [
        "__contains__", "__eq__", "__ge__", "__getitem__", "__gt__", "__iter__", "__le__",
        "__len__", "__lt__", "__ne__", "__repr__", "__reversed__", "copy", "count", "difference",
        "get", "index", "intersection", "isdisjoint", "issubset", "issuperset", "items", "keys",
        "symmetric_difference", "union", "values",
    ]
)  # fmt: skip
_KEYED_METHODS = frozenset(["get", "__getitem__", "pop", "setdefault", "__setitem__"])
# Methods that put their arguments into a container and do not look at them.
_STORING_METHODS = frozenset(["append", "appendleft", "insert", "setdefault", "__setitem__"])
_COUNTING = frozenset(
    [
        all, any, ascii, bool, callable, chr, float, format, hasattr, hash, hex, id, int,
        isinstance, issubclass, len, oct, ord, print, repr, str, bytes, setattr, delattr,
    ]
)  # fmt: skip
"""What these give back holds nothing that they were given."""
_READING = frozenset(
    [
        *_COUNTING, dict, dir, enumerate, filter, frozenset, getattr, iter, list, map, max, min,
        next, reversed, set, sorted, sum, super, tuple, type, vars, zip, slice, bytearray, complex,
        divmod, pow, round, abs, bin, object, deque, OrderedDict, defaultdict,
    ]
)  # fmt: skip
# What they do, they have Python code do, which is seen.
_RUNNING = frozenset([exec, eval, compile, globals, locals, super, __import__])
_HARMLESS = frozenset([sys.exc_info, sys._getframe, sys.intern, input, print])
_HARMLESS_MODULES = frozenset(["_abc", "_thread", "time", "math", "cmath", "errno"])
# Functions of these touch what they are given and nothing of their own.
_STATELESS = frozenset(
    [
        "_bisect", "_codecs", "_collections", "_functools", "_heapq", "_json", "_operator",
        "_struct", "binascii", "builtins", "collections", "functools", "itertools", "operator",
        "unicodedata", "zlib",
    ]
)  # fmt: skip
_METHODS_OF_ALL = frozenset(dir(object))
_ATTRIBUTE_METHODS = frozenset(["__getattribute__", "__setattr__", "__delattr__"])
_COMPARING_METHODS = frozenset(["__contains__", "count", "index", "remove", "sort"])
_TESTING = frozenset(["__eq__", "__ne__", "__lt__", "__le__", "__gt__", "__ge__", "__hash__"])
_GETTERS = frozenset([operator.attrgetter, operator.itemgetter])
_COMPREHENSIONS = frozenset(["<listcomp>", "<setcomp>", "<dictcomp>"])
_GETTING = frozenset([getattr, hasattr, object.__getattribute__])
_SETTING = frozenset([setattr, delattr, object.__setattr__, object.__delattr__])
_STATES = (types.MemberDescriptorType, types.GetSetDescriptorType, property)
_OF_PROGRAM = 1 << 9  # Py_TPFLAGS_HEAPTYPE
_AS_THEY_ARE = (
    types.FunctionType, types.BuiltinFunctionType, types.MethodDescriptorType,
    types.WrapperDescriptorType, property,
)  # fmt: skip
"""What a class gives of itself just as it stands."""
_WEAK = (weakref.ReferenceType, weakref.ProxyType, weakref.CallableProxyType)
_OPERATORS = frozenset(["binary", "inplace", "compare"])
_OPAQUE = frozenset([types.GeneratorType, types.CoroutineType, types.AsyncGeneratorType, *_WEAK])
_UNSEEN: dict[object, str] = {
    weakref.ref: "whether an object is still alive",
    gc.collect: "the garbage collector",
    gc.get_objects: "the garbage collector",
    gc.get_referrers: "the garbage collector",
    threading.active_count: "the threads that are alive",
    threading.enumerate: "the threads that are alive",
}
"""What these tell depends on what is no access to shared state; so nothing is proved of it."""


class Observer:
    """Resolves the sites of one execution; knows its objects by short names."""

    __slots__ = ("doubt", "kept", "names")

    def __init__(self) -> None:
        """Start with no object named."""
        self.names: dict[int, int] = {}
        self.kept: list[object] = []
        self.doubt: str | None = None  # what this execution depended on without its being seen

    def name(self, thing: object) -> int:
        """Return the name of an object in this execution: the number of objects met before it.

        The object is kept until the execution is over, so that no other takes its identity.
        """
        identity = id(thing)
        name = self.names.get(identity)
        if name is None:
            name = self.names[identity] = len(self.kept)
            self.kept.append(thing)
            if isinstance(thing, type):
                # `vars` of a class shows a dictionary through a proxy; that is the class as well.
                for inner in gc.get_referents(type.__dict__["__dict__"].__get__(thing)):
                    if type(inner) is dict:
                        self.names[id(inner)] = name
            elif _is_watched_for_its_end(thing):
                self.doubt = self.doubt or f"the end of a {type(thing).__name__}"
        return name

    def value(self, source: Source, frame: types.FrameType, results: dict[Any, object]) -> object:
        """Return the value of `source` in `frame`, `Aliases` of it, or MISSING."""
        kind = type(source)
        if kind is Result:
            return results.get((id(frame), source.offset), MISSING)  # type: ignore[union-attr]
        if kind is Local:
            name = source.name  # type: ignore[union-attr]
            if name == ".0" and id(frame.f_code) in results:
                return results[id(frame.f_code)]  # what the comprehension goes through
            return frame.f_locals.get(name, MISSING)
        if isinstance(source, Constant):
            return source.value
        if isinstance(source, Method):
            receiver = self.value(source.receiver, frame, results)
            if isinstance(receiver, Aliases):
                return receiver
            return static_attribute(receiver, source.name)
        if isinstance(source, Built):
            parts = [self.value(each, frame, results) for each in source.parts]
            return self.made_of(parts)
        return MISSING

    def observe(self, site: Site, frame: types.FrameType, results: dict[Any, object]) -> Touched:
        """Return the places `site` is about to touch, and whether it changes them."""
        kind = site.kind
        if kind == GLOBAL:
            # A global is an item of its module's namespace, as `globals()["name"]` is.
            scope = frame.f_globals
            place = (self.name(scope), site.field)
            if site.write or site.name in scope:
                return (place,), site.write
            return (place, (self.name(vars(builtins)), site.field)), False
        if kind == CELL:
            return ((-1, site.field),), site.write
        if kind == CALL:
            if site.name in _OPERATORS:
                return self.operated(site, frame, results)
            return self.called(site, frame, results)
        if kind == NAME:
            names: Any = frame.f_locals
            place = (self.name(names), site.field)
            if site.write or names is frame.f_globals:
                return (place,), site.write
            return (place, (self.name(frame.f_globals), site.field)), False
        receiver = self.value(site.receiver, frame, results)
        if kind == ATTRIBUTE:
            return self.attribute(receiver, site.name, write=site.write), site.write
        if kind == ITEM:
            return self.item(receiver, site, frame, results)
        if kind == CAPTURE:
            # An iterator remembers how large a dictionary or a set was; that of a list does not.
            return ((), False) if isinstance(receiver, list) else (self.whole(receiver)[0], False)
        if site.name == "deep":
            return self.touched([receiver], inside=False, write=False)
        if site.name == "inside":
            return self.touched([receiver], inside=True, write=site.write)
        places, moves = self.whole(receiver)
        return places, moves or site.write or (receiver is MISSING and site.name == "next")

    def read(self, site: Site, frame: types.FrameType, results: dict[Any, object]) -> object:
        """Return the value the instruction at `site` is about to push, or MISSING."""
        kind = site.kind
        if kind in (GLOBAL, NAME):
            found = frame.f_locals.get(site.name, MISSING) if kind == NAME else MISSING
            if found is MISSING:
                found = frame.f_globals.get(site.name, MISSING)
            return vars(builtins).get(site.name, MISSING) if found is MISSING else found
        if kind == CELL:
            return frame.f_locals.get(site.name, MISSING)
        if kind == CALL:
            return self.result(site, frame, results)
        receiver = self.value(site.receiver, frame, results)
        if kind == ATTRIBUTE:
            return static_attribute(receiver, site.name)
        if kind == ITEM:
            return static_item(receiver, self.value(site.key, frame, results))
        return receiver if kind == CAPTURE else MISSING

    def looker(
        self, site: Site, frame: types.FrameType, results: dict[Any, object]
    ) -> Callable[[], object]:
        """Return a function that looks, whenever it is called, at what `site` touches now."""
        if site.kind == ATTRIBUTE:
            owner = self.value(site.receiver, frame, results)
            return lambda: _shown(static_attribute(owner, site.name))
        if site.kind == ITEM:
            container = self.value(site.receiver, frame, results)
            key = self.value(site.key, frame, results)
            return lambda: static_item(container, key)
        if site.kind in (GLOBAL, CELL, NAME):
            return lambda: self.read(site, frame, results)
        source = site.receiver.receiver if isinstance(site.receiver, Method) else site.receiver
        whole = self.value(source, frame, results)
        if type(whole) in _CONTAINERS:
            kind: Any = type(whole)
            return lambda: kind(whole)
        return lambda: whole if type(whole) in _ATOMS or type(whole) is tuple else MISSING

    # Attributes.

    def attribute(self, receiver: object, name: str, *, write: bool) -> tuple[Place, ...]:
        """Return the places of an attribute, which is an item of the dictionary that has it."""
        field = (name,)
        kind = type(receiver)
        if receiver is MISSING or kind is Aliases:
            return () if receiver is NEW else ((None, field),)
        if kind is types.CellType:
            return ((-1, WHOLE),)
        if isinstance(receiver, type):
            owner: object = receiver
            known: Mapping[str, object] = vars(receiver)
            classes: tuple[type, ...] = type.__getattribute__(receiver, "__mro__")[1:]
        else:
            inner = _instance_dict(receiver)
            owner, known = (receiver, _EMPTY) if inner is None else (inner, inner)
            if id(inner) not in self.names and _is_watched_for_its_end(receiver):
                self.doubt = self.doubt or f"the end of a {kind.__name__}"
            classes = kind.__mro__
        if write:
            # A new dictionary moves all attributes elsewhere, and a new class most of them.
            whole = name in ("__dict__", "__class__")
            return ((None, WHOLE),) if whole else ((self.name(owner), field),)
        own = (self.name(owner), field)
        if name in known:
            return (own,)
        for each in classes:
            namespace = each.__dict__
            if name in namespace:
                found = namespace[name]
                if type(found) is not types.FunctionType and isinstance(found, _STATES):
                    return (own,)
                if not each.__flags__ & _OF_PROGRAM:  # such a class cannot be changed
                    return (own,) if known else ()
                return (own, (self.name(each), field))
        return (own,)

    # Containers.

    def item(
        self, receiver: object, site: Site, frame: types.FrameType, results: dict[Any, object]
    ) -> Touched:
        key = self.value(site.key, frame, results)
        if type(receiver) in _ATOMS:
            return (), False
        if not isinstance(receiver, _CONTAINERS):
            return self.touched([receiver], inside=False, write=site.write)
        field = _item(receiver, key)
        if field == WHOLE:
            # A slice that is assigned to goes through what it is given; `in` compares.
            others = [self.value(each, frame, results) for each in site.arguments]
            if site.name:
                others += [*_elements(receiver), key]
            places, write = self.touched(others, inside=False, write=site.write)
            return ((self.name(receiver), WHOLE), *places), write
        write = site.write or (
            isinstance(receiver, defaultdict)
            and not site.name
            and not dict.__contains__(receiver, key)
        )
        return ((self.name(receiver), field),), write

    def whole(self, receiver: object) -> Touched:
        """Return the places of going through `receiver`, but not through what is inside."""
        if isinstance(receiver, _CONTAINERS):
            return ((self.name(receiver), WHOLE),), False
        if isinstance(receiver, (tuple, frozenset)):
            return (), False
        return self.touched([receiver], inside=False, write=False)

    def touched(self, roots: list[object], *, inside: bool, write: bool) -> Touched:
        """Return all that C code may touch which is handed `roots`; an iterator it moves on."""
        found, calls, _ = self.reach(roots, inside=inside)
        if calls and not (inside and write):
            # A function written in C that is called with what is found, such as the key of `max`.
            write = write or any(not _only_reads(each) for each in calls)
            if not inside and not all(map(_is_plain_reader, calls)):
                found, _, _ = self.reach(roots, inside=True)
        if ANY in found:
            return ((None, WHOLE),), write
        if not write:
            write = any(_is_iterator(type(each)) for each in found)
        return tuple([(self.name(each), WHOLE) for each in found]), write

    def made_of(self, parts: list[object]) -> object:
        """Return what is known of a value that is among `parts`, or holds some of them."""
        if not all(type(each) in _ATOMS for each in parts) or MISSING in parts:
            found, calls, closed = self.reach(parts, inside=False)
            if ANY in found:
                return MISSING
            if found or calls or closed:
                return Aliases([*found, *calls, *closed])
        return NEW

    def reach(  # noqa: PLR0915 - one case a kind of object
        self, roots: list[object], *, inside: bool
    ) -> tuple[list[object], list[object], list[object]]:
        """Return what C code can get at from `roots`: what it may touch, call, and only hold.

        It goes through containers, and `inside` objects of the program as well, which it does
        otherwise by their methods alone; code of Python is watched, whoever calls it.
        """
        found: list[object] = []
        calls: list[object] = []
        closed: list[object] = []
        seen: set[int] = set()
        todo = roots[::-1]
        while todo:
            thing = todo.pop()
            kind = type(thing)
            if kind in _ATOMS:
                if thing is MISSING or thing is ANY:
                    return [ANY], calls, closed
                if kind is types.MethodDescriptorType or kind is types.WrapperDescriptorType:
                    calls.append(thing)
                continue
            if id(thing) in seen:
                continue
            if len(seen) == _MOST_REACHED:
                return [ANY], calls, closed
            seen.add(id(thing))
            if kind is Aliases:
                todo += thing.objects  # type: ignore[attr-defined]
            elif kind is types.FunctionType or kind is types.ModuleType:
                inner = vars(thing)
                if inside and (inner or kind is types.ModuleType):
                    found.append(inner)
                    if kind is types.FunctionType or _is_of_program(thing):
                        todo += inner.values()
            elif kind is types.MethodType:
                if not is_python(thing):
                    calls.append(thing)
                    todo.append(thing.__self__)  # type: ignore[attr-defined]
            elif isinstance(thing, (types.BuiltinFunctionType, types.MethodWrapperType)):
                calls.append(thing)
                if not isinstance(thing.__self__, types.ModuleType):
                    todo.append(thing.__self__)
            elif thing is LOOKING or thing is CALLING:
                calls.append(thing)
            elif isinstance(thing, type):
                if inside and _is_python_type(thing) and not _is_modelled(thing):
                    found.append(thing)
                    todo += [each for each in vars(thing).values() if not callable(each)]
            elif _is_modelled(kind):
                pass
            elif isinstance(thing, (tuple, frozenset, *_CONTAINERS)):
                if kind is dict and _is_of_class(thing) and id(thing) not in self.names:
                    return [ANY], calls, closed
                if not isinstance(thing, (tuple, frozenset)):
                    found.append(thing)
                todo += _elements(thing)
                if inside and _is_python_type(kind):
                    self.enter(thing, found, todo)
            elif kind in _OPAQUE:
                found.append(thing)
            elif _is_python_type(kind):
                if not _is_of_python(kind):
                    found.append(thing)
                    own = _instance_dict(thing)
                    todo += [each for each in gc.get_referents(thing) if each is not own]
                if inside:
                    self.enter(thing, found, todo)
                else:
                    closed.append(thing)
            else:
                found.append(thing)
                todo += gc.get_referents(thing)
                own = _instance_dict(thing) if inside else None
                if own is not None:  # which PyPy does not count among them
                    found.append(own)
                    todo += own.values()
                if "__call__" in vars(kind) and kind is not functools.partial:
                    calls.append(thing)
        return found, calls, closed

    def enter(self, thing: object, found: list[object], todo: list[object]) -> None:
        """Go into an object of the program: its attributes, slots, and class."""
        own = _instance_dict(thing)
        found.append(thing if own is None else own)
        todo += (own or {}).values()
        for each in type(thing).__mro__:
            for member in vars(each).values():
                if isinstance(member, types.MemberDescriptorType):
                    todo.append(_got(member, thing))
        todo.append(type(thing))

    # Calls.

    def callee(
        self, site: Site, frame: types.FrameType, results: dict[Any, object]
    ) -> tuple[object, object]:
        """Return the function that is called, and the object it is bound to, or MISSING."""
        source = site.receiver
        if type(source) is Method:
            receiver = self.value(source.receiver, frame, results)
            method = _method(receiver, source.name)
            if method is not None:
                return method, receiver
            function = self.value(source, frame, results)
        else:
            function = self.value(source, frame, results)
        if isinstance(function, types.MethodType):
            return function.__func__, function.__self__
        if isinstance(function, (types.BuiltinMethodType, types.MethodWrapperType)):
            owner = function.__self__
            return function, MISSING if owner is None else owner
        return function, MISSING

    def given(self, site: Site, frame: types.FrameType, results: dict[Any, object]) -> list[object]:
        """Return the arguments of a call; of `f(*rest)` those in `rest`, if it is a tuple."""
        given = [self.value(each, frame, results) for each in site.arguments]
        if site.name == "*" and type(given[0]) is tuple:
            given[:1] = given[0]
        return given

    def called(self, site: Site, frame: types.FrameType, results: dict[Any, object]) -> Touched:
        function, owner = self.callee(site, frame, results)
        if function is MISSING:
            return ((None, WHOLE),), True
        if _is_python_function(function):
            if function.__code__ is site.followed:
                return (), False
            self.question(function, frame)
            if is_modelled(function.__code__.co_filename) or is_shown(function.__code__):
                if function not in _UNSEEN:
                    site.followed = function.__code__
                return (), False
            bound = [] if owner is MISSING else [owner]
            kept = [_got_cell(each) for each in function.__closure__ or ()]
            given = self.given(site, frame, results)
            return self.touched([*bound, *kept, *given], inside=True, write=True)
        given = self.given(site, frame, results)
        if isinstance(function, types.CodeType):
            if function.co_name in _COMPREHENSIONS and given:
                results[id(function)] = given[0]
            return (), False
        if isinstance(function, Aliases):
            known = function is NEW
            return self.touched([function, *given], inside=not known, write=not known)
        if isinstance(function, type):
            return self.constructed(function, given, frame)
        if isinstance(
            function, (types.FunctionType, types.MethodDescriptorType, types.WrapperDescriptorType)
        ):
            if owner is MISSING and given:  # `list.append(items, 1)`
                owner, *given = given
            return self.method(function.__name__, owner, given)
        if isinstance(function, (types.BuiltinFunctionType, types.MethodWrapperType)):
            if isinstance(owner, types.ModuleType) or owner is MISSING:
                return self.function(function, given, frame)
            return self.method(function.__name__, owner, given)
        kind = type(function)
        if isinstance(function, _WEAK):
            self.question(weakref.ref, frame)
        if _is_python_type(kind) and _is_of_python(kind):
            return (), False
        return self.touched([function, *given], inside=True, write=True)

    def function(self, function: Any, given: list[object], frame: types.FrameType) -> Touched:
        """A function of a module written in C."""
        self.question(function, frame)
        if (
            function in _RUNNING
            or function in _HARMLESS
            or function.__module__ in _HARMLESS_MODULES
        ):
            return (), False
        if function in _GETTING or function in _SETTING:
            write = function in _SETTING
            if len(given) > 1 and type(given[1]) is str:
                return self.attribute(given[0], given[1], write=write), write
            return self.touched(given, inside=True, write=write)
        if function in _READING:
            return self.touched(given, inside=False, write=False)
        places, write = self.touched(given, inside=True, write=True)
        if function.__module__ not in _STATELESS:
            module = sys.modules.get(function.__module__ or "")
            places += ((self.name(vars(module or builtins)), WHOLE),)
        return places, write

    def method(self, name: str, owner: object, given: list[object]) -> Touched:
        """A method written in C, called on `owner`."""
        if name in ("__init__", "__init_subclass__") and not isinstance(owner, _CONTAINERS):
            return self.touched(given, inside=False, write=False)
        if name == "__new__" and given and isinstance(given[0], type):
            return self.touched(given[1:], inside=False, write=False)
        if name in _ATTRIBUTE_METHODS and given and type(given[0]) is str:
            write = name != "__getattribute__"
            return self.attribute(owner, given[0], write=write), write
        if isinstance(owner, (*_TEXTS, tuple, frozenset)):
            return self.touched([owner, *given], inside=False, write=False)
        if isinstance(owner, type) and not _is_python_type(owner):
            return self.touched(given, inside=False, write=False)
        if isinstance(owner, _CONTAINERS) and name not in _METHODS_OF_ALL:
            write = name not in _READING_METHODS
            if isinstance(owner, dict) and name in _KEYED_METHODS and given:
                own: Place = (self.name(owner), _item(owner, given[0]))
                return (own,), write
            own = (self.name(owner), WHOLE)
            if name in _STORING_METHODS:
                return (own,), write
            others = [*given, *_elements(owner)] if name in _COMPARING_METHODS else given
            places, moved = self.touched(others, inside=False, write=False)
            return (own, *places), write or moved
        reads = isinstance(owner, _CONTAINERS) and name in _READING_METHODS
        return self.touched([owner, *given], inside=not reads, write=not reads)

    def constructed(self, kind: type, given: list[object], frame: types.FrameType) -> Touched:
        """A class: what is written in Python of its making is seen."""
        self.ends(kind, frame)
        if any(base is weak for base in kind.__mro__ for weak in _WEAK):
            self.question(weakref.ref, frame)
        if kind is type and len(given) == 1:
            return (), False
        if _is_python_type(kind):
            return (
                ((), False)
                if _is_of_python(kind)
                else self.touched(given, inside=False, write=False)
            )
        if _is_known(kind):
            return self.touched(given, inside=False, write=False)
        return self.touched(given, inside=True, write=True)

    def operated(self, site: Site, frame: types.FrameType, results: dict[Any, object]) -> Touched:
        """Return what an operator touches; `shared += [1]` changes its left operand."""
        left, right = site.arguments
        one = self.value(left, frame, results)
        other = self.value(right, frame, results)
        if type(one) in _ATOMS and one is not MISSING:
            if type(other) in _ATOMS and other is not MISSING:
                return (), False
            return self.touched([other], inside=False, write=False)
        return self.touched([one, other], inside=False, write=site.write)

    def made(self, site: Site, frame: types.FrameType, results: dict[Any, object]) -> None:
        """Look at a call for nothing but what is made."""
        kind = self.value(site.receiver, frame, results)
        if isinstance(kind, type):
            self.ends(kind, frame)

    def ends(self, kind: type, frame: types.FrameType) -> None:
        """Note that an object is made whose end runs code: who drops it last is no access."""
        if self.doubt is None and _has_finalizer(kind):
            code = frame.f_code
            self.doubt = (
                f"the end of a {kind.__name__}, made at {code.co_filename}:{frame.f_lineno}"
            )

    def question(self, function: object, frame: types.FrameType) -> None:
        """Note that a call tells of something that is no access."""
        reason = _UNSEEN.get(function)
        if reason and self.doubt is None:
            self.doubt = f"{reason}, asked at {frame.f_code.co_filename}:{frame.f_lineno}"

    def result(self, site: Site, frame: types.FrameType, results: dict[Any, object]) -> object:
        """Return the result of a call, as far as it can be told before."""
        given = self.given(site, frame, results)
        if site.name in _OPERATORS:
            if any(not isinstance(each, Aliases) and _is_python_type(type(each)) for each in given):
                return MISSING
            made = self.made_of(given)
            if not isinstance(made, Aliases) or made is NEW:
                return made
            operands = {id(each) for each in given}
            return Aliases([each for each in made.objects if id(each) not in operands])
        function, owner = self.callee(site, frame, results)
        if isinstance(function, types.CodeType):
            return NEW if function.co_flags & GENERATOR else MISSING
        if _is_python_function(function):
            if function.__code__.co_filename.startswith(_OWN):
                return NEW  # a truth value, a time or a lock
            # What others return is known when they do.
            return NEW if function.__code__.co_flags & GENERATOR else MISSING
        if function is NEW:
            return self.made_of(given)
        if isinstance(function, type):
            return self.instance(function, given)
        if isinstance(function, types.BuiltinFunctionType) and (
            isinstance(owner, types.ModuleType) or owner is MISSING
        ):
            return self.returned(function, given, frame)
        if isinstance(
            function, (types.MethodDescriptorType, types.WrapperDescriptorType, types.FunctionType)
        ):
            if owner is MISSING and given:
                owner, *given = given
        elif not isinstance(function, (types.BuiltinFunctionType, types.MethodWrapperType)):
            return MISSING
        if isinstance(owner, _TEXTS):
            return NEW
        if isinstance(owner, dict) and function.__name__ == "get" and given:
            found = static_item(owner, given[0])
            if found is not MISSING:
                return found
        if isinstance(owner, (*_CONTAINERS, tuple, frozenset)):
            return self.made_of([owner, *given])
        return MISSING

    def instance(self, kind: type, given: list[object]) -> object:
        """Return what is known of a new instance of a class."""
        if kind is type and len(given) == 1:
            return (
                MISSING if isinstance(given[0], Aliases) or given[0] is MISSING else type(given[0])
            )
        if kind is super or _is_python_type(kind) or not _is_known(kind):
            return MISSING
        if kind in _COUNTING:
            return NEW
        if "__call__" in vars(kind) and kind is not functools.partial:
            given = [*given, LOOKING if kind in _GETTERS else CALLING]
        return self.made_of(given)

    def value_of(
        self,
        site: Site,
        frame: types.FrameType,
        ending: types.FrameType,
        value: object,
        results: dict[Any, object],
    ) -> object:
        """Return the value `site` of `frame` gets if it is `ending` that it called, or MISSING."""
        code = ending.f_code
        if site.kind == ATTRIBUTE:
            return value  # of a property, a descriptor or `__getattr__`
        if site.kind == ITEM or site.name in _OPERATORS:
            own = code.co_name not in _TESTING and code.co_name.startswith("__")
            return value if own and value is not NotImplemented else MISSING
        if site.kind == CALL:
            function, _ = self.callee(site, frame, results)
            if isinstance(function, type):
                function = static_attribute(function, "__init__")
                value = ending.f_locals.get(code.co_varnames[0]) if code.co_varnames else MISSING
            if _is_python_function(function):
                function = function.__code__
            if function is code:
                return value
        return MISSING

    def returned(self, function: Any, given: list[object], frame: types.FrameType) -> object:
        """Return the result of a function of a module written in C."""
        if function is globals:
            return frame.f_globals
        if function is vars and given:
            return static_attribute(given[0], "__dict__")
        if function in _COUNTING:
            return NEW
        if function in _GETTING and len(given) > 1:
            return static_attribute(given[0], given[1])
        if function in _READING or function.__module__ in _STATELESS:
            return self.made_of(given)
        return MISSING


def static_attribute(receiver: object, name: object) -> object:
    """Return the attribute without running any code of the program, or MISSING."""
    if receiver is MISSING or isinstance(receiver, Aliases) or type(name) is not str:
        return MISSING
    kind = type(receiver)
    if isinstance(receiver, type):
        if name == "__dict__":
            return vars(receiver)
        for each in type.__getattribute__(receiver, "__mro__"):
            if name in each.__dict__:
                found = each.__dict__[name]
                if isinstance(found, staticmethod):
                    return found.__func__
                if isinstance(found, classmethod):
                    return types.MethodType(found.__func__, receiver)
                if isinstance(found, _AS_THEY_ARE) or not _is_binding(found):
                    return found
                return MISSING
        return MISSING
    own = (_instance_dict(receiver) or _EMPTY).get(name, MISSING)
    if isinstance(receiver, types.ModuleType):
        return own
    for each in kind.__mro__:
        known = each.__dict__
        if "__getattribute__" in known and each is not object and _is_python_type(each):
            return MISSING
        if name in known:
            found = known[name]
            if isinstance(found, types.FunctionType):
                return types.MethodType(found, receiver) if own is MISSING else own
            if isinstance(found, (types.MemberDescriptorType, types.GetSetDescriptorType)):
                return _got(found, receiver)
            if isinstance(found, property):
                return MISSING
            if own is not MISSING:
                return own
            if isinstance(found, staticmethod):
                return found.__func__
            if isinstance(found, classmethod):
                return types.MethodType(found.__func__, kind)
            if not _is_binding(found):
                return found
            return MISSING if _is_python_type(type(found)) else _got(found, receiver)
    return own


def _method(receiver: object, name: str) -> types.FunctionType | None:
    """Return the function that is a method of the object, if its own class has it."""
    kind = type(receiver)
    known = kind.__dict__
    found = known.get(name)
    if (
        type(found) is not types.FunctionType
        or "__getattribute__" in known
        or isinstance(receiver, type)
        or name in (_instance_dict(receiver) or _EMPTY)
    ):
        return None
    return found


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


def _got(descriptor: Any, receiver: object) -> object:
    """Return what a descriptor written in C gives."""
    try:
        return descriptor.__get__(receiver, type(receiver))
    except Exception:  # noqa: BLE001 - a slot without a value
        return MISSING


def _got_cell(cell: types.CellType) -> object:
    try:
        return cell.cell_contents
    except ValueError:
        return None


def _is_binding(found: object) -> bool:
    """Tell a descriptor that may give anything."""
    return any("__get__" in vars(each) for each in type(found).__mro__)


def _shown(value: object) -> object:
    return MISSING if isinstance(value, Aliases) else value


def _is_python_function(function: object) -> TypeGuard[types.FunctionType]:
    """Tell a function written in Python; PyPy's built-in ones are of the same type."""
    return isinstance(function, types.FunctionType) and isinstance(
        function.__code__, types.CodeType
    )


def is_python(function: object) -> bool:
    """Tell a function or a method that runs nothing but code that tracing shows."""
    if isinstance(function, types.MethodType):
        function = function.__func__
    return _is_python_function(function) and is_shown(function.__code__)


def _instance_dict(receiver: object) -> dict[str, object] | None:
    try:
        # What is local to a thread has a dictionary in each; a subclass may run code to make it.
        kind: Any = threading.local if type(receiver) is threading.local else object
        found = kind.__getattribute__(receiver, "__dict__")
    except AttributeError:
        return None
    return found if isinstance(found, dict) else None


def _item(container: object, key: object) -> Field:
    if type(key) not in _PLAIN_KEYS:
        return WHOLE
    if isinstance(container, dict):
        return (key,)
    if isinstance(container, (list, bytearray, deque)) and isinstance(key, int):
        return (key if key >= 0 else key + len(container),)
    return WHOLE


def _elements(container: Any) -> list[object]:
    """Return what a container holds, whatever its class makes of going through it."""
    if isinstance(container, dict):
        keys = [key for key in dict.__iter__(container) if type(key) not in _ATOMS]
        return [*keys, *dict.values(container)]
    if isinstance(container, (set, frozenset)):
        # Their order is that of addresses, which are others in the next execution.
        return [] if all(map(_is_plain, frozenset(container))) else [ANY]
    kinds: tuple[Any, ...] = (list, tuple, deque)
    for kind in kinds:
        if isinstance(container, kind):
            return list(kind.__iter__(container))
    return []


def _is_of_class(namespace: Any) -> bool:
    """Tell what `vars` of a class shows; which class that is of cannot be told."""
    return dict.__contains__(namespace, "__module__") and dict.__contains__(namespace, "__doc__")


def _is_plain(thing: object) -> bool:
    return type(thing) in _ATOMS or (type(thing) is tuple and all(map(_is_plain, thing)))


# Classes, by their identity: one of the program may have a say in hashing and comparing them.

_python_types: dict[int, tuple[type, bool]] = {}
_IMPLEMENTED = (types.MethodDescriptorType, types.WrapperDescriptorType, types.BuiltinFunctionType)


def _is_python_type(kind: type) -> bool:
    """Tell a class whose methods are Python code that is watched."""
    known = _python_types.get(id(kind))
    if known is None:
        python = bool(kind.__flags__ & _OF_PROGRAM) and not any(
            (isinstance(each, _IMPLEMENTED) or _is_hidden(each)) and not is_python(each)
            for each in vars(kind).values()
        )
        known = _python_types[id(kind)] = (kind, python)
    return known[1]


def _is_hidden(function: object) -> bool:
    """Tell a function of PyPy that no tracing shows."""
    return isinstance(function, types.FunctionType) and not is_python(function)


def _is_of_python(kind: type) -> bool:
    """Tell a class that has all its methods, but those of `object`, from Python."""
    return all(_is_python_type(each) for each in kind.__mro__[:-1])


def _is_plain_reader(function: Any) -> bool:
    """Tell a function written in C that reads, and looks into no attributes."""
    if isinstance(function, types.BuiltinFunctionType) and not _is_bound(function):
        return function in _READING and function not in _GETTING and function not in _SETTING
    return getattr(function, "__name__", "") in _READING_METHODS


def _only_reads(function: Any) -> bool:
    """Tell a function written in C that changes nothing it is given."""
    return (
        function is LOOKING
        or type(function) in _GETTERS
        or (isinstance(function, types.BuiltinFunctionType) and function in _GETTING)
        or _is_plain_reader(function)
    )


def _is_bound(function: types.BuiltinFunctionType) -> bool:
    return function.__self__ is not None and not isinstance(function.__self__, types.ModuleType)


def _is_iterator(kind: type) -> bool:
    return any("__next__" in vars(each) for each in kind.__mro__)


def _is_known(kind: type) -> bool:
    """Tell a class of C whose making only reads what it is given."""
    return kind is not memoryview and (
        kind.__module__ in _STATELESS or issubclass(kind, BaseException)
    )


def _is_modelled(kind: type) -> bool:
    """Tell the classes whose operations are steps of their own."""
    module = kind.__module__
    return module in ("threading", "_thread") or (
        isinstance(module, str) and module.startswith("concspec.interleave")
    )


def _is_of_program(module: object) -> bool:
    return is_program_code(getattr(module, "__file__", None) or "<string>")


def _is_watched_for_its_end(thing: object) -> bool:
    """Tell whether something depends on when an object ends, which no access tells."""
    kind = type(thing)
    if kind in _LASTING or _is_modelled(kind) or isinstance(thing, (type, threading.Thread)):
        return False
    return _has_finalizer(kind) or weakref.getweakrefcount(thing) > 0


def _has_finalizer(kind: type) -> bool:
    for each in kind.__mro__:
        if "__del__" in each.__dict__ and _is_python_function(each.__dict__["__del__"]):
            return True
    return False


_LASTING = frozenset([dict, list, types.FunctionType, types.ModuleType, types.GeneratorType])

# Which code is the program's, and which is watched.

_OWN = __file__.rpartition("observation")[0]
_LIBRARY = (types.__file__ or "").replace("types.py", "")
_known_files: dict[str, bool] = {}
_modelled_files: dict[str, bool] = {}


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


def is_modelled(filename: str) -> bool:
    """Tell whether what code of this file does are steps of their own, or none."""
    known = _modelled_files.get(filename)
    if known is None:
        known = filename.startswith((_OWN, "<frozen importlib"))
        known = known or filename == _THREADING or filename in _POOLS
        _modelled_files[filename] = known
    return known


def is_watched(code: types.CodeType) -> bool:
    """Tell whether the accesses of this code are seen: of all in Python, but what is modelled."""
    filename = code.co_filename
    if is_modelled(filename):
        return id(code) in _CALLING_BACK or (filename in _POOLS and code.co_name in _RUNNING_TASKS)
    return is_shown(code)


def is_shown(code: types.CodeType) -> bool:
    """Tell code that tracing shows; PyPy hides what stands for C code of CPython."""
    filename = code.co_filename
    hidden = code.co_name in _HIDDEN if filename == _HIDING else filename in _HIDDEN_FILES
    return not hidden and not filename.startswith("<builtin")


_THREADING = threading.__file__
# All that a pool of threads and its futures share is in a queue or under their locks, which are
# seen; what a pool has in common with the next execution is the count of pools.
_POOLS = frozenset(
    _THREADING.replace("threading.py", f"concurrent{os.sep}futures{os.sep}{name}")
    for name in ("thread.py", "_base.py")
)
# PyPy has these in Python, where CPython has C; functions that it hides are known by name alone.
_HIDDEN_FILES = frozenset(
    _THREADING.replace("threading.py", name)
    for name in ("_contextvars.py", "_immutables_map.py")
    if sys.implementation.name == "pypy"
)
_HIDING = functools.__file__ if hasattr(functools, "hidden_applevel") else ""
_HIDDEN = frozenset(["reduce", "cmp_to_key", "__call__", "wrapper"])
_RUNNING_TASKS = frozenset(["run", "initialize", "_invoke_callbacks", "add_done_callback"])
# Code of `threading` that calls what the program gave it.
_CALLING_BACK = frozenset(
    id(function.__code__)
    for function in (
        threading.Timer.run,
        threading.Condition.wait_for,
        threading.Barrier._release,  # type: ignore[attr-defined]
    )
)


def stopping_frame(depth: int = 1) -> types.FrameType | None:
    """Return the nearest frame of the program under this call."""
    return program_frame(sys._getframe(depth))


def program_frame(frame: types.FrameType | None) -> types.FrameType | None:
    """Return `frame`, or the nearest one under it that is of the program."""
    while frame is not None and not is_program_code(frame.f_code.co_filename):
        frame = frame.f_back
    return frame
