"""Looks at objects without running code of the program.

Attributes are looked up statically, and keys are compared only where they are plain values.
"""

from __future__ import annotations

import _thread
import gc
import sys
import threading
import types
from collections import OrderedDict, deque
from typing import TYPE_CHECKING, Any

from concspec.interleave.observing.classes import (
    can_change,
    hooks,
    is_a,
    is_python_function,
    is_python_type,
    mro,
    namespace,
    once,
)
from concspec.interleave.observing.sites import Local
from concspec.interleave.operations import WHOLE

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from concspec.interleave.operations import Field

_PYPY = sys.implementation.name == "pypy"
MISSING = object()
EMPTY: dict[str, object] = {}


class Aliases:
    """A value known only as one of these objects, or as made of them; of none: a new one.

    It is a new tuple of them if `tuples` is 1, and gives one such after the other if that is 2.
    """

    __slots__ = ("objects", "tuples")

    def __init__(self, objects: list[object], *, tuples: int = 0) -> None:
        """Remember what the value may be or hold."""
        self.objects = objects
        self.tuples = tuples


NEW = Aliases([])
NEW_GENERATOR = Aliases([])
"""A new one, too, of which what it gives may be anything."""


class Made:
    """A new object of a class, which is all that is known of it: it has no attributes yet."""

    __slots__ = ("kind",)

    def __init__(self, kind: type) -> None:
        """Remember the class."""
        self.kind = kind


DESCRIPTORS = frozenset(
    [
        property, staticmethod, classmethod, types.GetSetDescriptorType,
        types.MemberDescriptorType, types.MethodDescriptorType, types.WrapperDescriptorType,
        type(vars(Local)["name"]),
    ]
)  # fmt: skip
"""Atoms that nothing is done to, but what they have does something to others."""
WRITABLE = (types.FrameType, types.TracebackType)
"""Atoms with attributes that can be set."""
# Functions have attributes; on PyPy methods of C are functions.
ATOMS = frozenset(
    [
        bool, int, float, complex, str, bytes, type(None), range, types.CodeType, type(Ellipsis),
        type(NotImplemented), type(MISSING), *DESCRIPTORS, *WRITABLE,
    ]
) - {types.FunctionType}  # fmt: skip
CONTAINERS = (list, dict, set, bytearray, deque)
HOLDERS = (*CONTAINERS, tuple, frozenset)
"""What holds other objects: containers, and what is like them but does not change."""
REAL_LOCKS = frozenset([type(_thread.allocate_lock()), type(threading.RLock())])
PLAIN_KEYS = frozenset([int, str, bytes, bool, float, type(None)])
ANY = object()
"""Among the objects that were reached: all others, too."""
_AS_THEY_ARE = (
    types.FunctionType, types.BuiltinFunctionType, types.MethodDescriptorType,
    types.WrapperDescriptorType, property,
)  # fmt: skip
"""What a class gives of itself just as it stands."""
SLOTS = (types.MemberDescriptorType, types.GetSetDescriptorType)
_NAMES = frozenset(["__name__", "__qualname__"])
"""What a class is called."""
_LOOKING_UP = (types.WrapperDescriptorType, types.FunctionType)
"""What `__getattribute__` is where it is that of C; PyPy has functions for that."""


def static_attribute(receiver: object, name: object) -> object:
    """Return the attribute without running any code of the program, or MISSING."""
    if receiver is MISSING or type(receiver) is Aliases or type(name) is not str:
        return MISSING
    kind = type(receiver)
    if kind is Made:
        return _method_of(receiver.kind, name)  # type: ignore[attr-defined]
    if kind is super:
        return _inherited(receiver, name)
    if not _has_usual_attributes(kind):
        return MISSING
    if issubclass(kind, type):
        if name == "__dict__":
            return namespace(receiver)
        setting = [each for each in mro(kind) if _is_setting(namespace(each).get(name))]
        if setting:
            is_usual = name in _NAMES and setting[0] is type
            return got_by(namespace(type)[name], receiver) if is_usual else MISSING
        for each in mro(receiver):
            known = namespace(each)
            if name in known:
                found = known[name]
                if is_a(found, staticmethod):
                    return found.__func__
                if is_a(found, classmethod):
                    return types.MethodType(found.__func__, receiver)
                if is_a(found, types.ClassMethodDescriptorType):  # such as `int.from_bytes`
                    return found.__get__(None, receiver)  # type: ignore[arg-type]
                if is_a(found, _AS_THEY_ARE) or not _is_binding(found):
                    return found
                return MISSING
        for each in mro(kind):
            if name in namespace(each):
                found = namespace(each)[name]
                if type(found) is types.FunctionType:
                    return types.MethodType(found, receiver)
                return MISSING if _is_binding(found) else found
        return MISSING
    inner = instance_dict(receiver)
    if inner is None and begins_in_each_thread(kind):
        return MISSING
    own = (inner or EMPTY).get(name, MISSING)
    if kind is types.ModuleType:
        return own
    _, holder = position(kind, name)
    if holder is None:
        return own
    found = namespace(mro(kind)[holder])[name]
    if type(found) is types.FunctionType:
        return types.MethodType(found, receiver) if own is MISSING else own
    if type(found) in SLOTS:
        return got_by(found, receiver)
    if is_a(found, property):
        return MISSING
    if own is not MISSING:
        return MISSING if _is_setting(found) else own
    if is_a(found, staticmethod):
        return found.__func__
    if is_a(found, classmethod):
        return types.MethodType(found.__func__, kind)
    if not _is_binding(found):
        return found
    return MISSING if is_python_type(type(found)) else got_by(found, receiver)


