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

import array
import builtins
import functools
import gc
import operator
import re
import sys
import threading
import types
import weakref
from collections import defaultdict, deque
from typing import TYPE_CHECKING, Any

from concspec.interleave.accesses import (
    ATTRIBUTE,
    CALL,
    CAPTURE,
    CELL,
    ENDING,
    GENERATOR,
    GLOBAL,
    ITEM,
    ITERATION,
    NAME,
    OPERATOR,
    RAISE,
    Built,
    Constant,
    Local,
    Method,
    Result,
    Site,
    Source,
)
from concspec.interleave.bytecode import first_given
from concspec.interleave.c_code import (
    ATTRIBUTE_METHODS,
    CALLING,
    COMPARING_METHODS,
    COUNTING,
    GETTERS,
    GETTING,
    GOING,
    HARMLESS,
    HARMLESS_MODULES,
    KEYED_METHODS,
    LOCAL,
    LOOKING,
    METHODS_OF_ALL,
    OPAQUE,
    READING,
    READING_METHODS,
    RUNNING,
    SETTERS,
    SETTING,
    SHOWING,
    STATELESS,
    STORING_METHODS,
    UNSEEN,
    WEAK,
    is_known,
    is_plain_reader,
    only_reads,
)
from concspec.interleave.classes import (
    OF_PROGRAM,
    TEXTS,
    flags,
    forget,
    has_finalizer,
    hooks,
    is_a,
    is_copied_by_threads,
    is_iterated_by_python,
    is_iterator,
    is_modelled_class,
    is_of_ctypes,
    is_of_program,
    is_of_python,
    is_python,
    is_python_function,
    is_python_type,
    is_watched_for_its_end,
    mro,
    namespace,
    once,
)
from concspec.interleave.looking import (
    ANY,
    ATOMS,
    CONTAINERS,
    DESCRIPTORS,
    EMPTY,
    MISSING,
    NEW,
    SLOTS,
    Aliases,
    begins_in_each_thread,
    elements,
    factory_of,
    field_of,
    got_by,
    got_cell,
    inherited_attribute,
    instance_dict,
    is_of_class,
    position,
    searched,
    shown,
    static_attribute,
    static_item,
)
from concspec.interleave.operations import ORDER, WHOLE, Inherited
from concspec.interleave.watched import OWN, is_modelled, is_shown

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from concspec.interleave.operations import Field, Place

    Touched = tuple[tuple[Place, ...], bool]  # the places, and whether they are changed


NOTHING: Touched = (), False
_MOST_REACHED = 5000
_ARITHMETIC = (
    "add", "and", "floordiv", "lshift", "matmul", "mod", "mul", "or", "pow", "rshift", "sub",
    "truediv", "xor",
)  # fmt: skip
_GIVING = frozenset(
    ["__getitem__", "__missing__", "__class_getitem__"]
    + [f"__{way}{name}__" for name in _ARITHMETIC for way in ("", "r", "i")]
)
"""The special methods that give what an item or an operation is."""
_SUPPRESSING = "__suppress_context__"
_WRITTEN_BY_RAISE = ("__traceback__", "__context__", "__cause__", _SUPPRESSING)
_COMPREHENSIONS = frozenset(["<listcomp>", "<setcomp>", "<dictcomp>"])
_OF_METHODS = frozenset(["__func__", "__self__"])
"""What a bound method has itself; all else is that of its function."""
_PEEKED = frozenset(
    [
        "__code__", "__defaults__", "__kwdefaults__", "_count", "_flag", "_state", "_value",
        "broken", "ident", "n_waiting", "native_id",
    ]
)  # fmt: skip
_ITEMS_OF: dict[type, Callable[[Any], Iterable[object]]] = {
    **dict.fromkeys([list, tuple, deque], iter),
    dict: dict.values,
    **dict.fromkeys([str, bytes, bytearray, range, array.array], lambda _: ()),
}
"""What an item of a container can be; of some, nothing that is shared."""
_HOLDERS = (*CONTAINERS, tuple, frozenset)
_MOVING_ON = frozenset(["next", "all"])
_GETTING_ITEMS = frozenset(["get", "setdefault", "__getitem__"])


