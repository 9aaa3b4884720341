"""The values that instructions work with, as far as they can be told before these run.

In goes a `Source` or a `Site` with a live frame; out comes the object, `Aliases` where only its
parts are known, or `MISSING` (see `looking`).  Nothing here runs code of the program.
"""

from __future__ import annotations

import array
import functools
import itertools
import operator
import sys
import threading
import types
from collections import OrderedDict, defaultdict, deque
from typing import TYPE_CHECKING, Any

from concspec.interleave.observing.bytecode import first_given
from concspec.interleave.observing.c_code import (
    CALLING,
    COUNTING,
    GETTERS,
    GETTING,
    LOOKING,
    READING,
    STATELESS,
    gives_new,
    is_known,
    is_value,
    makes_values,
    reads_clock,
    reads_when_called,
)
from concspec.interleave.observing.classes import (
    TEXTS,
    can_change,
    found_in,
    gives_items_by_python,
    hooks,
    is_a,
    is_iterated_by_generator,
    is_iterated_by_python,
    is_iterator,
    is_modelled_class,
    is_of_python,
    is_python,
    is_python_function,
    is_python_type,
    mro,
    namespace,
    once,
)
from concspec.interleave.observing.looking import (
    ANY,
    ATOMS,
    HOLDERS,
    MISSING,
    NEW,
    NEW_GENERATOR,
    PLAIN_KEYS,
    Aliases,
    Made,
    class_of,
    elements,
    factory_of,
    is_anything,
    is_data,
    static_attribute,
    static_item,
)
from concspec.interleave.observing.objects import Objects
from concspec.interleave.observing.sites import (
    ATTRIBUTE,
    CALL,
    CAPTURE,
    CELL,
    GATHERING,
    GENERATOR,
    GLOBAL,
    ITEM,
    ITERATION,
    NAME,
    OPERATOR,
    Built,
    Constant,
    Either,
    Gathered,
    Latest,
    Local,
    Method,
    Part,
    Result,
    pushed,
)
from concspec.interleave.watched import OWN

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from concspec.interleave.observing.sites import Site, Source

    Promise = tuple[tuple[int, int], object, object]  # of which result, and where it will be

_ARITHMETIC = (
    "add", "and", "floordiv", "lshift", "matmul", "mod", "mul", "or", "pow", "rshift", "sub",
    "truediv", "xor",
)  # fmt: skip
_GIVING = {
    ITEM: frozenset(["__getitem__", "__missing__", "__class_getitem__"]),
    OPERATOR: frozenset(
        ["__neg__", "__pos__", "__invert__"]
        + [f"__{way}{name}__" for name in _ARITHMETIC for way in ("", "r", "i")]
    ),
}
"""The special methods that give what an item or an operation is."""
_ITEMS_OF: dict[type, Callable[[Any], Iterable[object]]] = {
    **dict.fromkeys([list, tuple, deque], iter),
    dict: dict.values,
    **dict.fromkeys([str, bytes, bytearray, range, array.array], lambda _: ()),
}
"""What an item of a container can be; of some, nothing that is shared."""
_OF_TUPLES = frozenset(
    [
        enumerate, zip, type({}.items()), type(OrderedDict().items()), itertools.combinations,
        itertools.combinations_with_replacement, itertools.permutations, itertools.product,
        itertools.zip_longest,
    ]
)  # fmt: skip
"""What gives a new tuple each time."""
_MOST_ITEMS = 100  # that are gone through to tell what one of them may be
_GETTING_ITEMS = frozenset(["get", "setdefault", "__getitem__"])


