"""From bytecode to sites: the accesses to shared state that a code object can make.

In goes a code object; out comes, for each offset worth stopping at, a `Site`.  Neither
`sys.settrace` nor `sys.monitoring` shows the value stack, so the stack is followed symbolically:
each entry is where a value came from (a `Source`).  What the analysis cannot follow becomes
`UNKNOWN`, and an access whose receiver is unknown is later taken to touch every object with such a
field: more interleavings than needed, never fewer.

What the instructions of one interpreter do, and those of another, is in the documentation of `dis`,
and in Python/bytecodes.c (ceval.c before 3.12) of CPython.
"""

from __future__ import annotations

import dis
import sys
import types
from typing import TYPE_CHECKING, Any

from concspec.interleave.observing.closures import mark_own_variables
from concspec.interleave.observing.escape import Variables, own_loops
from concspec.interleave.observing.instructions import Instruction, instructions
from concspec.interleave.observing.sites import (
    ATTRIBUTE,
    CALL,
    CAPTURE,
    CELL,
    ENDING,
    GATHERING,
    GENERATOR,
    GLOBAL,
    ITEM,
    ITERATION,
    NAME,
    NULL,
    OPERATOR,
    PART,
    RAISE,
    UNKNOWN,
    Built,
    Constant,
    Either,
    Gathered,
    Latest,
    Local,
    Method,
    Null,
    Part,
    Result,
    Site,
    Source,
    pushed,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from types import CodeType, FrameType

    Step = Callable[["_Analysis", Instruction], None]

_PYPY = sys.implementation.name == "pypy"
_OPTIMIZED = 0x1  # CO_OPTIMIZED: the variables are the frame's, and in no mapping
_DELEGATING = dis.opmap.get("YIELD_FROM")  # up to 3.10, and in PyPy
_ENDS = frozenset(
    [
        "RETURN_VALUE",
        "RETURN_CONST",
        "RAISE_VARARGS",
        "RERAISE",
        "JUMP_FORWARD",
        "JUMP_BACKWARD",
        "JUMP_ABSOLUTE",
        "JUMP_BACKWARD_NO_INTERRUPT",
    ]
)
"""What is behind these is come to from elsewhere alone."""
_DROPPING = ("FOR_ITER", "POP_", "END_FOR", "RERAISE", "JUMP_IF_NOT_EXC_MATCH", "SETUP_FINALLY")
"""These leave what is under what they pop or push as it is."""
_PLAIN = Constant(None)
"""A text, a truth value or the like: nothing shared."""
_ROTATIONS = {"ROT_TWO": 2, "ROT_THREE": 3, "ROT_FOUR": 4}
_OPERATORS = [
    name
    for name in dis.opmap
    if name.startswith(("BINARY_", "INPLACE_")) and name not in ("BINARY_SUBSCR", "BINARY_SLICE")
]
_MOST_PATHS = 16  # that may meet before a value that comes from one of them is unknown
_GATHERED = {"LIST_APPEND": 1, "SET_ADD": 1, "MAP_ADD": 2}


def sites(code: CodeType) -> dict[int, Site]:
    """Return the sites of `code` by the offset of their instruction."""
    return _Analysis(code).run()


_first_given: dict[int, tuple[CodeType, str]] = {}


def first_given(frame: FrameType) -> str:
    """Return the variable that has what a function was given first, or "" where none has to."""
    code = frame.f_code
    if id(code) not in _first_given:
        first = ""
        # PyPy gives a mapping to the body of a class.
        if code.co_argcount > 0 and code.co_flags & _OPTIMIZED:
            first = code.co_varnames[0]
        stored = (_stored(each) for each in instructions(code))
        if first in code.co_cellvars or any(first in names for names in stored):
            first = ""
        _first_given[id(code)] = code, first
    return _first_given[id(code)][1]


def delegates(frame: FrameType) -> bool:
    """Tell a generator that gives on what another gives, by an instruction that yields itself."""
    return frame.f_code.co_code[frame.f_lasti] == _DELEGATING


_steps: dict[str, Step] = {}  # by the name of the instruction, how the analysis follows it


def _follows(*names: str) -> Callable[[Step], Step]:
    """Let a method follow the instructions of these names."""

    def register(step: Step) -> Step:
        _steps.update(dict.fromkeys(names, step))
        return step

    return register


class _Analysis:
    """One pass over the instructions of a code object, following its value stack symbolically."""

    def __init__(self, code: CodeType) -> None:
        self.code = code
        self.found: dict[int, Site] = {}
        self.stack: list[Source] = []
        self.at_target: dict[int, list[Source]] = {}
        self.line = code.co_firstlineno
        self.offset = 0
        self.entries: dict[int, int] = {}  # where the prefixes of each instruction begin
        self.module_level = code.co_name == "<module>"
        self.keywords: tuple[str, ...] = ()  # of the call that comes
        self.spoiled: set[Source] = set()  # what is put into these is not known
        self.stored: list[tuple[int, str]] = []  # where which local variable is bound anew
        self.variables = Variables(code)

    def run(self) -> dict[int, Site]:
        lines = dict(dis.findlinestarts(self.code))
        alive = True
        dropped = False  # PyPy drops what a handler has left on the stack, however much that is
        prefix: int | None = None
        handlers = _handlers(self.code)
        starts = {handler.start for handler in handlers.values()}
        listing = instructions(self.code)
        loops = _loops(listing)
        self.variables.loops = loops
        bound = _bound_in_loops(listing, loops)
        entered = {*[each.target for each in listing], *handlers}
        before: dict[int, list[Source]] = {}  # the stack where a guarded stretch begins
        for instruction in listing:
            self.offset = offset = instruction.offset
            if instruction.opname == "EXTENDED_ARG":
                prefix = offset if prefix is None else prefix
                continue
            entry, prefix = offset if prefix is None else prefix, None
            if not alive and entry not in entered:
                continue  # old compilers leave a jump behind `raise`
            self.entries[offset] = entry
            self.line = lines.get(offset) or self.line
            if entry in self.at_target:
                arriving = self.at_target[entry]
                self.stack = (
                    self.merged(self.stack, arriving) if alive and not dropped else arriving
                )
            elif entry in handlers:
                handler = handlers[entry]
                self.stack = self.caught(handler, before.get(handler.start, []), entry)
            elif not alive:
                # Only a handler or the head of a loop is entered without a forward jump seen; the
                # head of a loop is also fallen into, and its stack is the same each time round,
                # but for the variables that get another value in it.
                self.stack = []
            if entry in bound:
                self.stack = _without(bound[entry], self.stack)
            alive = True
            if entry in starts:
                before[entry] = list(self.stack)
            _steps.get(instruction.opname, _Analysis.generic)(self, instruction)
            dropped = _PYPY and instruction.opname == "POP_EXCEPT"
            if instruction.opname in _ENDS:
                alive = False
        own = [self.found[offset] for offset in own_loops(self.found, self.variables)]
        for site in own:
            site.is_own = True
        own += mark_own_variables(self.code, self.found, self.variables)
        self.need_what_is_used()
        for site in own:
            if site.is_own and not site.needed:
                del self.found[site.offset]
        if hasattr(sys, "monitoring"):
            return self.found
        # Tracing stops before the prefixes (EXTENDED_ARG) of an instruction and not behind them.
        return {self.entries[offset]: site for offset, site in self.found.items()}

    def need_what_is_used(self) -> None:
        """Let sites keep what others use; who fills containers that none does is no site."""
        filling: dict[Source, list[Site]] = {}
        todo: list[Site] = []
        for site in self.found.values():
            if not site.is_own:
                gathers = site.kind == GATHERING
                (filling.setdefault(site.receiver, []) if gathers else todo).append(site)
        unused = {site.offset for sites in filling.values() for site in sites}
        for site in self.found.values() if self.spoiled else ():
            site.arguments = tuple([_but(self.spoiled, each) for each in site.arguments])
            if site.kind != GATHERING:
                site.receiver = _but(self.spoiled, site.receiver)
                site.key = _but(self.spoiled, site.key)
        while todo:
            site = todo.pop()
            used = () if site.kind == GATHERING else (site.receiver, site.key)
            for source in pushed((*used, *site.arguments)):
                if not isinstance(source, Gathered):
                    todo += self.need(source)
                    continue
                for each in filling.pop(source, ()):
                    each.needed = True
                    unused.remove(each.offset)
                    todo.append(each)
        for offset in unused:
            del self.found[offset]

    def need(self, source: Result | Latest) -> list[Site]:
        """Let the instructions that push a value keep it; return what nobody asked so far."""
        offsets = _offsets(source)
        found = [self.found[offset] for offset in offsets if offset in self.found]
        own = [site for site in found if site.is_own and not site.needed]
        for site in found:
            site.needed = True
        if isinstance(source, Latest) and len(found) == len(offsets):
            for site in found:
                site.among = (*(each for each in site.among if each != source), source)
        return own

    def caught(self, handler: Any, before: list[Source], offset: int) -> list[Source]:
        """Return the stack where an exception is handled: what was there before, and that."""
        kept: list[Source] = [UNKNOWN] * max(0, handler.depth - len(before))
        kept += before[: handler.depth - len(kept)]
        kept = _without([n for at, n in self.stored if handler.start <= at < offset], kept)
        # What was put into a container meanwhile is not known.
        kept = [UNKNOWN if isinstance(each, Built) and not each.is_tuple else each for each in kept]
        return [*kept, *[UNKNOWN] * (2 if handler.lasti else 1)]

    # The symbolic stack.

    def pop(self) -> Source:
        return self.stack.pop() if self.stack else UNKNOWN

    def popn(self, count: int) -> tuple[Source, ...]:
        return tuple(reversed([self.pop() for _ in range(count)]))

    def push(self, *entries: Source) -> None:
        self.stack.extend(entries)

    def at(self, depth: int) -> Source:
        return self.stack[-depth] if depth <= len(self.stack) else UNKNOWN

    def push_again(self, depth: int) -> None:
        source = self.at(depth)
        if isinstance(source, Local):
            source = self.load(source.name)
        elif isinstance(source, Built):
            source = source._replace(copied=True)
            self.put(depth, source)
        elif isinstance(source, Gathered):
            source = UNKNOWN
            self.put(depth, source)
        elif isinstance(source, Result):
            self.variables.copied.add(source.offset)
        else:
            self.note_function(source)
        self.push(source)

    def load(self, name: str) -> Source:
        self.variables.loads[name] += 1
        # A comprehension that is inlined may have a variable of its own beside that of a closure.
        # The frame tells of either; asked for such a one, 3.13.0 to 3.13.2 crash.
        both = name in self.code.co_cellvars or name in self.code.co_freevars
        return UNKNOWN if both else Local(name)

    def forget_local(self, name: str) -> None:
        self.stored.append((self.offset, name))
        self.stack = _without([name], self.stack)

    def named(self, given: Source, name: str = "") -> None:
        """Store a value: from now on, what is still on the stack may hold more than when made."""
        is_kept = (
            isinstance(given, (Built, Gathered, Result, Latest, Either)) and self.at(1) is given
        )
        if name:
            self.forget_local(name)
            self.variables.bound[name].append(given)
        if is_kept:
            self.put(1, self.load(name) if name else UNKNOWN)

    def may_be_new(self, source: Source) -> bool:
        """Tell what may be a new object, which others cannot know before it is handed on."""
        if isinstance(source, (Built, Gathered)):
            return True
        if isinstance(source, Either):
            return any(map(self.may_be_new, source.parts))
        if not isinstance(source, (Result, Latest)):
            return False
        made_by = [self.found[each].kind for each in _offsets(source) if each in self.found]
        return any(kind not in (GLOBAL, CELL, NAME, ATTRIBUTE) for kind in made_by)

    def put(self, depth: int, source: Source) -> None:
        if depth <= len(self.stack):
            self.stack[-depth] = source

    def merged(self, left: list[Source], right: list[Source]) -> list[Source]:
        """Return what is known of the stack where two paths meet (the tops are aligned)."""
        depth = min(len(left), len(right))
        if not depth:
            return []
        met = map(_either, left[-depth:], right[-depth:])
        # The end of a generator is not seen, so what was pushed may have been by another one.
        is_lost = self.code.co_flags & GENERATOR
        return [
            UNKNOWN if is_lost and isinstance(each, Either) and any(pushed([each])) else each
            for each in met
        ]

    # What most instructions do.

    def generic(self, instruction: Instruction) -> None:
        """Apply the effect of an instruction of which only the change of depth is known."""
        jump = instruction.target
        argument = instruction.arg if instruction.opcode >= dis.HAVE_ARGUMENT else None
        effect = dis.stack_effect(instruction.opcode, argument, jump=False)
        before = list(self.stack)
        if instruction.opname.startswith("LOAD_") or (
            instruction.opname.startswith("BUILD_") and effect == 1
        ):
            self.push(*[UNKNOWN] * effect)
            return
        dropping = instruction.opname.startswith(_DROPPING)
        if instruction.opname == "FOR_ITER":
            before = [
                self.gathered(depth, each) if isinstance(each, Built) else each
                for depth, each in enumerate(before)
            ]
            self.stack = [*before, UNKNOWN]
        else:
            _change_depth(self.stack, effect, dropping=dropping)
        if jump is not None:
            taken = before
            try:
                if not instruction.opname.startswith("POP_JUMP"):  # PyPy 3.9 says 0
                    effect = dis.stack_effect(instruction.opcode, argument, jump=True)
                _change_depth(taken, effect, dropping=dropping)
            except ValueError:
                taken = []
            self.arrive(jump, taken)

    def gathered(self, depth: int, built: Built) -> Source:
        """Return what a new container is in a loop, and behind it."""
        return UNKNOWN if built.copied else Gathered(self.offset, depth, built.parts)

    def arrive(self, target: int, stack: list[Source]) -> None:
        known = self.at_target.get(target)
        self.at_target[target] = stack if known is None else self.merged(known, stack)

    def site(
        self,
        kind: int,
        name: str,
        label: str,
        *,
        write: bool = False,
        receiver: Source = UNKNOWN,
        key: Source = UNKNOWN,
        arguments: tuple[Source, ...] = (),
    ) -> Source:
        self.found[self.offset] = Site(
            self.code,
            self.offset,
            self.line,
            kind,
            name,
            write=write,
            label=label,
            receiver=receiver,
            key=key,
            arguments=arguments,
        )
        return Result(self.offset)

    def text(self, source: Source) -> str:
        """Name a source the way the program's text does, as far as it is known."""
        if isinstance(source, Local):
            return source.name
        if isinstance(source, Method):
            return f"{self.text(source.receiver)}.{source.name}"
        if isinstance(source, Latest):
            return self.text(Result(source.offsets[0]))
        if isinstance(source, Either):
            return self.text(source.parts[0])
        if isinstance(source, Result) and source.offset in self.found:
            site = self.found[source.offset]
            return site.label if site.kind in (GLOBAL, CELL, ATTRIBUTE, ITEM, CAPTURE) else "?"
        return "?"

    # Names of variables, and what is on the stack.

    @_follows(
        "NOP",
        "RESUME",
        "PRECALL",
        "MAKE_CELL",
        "COPY_FREE_VARS",
        "NOT_TAKEN",
        "JUMP_FORWARD",
        "JUMP_BACKWARD",
        "JUMP_ABSOLUTE",
        "JUMP_BACKWARD_NO_INTERRUPT",
        "SETUP_ANNOTATIONS",
        "POP_BLOCK",
        "GEN_START",
        "LIST_TO_TUPLE",
    )
    def keep_stack(self, instruction: Instruction) -> None:
        target = instruction.target
        if target is not None and target > self.offset:
            self.arrive(target, list(self.stack))

    @_follows("LOAD_FAST", "LOAD_FAST_CHECK", "LOAD_FAST_BORROW", "LOAD_FAST_AND_CLEAR")
    def load_fast(self, instruction: Instruction) -> None:
        self.push(self.load(instruction.argval))

    @_follows("LOAD_FAST_LOAD_FAST", "LOAD_FAST_BORROW_LOAD_FAST_BORROW")
    def load_two(self, instruction: Instruction) -> None:
        self.push(*map(self.load, instruction.argval))

    @_follows("STORE_FAST")
    def store_fast(self, instruction: Instruction) -> None:
        self.named(self.pop(), instruction.argval)

    @_follows("STORE_FAST_STORE_FAST")
    def store_two(self, instruction: Instruction) -> None:
        for each in _stored(instruction):
            self.named(self.pop(), each)

    @_follows("STORE_FAST_LOAD_FAST")
    def store_and_load(self, instruction: Instruction) -> None:
        stored, loaded = instruction.argval
        self.named(self.pop(), stored)
        self.push(self.load(loaded))

    @_follows("DELETE_FAST")
    def delete_fast(self, instruction: Instruction) -> None:
        self.forget_local(instruction.argval)

    @_follows("LOAD_CONST", "LOAD_SMALL_INT")
    def load_constant(self, instruction: Instruction) -> None:
        self.push(Constant(instruction.argval))

    @_follows("LOAD_ASSERTION_ERROR", "LOAD_COMMON_CONSTANT")
    def load_common_constant(self, instruction: Instruction) -> None:
        is_old = instruction.opname == "LOAD_ASSERTION_ERROR"
        self.push(Constant(AssertionError if is_old else instruction.argval))

    @_follows("POP_TOP")
    def pop_top(self, _instruction: Instruction) -> None:
        self.pop()

    @_follows("PUSH_NULL")
    def push_null(self, _instruction: Instruction) -> None:
        self.push(NULL)

    @_follows("COPY", "DUP_TOP")
    def copy(self, instruction: Instruction) -> None:
        # PyPy's COPY, seen only in handlers, comes without an argument.
        self.push_again(instruction.arg or 1)

    @_follows("DUP_TOP_TWO")
    def copy_two(self, _instruction: Instruction) -> None:
        self.push_again(2)
        self.push_again(2)

    @_follows("SWAP")
    def swap(self, instruction: Instruction) -> None:
        depth = instruction.arg or 2
        while len(self.stack) < depth:
            self.stack.insert(0, UNKNOWN)
        self.stack[-1], self.stack[-depth] = self.stack[-depth], self.stack[-1]

    @_follows("ROT_N", *_ROTATIONS)
    def rotate(self, instruction: Instruction) -> None:
        *under, top = self.popn(_ROTATIONS.get(instruction.opname) or instruction.arg or 1)
        self.push(top, *under)

    @_follows("LOAD_GLOBAL", "LOAD_NAME", "LOAD_FROM_DICT_OR_GLOBALS")
    def load_global(self, instruction: Instruction) -> None:
        name = str(instruction.argval)
        # `LOAD_GLOBAL` also pushes a null in 3.11+, before the value up to 3.12 and after it since.
        effect = dis.stack_effect(instruction.opcode, instruction.arg)
        if instruction.opname == "LOAD_FROM_DICT_OR_GLOBALS":
            self.pop()
            effect += 1
        kind = GLOBAL if instruction.opname == "LOAD_GLOBAL" else NAME
        self.variables.look_up(name)
        result = self.site(kind, name, name)
        if effect > 1:
            self.push(*((NULL, result) if sys.version_info < (3, 13) else (result, NULL)))
        else:
            self.push(result)

    @_follows("STORE_GLOBAL", "DELETE_GLOBAL", "STORE_NAME", "DELETE_NAME")
    def store_global(self, instruction: Instruction) -> None:
        action, _, scope = instruction.opname.partition("_")
        if action == "STORE":
            self.named(self.pop())
        name = instruction.argval
        if scope == "GLOBAL" or self.module_level:
            self.site(GLOBAL if scope == "GLOBAL" else NAME, name, name, write=True)
            self.found[self.offset].deletes = action == "DELETE"

    @_follows("LOAD_DEREF", "LOAD_CLASSDEREF", "LOAD_FROM_DICT_OR_DEREF")
    def load_cell(self, instruction: Instruction) -> None:
        if instruction.opname == "LOAD_FROM_DICT_OR_DEREF":
            self.pop()
        name = self.cell_name(instruction)
        self.push(self.site(CELL, name, name))

    @_follows("STORE_DEREF", "DELETE_DEREF")
    def store_cell(self, instruction: Instruction) -> None:
        if instruction.opname == "STORE_DEREF":
            given = self.pop()
            self.variables.store(given, self.offset)
            self.named(given)
        name = self.cell_name(instruction)
        self.site(CELL, name, name, write=True)

    def cell_name(self, instruction: Instruction) -> str:
        if _PYPY:  # whose `dis` names the wrong variable in 3.11
            code = self.code
            return (code.co_cellvars + code.co_freevars)[instruction.arg or 0]
        return str(instruction.argval)

    # What is made.

    @_follows(
        "BUILD_LIST",
        "BUILD_TUPLE",
        "BUILD_SET",
        "BUILD_SLICE",
        "BUILD_MAP",
        "BUILD_CONST_KEY_MAP",
    )
    def build(self, instruction: Instruction) -> None:
        name, count = instruction.opname, instruction.arg or 0
        count = {"BUILD_MAP": 2 * count, "BUILD_CONST_KEY_MAP": count + 1}.get(name, count)
        parts = self.popn(count)
        if name == "BUILD_TUPLE":
            self.push(Built(parts, is_tuple=True))
        else:
            self.push(Built(tuple(each for each in parts if not isinstance(each, Constant))))

    @_follows("BUILD_STRING")
    def build_text(self, instruction: Instruction) -> None:
        self.popn(instruction.arg or 0)
        self.push(_PLAIN)

    @_follows("BUILD_LIST_FROM_ARG")  # PyPy: puts a new list under the iterator
    def build_under(self, _instruction: Instruction) -> None:
        iterator = self.pop()
        self.push(UNKNOWN, iterator)

    @_follows(*_GATHERED)
    def gather(self, instruction: Instruction) -> None:
        added = self.popn(_GATHERED[instruction.opname])
        self.put_into(instruction.arg or 1, added)

    def put_into(self, depth: int, added: tuple[Source, ...]) -> None:
        container = self.at(depth)
        if isinstance(container, Gathered):
            self.site(GATHERING, "", "", receiver=container, arguments=added)
        elif isinstance(container, Built):
            self.put(depth, Built((*container.parts, *added), container.copied))
        else:
            self.put(depth, UNKNOWN)

    @_follows("LIST_EXTEND", "SET_UPDATE", "DICT_UPDATE", "DICT_MERGE")
    def extend(self, instruction: Instruction) -> None:
        """Put what a container holds into one that is being built."""
        added = self.pop()
        if not isinstance(added, Gathered):
            self.look(added, "keys" if instruction.opname.startswith("DICT") else "all")
        depth = instruction.arg or 1
        built = self.at(depth)
        if isinstance(built, Gathered) and self.offset in self.found:
            self.spoiled.add(built)  # one instruction is one site
        elif isinstance(built, Gathered):
            self.put_into(depth, (added,))
        elif isinstance(built, Built) and not isinstance(added, Constant):
            self.put(depth, Built((*built.parts, added), built.copied))

    @_follows("MAKE_FUNCTION")
    def make_function(self, instruction: Instruction) -> None:
        made = self.popn(1 - dis.stack_effect(instruction.opcode, instruction.arg))
        function = next((each for each in made if _is_code(each)), UNKNOWN)
        self.note_function(function)
        self.push(function)

    def note_function(self, source: Source) -> None:
        """Note that what may be a function inside this one is put on the stack."""
        if isinstance(source, Constant) and isinstance(source.value, types.CodeType):
            self.variables.make(source.value, self.offset)

    @_follows("SET_FUNCTION_ATTRIBUTE")
    def complete_function(self, _instruction: Instruction) -> None:
        function, _ = self.pop(), self.pop()
        self.push(function)

    # Attributes and items.

    @_follows("LOAD_ATTR", "LOAD_METHOD")
    def load_attribute(self, instruction: Instruction) -> None:
        receiver = self.pop()
        name = str(instruction.argval)
        label = f"{self.text(receiver)}.{name}"
        effect = dis.stack_effect(instruction.opcode, instruction.arg)
        result = self.site(ATTRIBUTE, name, label, receiver=receiver)
        if effect > 0:
            self.push(Method(receiver, name, self.offset), NULL)
        else:
            self.push(result)

    @_follows("LOAD_SUPER_ATTR")
    def load_inherited(self, instruction: Instruction) -> None:
        # It looks the attribute up from three: `super`, the class and the object.
        looked_up = self.popn(3)
        name = str(instruction.argval)
        result = self.site(ATTRIBUTE, name, f"super().{name}", arguments=looked_up)
        effect = dis.stack_effect(instruction.opcode, instruction.arg)
        self.push(result, *[NULL] * (2 + effect))

    @_follows("STORE_ATTR", "DELETE_ATTR")
    def store_attribute(self, instruction: Instruction) -> None:
        receiver = self.pop()
        if instruction.opname == "STORE_ATTR":
            self.named(self.pop())
        label = f"{self.text(receiver)}.{instruction.argval}"
        self.site(ATTRIBUTE, instruction.argval, label, write=True, receiver=receiver)

    @_follows("IMPORT_FROM")
    def import_from(self, instruction: Instruction) -> None:
        self.push(self.site(ATTRIBUTE, instruction.argval, instruction.argval))

    @_follows("BINARY_SUBSCR")
    def get_item(self, _instruction: Instruction) -> None:
        container, index = self.popn(2)
        if isinstance(container, Built) and container.is_tuple and isinstance(index, Constant):
            parts = dict(enumerate(self.taken_from(container)))
            if index.value in parts:
                self.push(parts[index.value])
                return
        self.push(self.item(container, index))

    def taken_from(self, new: Built) -> tuple[Source, ...]:
        """Return the items of a new tuple: what is new as well is known by that where it stays."""
        return tuple([PART if new.copied and self.may_be_new(each) else each for each in new.parts])

    @_follows("BINARY_SLICE")
    def get_slice(self, _instruction: Instruction) -> None:
        container, _, _ = self.popn(3)
        self.push(self.item(container, UNKNOWN))

    @_follows("STORE_SUBSCR")
    def set_item(self, _instruction: Instruction) -> None:
        given, container, key = self.popn(3)
        self.named(given)
        self.item(container, key, write=True, given=given)

    @_follows("STORE_SLICE")
    def set_slice(self, _instruction: Instruction) -> None:
        given, container, _, _ = self.popn(4)
        self.named(given)
        self.item(container, UNKNOWN, write=True, given=given)

    @_follows("DELETE_SUBSCR")
    def delete_item(self, _instruction: Instruction) -> None:
        container, key = self.popn(2)
        self.item(container, key, name="del", write=True)

    @_follows("CONTAINS_OP")
    def find_item(self, _instruction: Instruction) -> None:
        wanted, container = self.popn(2)
        self.item(container, wanted, name="in")
        self.push(_PLAIN)

    def item(
        self,
        container: Source,
        key: Source,
        *,
        write: bool = False,
        name: str = "",
        given: Source = _PLAIN,
    ) -> Source:
        label = f"{self.text(container)}[]"
        return self.site(
            ITEM, name, label, write=write, receiver=container, key=key, arguments=(given,)
        )

    # What is gone through, or looked at.

    @_follows("GET_ITER", "GET_YIELD_FROM_ITER")
    def get_iterator(self, instruction: Instruction) -> None:
        iterated = self.pop()
        effect = dis.stack_effect(instruction.opcode, instruction.arg)
        iterator = self.site(CAPTURE, "", self.text(iterated), receiver=iterated)
        # Since 3.15 a generator expression asks for its iterator itself, in another frame.
        is_moved = _is_same(iterated, Local(".0")) and self.code.co_flags & GENERATOR
        self.push(iterated if is_moved else iterator, *[UNKNOWN] * effect)

    @_follows("FOR_ITER", "SEND", "YIELD_FROM")
    def iterate(self, instruction: Instruction) -> None:
        is_loop = instruction.opname == "FOR_ITER"
        # Over the iterator are, from Python 3.15 on, an index, and the value to send.
        source = self.at(1 + (sys.version_info >= (3, 15)) + (not is_loop))
        if isinstance(source, (Result, Local)):
            self.look(source, "next")
        else:
            self.look(UNKNOWN, "next", write=True)
        self.generic(instruction)
        if instruction.opname != "YIELD_FROM":
            self.put(1, Part(self.offset))

    @_follows("UNPACK_SEQUENCE", "UNPACK_EX")
    def unpack(self, instruction: Instruction) -> None:
        unpacked = self.at(1)
        # What a loop goes through holds iterators so seldom that it is not taken to.
        self.look(unpacked, "" if isinstance(unpacked, Part) else "all")
        self.pop()
        self.push(*[UNKNOWN] * (1 + dis.stack_effect(instruction.opcode, instruction.arg)))
        count = instruction.arg or 0
        if instruction.opname == "UNPACK_EX":
            count &= 255  # so many come before the star
        parts: tuple[Source, ...] = tuple([Part(self.offset, index) for index in range(count)])
        if isinstance(unpacked, Built) and unpacked.is_tuple and len(unpacked.parts) == count:
            parts = self.taken_from(unpacked)
        for depth, part in enumerate(parts, 1):
            self.put(depth, part)

    @_follows(
        "POP_JUMP_IF_FALSE",
        "POP_JUMP_IF_TRUE",
        "POP_JUMP_FORWARD_IF_FALSE",
        "POP_JUMP_FORWARD_IF_TRUE",
        "POP_JUMP_BACKWARD_IF_FALSE",
        "POP_JUMP_BACKWARD_IF_TRUE",
    )
    def look_at_top(self, instruction: Instruction) -> None:
        self.look(self.at(1))
        self.generic(instruction)

    @_follows("JUMP_IF_FALSE_OR_POP", "JUMP_IF_TRUE_OR_POP")
    def keep_or_pop(self, instruction: Instruction) -> None:
        self.look(self.at(1))
        self.arrive(instruction.argval, list(self.stack))
        self.pop()

    @_follows("TO_BOOL", "UNARY_NOT")
    def tell_truth(self, instruction: Instruction) -> None:
        self.look_at_top(instruction)
        self.put(1, _PLAIN)

    @_follows("FORMAT_VALUE", "FORMAT_SIMPLE", "FORMAT_WITH_SPEC", "CONVERT_VALUE")
    def format_value(self, instruction: Instruction) -> None:
        name = instruction.opname
        flags = (instruction.arg or 0) if name == "FORMAT_VALUE" else 0
        spec = name == "FORMAT_WITH_SPEC" or flags & 4
        self.look(self.at(2 if spec else 1), "deep")
        self.generic(instruction)
        self.put(1, _PLAIN)

    @_follows("MATCH_KEYS")
    def match_keys(self, instruction: Instruction) -> None:
        keys = self.at(1)
        self.look(self.at(2), "get")
        self.generic(instruction)
        self.matched(keys, told=dis.stack_effect(instruction.opcode) > 1)

    @_follows("COPY_DICT_WITHOUT_KEYS")
    def copy_what_is_left(self, _instruction: Instruction) -> None:
        self.pop()
        self.look(self.at(1), "keys")
        self.push(Built((UNKNOWN,)))

    @_follows("CHECK_EG_MATCH")
    def split_group(self, instruction: Instruction) -> None:
        self.look(self.at(2), "inside")
        self.generic(instruction)

    @_follows("MATCH_CLASS")
    def match_class(self, instruction: Instruction) -> None:
        names = self.at(1)
        self.look(self.at(3), "inside")
        self.generic(instruction)
        told = dis.stack_effect(instruction.opcode, instruction.arg) > -2  # noqa: PLR2004
        self.matched(names, instruction.arg or 0, told=told)

    def matched(self, names: Source, count: int = 0, *, told: bool) -> None:
        """Push a new tuple of what was found, and where it is `told`, whether that was all."""
        if isinstance(names, Constant):
            count += len(names.value)  # type: ignore[arg-type]
        elif isinstance(names, Built) and names.is_tuple:
            count += len(names.parts)
        else:
            return
        self.put(2 if told else 1, Built((PART,) * count, is_tuple=True))
        if told:
            self.put(1, _PLAIN)

    @_follows("GET_LEN")
    def tell_length(self, _instruction: Instruction) -> None:
        self.look(self.at(1))
        self.push(_PLAIN)

    @_follows("MATCH_MAPPING", "MATCH_SEQUENCE")
    def tell_kind(self, _instruction: Instruction) -> None:
        self.push(_PLAIN)

    @_follows("IS_OP", "CHECK_EXC_MATCH")
    def tell(self, instruction: Instruction) -> None:
        self.generic(instruction)
        self.put(1, _PLAIN)

    def look(self, source: Source, name: str = "", *, write: bool = False) -> None:
        """Go through something, or test it, without a name for what is done."""
        is_tuple = isinstance(source, Built) and source.is_tuple and name in ("", "all")
        if not (is_tuple or isinstance(source, (Constant, Method))):
            label = f"{self.text(source)}[]"
            self.site(ITERATION, name, label, receiver=source, write=write)

    # What may run any code.

    @_follows("COMPARE_OP", *_OPERATORS)
    def operate(self, instruction: Instruction) -> None:
        """Follow an operator: `shared += [1]` changes the list on its left in place."""
        name = instruction.opname
        if name == "BINARY_OP" and instruction.argrepr.startswith("["):
            self.get_item(instruction)
            return
        left, right = self.popn(2)
        inplace = name.startswith("INPLACE_") or (
            name == "BINARY_OP" and instruction.argrepr.endswith("=")
        )
        compares = name == "COMPARE_OP"
        if self.at(1) is right and self.may_be_new(right):
            self.put(1, UNKNOWN)  # in a chain: who compared it may have kept it
        if isinstance(left, Constant) and isinstance(right, Constant):
            self.push(_PLAIN)
            return
        result = self.site(
            OPERATOR,
            "inplace" if inplace else "compare" if compares else "binary",
            f"{self.text(left)}[]",
            write=inplace,
            arguments=(left, right),
        )
        # The answer of a comparison is a truth value.
        self.push(_PLAIN if compares else result)

    @_follows("UNARY_NEGATIVE", "UNARY_POSITIVE", "UNARY_INVERT")
    def operate_on_one(self, _instruction: Instruction) -> None:
        operand = self.pop()
        label = f"{self.text(operand)}[]"
        self.push(self.site(OPERATOR, "binary", label, arguments=(operand, _PLAIN)))

    @_follows("CALL_INTRINSIC_1")
    def call_intrinsic(self, instruction: Instruction) -> None:
        if instruction.argrepr == "INTRINSIC_UNARY_POSITIVE":
            self.operate_on_one(instruction)
        elif instruction.argrepr != "INTRINSIC_LIST_TO_TUPLE":
            self.generic(instruction)

    @_follows("KW_NAMES")
    def name_keywords(self, instruction: Instruction) -> None:
        self.keywords = self.code.co_consts[instruction.arg or 0]  # 3.11 does not look it up

    @_follows(
        "CALL", "CALL_FUNCTION", "CALL_METHOD", "CALL_KW", "CALL_FUNCTION_KW", "CALL_METHOD_KW"
    )
    def call(self, instruction: Instruction) -> None:
        name = instruction.opname
        count = instruction.arg or 0
        if name.endswith("KW"):
            names: Any = self.pop()
            self.keywords = getattr(names, "value", ())
        given = self.popn(count)
        where = self.variables.unnamed[self.offset] = count - len(self.keywords)
        if "key" in self.keywords:  # a method of a dictionary may have it anywhere
            key = where + self.keywords.index("key")
            self.variables.keys[self.offset] = given[key]
            given = (*given[:where], given[key], *given[where:key], *given[key + 1 :])
        self.keywords = ()
        self.called(1 if name.startswith("CALL_FUNCTION") else 2, given)

    @_follows("CALL_FUNCTION_EX")
    def call_with_all_of(self, instruction: Instruction) -> None:
        # One tuple of arguments, and perhaps one dictionary.
        given = self.popn(2 if sys.version_info >= (3, 14) else 1 + ((instruction.arg or 0) & 1))
        popped = 1 - dis.stack_effect(instruction.opcode, instruction.arg)
        self.called(popped - len(given), given, name="*")

    def called(self, slots: int, given: tuple[Source, ...], *, name: str = "") -> None:
        """Pop the callable, and what may stand beside it; note the call, and push what it gives."""
        on_stack = (*self.popn(slots), *given)
        # Beside the callable may be what it is given first, as a comprehension is in 3.11.
        callee, *others = [each for each in on_stack if not isinstance(each, Null)] or [UNKNOWN]
        given = tuple(others)
        label = f"{self.text(callee.receiver if isinstance(callee, Method) else callee)}[]"
        self.push(self.site(CALL, name, label, receiver=callee, arguments=given))

    @_follows("YIELD_VALUE", "RETURN_VALUE", "RETURN_CONST")
    def give_back(self, instruction: Instruction) -> None:
        if self.code.co_flags & GENERATOR:
            # Events of yielding come when the generator may be resumed already.
            name = instruction.opname
            given = Constant(instruction.argval) if name == "RETURN_CONST" else self.at(1)
            self.site(ENDING, name, "", receiver=given)
        self.generic(instruction)

    @_follows("RAISE_VARARGS")
    def raise_error(self, instruction: Instruction) -> None:
        if not instruction.arg:
            self.generic(instruction)
            return
        error = self.popn(instruction.arg)[0]
        call = self.found.get(error.offset) if isinstance(error, Result) else None
        made_by = UNKNOWN if call is None or call.kind != CALL else call.receiver
        label = f"raise {self.text(error)}"
        self.site(RAISE, "", label, receiver=error, key=made_by, write=True)

    @_follows("SETUP_WITH", "BEFORE_WITH")
    def enter(self, instruction: Instruction) -> None:
        """Ask the manager of a `with`, which may be written in C, for its methods."""
        manager = self.pop()
        self.look(manager, "inside", write=True)
        self.push(Method(manager, "__exit__"))
        target = instruction.target
        if target is not None:
            self.arrive(target, [*self.stack, *[UNKNOWN] * 6])
        self.push(UNKNOWN)

    @_follows("LOAD_SPECIAL")
    def load_special(self, instruction: Instruction) -> None:
        self.push(Method(self.pop(), instruction.argrepr), NULL)

    @_follows("WITH_EXCEPT_START")
    def leave_by_error(self, instruction: Instruction) -> None:
        leaving = (each for each in reversed(self.stack) if isinstance(each, Method))
        manager = next(leaving, Method(UNKNOWN, "")).receiver
        self.look(manager, "inside", write=True)
        self.generic(instruction)
        self.put(1, Result(self.offset) if self.offset in self.found else UNKNOWN)


def _handlers(code: CodeType) -> dict[int, Any]:
    """Return the first entry of the exception table for each handler, by its offset."""
    parse = getattr(dis, "_parse_exception_table", None)
    found: dict[int, Any] = {}
    for entry in parse(code) if parse is not None else ():
        found.setdefault(entry.target, entry)
    return found


def _is_code(source: Source) -> bool:
    return isinstance(source, Constant) and isinstance(source.value, types.CodeType)


def _mentions(source: Source, name: str) -> bool:
    while isinstance(source, Method):
        source = source.receiver
    if isinstance(source, (Built, Gathered, Either)):
        return any(_mentions(each, name) for each in source.parts)
    return isinstance(source, Local) and source.name == name


def _but(lost: set[Source], source: Source) -> Source:
    """Return what is known of a source if some that it may be made of are not."""
    if isinstance(source, Method):
        return source._replace(receiver=_but(lost, source.receiver))
    if not isinstance(source, (Built, Gathered, Either)):
        return source
    parts = tuple([_but(lost, each) for each in source.parts])
    if isinstance(source, Gathered):
        return UNKNOWN if source in lost or parts != source.parts else source
    return source._replace(parts=parts)


def _without(names: Iterable[str], stack: list[Source]) -> list[Source]:
    """Return what is known of the stack when these variables have another value."""
    for name in names:
        stack = [UNKNOWN if _mentions(each, name) else each for each in stack]
    return stack


def _loops(listing: list[Instruction]) -> list[tuple[int, int]]:
    """Return from where to where the code is repeated, as far as jumps tell."""
    jumps = [(each.target, each.offset) for each in listing if each.target is not None]
    return [(start, end) for start, end in jumps if start < end]


def _bound_in_loops(
    listing: list[Instruction], loops: list[tuple[int, int]]
) -> dict[int, set[str]]:
    """Return the variables that are bound anew in each loop, by where that begins."""
    stored = [(each.offset, name) for each in listing if loops for name in _stored(each)]
    bound: dict[int, set[str]] = {}
    for start, end in loops:
        bound.setdefault(start, set()).update(n for at, n in stored if start <= at < end)
    return bound


def _stored(instruction: Instruction) -> tuple[str, ...]:
    """Return the local variables that an instruction binds anew, or takes away."""
    name = instruction.opname
    if name in ("STORE_FAST", "DELETE_FAST"):
        return (str(instruction.argval),)
    if name == "STORE_FAST_STORE_FAST":
        return (*instruction.argval,)
    return instruction.argval[:1] if name == "STORE_FAST_LOAD_FAST" else ()


def _either(one: Source, other: Source) -> Source:
    """Return the source of a value that comes from one of two."""
    if _is_same(one, other):
        return one
    if isinstance(one, (Result, Latest)) and isinstance(other, (Result, Latest)):
        # Each path runs one of the instructions last.
        offsets = sorted({*_offsets(one), *_offsets(other)})
        return Latest((*offsets,)) if len(offsets) <= _MOST_PATHS else UNKNOWN
    if isinstance(one, Built) and isinstance(other, Built) and len(one.parts) == len(other.parts):
        return Built(
            (*map(_either, one.parts, other.parts),),
            one.copied or other.copied,
            one.is_tuple and other.is_tuple,
        )
    parts = [*_alternatives(one), *_alternatives(other)]
    return UNKNOWN if UNKNOWN in parts or len(parts) > _MOST_PATHS else Either((*parts,))


def _alternatives(source: Source) -> tuple[Source, ...]:
    """Return what a value can be, each with what has to be pushed for it to come to be."""
    if isinstance(source, Either):
        return source.parts
    if isinstance(source, (Result, Latest)):
        return (Latest(_offsets(source)),)
    if isinstance(source, Built):
        if any(isinstance(each, Either) for each in source.parts):
            return (UNKNOWN,)
        parts = [one for each in source.parts for one in _alternatives(each)]
        return (UNKNOWN if UNKNOWN in parts else Built((*parts,), source.copied),)
    is_at_hand = isinstance(source, (Local, Constant)) and not _is_code(source)
    return (source if is_at_hand else UNKNOWN,)


def _offsets(source: Result | Latest) -> tuple[int, ...]:
    return source.offsets if isinstance(source, Latest) else (source.offset,)


def _is_same(one: Source, other: Source) -> bool:
    """Tell whether two sources are one; named tuples of two kinds can be equal, too."""
    if isinstance(one, Method) and isinstance(other, Method):
        return one[1:] == other[1:] and _is_same(one.receiver, other.receiver)
    if isinstance(one, (Built, Either)) and isinstance(other, (Built, Either)):
        alike = type(one) is type(other) and one[1:] == other[1:]
        return (
            alike
            and len(one.parts) == len(other.parts)
            and all(map(_is_same, one.parts, other.parts))
        )
    return type(one) is type(other) and one == other


def _change_depth(stack: list[Source], effect: int, *, dropping: bool) -> None:
    """Pop or push `effect` entries; if not `dropping`, the one then on top may be a new value."""
    if effect < 0:
        del stack[effect:]
    if stack and not dropping:
        stack[-1] = UNKNOWN
    stack.extend([UNKNOWN] * effect)