class Observer:
    """Resolves the sites of one execution; knows its objects by short names.

    `results` has, by frame and offset, what instructions pushed: whichever thread goes on with a
    generator finds what another one left there.
    """

    __slots__ = ("doubt", "kept", "met_local", "names", "results", "streams")

    def __init__(self) -> None:
        """Start with no object named."""
        self.names: dict[int, int] = {}
        self.kept: list[object] = []
        self.results: dict[tuple[int, int], object] = {}
        self.streams = (sys.stdout, sys.stderr)  # the world's: what is written there is no result
        self.met_local = False  # among what was looked at, data that is local to a thread
        self.doubt: str | None = None  # what this execution depended on without its being seen

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

    def value(self, source: Source, frame: types.FrameType) -> object:
        """Return the value of `source` in `frame`, `Aliases` of it, or MISSING."""
        if type(source) is Result:
            try:
                return self.results[id(frame), source.offset]
            except KeyError:
                return MISSING
        if type(source) is Local:
            name = source.name
            if name == ".0" and (id(frame.f_back), id(frame.f_code)) in self.results:
                # What the comprehension goes through; one may call itself.
                return self.results[id(frame.f_back), id(frame.f_code)]
            found = frame.f_locals.get(name, MISSING)
            if name == ".0" and sys.version_info >= (3, 15) and is_iterated_by_python(type(found)):
                return MISSING  # what it gives to go through it
            return found
        if type(source) is Method:
            receiver = self.value(source.receiver, frame)
            if type(receiver) is Aliases:
                return receiver
            if source.offset < 0:
                return static_attribute(receiver, source.name)
            return self.results.get((id(frame), source.offset), MISSING)
        if type(source) is Constant:
            return source.value
        if type(source) is Built:
            parts = [self.value(each, frame) for each in source.parts]
            return self.made_of(parts)
        return MISSING

    def observe(self, site: Site, frame: types.FrameType) -> Touched:
        """Return the places `site` is about to touch, and whether it changes them."""
        kind = site.kind
        if kind == GLOBAL:
            # A global is an item of its module's namespace, as `globals()["name"]` is.
            return self.variable([frame.f_globals], site, frame)
        if kind == ATTRIBUTE:
            if site.name in _PEEKED and is_modelled(site.code.co_filename):
                return NOTHING  # what a primitive does with its own state is seen as steps
            return self.attribute(self.value(site.receiver, frame), site.name, write=site.write)
        if kind == CALL:
            return self.called(site, frame)
        if kind == OPERATOR:
            return self.operated(site, frame)
        if kind == CELL:
            return ((-1, site.field),), site.write
        if kind == NAME:
            names: Any = frame.f_locals
            if names is not frame.f_locals:
                changed = ((None, ORDER),) if site.write else ()
                return ((None, site.field), *changed), site.write
            scopes = [names] if names is frame.f_globals else [names, frame.f_globals]
            return self.variable(scopes, site, frame)
        if kind == ENDING:
            return NOTHING
        receiver = self.value(site.receiver, frame)
        if kind == RAISE:
            return self.raised(receiver, self.value(site.key, frame))
        if kind == ITEM:
            return self.item(receiver, site, frame)
        if kind == CAPTURE:
            # An iterator remembers how large a dictionary or a set was; that of a list does not.
            if is_a(receiver, list) and not hooks(type(receiver)):
                return NOTHING
            return self.whole(receiver)[0], False
        if site.name == "deep":
            return self.touched([receiver], inside=False, write=False)
        if site.name == "inside":
            return self.touched([receiver], inside=True, write=site.write)
        places, moves = self.whole(receiver)
        return places, moves or site.write or (receiver is MISSING and site.name in _MOVING_ON)

    def variable(self, scopes: list[Any], site: Site, frame: types.FrameType) -> Touched:
        """Return what a name touches that is looked up in one of these after the other."""
        if type(scopes[0]) is not dict:  # as `eval` may be given
            adds = is_a(scopes[0], defaultdict)
            places, write = self.touched(scopes[:1], inside=False, write=site.write or adds)
            return (*places, *[(self.name(each), site.field) for each in scopes[1:]]), write
        place = (self.name(scopes[0]), site.field)
        if site.name in scopes[0] and not site.deletes:
            return (place,), site.write
        if site.write:
            return (place, (place[0], ORDER)), True
        others = [*scopes[1:], frame.f_builtins]
        return (place, *[(self.name(each), site.field) for each in others]), False

    def read(self, site: Site, frame: types.FrameType) -> object:
        """Return the value the instruction at `site` is about to push, or MISSING."""
        kind = site.kind
        if kind == GLOBAL:
            return _variable((frame.f_globals, frame.f_builtins), site.name)
        if kind == NAME:
            names = frame.f_locals
            if names is not frame.f_locals:
                return MISSING  # beside the variables of an inlined comprehension
            return _variable((names, frame.f_globals, frame.f_builtins), site.name)
        if kind == CALL:
            return self.result(site, frame)
        if kind == OPERATOR:
            return self.made_by_operator(site, frame)
        if kind == CELL:
            return frame.f_locals.get(site.name, MISSING)
        receiver = self.value(site.receiver, frame)
        if kind == ATTRIBUTE:
            if site.arguments:
                looking, of, owner = (self.value(each, frame) for each in site.arguments)
                return inherited_attribute(looking, of, owner, site.name)
            return static_attribute(receiver, site.name)
        if kind == ITEM:
            found = static_item(receiver, self.value(site.key, frame))
            return self.item_of(receiver) if found is MISSING else found
        if kind != CAPTURE or is_iterated_by_python(type(receiver)):
            return MISSING
        return receiver

    def going_on(self, site: Site, touched: Touched, given: tuple[object, ...]) -> Touched:
        """Return what C code touches that goes on with values which it was given."""
        if site.kind == ITERATION and site.name == "next":
            return touched  # by which Python code goes on
        places, write = touched
        more, moves = self.touched([*given], inside=False, write=write)
        return (tuple(dict.fromkeys((*places, *more))), moves) if more else touched

    def looker(self, site: Site, frame: types.FrameType) -> Callable[[], object]:
        """Return a function that looks, whenever it is called, at what `site` touches now."""
        if site.kind == ATTRIBUTE:
            owner = self.value(site.receiver, frame)
            return lambda: shown(static_attribute(owner, site.name))
        if site.kind == ITEM:
            container = self.value(site.receiver, frame)
            key = self.value(site.key, frame)
            return lambda: static_item(container, key)
        if site.kind in (GLOBAL, CELL, NAME):
            return lambda: self.read(site, frame)
        source = site.receiver.receiver if isinstance(site.receiver, Method) else site.receiver
        whole = self.value(source, frame)
        if type(whole) in CONTAINERS:
            kind: Any = type(whole)
            return lambda: kind(whole)
        return lambda: whole if type(whole) in ATOMS or type(whole) is tuple else MISSING

    # Attributes.

    def attributes_of(self, thing: object) -> dict[str, object] | None:
        """Return the dictionary of an object's attributes; note one that each thread has."""
        if is_a(thing, threading.local):
            self.met_local = True
            if begins_in_each_thread(type(thing)):
                self.distrust("which threads have begun with data of their own")
        return instance_dict(thing)

    def attribute(self, receiver: object, name: str, *, write: bool) -> Touched:
        """Return what getting or setting an attribute touches."""
        kind = type(receiver)
        if kind is types.MethodType and name not in _OF_METHODS:
            return self.attribute(receiver.__func__, name, write=write)  # type: ignore[attr-defined]
        if name in _PEEKED:
            self.peeked(kind, name, write=write)
        if not _has_plain_attributes(kind):
            called = hooks(kind)
            if issubclass(kind, WEAK):
                self.distrust(UNSEEN[weakref.ref])
            if is_of_ctypes(kind):
                self.distrust("the memory of ctypes")
            if issubclass(kind, types.ModuleType):
                known = vars(receiver)
                get = known.get("__getattr__", is_python)
                if name not in known and not is_python(get):
                    called += (get,)
            if called:
                return self.touched([receiver, *called], inside=True, write=True)
        return self.places(receiver, name, write=write), write

    def peeked(self, kind: type, name: str, *, write: bool) -> None:
        """Note an attribute that tells of steps, or of code, and is no access itself."""
        is_of_code = kind is types.FunctionType and (write or name == "__kwdefaults__")
        if is_of_code or any(map(is_modelled_class, mro(kind)[:-1])):
            self.distrust(f"the attribute {name} of a {kind.__name__}")

    def places(self, receiver: object, name: str, *, write: bool) -> tuple[Place, ...]:
        """Return the places of an attribute, which is an item of the dictionary that has it."""
        field = (name,)
        kind = type(receiver)
        if receiver is MISSING or kind is Aliases or kind is super:
            return () if receiver is NEW else ((None, field),)
        if kind is types.CellType:
            return ((-1, WHOLE),)
        if issubclass(kind, type):
            owner: Any = receiver
            known: Mapping[str, object] = namespace(receiver)
            classes = (*mro(receiver)[1:], *mro(kind))
        else:
            inner = self.attributes_of(receiver)
            owner, known = (receiver, EMPTY) if inner is None else (inner, inner)
            if id(inner) not in self.names and is_watched_for_its_end(receiver):
                self.distrust(f"the end of a {kind.__name__}")
            classes = mro(kind)
        if write:
            if issubclass(kind, type) and name.startswith("__"):
                self.distrust(f"what {owner.__name__}.{name} is, which changes")
            # A new dictionary moves all attributes elsewhere, and a new class most of them.
            if name == "__class__":
                self.distrust("the class of an object, which changes")
            if name in ("__dict__", "__class__"):
                return ((None, WHOLE),)
            of = self.name(owner)
            if name == "__cause__" and issubclass(kind, BaseException):
                return tuple([(self.name(receiver), (each,)) for each in (name, _SUPPRESSING)])
            changed: tuple[Place, ...] = ((of, field),)
            if issubclass(kind, type):  # what is a property goes before what objects have
                changed += ((None, Inherited(field)),)
            if name in known:
                return changed
            if any(type(namespace(each).get(name)) in SLOTS for each in classes):
                return ((self.name(receiver), field),)
            return (*changed, (of, ORDER))
        own = (self.name(owner), field)
        if name in known:
            return (own,)
        if issubclass(kind, types.ModuleType):
            return (own, (own[0], ("__getattr__",)))
        asked, holder = searched(classes, name) if issubclass(kind, type) else position(kind, name)
        passed = [(self.name(classes[each]), field) for each in asked]
        if holder is None:
            return (own, *passed)
        has = classes[holder]
        found = namespace(has)[name]
        if type(found) in SLOTS:
            own = (self.name(receiver), field)  # in the object, beside its dictionary
        elif not flags(has) & OF_PROGRAM:  # such a class cannot be changed
            return (own, *passed) if known or passed else ()
        return (own, *passed, (self.name(has), field))

    def raised(self, error: object, made_by: object) -> Touched:
        """Return what raising an exception writes into it, unless the exception is new."""
        if error is NEW or is_a(error, type) or is_a(made_by, type):
            return NOTHING
        owner = None if error is MISSING or type(error) is Aliases else self.name(error)
        return tuple([(owner, (name,)) for name in _WRITTEN_BY_RAISE]), True

    # Containers.

    def item(self, receiver: object, site: Site, frame: types.FrameType) -> Touched:
        key = self.value(site.key, frame)
        if receiver is MISSING:  # an iterator is moved on by looking for something in it
            return ((None, WHOLE),), site.write or site.name == "in"
        if type(receiver) in ATOMS and site.name != "in":
            return NOTHING
        if not is_a(receiver, CONTAINERS) or hooks(type(receiver)):
            if is_of_ctypes(type(receiver)):
                self.distrust("the memory of ctypes")
            roots = [receiver]
            if is_a(receiver, type):
                roots += hooks(receiver)  # `__class_getitem__`
            if type(receiver) is Aliases or not is_python_type(type(receiver)):
                roots += [self.value(each, frame) for each in site.arguments]
                roots += [key] if site.name == "in" else []
            return self.touched(roots, inside=False, write=site.write)
        field = field_of(receiver, key)
        if site.name in ("del", "in") and not is_a(receiver, dict):
            field = WHOLE  # the items behind it move; what is looked for may be anywhere
        if field == WHOLE:
            # A slice that is assigned to goes through what it is given; `in` compares.
            given = [] if is_a(receiver, dict) else site.arguments
            others = [self.value(each, frame) for each in given]
            if site.name == "in":
                others += [*elements(receiver), key]
            places, write = self.touched(others, inside=False, write=site.write)
            if is_a(receiver, defaultdict) and not (site.name or write):
                return self.added(receiver, self.name(receiver), field)
            return ((self.name(receiver), WHOLE), *places), write
        owner = self.name(receiver)
        if site.name or not is_a(receiver, dict) or dict.__contains__(receiver, key):
            return ((owner, field),), site.write
        if site.write:
            return ((owner, field), (owner, ORDER)), True
        if is_a(receiver, defaultdict):
            return self.added(receiver, owner, field)
        return ((owner, field),), False

    def item_of(self, receiver: object) -> object:
        """Return what is known of an item whose key is not: that it is one of those there are.

        Which function of C it may be, or which class, is not enough to know what a call of it does.
        """
        if type(receiver) not in _ITEMS_OF:
            return MISSING
        found, calls, closed = self.reach([*_ITEMS_OF[type(receiver)](receiver)], inside=False)
        if _is_anything(found) or calls or any(is_a(each, type) for each in closed):
            return MISSING
        return Aliases([*found, *closed]) if found or closed else NEW

    def added(self, receiver: object, owner: int, field: Field) -> Touched:
        """Return what is touched where a dictionary has a missing item made."""
        made, _ = self.touched([factory_of(receiver)], inside=True, write=True)
        return ((owner, field), (owner, ORDER), (owner, ("default_factory",)), *made), True

    def whole(self, receiver: object) -> Touched:
        """Return the places of going through `receiver`, but not through what is inside."""
        if is_a(receiver, CONTAINERS) and not hooks(type(receiver)):
            return ((self.name(receiver), WHOLE),), False
        if is_a(receiver, (tuple, frozenset)):
            return NOTHING
        return self.touched([receiver], inside=False, write=False)

    def touched(self, roots: list[object], *, inside: bool, write: bool) -> Touched:
        """Return all that C code may touch which is handed `roots`; an iterator it moves on."""
        found, calls, closed = self.reach(roots, inside=inside)
        sets = any(map(_sets_attributes, calls))
        if sets and any(is_a(each, type) for each in closed):
            self.distrust("an attribute of a class that C code sets")
        if sets or any(each is CALLING or type(each) is operator.methodcaller for each in calls):
            return ((None, WHOLE),), True  # one may be `__dict__`, which moves all of them
        if calls and not (inside and write):
            # A function written in C that is called with what is found, such as the key of `max`.
            write = write or any(not only_reads(each) for each in calls)
            if not inside and not all(map(is_plain_reader, calls)):
                found, _, _ = self.reach(roots, inside=True)
        if _is_anything(found):
            return ((None, WHOLE),), write
        if not write:
            # To get an item can be to add one, and so it is to get the next one.
            write = any(is_iterator(type(each)) or is_a(each, defaultdict) for each in found)
        return tuple(
            [(-1 if is_a(each, types.CellType) else self.name(each), WHOLE) for each in found]
        ), write

    def made_of(self, parts: list[object]) -> object:
        """Return what is known of a value that is among `parts`, or holds some of them."""
        if not all(map(_is_data, parts)):
            found, calls, closed = self.reach(parts, inside=False)
            if _is_anything(found):
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
                continue
            if id(thing) in seen:
                continue
            if len(seen) == _MOST_REACHED:
                return [ANY], calls, closed
            seen.add(id(thing))
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
                    if flags(each) & OF_PROGRAM and not is_modelled_class(each):
                        found.append(each)
                        todo += [one for one in namespace(each).values() if not callable(one)]
                closed.append(thing)
            elif is_modelled_class(kind):
                closed.append(thing)
                given_to = (threading.Thread, threading.local)
                own = self.attributes_of(thing) if inside and is_a(thing, given_to) else None
                if own is not None:  # what the program gave it; all else are steps
                    found.append(own)
                    todo += own.values()
            elif is_a(thing, _HOLDERS):
                if kind is dict and is_of_class(thing) and id(thing) not in self.names:
                    return [ANY], calls, closed
                if not is_a(thing, (tuple, frozenset)):
                    found.append(thing)
                todo += elements(thing)
                if is_a(thing, defaultdict):
                    todo.append(factory_of(thing))
                if inside and flags(kind) & OF_PROGRAM:
                    self.enter(thing, found, todo)
            elif kind in OPAQUE:
                found.append(thing)
                if kind in WEAK:
                    self.distrust(UNSEEN[weakref.ref])
            elif is_python_type(kind):
                if not is_of_python(kind):
                    found.append(thing)
                    own = self.attributes_of(thing)
                    todo += [each for each in gc.get_referents(thing) if each is not own]
                if inside:
                    self.enter(thing, found, todo)
                else:
                    closed.append(thing)
            else:
                found.append(thing)
                todo += gc.get_referents(thing)
                own = self.attributes_of(thing) if inside else None
                if own is not None:  # which PyPy does not count among them
                    found.append(own)
                    todo += own.values()
                if "__call__" in namespace(kind) and kind is not functools.partial:
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

    # Calls.

    def callee(self, site: Site, frame: types.FrameType) -> tuple[Any, object]:
        """Return the function that is called, and the object it is bound to, or MISSING."""
        function = self.value(site.receiver, frame)
        if is_a(function, types.MethodType):
            return function.__func__, function.__self__
        if is_a(function, (types.BuiltinMethodType, types.MethodWrapperType)):
            owner = function.__self__
            return function, MISSING if owner is None else owner
        return function, MISSING

    def given(self, site: Site, frame: types.FrameType) -> list[object]:
        """Return the arguments of a call; of `f(*rest)` those in `rest`, if it is a tuple."""
        given = [self.value(each, frame) for each in site.arguments]
        if site.name == "*" and given and type(given[0]) is tuple:
            given[:1] = given[0]
        return given

    def called(self, site: Site, frame: types.FrameType) -> Touched:
        function, owner = self.callee(site, frame)
        if function is MISSING:
            return ((None, WHOLE),), True
        if site.name == "*":
            # What is not a tuple is gone through first, and a dictionary that is not a new one.
            spread = [self.value(each, frame) for each in site.arguments if type(each) is not Built]
            spread = [each for each in spread if type(each) is not tuple and each is not NEW]
            if spread:
                places, moves = self.gone_through(spread, moves=True)
                touched, write = self.handed(site, function, owner, frame)
                return (*places, *touched), moves or write
        return self.handed(site, function, owner, frame)

    def handed(
        self,
        site: Site,
        function: Any,
        owner: object,
        frame: types.FrameType,
    ) -> Touched:
        """Return what a function touches of what it is handed."""
        if is_python_function(function):
            if function.__code__ is site.followed:
                return NOTHING
            self.question(function, frame)
            if is_modelled(function.__code__.co_filename) or is_shown(function.__code__):
                if function not in UNSEEN:
                    site.followed = function.__code__
                return NOTHING
            bound = [] if owner is MISSING else [owner]
            kept = [got_cell(each) for each in function.__closure__ or ()]
            given = self.given(site, frame)
            return self.touched([*bound, *kept, *given], inside=True, write=True)
        given = self.given(site, frame)
        if is_a(function, types.CodeType):
            if function.co_name in _COMPREHENSIONS and given:
                self.results[id(frame), id(function)] = given[0]
            return NOTHING
        if type(function) is Aliases:
            known = function is NEW
            return self.touched([function, *given], inside=not known, write=not known)
        if is_a(function, type):
            return self.constructed(function, given, frame)
        if is_a(
            function, (types.FunctionType, types.MethodDescriptorType, types.WrapperDescriptorType)
        ):
            if owner is MISSING and given:  # `list.append(items, 1)`
                owner, *given = given
            return self.method(function.__name__, owner, given)
        if is_a(function, types.MethodWrapperType):  # as a module has, too
            return self.method(function.__name__, owner, given)
        if is_a(function, types.BuiltinFunctionType):
            if is_a(owner, types.ModuleType) or owner is MISSING:
                return self.function(function, given, frame)
            return self.method(function.__name__, owner, given)
        kind = type(function)
        if is_a(function, WEAK):
            self.question(weakref.ref, frame)
        if is_python_type(kind) and is_of_python(kind):
            return NOTHING
        return self.touched([function, *given], inside=True, write=True)

    def function(self, function: Any, given: list[object], frame: types.FrameType) -> Touched:
        """A function of a module written in C."""
        self.question(function, frame)
        if function in LOCAL or (function in SHOWING and not given):
            if len(given) > 1 and given[1] is not None:
                return self.given_builtins(given[1])
            return ((-1, WHOLE),), False
        if function in RUNNING or function in HARMLESS:
            return NOTHING
        if function is print:
            return self.printed(given)
        if function in SHOWING:
            return self.touched(given, inside=True, write=False)
        if function.__module__ == "_abc":  # what is registered with one class counts for others
            registry = self.name(vars(sys.modules["_abc"]))
            return ((registry, WHOLE),), function.__name__ == "_abc_register"
        if function.__module__ in HARMLESS_MODULES:
            return self.touched(given, inside=False, write=False)
        if function in GETTING or function in SETTING:
            write = function in SETTING
            if len(given) > 1 and type(given[1]) is str:
                return self.attribute(given[0], given[1], write=write)
            return self.touched([function, *given], inside=True, write=write)
        if function in READING:
            return self.gone_through(given, moves=function in GOING)
        places, write = self.touched(given, inside=True, write=True)
        if function.__module__ not in STATELESS:
            module = sys.modules.get(function.__module__ or "")
            places += ((self.name(vars(module or builtins)), WHOLE),)
        return places, write

    def given_builtins(self, scope: object) -> Touched:
        """Return what `exec` touches of the variables it is to use: it adds `__builtins__`."""
        if not is_a(scope, dict) or hooks(type(scope)):
            return self.touched([scope], inside=False, write=True)
        place = (self.name(scope), ("__builtins__",))
        if dict.__contains__(scope, "__builtins__"):
            return (place,), False
        return (place, (place[0], ORDER)), True

    def printed(self, given: list[object]) -> Touched:
        """What is printed, and where: a stream that the program has made is shared as all else."""
        streams = [each for each in given if type(each).__module__ in ("_io", "io")]
        looked_up: tuple[Place, ...] = ()
        if not streams:
            looked_up = ((self.name(vars(sys)), ("stdout",)),)
        streams = streams or [sys.stdout]
        made = [each for each in streams if not any(each is known for known in self.streams)]
        for each in [*given, *streams]:
            if is_of_python(type(each)):  # its `write` is looked up
                looked_up += self.places(each, "write", write=False)
        places, write = self.touched([*given, *made], inside=False, write=bool(made))
        return (*looked_up, *places), write

    def method(self, name: str, owner: Any, given: list[object]) -> Touched:
        """A method written in C, called on `owner`."""
        if name in ("__init__", "__init_subclass__") and not is_a(owner, CONTAINERS):
            places, write = self.touched(given, inside=False, write=False)
            again, _ = self.touched([owner], inside=False, write=False)
            return (*again, *places), write or bool(again)
        if name == "__new__" and given and is_a(given[0], type):
            return self.touched(given[1:], inside=False, write=False)
        if name in ATTRIBUTE_METHODS and given and type(given[0]) is str:
            write = name != "__getattribute__"
            return self.attribute(owner, given[0], write=write)
        if name in SETTERS:
            return self.touched([setattr, owner, *given], inside=True, write=True)
        if is_a(owner, (*TEXTS, tuple, frozenset)):
            # A format can name attributes and items: "{0.x}".
            inside = name in ("format", "format_map") and any(
                str.__contains__(owner, each) for each in ".["
            )
            return self.touched([owner, *given], inside=inside, write=False)
        self.lent(name, owner, given)
        if is_a(owner, type) and not is_python_type(owner):
            return self.touched(given, inside=False, write=False)
        if is_a(owner, CONTAINERS) and name not in METHODS_OF_ALL:
            write = name not in READING_METHODS
            own: Place = (self.name(owner), WHOLE)
            if is_a(owner, dict) and name in KEYED_METHODS and given:
                field = field_of(owner, given[0])
                own = (self.name(owner), field)
                if field != WHOLE and dict.__contains__(owner, given[0]):
                    return (own,), write
                if is_a(owner, defaultdict) and name == "__getitem__":
                    return self.added(owner, self.name(owner), field)
                if field == WHOLE:
                    return (own,), write
                return ((own, (self.name(owner), ORDER)) if write else (own,)), write
            if name in STORING_METHODS:
                return (own,), write
            others = [*given, *elements(owner)] if name in COMPARING_METHODS else given
            places, moved = self.touched(others, inside=False, write=False)
            return (own, *places), write or moved
        reads = is_a(owner, CONTAINERS) and name in READING_METHODS
        return self.touched([owner, *given], inside=not reads, write=not reads)

    def gone_through(self, given: list[object], *, moves: bool) -> Touched:
        """What reads all that it is given; if it `moves`, what is not known may be an iterator."""
        places, write = self.touched(given, inside=False, write=False)
        return places, write or (moves and (None, WHOLE) in places)

    def constructed(self, kind: type, given: list[object], frame: types.FrameType) -> Touched:
        """A class: what is written in Python of its making is seen."""
        self.ends(kind, frame)
        if any(base is weak for base in mro(kind) for weak in WEAK):
            self.question(weakref.ref, frame)
        if kind is type and len(given) == 1:
            return NOTHING
        if hooks(type(kind)):
            return self.touched([kind, *given], inside=True, write=True)
        if is_python_type(kind):
            return NOTHING if is_of_python(kind) else self.touched(given, inside=False, write=False)
        if is_known(kind):
            return self.gone_through(given, moves=kind in GOING)
        return self.touched(given, inside=True, write=True)

    def operated(self, site: Site, frame: types.FrameType) -> Touched:
        """Return what an operator touches; `shared += [1]` changes its left operand."""
        left, right = site.arguments
        one = self.value(left, frame)
        other = self.value(right, frame)
        if type(one) in ATOMS and one is not MISSING:
            if type(other) in ATOMS and other is not MISSING:
                return NOTHING
            return self.touched([other], inside=False, write=False)
        return self.touched([one, other], inside=False, write=site.write)

    def observe_alone(self, site: Site, frame: types.FrameType) -> None:
        """Look at what no other thread can see for nothing but what is made or done of classes."""
        if site.kind == ATTRIBUTE and site.write:
            if is_a(self.value(site.receiver, frame), type):
                forget()
        elif site.kind == OPERATOR:
            for source in site.arguments:
                operand = self.value(source, frame)
                if type(operand) not in ATOMS or operand is MISSING:
                    forget()
        elif site.kind == CALL:
            function, _ = self.callee(site, frame)
            if is_a(function, type):
                self.ends(function, frame)
                if is_python_type(function):
                    return
            elif is_python(function) or is_a(function, types.CodeType):
                return
            called = self.value(site.receiver, frame)
            given = self.given(site, frame)
            if is_a(called, (types.BuiltinFunctionType, types.MethodType)):
                self.lent(called.__name__, called.__self__, given)
            if _may_set_attributes(called, given):
                forget()

    def may_change_classes(self, places: tuple[Place, ...]) -> bool:
        """Tell whether a class can be among what is changed."""
        return any(
            owner is None or (owner >= 0 and is_a(self.kept[owner], type)) for owner, _ in places
        )

    def ends(self, kind: type, frame: types.FrameType) -> None:
        """Note that an object is made whose end does something: who drops it last is no access."""
        if self.doubt is None and (kind is memoryview or has_finalizer(kind)):
            code = frame.f_code
            self.doubt = (
                f"the end of a {kind.__name__}, made at {code.co_filename}:{frame.f_lineno}"
            )

    def lent(self, name: str, owner: object, given: list[object]) -> None:
        """Note that C code is lent memory for longer than a call, which only its end gives back."""
        if name == "getbuffer":
            self.distrust("the end of a memoryview")
        if type(owner) is re.Pattern and any(is_a(each, (bytearray, memoryview)) for each in given):
            self.distrust("what a regular expression finds in memory that changes")

    def question(self, function: object, frame: types.FrameType) -> None:
        """Note that a call tells of something that is no access."""
        reason = UNSEEN.get(function)
        if reason and self.doubt is None:
            self.doubt = f"{reason}, asked at {frame.f_code.co_filename}:{frame.f_lineno}"

    def made_by_operator(self, site: Site, frame: types.FrameType) -> object:
        """Return what is known of the value that an operator gives."""
        operands = [self.value(each, frame) for each in site.arguments]
        if any(type(each) is not Aliases and is_python_type(type(each)) for each in operands):
            return MISSING
        if site.write:  # it may be the left one
            return self.made_of(operands)
        # What is made holds what they hold, and not themselves.
        held: list[object] = []
        for each in operands:
            held += elements(each) if type(each) in _HOLDERS else [each]
        made = self.made_of(held)
        if type(made) is not Aliases or made is NEW:
            return made
        known = {id(each) for each in operands if type(each) not in _HOLDERS}
        return Aliases([each for each in made.objects if id(each) not in known])

    def result(self, site: Site, frame: types.FrameType) -> object:
        """Return the result of a call, as far as it can be told before."""
        given = self.given(site, frame)
        function, owner = self.callee(site, frame)
        if is_a(function, types.CodeType):
            return NEW if function.co_flags & GENERATOR else MISSING
        if is_python_function(function):
            if function.__code__.co_filename.startswith(OWN) or function is threading.enumerate:
                # A truth value, a time, a lock or a list, unless it is what a queue holds.
                return MISSING if function.__name__.startswith("get") else NEW
            # What others return is known when they do.
            return NEW if function.__code__.co_flags & GENERATOR else MISSING
        if function is NEW:
            return self.made_of(given)
        if function is __import__ or function is eval:
            return MISSING
        if function is super:
            return _made_super(given, frame)
        if is_a(function, type):
            return self.instance(function, given)
        if is_a(function, types.BuiltinFunctionType) and (
            is_a(owner, types.ModuleType) or owner is MISSING
        ):
            return self.returned(function, given, frame)
        if is_a(
            function, (types.MethodDescriptorType, types.WrapperDescriptorType, types.FunctionType)
        ):
            if owner is MISSING and given:
                owner, *given = given
        elif not is_a(function, (types.BuiltinFunctionType, types.MethodWrapperType)):
            return MISSING
        if is_a(owner, TEXTS):
            return NEW
        if is_a(owner, dict) and function.__name__ in _GETTING_ITEMS and given:
            found = static_item(owner, given[0])
            if found is not MISSING or function.__name__ != "get":
                return found  # what is made and put there is new, and shared at once
        if is_a(owner, _HOLDERS):
            return self.made_of([owner, *given])
        return MISSING

    def instance(self, kind: type, given: list[object]) -> object:
        """Return what is known of a new instance of a class."""
        if kind is type and len(given) == 1:
            return MISSING if type(given[0]) is Aliases or given[0] is MISSING else type(given[0])
        if kind is super or is_python_type(kind) or not is_known(kind):
            return MISSING
        if kind in COUNTING:
            return NEW
        if "__call__" in namespace(kind) and kind is not functools.partial:
            given = [*given, LOOKING if kind in GETTERS else CALLING]
        made = self.made_of(given)
        # It may call what is not known as it goes on.
        return Aliases([CALLING]) if made is MISSING and is_iterator(kind) else made

    def value_of(
        self,
        site: Site,
        frame: types.FrameType,
        ending: types.FrameType,
        value: object,
    ) -> object:
        """Return the value `site` of `frame` gets if it is `ending` that it called, or MISSING."""
        code = ending.f_code
        if self.is_called_by_c(site, frame, ending):
            return MISSING
        if site.kind == ATTRIBUTE:
            return value  # of a property, a descriptor or `__getattr__`
        if site.kind == CAPTURE:
            return value if code.co_name == "__iter__" else MISSING
        if site.name == "compare" and type(value) not in ATOMS:
            self.distrust(f"the truth of what {code.co_name} gives")
        if site.kind in (ITEM, OPERATOR):
            own = code.co_name in _GIVING
            return value if own and value is not NotImplemented else MISSING
        if site.kind == CALL:
            function, _ = self.callee(site, frame)
            if is_a(function, type):
                function = static_attribute(function, "__init__")
                value = ending.f_locals.get(first_given(ending), MISSING)
            if is_python_function(function):
                function = function.__code__
            if function is code:
                return value
        return MISSING

    def is_called_by_c(
        self,
        site: Site,
        frame: types.FrameType,
        ending: types.FrameType,
    ) -> bool:
        """Tell whether C code may stand between `site` and what ends, such as that of a cache."""
        asked = site.arguments if site.kind == OPERATOR else [site.receiver]
        for source in asked:
            thing = self.value(source, frame)
            if type(thing) is Aliases or thing is MISSING:
                # A method that Python calls by itself is given the object first.
                first = first_given(ending)
                if not first:
                    return True
                thing = ending.f_locals.get(first)
            if is_a(thing, type) and hooks(thing) and site.kind not in (CALL, OPERATOR):
                return True
            if is_a(thing, types.ModuleType) or hooks(type(thing)):
                return True
        return False

    def returned(self, function: Any, given: list[object], frame: types.FrameType) -> object:
        """Return the result of a function of a module written in C."""
        if function is globals:
            return frame.f_globals
        if function is vars or function is locals:
            return static_attribute(given[0], "__dict__") if given else MISSING
        if function in COUNTING:
            return NEW
        if function is operator.getitem and len(given) > 1:
            return static_item(given[0], given[1])
        if function in GETTING and len(given) > 1:
            return static_attribute(given[0], given[1])
        if function in READING or function.__module__ in STATELESS:
            return self.made_of(given)
        return MISSING