class Values:
    """Finds the values of one execution, which are among its `objects`.

    `results` has, by frame and offset, what instructions pushed: whichever thread goes on with a
    generator finds what another one left there.  `latest` has, by frame, what the latest of some
    instructions pushed, and what loops have put into containers, until the frame ends.  `promised`
    is for an item that a dictionary has only when the instruction has run.
    """

    __slots__ = ("latest", "objects", "promised", "results")

    def __init__(self, objects: Objects) -> None:
        """Start with no value known."""
        self.objects = objects
        self.results: dict[tuple[int, int], object] = {}
        self.latest: dict[int, dict[Source, object]] = {}
        self.promised: Promise | None = None

    def keep(self, site: Site, frame: types.FrameType, value: object) -> None:
        """Remember what the instruction at `site` pushes, for those that use it."""
        self.results[id(frame), site.offset] = value
        if site.among:
            self.keep_latest(site, frame, value)

    def keep_latest(self, site: Site, frame: types.FrameType, value: object) -> None:
        """Remember it where it may be that of another instruction instead."""
        self.latest.setdefault(id(frame), {}).update(dict.fromkeys(site.among, value))

    def gather(self, site: Site, frame: types.FrameType) -> object:
        """Remember what a loop puts into a new container; of numbers and texts, nothing."""
        put_in: Any = self.latest.setdefault(id(frame), {}).setdefault(site.receiver, {})
        values = [self.value(each, frame) for each in site.arguments]
        put_in.update((id(each), each) for each in values if not is_data(each))
        return NEW

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
                return NEW_GENERATOR if is_iterated_by_generator(type(found)) else MISSING
            return found
        if type(source) is Method:
            found = self.results.get((id(frame), source.offset), MISSING)
            if found is not MISSING:
                return found
            receiver = self.value(source.receiver, frame)
            if type(receiver) is Aliases:
                return receiver
            return static_attribute(receiver, source.name) if source.offset < 0 else MISSING
        if type(source) is Constant:
            return source.value
        if type(source) is Part:
            whole: Any = self.results.get((id(frame), source.offset), MISSING)
            if source.place is None:
                return whole
            if type(whole) is Aliases:
                return self.part_of(whole)
            has_it = type(whole) is tuple and source.place < len(whole)
            return whole[source.place] if has_it else MISSING
        if type(source) is Built:
            made = self.objects.made_of([self.value(each, frame) for each in source.parts])
            if source.is_tuple and type(made) is Aliases and made is not NEW:
                return Aliases(made.objects, tuples=1)
            return made
        if type(source) is Gathered:
            parts = [self.value(each, frame) for each in source.parts]
            put_in: Any = self.latest.get(id(frame), {}).get(source, {})
            return self.objects.made_of([*parts, *put_in.values()])
        if type(source) is Latest:
            return self.latest.get(id(frame), {}).get(source, MISSING)
        if type(source) is Either:
            known = self.latest.get(id(frame), {})
            there = [one for one in source.parts if all(each in known for each in pushed([one]))]
            values = [self.value(each, frame) for each in there]
            return self.objects.made_of(values) if values else MISSING
        return MISSING

    def owner(self, site: Site, frame: types.FrameType) -> object:
        """Return the object of which an attribute is looked up, or MISSING."""
        if not site.arguments:
            return self.value(site.receiver, frame)
        looking, *given = [self.value(each, frame) for each in site.arguments]
        return _made_super(given, frame) if looking is super else MISSING

    def callee(self, site: Site, frame: types.FrameType) -> tuple[Any, object]:
        """Return the function that is called, and the object it is bound to, or MISSING."""
        function = self.value(site.receiver, frame)
        if is_a(function, types.MethodType):
            return function.__func__, function.__self__
        if is_a(function, (types.BuiltinMethodType, types.MethodWrapperType)):
            owner = function.__self__
            return function, MISSING if owner is None else owner
        run = _run_by_call(class_of(function))
        return (function, MISSING) if run is None else (run, function)

    def given(self, site: Site, frame: types.FrameType) -> list[object]:
        """Return the arguments of a call; of `f(*rest)` those in `rest`, if it is a tuple."""
        given = [self.value(each, frame) for each in site.arguments]
        if site.name == "*" and given and type(given[0]) is tuple:
            given[:1] = given[0]
        return given

    def read(self, site: Site, frame: types.FrameType) -> object:
        """Return the value the instruction at `site` is about to push, or MISSING."""
        kind = site.kind
        if kind == GLOBAL:
            scope = frame.f_globals
            if type(scope) is dict and site.name in scope:
                return scope[site.name]
            return _variable((scope, frame.f_builtins), site.name)
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
        if kind == GATHERING:
            return self.gather(site, frame)
        if kind == ATTRIBUTE:
            return static_attribute(self.owner(site, frame), site.name)
        receiver = self.value(site.receiver, frame)
        if kind == ITEM:
            if receiver is NEW:
                return NEW
            key = self.value(site.key, frame)
            found = static_item(receiver, key)
            if found is MISSING and type(receiver) is defaultdict:
                made_by = factory_of(receiver)
                if is_a(made_by, type) and not is_python_type(made_by):
                    self.promise(site, frame, receiver, key)
                return MISSING
            return self.item_of(receiver) if found is MISSING else found
        if kind == ITERATION and site.name == "next":
            return self.part_of(receiver)
        if kind == ITERATION and site.name in ("", "all"):
            # It is unpacked, and may change as soon as it has been.
            return tuple(receiver) if type(receiver) is list else receiver
        if kind != CAPTURE:
            # What is asked to leave a `with`, and is one of ours, gives a truth value.
            of = type(receiver)
            return MISSING if of is Aliases or of is Made or not is_modelled_class(of) else NEW
        if is_iterated_by_python(type(receiver)):
            return NEW_GENERATOR if is_iterated_by_generator(type(receiver)) else MISSING
        return receiver

    def promise(self, site: Site, frame: types.FrameType, container: object, key: object) -> None:
        """Look for an item as soon as the instruction has run that puts it into `container`."""
        if type(key) in PLAIN_KEYS and not site.among:
            self.promised = (id(frame), site.offset), container, key

    def redeem(self, promise: Promise) -> None:
        """Look for what was promised; no other thread has had its turn since."""
        self.promised = None
        result, container, key = promise
        self.results[result] = static_item(container, key)

    def made_by_operator(self, site: Site, frame: types.FrameType) -> object:
        """Return what is known of the value that an operator gives."""
        operands = [self.value(each, frame) for each in site.arguments]
        if any(type(each) is not Aliases and is_python_type(type(each)) for each in operands):
            return MISSING
        if site.write:  # it may be the left one
            return self.objects.made_of(operands)
        # What is made holds what they hold, and not themselves.
        held: list[object] = []
        for each in operands:
            held += elements(each) if type(each) in HOLDERS else [each]
        made = self.objects.made_of(held)
        if type(made) is not Aliases or made is NEW:
            return made
        known = {id(each) for each in operands if type(each) not in HOLDERS}
        return Aliases([each for each in made.objects if id(each) not in known])

    def item_of(self, receiver: object) -> object:
        """Return what is known of an item whose key is not: that it is one of those there are.

        Which function of C it may be, or which class, is not enough to know what a call of it does.
        """
        if type(receiver) not in _ITEMS_OF:
            return MISSING
        found, calls, closed = self.objects.reach(
            [*_ITEMS_OF[type(receiver)](receiver)], inside=False
        )
        if is_anything(found) or calls or any(is_a(each, type) for each in closed):
            return MISSING
        return Aliases([*found, *closed]) if found or closed else NEW

    def part_of(self, iterated: object) -> object:
        """Return what is known of what an iterator gives next."""
        if type(iterated) in _OF_TUPLES:
            iterated = _giving_tuples(self.objects.made_of([iterated]))
        if type(iterated) is Aliases:
            if iterated.tuples == 1:
                return Aliases(iterated.objects)
            is_known = iterated is not NEW_GENERATOR and all(map(_only_holds, iterated.objects))
            if iterated.tuples:
                return Aliases(iterated.objects if is_known else [ANY], tuples=1)
            return iterated if is_known else MISSING
        is_short = type(iterated) in _ITEMS_OF and len(iterated) <= _MOST_ITEMS  # type: ignore[arg-type]
        return self.item_of(iterated) if is_short else MISSING

    def result(self, site: Site, frame: types.FrameType) -> object:
        """Return the result of a call, as far as it can be told before."""
        given = self.given(site, frame)
        function, owner = self.callee(site, frame)
        if is_a(function, types.CodeType):
            return NEW_GENERATOR if function.co_flags & GENERATOR else MISSING
        if is_python_function(function):
            if function.__code__.co_filename.startswith(OWN) or function is threading.enumerate:
                # A truth value, a time, a lock or a list, unless it is what a queue holds.
                return MISSING if function.__name__.startswith("get") else NEW
            # What others return is known when they do.
            return NEW_GENERATOR if function.__code__.co_flags & GENERATOR else MISSING
        if function is NEW:
            return self.objects.made_of(given)
        if function is __import__ or function is eval:
            return MISSING
        if function is super:
            return _made_super(given, frame)
        if is_a(function, type):
            return self.instance(function, given)
        if is_a(function, types.BuiltinFunctionType) and reads_clock(function, owner):
            return NEW
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
            return self.given_by(function, given) if reads_when_called(type(function)) else MISSING
        if function.__name__ == "__getattribute__" and given:
            return static_attribute(owner, given[0])
        if is_a(owner, TEXTS):
            return NEW
        if is_value(owner) or (is_a(owner, type) and makes_values(owner)):
            return self.objects.made_of(given)
        if is_a(owner, type) and is_known(owner) and not can_change(owner):
            finds = function.__name__ in ("__subclasses__", "mro")
            return MISSING if finds else self.objects.made_of(given)
        if is_a(owner, dict) and function.__name__ in _GETTING_ITEMS and given:
            gets = function.__name__ == "get"
            default = (*given[1:], None)[0] if gets else MISSING
            found = static_item(owner, given[0], default)
            if found is MISSING and function.__name__ == "setdefault":
                self.promise(site, frame, owner, given[0])
            if found is not MISSING or not gets:
                return found  # what is made and put there is new, and shared at once
        if is_a(owner, HOLDERS):
            made = self.objects.made_of([owner, *given])
            return _giving_tuples(made) if function.__name__ == "items" else made
        return MISSING

    def given_by(self, function: object, given: list[object]) -> object:
        """Return what an object of C gives when called, if it calls no Python code for that."""
        made = self.objects.made_of([function, *given])
        calls = any(map(is_python, made.objects)) if type(made) is Aliases else True
        return MISSING if calls else made

    def returned(self, function: Any, given: list[object], frame: types.FrameType) -> object:
        """Return the result of a function of a module written in C."""
        if function is globals:
            return frame.f_globals
        if function is vars or function is locals:
            return static_attribute(given[0], "__dict__") if given else MISSING
        if function is sys.exc_info:
            return sys.exc_info()
        if gives_new(function):
            return NEW
        if function is operator.getitem and len(given) > 1:
            return static_item(given[0], given[1])
        if function in GETTING and len(given) > 1:
            return static_attribute(given[0], given[1])
        if function in READING or function.__module__ in STATELESS:
            return self.objects.made_of(given)
        return MISSING

    def instance(self, kind: type, given: list[object]) -> object:
        """Return what is known of a new instance of a class."""
        if kind is type and len(given) == 1:
            is_known_object = type(given[0]) is not Aliases and given[0] is not MISSING
            return class_of(given[0]) if is_known_object else MISSING
        if kind in COUNTING:
            return NEW
        if makes_values(kind):
            return self.objects.made_of(given)
        if is_python_type(kind):
            return Made(kind) if _is_made_by_c(kind) else MISSING
        if not is_known(kind):
            return MISSING
        if "__call__" in namespace(kind) and kind is not functools.partial:
            given = [*given, LOOKING if kind in GETTERS else CALLING]
        made = self.objects.made_of(given)
        # It may call what is not known as it goes on.
        if made is MISSING and is_iterator(kind):
            return Aliases([CALLING])
        return _giving_tuples(made) if kind in _OF_TUPLES else made

    def keep_given(self, site: Site, frame: types.FrameType, value: object) -> None:
        """Remember that C code may give on what it was given itself, which is `value`.

        If that is MISSING, it goes on now with what there is.
        """
        if site.kind == ITERATION and is_a(self.value(site.receiver, frame), types.GeneratorType):
            if value is not MISSING:
                self.keep(site, frame, value)
            return
        known = self.results.get((id(frame), site.offset), MISSING)
        more = self.read(site, frame) if value is MISSING else value
        self.keep(site, frame, self.objects.made_of([known, more]))

    def value_of(
        self,
        site: Site,
        frame: types.FrameType,
        ending: types.FrameType,
        value: object,
    ) -> object:
        """Return the value `site` of `frame` gets if it is `ending` that it called, or MISSING."""
        code = ending.f_code
        if site.kind == ITERATION and site.name == "next":
            # Of a generator that others may have, too, it is a step that it has given something.
            return value if self.value(site.receiver, frame) is NEW_GENERATOR else MISSING
        if self.is_called_by_c(site, frame, ending):
            return MISSING
        if site.kind == ATTRIBUTE:
            if code.co_name == "__init__":  # of data that is local to a thread
                return static_attribute(self.value(site.receiver, frame), site.name)
            return value  # of a property, a descriptor or `__getattr__`
        if site.kind == ITERATION:  # to leave a `with`
            return value if code.co_name == "__exit__" else MISSING
        if site.kind == CAPTURE:
            return value if code.co_name == "__iter__" else MISSING
        if site.name == "compare" and type(value) not in ATOMS:
            self.objects.distrust(f"the truth of what {code.co_name} gives")
        if site.kind in _GIVING:
            own = code.co_name in _GIVING[site.kind] and site.name in ("", "binary", "inplace")
            return value if own and value is not NotImplemented else MISSING
        if site.kind == CALL:
            function, _ = self.callee(site, frame)
            if is_a(function, type):
                kind, function = function, static_attribute(function, "__new__")
                if not (is_python_function(function) and function.__code__ is code):
                    function = static_attribute(kind, "__init__")
                    value = ending.f_locals.get(first_given(ending), MISSING)
                elif not _is_set_up_by_python(kind):
                    return MISSING
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


