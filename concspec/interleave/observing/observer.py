"""From a site and the frame that stands there to the objects about to be touched.

In goes a `Site` with a live frame; out come the places (see `operations`) and whether they are
changed.  Nothing here runs code of the program: attributes are looked up statically, keys are
compared only where they are plain values.

A call of C code is taken to touch all that it can get at from what it was handed: the callee, the
object that is bound to, the arguments.  Functions that are known only to read, and not to look into
attributes, make that a read, of the containers alone.
"""

from __future__ import annotations

import _io
import builtins
import operator
import re
import sys
import threading
import time
import types
import weakref
from collections import defaultdict
from typing import TYPE_CHECKING, Any

from concspec.interleave.observing.c_code import (
    ASKING,
    ASKING_METHODS,
    ATTRIBUTE_METHODS,
    CALLING,
    COMPARING_METHODS,
    GETTING,
    GOING,
    HARMLESS,
    HARMLESS_MODULES,
    KEYED_METHODS,
    LOCAL,
    LOOKING,
    METHODS_OF_ALL,
    METHODS_OF_CONTAINERS,
    READING,
    READING_METHODS,
    RUNNING,
    SETTERS,
    SETTING,
    SHOWING,
    STATELESS,
    STORING_METHODS,
    UNSEEN,
    UPDATING_METHODS,
    WEAK,
    is_known,
    is_of_interpreter,
    is_value,
    keeps_nothing,
    only_reads,
    only_reads_what_it_is_given,
    reads_clock,
    reads_when_called,
    stays_outside,
)
from concspec.interleave.observing.classes import (
    TEXTS,
    can_change,
    forget,
    has_finalizer,
    hooks,
    is_a,
    is_asked_by_program,
    is_iterator,
    is_modelled_class,
    is_moved_by_python,
    is_of_ctypes,
    is_of_python,
    is_python,
    is_python_function,
    is_python_type,
    is_watched_for_its_end,
    mro,
    namespace,
    once,
)
from concspec.interleave.observing.looking import (
    ANY,
    ATOMS,
    CONTAINERS,
    EMPTY,
    HOLDERS,
    MISSING,
    NEW,
    NEW_GENERATOR,
    PLAIN_KEYS,
    SLOTS,
    Aliases,
    Made,
    behind,
    class_of,
    elements,
    factory_of,
    field_of,
    got_cell,
    is_anything,
    is_data,
    position,
    searched,
    static_attribute,
)
from concspec.interleave.observing.showing import has_item, stored_item
from concspec.interleave.observing.sites import (
    ATTRIBUTE,
    CALL,
    CAPTURE,
    CELL,
    COMPREHENSIONS,
    ENDING,
    GATHERING,
    GENERATOR,
    GLOBAL,
    ITEM,
    ITERATION,
    NAME,
    OPERATOR,
    RAISE,
    Built,
    Gathered,
    Method,
    Site,
)
from concspec.interleave.observing.values import Values
from concspec.interleave.operations import ONLY_READ, ORDER, WHOLE, Inherited
from concspec.interleave.watched import LOGGING, is_modelled, is_shown, is_watched, where

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from concspec.interleave.observing.objects import Objects
    from concspec.interleave.operations import Field, Place

    Touched = tuple[tuple[Place, ...], bool]  # the places, and whether they are changed


NOTHING: Touched = (), False
_SUPPRESSING = "__suppress_context__"
_WRITTEN_BY_RAISE = ("__traceback__", "__context__", "__cause__", _SUPPRESSING)
_OF_METHODS = frozenset(["__func__", "__self__"])
"""What a bound method has itself; all else is that of its function."""
# By these, the state of a primitive, the code of a function or the variables of a frame can be seen
# without an access.
_PEEKED = frozenset(
    [
        "__code__", "__defaults__", "__dict__", "__kwdefaults__", "_count", "_flag", "_state",
        "_value", "broken", "f_locals", "ident", "n_waiting", "native_id",
    ]
)  # fmt: skip
_KNOWN_IN_PART = (Aliases, Made, type(MISSING))
"""The types of what stands for an object that is not known itself."""
_GIVEN_TO = (threading.Thread, threading.local, Aliases)
_MOST_OF_ONE = 20  # objects of which one may be meant, before it may be any
_MOVING_ON = frozenset(["next", "all", "keys"])