def _made_super(given: list[Any], frame: types.FrameType) -> object:
    """Return what `super` gives, or MISSING."""
    if not given:
        first = frame.f_code.co_varnames[:1]
        given = [frame.f_locals.get(each, MISSING) for each in ("__class__", *first)]
    kind, thing, *_ = [*given, MISSING, MISSING]
    if not is_a(kind, type) or thing is MISSING or type(thing) is Aliases:
        return MISSING
    classes = mro(thing) if is_a(thing, type) else ()
    if any(each is kind for each in (*classes, *mro(type(thing)))):
        return super(kind, thing)
    return MISSING


@once
def _has_plain_attributes(kind: type) -> bool:
    """Tell a class of whose objects an attribute is what it looks like."""
    return not (hooks(kind) or issubclass(kind, (*WEAK, types.ModuleType)) or is_of_ctypes(kind))


def _variable(scopes: tuple[Any, ...], name: str) -> object:
    """Return the value of a name that is looked up in one of these after the other, or MISSING."""
    for each in scopes:
        if type(each) is not dict and not _is_plain_namespace(type(each)):
            return MISSING
        if dict.__contains__(each, name):
            return dict.__getitem__(each, name)
    return MISSING


@once
def _is_plain_namespace(kind: type) -> bool:
    """Tell a dictionary that gives what is in it, and nothing else."""
    own = [namespace(each) for each in mro(kind) if each is not dict]
    return issubclass(kind, dict) and not any(
        name in each for each in own for name in ("__getitem__", "__missing__")
    )