@once
def _run_by_call(kind: type) -> object:
    """Return what a call of an object of a class runs, if it is a function written in Python."""
    run = found_in(kind, "__call__")
    return run if is_python_function(run) else None


@once
def _is_made_by_c(kind: type) -> bool:
    """Tell a class written in Python that leaves it to `object` to make its objects."""
    ways = [static_attribute(kind, name) for name in ("__new__", "__init__", "__getattribute__")]
    usual = [object.__new__, object.__init__, object.__getattribute__]
    return is_of_python(kind) and all(map(operator.is_, ways, usual))


@once
def _is_set_up_by_python(kind: type) -> bool:
    """Tell a class of which C code does nothing more to a new object."""
    found = static_attribute(kind, "__init__")
    return found is object.__init__ or is_python_function(found)


def _giving_tuples(made: object) -> object:
    """Return what is known of an iterator that gives new tuples of what `made` is made of."""
    return Aliases(made.objects, tuples=2) if type(made) is Aliases else made


def _only_holds(thing: object) -> bool:
    """Tell what gives nothing but what it holds to those that go through it, and calls nothing."""
    kind = type(thing)
    return kind is not Made and (
        any(kind is each for each in HOLDERS)
        or is_data(thing)
        or (is_python_type(kind) and not gives_items_by_python(kind) and not is_iterator(kind))
    )


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