class Observer(Values):
    """Resolves the sites of one execution."""

    __slots__ = ("leaked", "shared", "streams")

    def __init__(self, objects: Objects, shared: frozenset[str]) -> None:
        """Start with no value known; `shared` has the accesses that are switch points."""
        super().__init__(objects)
        self.shared = shared
        self.leaked: set[str] = set()  # variables that may not be a function's own after all
        self.streams = (sys.stdout, sys.stderr)  # the world's: what is written there is no result

    def observe(self, site: Site, frame: types.FrameType) -> Touched:
        """Return the places `site` is about to touch, and whether it changes them."""
        kind = site.kind
        if site.is_own:
            return NOTHING
        if kind == GLOBAL:
            # A global is an item of its module's namespace, as `globals()["name"]` is.
            scope = frame.f_globals
            if type(scope) is dict and site.name in scope and not site.deletes:
                return ((self.objects.name(scope), site.field),), site.write
            return self.variable([scope], site, frame)
        if kind == ATTRIBUTE:
            if site.name in _PEEKED and is_modelled(site.code.co_filename):
                return NOTHING  # what a primitive does with its own state is seen as steps
            return self.attribute(self.owner(site, frame), site.name, write=site.write)
        if kind == CALL:
            return self.called(site, frame)
        if kind == OPERATOR:
            return self.operated(site, frame)
        if kind == CELL:
            if site.is_lent and site.label not in self.shared:
                return NOTHING
            return ((-1, site.field),), site.write
        if kind == NAME:
            names: Any = frame.f_locals
            if names is not frame.f_locals:
                changed = ((None, ORDER),) if site.write else ()
                return ((None, site.field), *changed), site.write
            scopes = [names] if names is frame.f_globals else [names, frame.f_globals]
            return self.variable(scopes, site, frame)
        if kind in (GATHERING, ENDING):
            return NOTHING
        receiver = self.value(site.receiver, frame)
        if kind == RAISE:
            return self.raised(receiver, self.value(site.key, frame))
        if kind == ITEM:
            return self.item(receiver, site, frame)
        if kind == CAPTURE:
            return self.captured(receiver)
        if site.name == "deep":
            return self.touched([receiver], inside=False, write=False)
        if site.name == "inside":
            if site.write and _is_seen(receiver):
                return NOTHING  # the manager of a `with`
            return self.touched([receiver], inside=True, write=site.write)
        places, moves = self.whole(receiver)
        if site.name in ("keys", "get"):
            places += self.looked_up([receiver], site.name)
        return places, moves or site.write or (receiver is MISSING and site.name in _MOVING_ON)

    def only_looks_up(self, site: Site, frame: types.FrameType) -> bool:
        """Tell what reads a variable, or an attribute of one known object, and nothing else."""
        if site.kind == GLOBAL:
            return type(frame.f_globals) is dict
        owner = self.owner(site, frame)
        kind = type(owner)
        if site.name in _PEEKED or kind in _KNOWN_IN_PART:
            return False
        if kind is types.ModuleType:
            return site.name in vars(owner)
        return is_of_python(kind) and not is_watched_for_its_end(owner)

    def variable(self, scopes: list[Any], site: Site, frame: types.FrameType) -> Touched:
        """Return what a name touches that is looked up in one of these after the other."""
        if type(scopes[0]) is not dict:  # as `eval` may be given
            adds = is_a(scopes[0], defaultdict)
            places, write = self.touched(scopes[:1], inside=False, write=site.write or adds)
            return (*places, *[(self.objects.name(each), site.field) for each in scopes[1:]]), write
        place = (self.objects.name(scopes[0]), site.field)
        if site.name in scopes[0] and not site.deletes:
            return (place,), site.write
        if site.write:
            return (place, (place[0], ORDER)), True
        others = [*scopes[1:], frame.f_builtins]
        return (place, *[(self.objects.name(each), site.field) for each in others]), False

    def going_on(
        self, site: Site, frame: types.FrameType, touched: Touched, given: tuple[object, ...]
    ) -> Touched:
        """Return what C code touches that goes on with values which it was given."""
        if site.kind == ITERATION and site.name == "next":
            iterated = self.value(site.receiver, frame)
            if iterated is NEW_GENERATOR or is_moved_by_python(iterated):
                return touched  # by which Python code goes on
        if site.kind == CALL:
            function, owner = self.callee(site, frame)
            if is_a(owner, str) and function.__name__ == "join":
                return touched  # which takes nothing but texts, and these do not change
        places, write = touched
        more, moves = self.touched([*given], inside=False, write=write)
        return (tuple(dict.fromkeys((*places, *more))), moves) if more else touched

    def looker(self, site: Site, frame: types.FrameType) -> tuple[str | None, Callable[[], object]]:
        """Return what to call that which `site` touches, and what looks at it whenever called."""
        if site.kind == ATTRIBUTE:
            owner = self.owner(site, frame)
            return site.label, lambda: static_attribute(owner, site.name)
        if site.kind in (GLOBAL, CELL, NAME):
            return site.label, lambda: self.read(site, frame)
        name = site.label.removesuffix("[]")
        if site.kind == ITEM:
            container = self.value(site.receiver, frame)
            key = self.value(site.key, frame)
            if type(key) not in PLAIN_KEYS or site.name == "del":
                return None, lambda: MISSING
            if site.name == "in":
                return f"{key!r} in {name}", lambda: has_item(container, key)
            return f"{name}[{key!r}]", lambda: stored_item(container, key)
        source = site.arguments[0] if site.kind == OPERATOR else site.receiver
        whole = self.value(source.receiver if isinstance(source, Method) else source, frame)
        is_seen = type(whole) in (*ATOMS, *HOLDERS)
        return name, lambda: whole if is_seen else MISSING

    # Attributes.

    def attribute(self, receiver: object, name: str, *, write: bool) -> Touched:
        """Return what getting or setting an attribute touches."""
        kind = type(receiver)
        if kind is Aliases and receiver is not NEW:
            return self.attribute_of_one(receiver.objects, name, write=write)  # type: ignore[attr-defined]
        if kind is Made:
            return self.places(receiver, name, write=False), False
        if kind is types.MethodType and name not in _OF_METHODS:
            return self.attribute(receiver.__func__, name, write=write)  # type: ignore[attr-defined]
        if name in _PEEKED:
            self.peeked(kind, name, write=write)
        if not _has_plain_attributes(kind):
            called = hooks(kind)
            if issubclass(kind, WEAK):
                self.objects.distrust(UNSEEN[weakref.ref])
            if is_of_ctypes(kind):
                self.objects.distrust("the memory of ctypes")
            if issubclass(kind, types.ModuleType):
                known = vars(receiver)
                get = known.get("__getattr__", is_python)
                if name not in known and not is_python(get):
                    called += (get,)
            if called:
                return self.touched([receiver, *called], inside=True, write=True)
        write = write and not _is_set_by_code(kind, name)
        return self.places(receiver, name, write=write), write

    def attribute_of_one(self, objects: list[object], name: str, *, write: bool) -> Touched:
        """Return what an attribute touches of one of these objects, or of a new one of C."""
        # A callable of C may have got something else.
        if len(objects) > _MOST_OF_ONE or not all(map(_fetches_nothing, objects)):
            return self.places_anywhere(name, write=write), write
        touched = [self.attribute(each, name, write=write) for each in objects]
        places = dict.fromkeys(place for places, _ in touched for place in places)
        return (*places,), any(writes for _, writes in touched)

    def peeked(self, kind: type, name: str = "", *, write: bool) -> None:
        """Note an attribute, of any name if none is given, that tells of steps or of code.

        It is no access itself.
        """
        is_of_code = kind is types.FunctionType and (write or name == "__kwdefaults__")
        # Of a thread, and of data local to one, that is what the program gave them.
        is_state = name != "__dict__" or not issubclass(kind, _GIVEN_TO)
        is_modelled = is_state and any(map(is_modelled_class, mro(kind)[:-1]))
        if is_of_code or name == "f_locals" or is_modelled:
            what = f"the attribute {name}" if name else "an attribute"
            self.objects.distrust(f"{what} of a {kind.__name__}")

    def places(self, receiver: object, name: str, *, write: bool) -> tuple[Place, ...]:
        """Return the places of an attribute, which is an item of the dictionary that has it."""
        field = (name,)
        kind = type(receiver)
        if receiver is NEW:
            return ()
        if receiver is MISSING or kind is Aliases:
            return self.places_anywhere(name, write=write)
        if kind is Made:
            return self.places_of_new(receiver.kind, name)  # type: ignore[attr-defined]
        if kind is super:
            return self.places_behind(receiver, name, write=write)
        if kind is types.CellType:
            return ((-1, WHOLE),)
        if issubclass(kind, type):
            owner: Any = receiver
            known: Mapping[str, object] = namespace(receiver)
            classes = (*mro(receiver)[1:], *mro(kind))
        else:
            inner = self.objects.attributes_at(receiver)
            owner, known = (receiver, EMPTY) if inner is None else (inner, inner)
            if id(inner) not in self.objects.names and is_watched_for_its_end(receiver):
                self.objects.distrust(f"the end of a {kind.__name__}")
            classes = mro(kind)
        if write:
            if issubclass(kind, type) and name.startswith("__"):
                self.objects.distrust(f"what {owner.__name__}.{name} is, which changes")
            # A new dictionary moves all attributes elsewhere, and a new class most of them.
            if name == "__class__":
                self.objects.distrust("the class of an object, which changes")
            if name in ("__dict__", "__class__"):
                return ((None, WHOLE),)
            of = self.objects.name(owner)
            if name == "__cause__" and issubclass(kind, BaseException):
                return tuple(
                    [(self.objects.name(receiver), (each,)) for each in (name, _SUPPRESSING)]
                )
            changed: tuple[Place, ...] = ((of, field),)
            if issubclass(kind, type):  # what is a property goes before what objects have
                changed += ((None, Inherited(field)),)
            if name in known:
                return changed
            if any(type(namespace(each).get(name)) in SLOTS for each in classes):
                return ((self.objects.name(receiver), field),)
            return (*changed, (of, ORDER))
        own = (self.objects.name(owner), field)
        if name in known:
            return (own,)
        if issubclass(kind, types.ModuleType):
            return (own, (own[0], ("__getattr__",)))
        asked, holder = searched(classes, name) if issubclass(kind, type) else position(kind, name)
        passed = [(self.objects.name(classes[each]), field) for each in asked]
        if holder is None:
            return (own, *passed)
        has = classes[holder]
        found = namespace(has)[name]
        if type(found) in SLOTS:
            own = (self.objects.name(receiver), field)  # in the object, beside its dictionary
        elif not can_change(has):
            return (own, *passed) if known or passed else ()
        return (own, *passed, (self.objects.name(has), field))

    def places_of_new(self, kind: type, name: str) -> tuple[Place, ...]:
        """Return the places of an attribute of a new object, which its class has."""
        asked, holder = position(kind, name)
        found = asked if holder is None else (*asked, holder)
        return tuple([(self.objects.name(mro(kind)[each]), (name,)) for each in found])

    def places_behind(self, looking: object, name: str, *, write: bool) -> tuple[Place, ...]:
        """Return the places of an attribute that `super` looks up: classes have it."""
        receiver, classes = behind(looking)
        asked, holder = searched(classes, name)
        if write or holder is None:
            return self.places_anywhere(name, write=write)
        places = [(self.objects.name(classes[each]), (name,)) for each in (*asked, holder)]
        if type(namespace(classes[holder])[name]) in SLOTS:
            places.append((self.objects.name(receiver), (name,)))
        return (*places,)

    def places_anywhere(self, name: str, *, write: bool) -> tuple[Place, ...]:
        """Return the places of an attribute of an object that is not known."""
        if write and name.startswith("__"):
            self.objects.distrust(f"the attribute {name} of an object that is not known")
        if write and name == "__dict__":
            return ((None, WHOLE),)
        contents: tuple[Place, ...] = ((-1, WHOLE),) if name == "cell_contents" else ()
        order: tuple[Place, ...] = ((None, ORDER),) if write else ()
        return ((None, (name,)), *contents, *order)

    def raised(self, error: object, made_by: object) -> Touched:
        """Return what raising an exception writes into it, unless the exception is new."""
        if error is NEW or is_a(error, type) or is_a(made_by, type):
            return NOTHING
        owner = None if error is MISSING or type(error) is Aliases else self.objects.name(error)
        return tuple([(owner, (name,)) for name in _WRITTEN_BY_RAISE]), True

    # Containers.

    def item(self, receiver: object, site: Site, frame: types.FrameType) -> Touched:
        key = self.value(site.key, frame)
        if receiver is MISSING:  # an iterator is moved on by looking for something in it
            return ((None, WHOLE),), site.write or site.name == "in"
        if type(receiver) in ATOMS and site.name != "in":
            return NOTHING
        if not is_a(receiver, CONTAINERS) or hooks(type(receiver)):
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
                return self.added(receiver, self.objects.name(receiver), field)
            return ((self.objects.name(receiver), WHOLE), *places), write
        owner = self.objects.name(receiver)
        if site.name or not is_a(receiver, dict) or dict.__contains__(receiver, key):
            return ((owner, field),), site.write
        if site.write:
            return ((owner, field), (owner, ORDER)), True
        if is_a(receiver, defaultdict):
            return self.added(receiver, owner, field)
        return ((owner, field),), False

    def added(self, receiver: object, owner: int, field: Field) -> Touched:
        """Return what is touched where a dictionary has a missing item made."""
        made, _ = self.touched([factory_of(receiver)], inside=True, write=True)
        return ((owner, field), (owner, ORDER), (owner, ("default_factory",)), *made), True

    def whole(self, receiver: object) -> Touched:
        """Return the places of going through `receiver`, but not through what is inside."""
        if is_a(receiver, CONTAINERS) and not hooks(type(receiver)):
            return ((self.objects.name(receiver), WHOLE),), False
        if is_a(receiver, (tuple, frozenset)) or (
            type(receiver) is Aliases and receiver.tuples == 1
        ):
            return NOTHING
        return self.touched([receiver], inside=False, write=False)

    def captured(self, iterated: object) -> Touched:
        """Return what asking for an iterator touches: it remembers how large a dictionary was.

        So it does of a set, but not of a list.
        """
        if is_a(iterated, list) and not hooks(type(iterated)):
            return NOTHING
        return self.whole(iterated)[0], False

    def touched(
        self, roots: list[object], *, inside: bool, write: bool, by: object = LOOKING
    ) -> Touched:
        """Return all that C code may touch which is handed `roots`; an iterator it moves on.

        It is that of `by`: a function, or a class.
        """
        found, calls, closed = self.objects.reach(roots, inside=inside)
        sets = any(map(_sets_attributes, calls))
        if sets and any(is_a(each, type) for each in closed):
            self.objects.distrust("an attribute of a class that C code sets")
        if sets or any(each is CALLING or type(each) is operator.methodcaller for each in calls):
            return ((None, WHOLE),), True  # one may be `__dict__`, which moves all of them
        if calls and not (inside and write):
            # A function written in C that is called with what is found, such as the key of `max`.
            write = write or any(not only_reads(each) for each in calls)
            if not inside and not all(map(stays_outside, calls)):
                found, _, _ = self.objects.reach(roots, inside=True)
        if is_anything(found):
            return ((None, WHOLE),), write
        changed = [True] * len(found)
        if not write:
            # To get an item can be to add one, and so it is to get the next one.
            changed = [is_iterator(type(each)) or is_a(each, defaultdict) for each in found]
            write = any(changed)
        elif all(map(is_of_interpreter, [by, *calls])):
            changed = [not is_a(each, type) for each in found]
        fields = [WHOLE if each or not write else ONLY_READ for each in changed]
        names = [-1 if is_a(each, types.CellType) else self.objects.name(each) for each in found]
        return (*zip(names, fields),), write

    # Calls.

    def called(self, site: Site, frame: types.FrameType) -> Touched:
        function, owner = self.callee(site, frame)
        if site.lends and not keeps_nothing(function, owner):
            self.leaked |= site.lends
        if function is MISSING:
            return ((None, WHOLE),), True
        if site.name == "*":
            # What is not a tuple is gone through first, and a dictionary that is not a new one.
            given = [each for each in site.arguments if not isinstance(each, (Built, Gathered))]
            spread = [self.value(each, frame) for each in given]
            spread = [each for each in spread if type(each) is not tuple and each is not NEW]
            if spread:
                places, moves = self.gone_through(spread, moves=True)
                places += self.looked_up(spread, "keys")
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
            if is_a(owner, type):
                self.ends(owner, frame)  # its metaclass may make one
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
            self.begin_comprehension(function, site, frame)
            # Since Python 3.15 it asks for the iterator itself, where no event tells of it.
            asks = sys.version_info >= (3, 15) and function.co_flags & GENERATOR
            return self.captured(given[0]) if asks and given else NOTHING
        if type(function) is Aliases:
            return self.handed_to_one_of(function, given, site, frame)
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
            if reads_clock(function, owner):
                return self.told_the_time(frame)
            if is_a(owner, types.ModuleType) or owner is MISSING:
                return self.function(site, function, given, frame)
            return self.method(function.__name__, owner, given)
        if is_a(function, WEAK):
            self.question(weakref.ref, frame)
        if _is_seen(function):
            return NOTHING
        write = not reads_when_called(type(function))
        bound = [] if owner is MISSING else [owner]
        return self.touched([function, *bound, *given], inside=True, write=write, by=type(function))

    def handed_to_one_of(
        self, functions: Aliases, given: list[object], site: Site, frame: types.FrameType
    ) -> Touched:
        """Return what is touched by one of several functions, or by a method of one of these."""
        method = site.receiver.name if isinstance(site.receiver, Method) else ""
        known = functions is NEW and (not method or method in METHODS_OF_CONTAINERS)
        inside = not known or method in ("format", "format_map")
        places, write = self.touched([functions, *given], inside=inside, write=not known)
        if known and method in UPDATING_METHODS:  # of a new dictionary
            places += self.looked_up(given, "keys")
        for each in () if method else functions.objects:
            if each is LOOKING:
                for looked_at in given:
                    for thing in looked_at.objects if type(looked_at) is Aliases else [looked_at]:
                        self.peeked(class_of(thing), write=False)
            if is_a(each, (type, types.BuiltinFunctionType)):
                more, writes = self.handed(site, each, MISSING, frame)
                places, write = (*places, *more), write or writes
        return places, write

    def function(
        self, site: Site, function: Any, given: list[object], frame: types.FrameType
    ) -> Touched:
        """Return what a function of a module written in C touches."""
        self.question(function, frame)
        if function in LOCAL or (function in SHOWING and not given):
            self.shown(site, function)
            if len(given) > 1 and given[1] is not None:
                return self.given_builtins(given[1])
            return ((-1, WHOLE),), False
        if function in RUNNING or function in HARMLESS:
            return NOTHING
        if function is compile:  # it may be given a tree
            return self.touched(given, inside=True, write=False)
        if function is print:
            return self.printed(given)
        if function in SHOWING:
            for each in given if function is vars else ():
                self.peeked(class_of(each), "__dict__", write=False)
            return self.touched(given, inside=True, write=False)
        if function.__module__ == "_abc":  # what is registered with one class counts for others
            registry = self.objects.name(vars(sys.modules["_abc"]))
            # What an answer was is remembered, and decides what is asked next, if that can change.
            write = function.__name__ == "_abc_register" or "_abc_register[]" in self.shared
            return ((registry, WHOLE),), write or any(map(is_asked_by_program, given))
        if function.__module__ in HARMLESS_MODULES:
            return self.touched(given, inside=False, write=False)
        if function in GETTING or function in SETTING:
            write = function in SETTING
            if len(given) > 1 and type(given[1]) is str:
                return self.attribute(given[0], given[1], write=write)
            for each in given[:1]:
                self.peeked(class_of(each), write=write)
            return self.touched([function, *given], inside=True, write=write)
        if function in READING:
            return self.gone_through(given, moves=function in GOING)
        looks, changes = function not in ASKING, not only_reads_what_it_is_given(function)
        places, write = self.touched(given, inside=looks, write=changes, by=function)
        if function.__module__ not in STATELESS:
            module = vars(sys.modules.get(function.__module__ or "") or builtins)
            places += ((self.objects.name(module), WHOLE if changes else ONLY_READ),)
        return places, write

    def told_the_time(self, frame: types.FrameType) -> Touched:
        """Return what reading a clock touches: it goes on whenever somebody looks.

        Waits are steps of their own, and which of two records of `logging` is older is no result.
        """
        filename = frame.f_code.co_filename
        if is_modelled(filename) or filename == LOGGING:
            return NOTHING
        return ((self.objects.name(vars(time)), ("the time",)),), True

    def shown(self, site: Site, function: Any) -> None:
        """Note that a function shows variables that is called by another name than its own."""
        name = function.__name__
        if site.label != f"{name}[]":
            self.objects.distrust(f"the variables that {name}() shows under another name")

    def given_builtins(self, scope: object) -> Touched:
        """Return what `exec` touches of the variables it is to use: it adds `__builtins__`."""
        if not is_a(scope, dict) or hooks(type(scope)):
            return self.touched([scope], inside=False, write=True)
        place = (self.objects.name(scope), ("__builtins__",))
        if dict.__contains__(scope, "__builtins__"):
            return (place,), False
        return (place, (place[0], ORDER)), True

    def printed(self, given: list[object]) -> Touched:
        """Return what printing touches: a stream that the program made is shared as all else."""
        streams: list[Any] = [each for each in given if is_a(each, _io._IOBase)]
        looked_up: tuple[Place, ...] = ()
        if not streams:
            looked_up = ((self.objects.name(vars(sys)), ("stdout",)),)
        streams = streams or [sys.stdout]
        made = [each for each in streams if not any(each is known for known in self.streams)]
        # Keywords come without their names, so any argument may be the stream.
        looked_up += self.looked_up([*given, *streams], "write", "flush")
        places, write = self.touched([*given, *made], inside=False, write=bool(made))
        return (*looked_up, *places), write

    def method(self, name: str, owner: Any, given: list[object]) -> Touched:
        """Return what a method written in C touches that is called on `owner`."""
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
            # What all objects have looks at attributes; a format can name them, and items: "{0.x}".
            inside = name in METHODS_OF_ALL or (
                name in ("format", "format_map")
                and any(str.__contains__(owner, each) for each in ".[")
            )
            return self.touched([owner, *given], inside=inside, write=False)
        self.lent(name, owner, given)
        if is_value(owner):
            return self.touched(given, inside=False, write=True)
        if is_a(owner, type) and not is_python_type(owner):
            return self.touched(given, inside=False, write=False)
        if is_a(owner, CONTAINERS) and name not in METHODS_OF_ALL:
            write = name not in READING_METHODS
            own: Place = (self.objects.name(owner), WHOLE)
            if is_a(owner, dict) and name in KEYED_METHODS and given:
                field = field_of(owner, given[0])
                own = (self.objects.name(owner), field)
                if field != WHOLE and dict.__contains__(owner, given[0]):
                    return (own,), write
                if is_a(owner, defaultdict) and name == "__getitem__":
                    return self.added(owner, self.objects.name(owner), field)
                if field == WHOLE:
                    return (own,), write
                return ((own, (self.objects.name(owner), ORDER)) if write else (own,)), write
            if name in STORING_METHODS:
                return (own,), write
            asked = self.looked_up([owner, *given], "keys") if name in UPDATING_METHODS else ()
            others = [*given, *elements(owner)] if name in COMPARING_METHODS else given
            places, moved = self.touched(others, inside=False, write=False)
            return (own, *asked, *places), write or moved
        looks = not (is_a(owner, CONTAINERS) and name in READING_METHODS)
        write = looks and name not in ASKING_METHODS
        return self.touched([owner, *given], inside=looks, write=write, by=type(owner))

    def looked_up(self, things: list[object], *names: str) -> tuple[Place, ...]:
        """Return the places of attributes that C code looks up on objects of Python classes."""
        known: list[object] = []
        for each in things:
            known += each.objects if type(each) is Aliases else [each]
        return tuple(
            [
                place
                for each in known
                if is_python_type(type(each))
                for name in names
                for place in self.places(each, name, write=False)
            ]
        )

    def gone_through(self, given: list[object], *, moves: bool) -> Touched:
        """Return what is touched by reading all of `given`.

        If that `moves` iterators on, what is not known may be one.
        """
        places, write = self.touched(given, inside=False, write=False)
        return places, write or (moves and (None, WHOLE) in places)

    def constructed(self, kind: type, given: list[object], frame: types.FrameType) -> Touched:
        """Return what making an object touches; what Python code does of that is seen."""
        self.ends(kind, frame)
        if any(base is weak for base in mro(kind) for weak in WEAK):
            self.question(weakref.ref, frame)
        if kind is type and len(given) == 1:
            return NOTHING
        if hooks(type(kind)):
            return self.touched([kind, *given], inside=True, write=True, by=kind)
        if is_python_type(kind):
            return NOTHING if is_of_python(kind) else self.touched(given, inside=False, write=False)
        if is_known(kind):
            keys = self.looked_up(given, "keys") if issubclass(kind, dict) else ()
            places, write = self.gone_through(given, moves=kind in GOING)
            return (*keys, *places), write
        return self.touched(given, inside=True, write=True, by=kind)

    def operated(self, site: Site, frame: types.FrameType) -> Touched:
        """Return what an operator touches; `shared += [1]` changes its left operand."""
        left, right = site.arguments
        one = self.value(left, frame)
        other = self.value(right, frame)
        if type(one) in ATOMS and one is not MISSING:
            if type(other) in ATOMS and other is not MISSING:
                return NOTHING
            return self.touched([other], inside=False, write=False)
        places, write = self.touched([one, other], inside=False, write=site.write)
        if is_a(one, dict) or is_a(other, dict):
            places += self.looked_up([one, other], "keys")
        return places, write

    def observe_alone(self, site: Site, frame: types.FrameType) -> None:
        """Look at what no other thread can see for nothing but what is made or done of classes.

        Whoever gets at the variables of a function then may use them later.
        """
        if site.kind == ATTRIBUTE:
            receiver = self.owner(site, frame)
            if site.name == "f_locals":
                self.peeked(type(receiver), site.name, write=site.write)
            if is_a(receiver, type) or type(receiver) in _KNOWN_IN_PART:
                forget()
        elif site.kind == OPERATOR:
            for source in site.arguments:
                operand = self.value(source, frame)
                if type(operand) not in ATOMS or operand is MISSING:
                    forget()
        elif site.kind == CALL:
            function, owner = self.callee(site, frame)
            if site.lends and not keeps_nothing(function, owner):
                self.leaked |= site.lends
            if is_a(function, type):
                self.ends(function, frame)
                if is_python_type(function):
                    return
            elif is_python(function):
                if is_a(owner, type):
                    self.ends(owner, frame)
                return
            elif is_a(function, types.CodeType):
                self.begin_comprehension(function, site, frame)
                return
            called = self.value(site.receiver, frame)
            given = self.given(site, frame)
            if is_a(called, types.BuiltinFunctionType) and (
                called in LOCAL or (called in SHOWING and not given)
            ):
                self.shown(site, called)
            if is_a(called, (types.BuiltinFunctionType, types.MethodType)):
                self.lent(called.__name__, called.__self__, given)
            if _may_set_attributes(called, given):
                forget()

    def begin_comprehension(self, code: types.CodeType, site: Site, frame: types.FrameType) -> None:
        """Remember what a comprehension goes through that is called now."""
        given = self.given(site, frame)
        if code.co_name in COMPREHENSIONS and given:
            self.results[id(frame), id(code)] = given[0]

    def ends(self, kind: type, frame: types.FrameType) -> None:
        """Note that an object is made whose end does something: who drops it last is no access."""
        if kind is memoryview or has_finalizer(kind):
            self.objects.distrust(f"the end of a {kind.__name__}, made at {where(frame)}")

    def lent(self, name: str, owner: object, given: list[object]) -> None:
        """Note that C code is lent memory for longer than a call, which only its end gives back."""
        if name == "getbuffer":
            self.objects.distrust("the end of a memoryview")
        if type(owner) is re.Pattern and not all(map(_is_text_or_called, given)):
            self.objects.distrust("what a regular expression finds in memory that changes")

    def question(self, function: object, frame: types.FrameType) -> None:
        """Note that a call tells of something that is no access."""
        reason = UNSEEN.get(function)
        if reason:
            self.objects.distrust(f"{reason}, asked at {where(frame)}")


