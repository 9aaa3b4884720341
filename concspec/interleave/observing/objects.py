"""The objects of one execution: by what names they are known, and what C code can get at from them.

Code in Python is watched as it runs.  What C code does is not, so it is taken to get at everything
that it was handed refers to, as the garbage collector knows it.
"""

from __future__ import annotations

import functools
import gc
import threading
import types
import weakref
from _thread import get_ident
from collections import defaultdict
from typing import TYPE_CHECKING, Any

from concspec.interleave.observing.c_code import (
    CALLING,
    LOOKING,
    OPAQUE,
    UNSEEN,
    WEAK,
    is_value,
    makes_values,
)
from concspec.interleave.observing.classes import (
    can_change,
    hooks,
    is_a,
    is_copied_by_threads,
    is_modelled_class,
    is_of_ctypes,
    is_of_program,
    is_of_python_or_text,
    is_python,
    is_python_type,
    is_watched_for_its_end,
    mro,
    namespace,
)
from concspec.interleave.observing.looking import (
    ANY,
    ATOMS,
    DESCRIPTORS,
    HOLDERS,
    MISSING,
    NEW,
    REAL_LOCKS,
    WRITABLE,
    Aliases,
    Made,
    begins_in_each_thread,
    elements,
    factory_of,
    forget_data,
    got_by,
    instance_dict,
    is_anything,
    is_data,
    is_of_class,
)
from concspec.interleave.operations import ONLY_READ

if TYPE_CHECKING:
    from concspec.interleave.operations import Place

_MOST_REACHED = 5000