def _method_of(kind: type, name: str) -> object:
    """Return what a class gives its new objects, of a method the function, or MISSING."""
    _, holder = position(kind, name)
    if holder is None:
        return MISSING
    found = namespace(mro(kind)[holder])[name]
    if is_a(found, (staticmethod, classmethod)):
        found = found.__func__
    return found if is_python_function(found) or not _is_binding(found) else MISSING


def class_of(thing: object) -> type:
    """Return the class of an object, also of one that is new."""
    return thing.kind if type(thing) is Made else type(thing)


def behind(looking: object) -> tuple[object, tuple[type, ...]]:
    """Return the object that `super` looks at, and the classes in which it looks things up."""
    first, kind = _first_asked(looking), _asked_before(looking)
    classes = () if first is None else mro(first)
    places = [place for place, each in enumerate(classes) if each is kind]
    return _looked_at(looking), classes[places[0] + 1 :] if places else ()


def _inherited(looking: object, name: str) -> object:
    """Return what `super()` gives, as far as it is a method, or MISSING."""
    receiver, classes = behind(looking)
    first = _first_asked(looking)
    of_class = first is receiver
    for each in classes:
        found = namespace(each).get(name, MISSING)
        if is_a(found, staticmethod):
            return found.__func__
        if is_a(found, classmethod):
            return types.MethodType(found.__func__, first)
        if type(found) is types.BuiltinFunctionType:  # such as `object.__new__`
            return found
        if type(found) is types.FunctionType:
            return found if of_class else types.MethodType(found, receiver)
        if found is not MISSING:
            known = type(found) in _METHODS_OF_C and not of_class
            return got_by(found, receiver) if known else MISSING
    return MISSING


# What `super` was given, whatever the classes behind it have of these names.
_looked_at: Callable[[Any], Any] = vars(super)["__self__"].__get__
_asked_before: Callable[[Any], Any] = vars(super)["__thisclass__"].__get__
_first_asked: Callable[[Any], Any] = vars(super)["__self_class__"].__get__
_METHODS_OF_C = (types.MethodDescriptorType, types.WrapperDescriptorType)


def position(kind: type, name: str) -> tuple[tuple[int, ...], int | None]:
    """Return which of the classes of `kind` has an attribute, and before it, which could come to.

    All are told by their place in the order in which they are asked.
    """
    known = _positions(kind)
    try:
        return known[name]
    except KeyError:
        found = known[name] = searched(mro(kind), name)
        return found


@once
def _positions(_kind: type) -> dict[str, tuple[tuple[int, ...], int | None]]:
    """Return where the attributes were found that were looked for in a class so far."""
    return {}


def searched(classes: Sequence[type], name: str) -> tuple[tuple[int, ...], int | None]:
    """Return what `position` does, of these classes."""
    passed: list[int] = []
    for place, each in enumerate(classes):
        if name in namespace(each):
            return tuple(passed), place
        if can_change(each):
            passed.append(place)
    return tuple(passed), None


def static_item(receiver: object, key: object, absent: object = MISSING) -> object:
    """Return an item of a container without running any code of the program, or MISSING.

    Of a dictionary without such a key it is `absent`.
    """
    container: Any = receiver
    kind = _gets_items_as(type(receiver))
    if kind is dict and type(key) in PLAIN_KEYS:
        return dict.get(container, key, absent)
    if kind in (list, tuple) and type(key) is int:
        try:
            return kind.__getitem__(container, key)
        except IndexError:
            return MISSING
    return MISSING


@once
def _gets_items_as(kind: type) -> type | None:
    """Return the class of containers of which a class has its way to get items."""
    for each in mro(kind):
        if each is OrderedDict:  # that of PyPy has its own
            return dict
        if "__getitem__" in namespace(each):
            return next((known for known in (dict, list, tuple) if each is known), None)
    return None


def got_by(descriptor: Any, receiver: object) -> object:
    """Return what a descriptor written in C gives."""
    try:
        return descriptor.__get__(receiver, type(receiver))
    except Exception:  # noqa: BLE001 - a slot without a value
        return MISSING


def got_cell(cell: types.CellType) -> object:
    """Return what a variable of a closure holds, or None before it has a value."""
    try:
        return cell.cell_contents
    except ValueError:
        return None