def _is_data(thing: object) -> bool:
    """Tell what holds nothing, and has no method that looks at anything else."""
    kind = type(thing)
    return kind in ATOMS and thing is not MISSING and kind not in DESCRIPTORS


def _wrapped(descriptor: Any) -> list[object]:
    """Return what a descriptor of C calls: that of a slot, say, calls nothing."""
    if is_a(descriptor, property):
        return [descriptor.fget, descriptor.fset, descriptor.fdel]
    return [descriptor.__func__] if is_a(descriptor, (staticmethod, classmethod)) else []


def _sets_attributes(function: object) -> bool:
    """Tell a function of C that sets attributes; PyPy has functions for those of C."""
    kinds = (
        types.FunctionType, types.BuiltinFunctionType, types.WrapperDescriptorType,
        types.MethodWrapperType,
    )  # fmt: skip
    return is_a(function, kinds) and function.__name__ in SETTERS  # type: ignore[attr-defined]


def _may_set_attributes(called: Any, given: list[object]) -> bool:
    """Tell C code that may set those of a class: an iterator that it uses up can do so, too."""
    if not is_a(called, type) and (
        not is_a(called, types.BuiltinFunctionType)
        or called in SETTING
        or not (called in READING or is_a(called.__self__, (*CONTAINERS, *TEXTS)))
    ):
        return True
    return any(
        each is not NEW and (each is MISSING or type(each) is Aliases or is_iterator(type(each)))
        for each in given
    )


def _is_anything(found: list[object]) -> bool:
    """Tell what `reach` gives where it may be anything; objects of the program are not compared."""
    return bool(found) and found[0] is ANY