def _fetches_nothing(thing: object) -> bool:
    """Tell what gives nothing but what it holds when C code uses it, or what Python code gave."""
    if any(thing is each for each in (ANY, LOOKING, CALLING)):
        return False
    is_held = is_a(thing, HOLDERS) or is_data(thing)
    return is_held or is_python(thing) or is_python_type(class_of(thing))


def _is_text_or_called(thing: object) -> bool:
    """Tell what is no memory that can change, as far as it is known."""
    return type(thing) in ATOMS or type(thing) is Aliases or is_a(thing, int) or callable(thing)


def _is_seen(thing: object) -> bool:
    """Tell an object of which all that it does is Python code."""
    kind = class_of(thing)
    return kind is not Aliases and is_python_type(kind) and is_of_python(kind)


def _is_set_by_code(kind: type, name: str) -> bool:
    """Tell whether an attribute is a property, and what sets it is code that is watched."""
    _, holder = position(kind, name)
    found = None if holder is None else namespace(mro(kind)[holder])[name]
    sets = found.fset if type(found) is property else None
    return is_python_function(sets) and is_watched(sets.__code__)


@once
def _has_plain_attributes(kind: type) -> bool:
    """Tell a class of whose objects an attribute is what it looks like."""
    return not (hooks(kind) or issubclass(kind, (*WEAK, types.ModuleType)) or is_of_ctypes(kind))


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