@once
def _has_usual_attributes(kind: type) -> bool:
    """Tell a class whose objects have their attributes where they usually are."""
    found = type.__getattribute__(kind, "__getattribute__")
    if not is_a(found, _LOOKING_UP) or is_python_function(found) or hooks(kind):
        return False
    own = [namespace(each)["__dict__"] for each in mro(kind) if "__dict__" in namespace(each)]
    return all(type(each) in SLOTS for each in own)


def _is_binding(found: object) -> bool:
    """Tell a descriptor that may give anything."""
    return any("__get__" in namespace(each) for each in mro(type(found)))


def _is_setting(found: object) -> bool:
    """Tell a descriptor that goes before what an object has itself."""
    return any(
        name in namespace(each) for each in mro(type(found)) for name in ("__set__", "__delete__")
    )


def instance_dict(receiver: object) -> dict[str, object] | None:
    """Return the dictionary of the attributes of an object, if it has one."""
    get = _getter_of_dictionary(type(receiver))
    if get is None:
        return None
    try:
        found = get(receiver)
    except AttributeError:
        return None
    return found if is_a(found, dict) else None


@once
def _getter_of_dictionary(kind: type) -> Callable[[Any], Any] | None:
    """Return what gets an object's dictionary, but no property that the program named so."""
    if issubclass(kind, threading.local):  # it has one in each thread
        return _dictionary_begun if begins_in_each_thread(kind) else _dictionary_in_thread
    for each in mro(kind):
        if type(namespace(each).get("__dict__")) in SLOTS:
            return namespace(each)["__dict__"].__get__  # type: ignore[no-any-return]
    return None


def _dictionary_in_thread(local: threading.local) -> object:
    return threading.local.__getattribute__(local, "__dict__")


_begun: dict[tuple[int, int], tuple[object, object]] = {}  # by object and thread, it and its data


def _dictionary_begun(local: threading.local) -> object:
    """Return a thread's own data that its class makes when first asked, as far as that was seen.

    It is there when `__init__` begins; to ask before would run that.
    """
    key = id(local), _thread.get_ident()
    if key not in _begun:
        frame: types.FrameType | None = sys._getframe()
        while frame is not None:
            code = frame.f_code
            begins = code.co_name == "__init__" and code.co_argcount > 0
            if begins and frame.f_locals.get(code.co_varnames[0]) is local:
                _begun[key] = local, _dictionary_in_thread(local)
                break
            frame = frame.f_back
    return _begun.get(key, (None, None))[1]


def forget_data() -> None:
    """Forget which threads have data of their own."""
    _begun.clear()


@once
def begins_in_each_thread(kind: type) -> bool:
    """Tell a class of thread-local data that runs code where a thread first asks for its own."""
    return issubclass(kind, threading.local) and any(
        "__init__" in namespace(each) for each in mro(kind)[:-1] if each is not threading.local
    )


def factory_of(container: Any) -> object:
    """Return what makes the items that are missing in a `defaultdict`."""
    return object.__getattribute__(container, "default_factory")


def field_of(container: Any, key: object) -> Field:
    """Return the field of a container that a key names, or WHOLE where that cannot be told."""
    if type(key) not in PLAIN_KEYS:
        return WHOLE
    if is_a(container, dict):
        return (key,)
    if is_a(container, (list, bytearray, deque)) and is_a(key, int):
        return (key if key >= 0 else key + len(container),)
    return WHOLE


def elements(container: Any) -> list[object]:
    """Return what a container holds, whatever its class makes of going through it."""
    if is_a(container, dict):
        keys = [key for key in dict.__iter__(container) if type(key) not in ATOMS]
        return [*keys, *dict.values(container)]
    if is_a(container, (set, frozenset)):
        # Their order is that of addresses, which are others in the next execution.
        return [] if all(map(_is_plain, frozenset(container))) else [ANY]
    if type(container) in (tuple, list) and not _PYPY:
        return gc.get_referents(container)  # some of C code have gaps, which it leaves out
    kinds: tuple[Any, ...] = (list, tuple, deque)
    for kind in kinds:
        if is_a(container, kind):
            return list(kind.__iter__(container))
    return []


def is_of_class(namespace: Any) -> bool:
    """Tell what `vars` of a class shows; which class that is of cannot be told."""
    return dict.__contains__(namespace, "__module__") and dict.__contains__(namespace, "__doc__")


def is_data(thing: object) -> bool:
    """Tell what holds nothing, and has no method that looks at anything else."""
    kind = type(thing)
    return kind in ATOMS and thing is not MISSING and kind not in (*DESCRIPTORS, *WRITABLE)


def _is_plain(thing: object) -> bool:
    """Tell a value, or a class of C: they are always at the same address, and hold nothing."""
    if type(thing) is type:
        return not can_change(thing)
    return type(thing) in ATOMS or (type(thing) is tuple and all(map(_is_plain, thing)))


def is_anything(found: list[object]) -> bool:
    """Tell what `reach` gives where it may be anything; objects of the program are not compared."""
    return bool(found) and found[0] is ANY