class Objects:
    """Knows the objects of one execution by short names.

    `names` has those by their identity, `kept` the objects in the order of their names.  `doubt` is
    what this execution depended on without its being seen, `met_local` whether data that is local
    to a thread was among what was looked at.
    """

    __slots__ = ("doubt", "kept", "met_local", "names", "unseen")

    def __init__(self) -> None:
        """Start with no object named."""
        self.names: dict[int, int] = {}
        self.kept: list[object] = []
        self.met_local = False
        self.unseen: dict[tuple[int, int], tuple[object, dict[str, object]]] = {}
        forget_data()
        self.doubt: str | None = None

    def name(self, thing: object) -> int:
        """Return the name of an object in this execution: the number of objects met before it.

        The object is kept until the execution is over, so that no other takes its identity.
        """
        try:
            return self.names[id(thing)]
        except KeyError:
            name = self.names[id(thing)] = len(self.kept)
        self.kept.append(thing)
        if issubclass(type(thing), type):
            # `vars` of a class shows a dictionary through a proxy; that is the class as well.
            for inner in gc.get_referents(namespace(thing)):
                if type(inner) is dict:
                    self.names[id(inner)] = name
        elif is_watched_for_its_end(thing):
            self.distrust(f"the end of a {type(thing).__name__}")
        elif type(thing) is not dict and is_copied_by_threads(thing):
            self.distrust("which threads have copied a context of decimal before it changes")
        return name

    def distrust(self, reason: str) -> None:
        """Note that this execution depends on what is not seen; the first reason is told."""
        self.doubt = self.doubt or reason

    def may_change_classes(self, places: tuple[Place, ...]) -> bool:
        """Tell whether a class can be among what is changed."""
        return any(
            owner is None or (owner >= 0 and field != ONLY_READ and is_a(self.kept[owner], type))
            for owner, field in places
        )

    def has_names(self, owner: int) -> bool:
        """Tell whether attributes or variables can be among what an object holds."""
        thing = self.kept[owner] if owner >= 0 else None
        return is_a(thing, (dict, type)) or can_change(type(thing))

    def attributes_of(self, thing: object) -> dict[str, object] | None:
        """Return the dictionary of an object's attributes; note one that each thread has."""
        found = instance_dict(thing)
        if is_a(thing, threading.local):
            self.met_local = True
            if found is None:
                self.distrust("which threads have begun with data of their own")
        return found

    def attributes_at(self, thing: object) -> dict[str, object] | None:
        """Return the dictionary of which an attribute is an item.

        Where a thread is about to begin with data of its own, another one stands for that.
        """
        if begins_in_each_thread(type(thing)) and instance_dict(thing) is None:
            self.met_local = True
            return self.unseen.setdefault((id(thing), get_ident()), (thing, {}))[1]
        return self.attributes_of(thing)

    def made_of(self, parts: list[object]) -> object:
        """Return what is known of a value that is among `parts`, or holds some of them."""
        if not all(map(is_data, parts)):
            found, calls, closed = self.reach(parts, inside=False)
            if is_anything(found):
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
            if kind in ATOMS:
                if thing is MISSING or thing is ANY:
                    return [ANY], calls, closed
                if kind is types.MethodDescriptorType or kind is types.WrapperDescriptorType:
                    calls.append(thing)
                elif kind in DESCRIPTORS:
                    closed.append(thing)
                    todo += _wrapped(thing)
                elif kind in WRITABLE:
                    closed.append(thing)
                continue
            if id(thing) in seen:
                continue
            if len(seen) == _MOST_REACHED:
                return [ANY], calls, closed
            seen.add(id(thing))
            if is_value(thing) or not mro(kind):
                continue  # or a link of an lru_cache, in Python 3.9
            if kind is Made:
                closed.append(thing)
                todo += [thing.kind] if inside else []  # type: ignore[attr-defined]
                continue
            todo += hooks(kind)
            if kind is Aliases:
                todo += thing.objects  # type: ignore[attr-defined]
            elif kind is types.FunctionType or kind is types.ModuleType:
                inner = vars(thing)
                if inside and (inner or kind is types.ModuleType):
                    found.append(inner)
                    if kind is types.FunctionType or is_of_program(thing):
                        todo += inner.values()
                (closed if kind is types.ModuleType or is_python(thing) else calls).append(thing)
            elif kind is types.MethodType:
                if is_python(thing):
                    closed.append(thing)
                else:
                    calls.append(thing)
                    todo.append(thing.__self__)  # type: ignore[attr-defined]
            elif is_a(thing, (types.BuiltinFunctionType, types.MethodWrapperType)):
                calls.append(thing)
                is_function = is_a(thing, types.BuiltinFunctionType)
                if not (is_function and is_a(thing.__self__, types.ModuleType)):
                    todo.append(thing.__self__)
            elif thing is LOOKING or thing is CALLING:
                calls.append(thing)
            elif is_a(thing, type):
                for each in mro(thing) if inside else ():
                    if can_change(each) and not is_modelled_class(each):
                        found.append(each)
                        todo += [one for one in namespace(each).values() if not callable(one)]
                closed.append(thing)
            elif is_modelled_class(kind):
                if kind in REAL_LOCKS:
                    self.distrust(f"a {kind.__name__} that was there before and was not found")
                closed.append(thing)
                given_to = (threading.Thread, threading.local)
                own = self.attributes_of(thing) if inside and is_a(thing, given_to) else None
                if own is not None:  # what the program gave it; all else are steps
                    found.append(own)
                    todo += own.values()
            elif is_a(thing, HOLDERS):
                if kind is dict and is_of_class(thing) and id(thing) not in self.names:
                    return [ANY], calls, closed
                if not is_a(thing, (tuple, frozenset)):
                    found.append(thing)
                todo += elements(thing)
                if is_a(thing, defaultdict):
                    todo.append(factory_of(thing))
                if inside and can_change(kind):
                    self.enter(thing, found, todo)
            elif kind in OPAQUE:
                found.append(thing)
                if kind in WEAK:
                    self.distrust(UNSEEN[weakref.ref])
            elif is_python_type(kind) and is_of_python_or_text(kind):
                if inside:
                    self.enter(thing, found, todo)
                else:
                    closed.append(thing)
            else:
                if is_of_ctypes(kind):
                    self.distrust("the memory of ctypes")
                found.append(thing)
                own = self.attributes_of(thing)
                todo += [each for each in gc.get_referents(thing) if each is not own]
                if makes_values(kind):  # what they hold the collector does not know of
                    todo += [getattr(thing, each, None) for each in ("tzinfo", "string")]
                if own is not None:
                    found.append(own)
                    todo += own.values()
                if is_python_type(kind):
                    if inside:
                        self.enter(thing, found, todo)
                    else:
                        closed.append(thing)
                elif "__call__" in namespace(kind) and kind is not functools.partial:
                    calls.append(thing)
        return found, calls, closed

    def enter(self, thing: object, found: list[object], todo: list[object]) -> None:
        """Go into an object of the program: its attributes, slots, and class."""
        own = self.attributes_of(thing)
        found += [thing] if own is None else [thing, own]
        todo += (own or {}).values()
        for each in mro(type(thing)):
            for member in namespace(each).values():
                if is_a(member, types.MemberDescriptorType):
                    todo.append(got_by(member, thing))
        todo.append(type(thing))


def _wrapped(descriptor: Any) -> list[object]:
    """Return what a descriptor of C calls: that of a slot, say, calls nothing."""
    if is_a(descriptor, property):
        return [descriptor.fget, descriptor.fset, descriptor.fdel]
    return [descriptor.__func__] if is_a(descriptor, (staticmethod, classmethod)) else []
