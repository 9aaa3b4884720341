"""What an instruction touches: the accesses to shared state that a code object can make.

In goes a code object; out comes, for each offset worth stopping at, a `Site`: what kind of access
the instruction there makes, the name it uses, and where its receiver comes from.  Neither
`sys.settrace` nor `sys.monitoring` shows the value stack, so the stack is followed symbolically:
each entry is where a value came from (a local variable, an earlier instruction, a constant).  What
the analysis cannot follow becomes `UNKNOWN`, and an access whose receiver is unknown is later taken
to touch every object with such a field: more interleavings than needed, never fewer.
"""

from __future__ import annotations

import dis
import sys
import types
from typing import TYPE_CHECKING, Any, NamedTuple, Union

from concspec.interleave.watched import is_program_code

if TYPE_CHECKING:
    from collections.abc import Iterable
    from types import CodeType, FrameType


class Local(NamedTuple):
    """The value of a local variable of the frame."""

    name: str


class Result(NamedTuple):
    """The value an earlier instruction of the same frame pushed."""

    offset: int


class Constant(NamedTuple):
    """A constant of the code object."""

    value: object


class Method(NamedTuple):
    """An attribute of `receiver` that an earlier instruction looked up to be called.

    What `with` looks up has no instruction of its own, and -1 for its offset.
    """

    receiver: Source
    name: str
    offset: int = -1


class Built(NamedTuple):
    """A new tuple, list or the like, made of these."""

    parts: tuple[Source, ...]


class Unknown(NamedTuple):
    """A value the analysis lost track of."""


class Null(NamedTuple):
    """The empty slot that newer interpreters push beside a callable."""


class Part(NamedTuple):
    """An item of what is gone through or unpacked."""


Source = Union[Local, Result, Constant, Method, Built, Unknown, Null, Part]
UNKNOWN = Unknown()
PART = Part()
NULL = Null()
GENERATOR = (
    0x20 | 0x80 | 0x200
)  # CO_GENERATOR, CO_COROUTINE, CO_ASYNC_GENERATOR: `inspect` is large
OPTIMIZED = 0x1  # CO_OPTIMIZED: the variables are the frame's, and in no mapping
PLAIN = Constant(None)  # a text, a truth value or the like: nothing shared

(
    GLOBAL, CELL, NAME, ENDING, RAISE, ATTRIBUTE, ITEM, CALL, OPERATOR, ITERATION, CAPTURE,
) = range(11)  # fmt: skip


class Site:
    """One instruction that may touch shared state.

    `kind` is one of the constants above, `name` the variable or attribute (of an operator, a test
    or an ending what it is), `field` that in its namespace, `receiver` the source of the object,
    `key` the source of an item's key, `arguments` those of a call or of `super`, `write` whether it
    changes what it touches, `acts` whether it may change anything at all, `deletes` whether it
    takes a variable away, `label` the access in the words of the source text, and `needed` whether
    a later instruction of the code uses the value read here.  `is_of_library` tells code that the
    program calls and has not itself.  `followed` is the code that a call here ran last time, where
    that is Python code that is seen.
    """

    __slots__ = (
        "acts",
        "arguments",
        "code",
        "deletes",
        "field",
        "followed",
        "is_of_library",
        "key",
        "kind",
        "label",
        "line",
        "name",
        "needed",
        "offset",
        "receiver",
        "write",
    )

    def __init__(
        self,
        code: CodeType,
        offset: int,
        line: int,
        kind: int,
        name: str,
        *,
        write: bool,
        label: str,
        receiver: Source = UNKNOWN,
        key: Source = UNKNOWN,
        arguments: tuple[Source, ...] = (),
    ) -> None:
        """Record the instruction at `offset` of `code`."""
        self.code = code
        self.offset = offset
        self.line = line
        self.kind = kind
        self.name = name
        self.field = (name,)
        self.write = write
        self.acts = write or kind in (CALL, OPERATOR)
        self.label = label
        self.receiver = receiver
        self.key = key
        self.arguments = arguments
        self.needed = False
        self.deletes = False
        self.is_of_library = not is_program_code(code.co_filename)
        self.followed: CodeType | None = None

    def __repr__(self) -> str:
        """Show the access and where it stands."""
        return f"<{'write' if self.write else 'read'} {self.label} at line {self.line}>"


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
        if code.co_argcount > 0 and code.co_flags & OPTIMIZED:
            first = code.co_varnames[0]
        stored = (_stored(each) for each in dis.get_instructions(code))
        if first in code.co_cellvars or any(first in names for names in stored):
            first = ""
        _first_given[id(code)] = code, first
    return _first_given[id(code)][1]


def delegates(frame: FrameType) -> bool:
    """Tell a generator that gives on what another gives, by an instruction that yields itself."""
    return frame.f_code.co_code[frame.f_lasti] == _DELEGATING


_DELEGATING = dis.opmap.get("YIELD_FROM")  # up to 3.10, and in PyPy
_LOCAL_PUSHES = frozenset(
    ["LOAD_FAST", "LOAD_FAST_CHECK", "LOAD_FAST_BORROW", "LOAD_FAST_AND_CLEAR"]
)
_LOCAL_PAIRS = frozenset(
    ["LOAD_FAST_LOAD_FAST", "LOAD_FAST_BORROW_LOAD_FAST_BORROW"],
)
_CONSTANTS = frozenset(["LOAD_CONST", "LOAD_SMALL_INT", "RETURN_CONST"])
_UNTOUCHED = frozenset(
    [
        "NOP",
        "RESUME",
        "CACHE",
        "EXTENDED_ARG",
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
        "JUMP",
        "JUMP_NO_INTERRUPT",
    ]
)
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
_ROTATIONS = {"ROT_TWO": 2, "ROT_THREE": 3, "ROT_FOUR": 4}
_GOING_THROUGH = ("LIST_EXTEND", "SET_UPDATE", "DICT_UPDATE", "DICT_MERGE")
_UNARY = ("UNARY_NEGATIVE", "UNARY_POSITIVE", "UNARY_INVERT")
_TESTING = ("TO_BOOL", "UNARY_NOT", "JUMP_IF_FALSE_OR_POP", "JUMP_IF_TRUE_OR_POP")
_FORMATTING = ("FORMAT_VALUE", "FORMAT_SIMPLE", "FORMAT_WITH_SPEC", "CONVERT_VALUE")
_FORMS = (
    "BUILD_LIST",
    "BUILD_TUPLE",
    "BUILD_SET",
    "BUILD_SLICE",
    "BUILD_MAP",
    "BUILD_CONST_KEY_MAP",
)
_GATHERING = {"LIST_APPEND": 1, "SET_ADD": 1, "MAP_ADD": 2}
_GIVING_BACK = ("YIELD_VALUE", "RETURN_VALUE", "RETURN_CONST")
# These leave what is under what they pop or push as it is.
_DROPPING = ("FOR_ITER", "POP_", "END_FOR", "RERAISE", "JUMP_IF_NOT_EXC_MATCH", "SETUP_FINALLY")
_TRUTH_VALUES = ("IS_OP", "CHECK_EXC_MATCH", "MATCH_MAPPING", "MATCH_SEQUENCE")
_CELLS = frozenset(["LOAD_DEREF", "LOAD_CLASSDEREF", "LOAD_FROM_DICT_OR_DEREF"])
_GLOBALS = frozenset(["LOAD_GLOBAL", "LOAD_NAME", "LOAD_FROM_DICT_OR_GLOBALS"])
_PYPY = sys.implementation.name == "pypy"


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
        self.stored: list[tuple[int, str]] = []  # where which local variable is bound anew

    def run(self) -> dict[int, Site]:
        lines = dict(dis.findlinestarts(self.code))
        alive = True
        dropped = False  # PyPy drops what a handler has left on the stack, however much that is
        prefix: int | None = None
        handlers = _handlers(self.code)
        starts = {handler.start for handler in handlers.values()}
        instructions = list(dis.get_instructions(self.code))
        bound = _bound_in_loops(instructions)
        entered = {*map(_jump_target, instructions), *handlers}
        before: dict[int, list[Source]] = {}  # the stack where a guarded stretch begins
        for instruction in instructions:
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
                self.stack = _merged(self.stack, arriving) if alive and not dropped else arriving
            elif entry in handlers:
                handler = handlers[entry]
                self.stack = self.caught(handler, before.get(handler.start, []), entry)
            elif not alive:
                # Only a handler or the head of a loop is entered without a forward jump seen; the
                # head of a loop is also fallen into, and its stack is the same each time round,
                # but for the variables that get another value in it.
                self.stack = []
            self.stack = _without(bound.get(entry, ()), self.stack)
            alive = True
            if entry in starts:
                before[entry] = list(self.stack)
            self.step(instruction)
            dropped = _PYPY and instruction.opname == "POP_EXCEPT"
            if instruction.opname in _ENDS:
                alive = False
        for site in self.found.values():
            self.mark_needed(site)
        if hasattr(sys, "monitoring"):
            return self.found
        # Tracing stops before the prefixes (EXTENDED_ARG) of an instruction and not behind them.
        return {self.entries[offset]: site for offset, site in self.found.items()}

    def mark_needed(self, site: Site) -> None:
        todo = [site.receiver, site.key, *site.arguments]
        while todo:
            source = todo.pop()
            if isinstance(source, Method):
                todo += [source.receiver, Result(source.offset)]
            elif isinstance(source, Built):
                todo += source.parts
            elif isinstance(source, Result) and source.offset in self.found:
                self.found[source.offset].needed = True

    def caught(self, handler: Any, before: list[Source], offset: int) -> list[Source]:
        """Return the stack where an exception is handled: what was there before, and that."""
        kept: list[Source] = [UNKNOWN] * max(0, handler.depth - len(before))
        kept += before[: handler.depth - len(kept)]
        kept = _without([n for at, n in self.stored if handler.start <= at < offset], kept)
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

    def local(self, name: str) -> Source:
        # A comprehension that is inlined may have a variable of its own beside that of a closure.
        # The frame tells of either; asked for such a one, 3.13.0 to 3.13.2 crash.
        both = name in self.code.co_cellvars or name in self.code.co_freevars
        return UNKNOWN if both else Local(name)

    def forget_local(self, name: str) -> None:
        self.stored.append((self.offset, name))
        self.stack = _without([name], self.stack)

    def named(self, given: Source, name: str = "") -> None:
        """Store a value: from now on, what is still on the stack may hold more than when made."""
        is_kept = isinstance(given, (Built, Result)) and self.at(1) is given
        if name:
            self.forget_local(name)
        if is_kept:
            self.put(1, self.local(name) if name else UNKNOWN)

    def generic(self, instruction: dis.Instruction) -> None:
        """Apply the effect of an instruction of which only the change of depth is known."""
        jump = _jump_target(instruction)
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
            # What is built in the loop is not followed round it.
            before = [UNKNOWN if isinstance(each, Built) else each for each in before]
            self.push(UNKNOWN)
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

    def arrive(self, target: int, stack: list[Source]) -> None:
        known = self.at_target.get(target)
        self.at_target[target] = stack if known is None else _merged(known, stack)

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

    # The instructions.

    def step(self, instruction: dis.Instruction) -> None:  # noqa: PLR0915 - one case an instruction
        name = instruction.opname
        operand = instruction.argval
        if name in _UNTOUCHED:
            target = _jump_target(instruction)
            if target is not None and target > self.offset:
                self.arrive(target, list(self.stack))
        elif name == "KW_NAMES":
            self.keywords = self.code.co_consts[instruction.arg or 0]  # 3.11 does not look it up
        elif name in _LOCAL_PUSHES:
            self.push(self.local(operand))
        elif name in _LOCAL_PAIRS:
            self.push(*[self.local(each) for each in _pair(operand)])
        elif name in _GIVING_BACK and self.code.co_flags & GENERATOR:
            # Events of yielding come when the generator may be resumed already.
            given = Constant(operand) if name == "RETURN_CONST" else self.at(1)
            self.site(ENDING, name, "", receiver=given)
            self.generic(instruction)
        elif name in _CONSTANTS:
            self.push(Constant(operand))
        elif name in ("LOAD_ASSERTION_ERROR", "LOAD_COMMON_CONSTANT"):
            self.push(_common_constant(instruction))
        elif name == "STORE_FAST":
            self.named(self.pop(), operand)
        elif name == "STORE_FAST_STORE_FAST":
            self.popn(2)
            for each in _stored(instruction):
                self.forget_local(each)
        elif name == "STORE_FAST_LOAD_FAST":
            stored, loaded = _pair(operand)
            self.named(self.pop(), stored)
            self.push(self.local(loaded))
        elif name == "DELETE_FAST":
            self.forget_local(operand)
        elif name == "POP_TOP":
            self.pop()
        elif name == "PUSH_NULL":
            self.push(NULL)
        elif name in ("COPY", "DUP_TOP"):
            # PyPy's COPY, seen only in handlers, comes without an argument.
            self.push(self.at(instruction.arg or 1))
        elif name == "DUP_TOP_TWO":
            self.push(self.at(2), self.at(1))
        elif name == "SWAP":
            self.swap(instruction.arg or 2)
        elif name in _ROTATIONS:
            count = _ROTATIONS[name]
            *under, top = self.popn(count)
            self.push(top, *under)
        elif name in _GLOBALS:
            self.load_global(instruction)
        elif name in _FORMS:
            self.build(instruction)
        elif name == "BUILD_STRING":
            self.popn(instruction.arg or 0)
            self.push(PLAIN)
        elif name == "LIST_TO_TUPLE" or (
            name == "CALL_INTRINSIC_1" and instruction.argrepr == "INTRINSIC_LIST_TO_TUPLE"
        ):
            pass
        elif name == "MAKE_FUNCTION":
            made = self.popn(1 - dis.stack_effect(instruction.opcode, instruction.arg))
            self.push(next((each for each in made if _is_code(each)), UNKNOWN))
        elif name == "SET_FUNCTION_ATTRIBUTE":
            function, _ = self.pop(), self.pop()
            self.push(function)
        elif name in _GATHERING:
            self.popn(_GATHERING[name])
            self.put(instruction.arg or 1, UNKNOWN)
        elif name in ("STORE_GLOBAL", "DELETE_GLOBAL", "STORE_NAME", "DELETE_NAME"):
            if name.startswith("STORE"):
                self.named(self.pop())
            if name.endswith("GLOBAL"):
                self.site(GLOBAL, operand, operand, write=True)
            elif self.module_level:
                self.site(NAME, operand, operand, write=True)
            if name.startswith("DELETE") and self.offset in self.found:
                self.found[self.offset].deletes = True
        elif name in _CELLS:
            if name == "LOAD_FROM_DICT_OR_DEREF":
                self.pop()
            operand = self.cell_name(instruction)
            self.push(self.site(CELL, operand, operand))
        elif name in ("STORE_DEREF", "DELETE_DEREF"):
            if name == "STORE_DEREF":
                self.named(self.pop())
            operand = self.cell_name(instruction)
            self.site(CELL, operand, operand, write=True)
        elif name in ("LOAD_ATTR", "LOAD_METHOD"):
            self.load_attribute(instruction)
        elif name in ("STORE_ATTR", "DELETE_ATTR"):
            receiver = self.pop()
            if name == "STORE_ATTR":
                self.named(self.pop())
            label = f"{self.text(receiver)}.{operand}"
            self.site(ATTRIBUTE, operand, label, write=True, receiver=receiver)
        elif name == "BINARY_SUBSCR" or (
            name == "BINARY_OP" and instruction.argrepr.startswith("[")
        ):
            container, index = self.popn(2)
            self.push(self.item(container, index))
        elif name == "BINARY_SLICE":
            container, _, _ = self.popn(3)
            self.push(self.item(container, UNKNOWN))
        elif name in ("STORE_SUBSCR", "DELETE_SUBSCR", "STORE_SLICE"):
            key: Source
            if name == "STORE_SLICE":
                given, container, _, _ = self.popn(4)
                key = UNKNOWN
            else:
                container, key = self.popn(2)
                given = self.pop() if name == "STORE_SUBSCR" else PLAIN
            self.named(given)
            dropped = "del" if name == "DELETE_SUBSCR" else ""
            self.item(container, key, name=dropped, write=True, given=given)
        elif name == "CONTAINS_OP":
            wanted, container = self.popn(2)
            self.item(container, wanted, name="in")
            self.push(PLAIN)
        elif name in ("GET_ITER", "GET_YIELD_FROM_ITER"):
            iterated = self.pop()
            effect = dis.stack_effect(instruction.opcode, instruction.arg)
            iterator = self.site(CAPTURE, "", self.text(iterated), receiver=iterated)
            # Since 3.15 a generator expression asks for its iterator itself, in another frame.
            is_moved = _is_same(iterated, Local(".0")) and self.code.co_flags & GENERATOR
            self.push(iterated if is_moved else iterator)
            if effect:
                self.push(*[UNKNOWN] * effect)
        elif name == "BUILD_LIST_FROM_ARG":  # PyPy: puts a new list under the iterator
            iterator = self.pop()
            self.push(UNKNOWN, iterator)
        elif name in ("FOR_ITER", "SEND", "YIELD_FROM"):
            self.iterate(name)
            self.generic(instruction)
            if name == "FOR_ITER":
                self.put(1, PART)
        elif name in _GOING_THROUGH:
            self.extend(instruction)
        elif name in ("UNPACK_SEQUENCE", "UNPACK_EX"):
            unpacked = self.at(1)
            # What a loop goes through holds iterators so seldom that it is not taken to.
            self.look(unpacked, "" if isinstance(unpacked, Part) else "all")
            self.generic(instruction)
            for depth in range(1, (instruction.arg or 0) + 1):
                self.put(depth, PART)
        elif name in _UNARY:
            self.look(self.at(1))
            self.generic(instruction)
        elif name in _TESTING or name.startswith("POP_JUMP"):
            if not name.endswith("NONE"):
                self.look(self.at(1))
            self.generic(instruction)
            if name in ("TO_BOOL", "UNARY_NOT"):
                self.put(1, PLAIN)
        elif name in _FORMATTING:
            flags = (instruction.arg or 0) if name == "FORMAT_VALUE" else 0
            spec = name == "FORMAT_WITH_SPEC" or flags & 4
            value = self.at(2 if spec else 1)
            self.look(value, "deep")
            self.generic(instruction)
            self.put(1, PLAIN)
        elif name in ("MATCH_KEYS", "GET_LEN"):
            self.look(self.at(2 if name == "MATCH_KEYS" else 1))
            self.generic(instruction)
        elif name == "MATCH_CLASS":
            self.look(self.at(3), "inside")
            self.generic(instruction)
        elif name in _TRUTH_VALUES:
            self.generic(instruction)
            self.put(1, PLAIN)
        elif name == "IMPORT_FROM":
            self.push(self.site(ATTRIBUTE, operand, operand))
        elif name == "RAISE_VARARGS" and instruction.arg:
            error = self.popn(instruction.arg)[0]
            call = self.found.get(error.offset) if isinstance(error, Result) else None
            made_by = UNKNOWN if call is None or call.kind != CALL else call.receiver
            label = f"raise {self.text(error)}"
            self.site(RAISE, "", label, receiver=error, key=made_by, write=True)
        elif name in ("SETUP_WITH", "BEFORE_WITH", "LOAD_SPECIAL"):
            self.enter(instruction)
        elif name == "WITH_EXCEPT_START":
            leaving = (each for each in reversed(self.stack) if isinstance(each, Method))
            manager = next(leaving, Method(UNKNOWN, "")).receiver
            self.look(manager, "inside", write=True)
            self.generic(instruction)
            self.put(1, PLAIN)
        elif name == "LOAD_SUPER_ATTR":
            # It looks the attribute up from three: `super`, the class and the object.
            looked_up = self.popn(3)
            label = f"super().{operand}"
            result = self.site(ATTRIBUTE, str(operand), label, arguments=looked_up)
            effect = dis.stack_effect(instruction.opcode, instruction.arg)
            self.push(result, *[UNKNOWN] * (2 + effect))
        elif name == "COMPARE_OP" or name.startswith(("BINARY_", "INPLACE_")):
            self.operate(instruction)
        elif name.startswith("CALL") and not name.startswith("CALL_INTRINSIC"):
            self.call(instruction)
        else:
            self.generic(instruction)

    def cell_name(self, instruction: dis.Instruction) -> str:
        if _PYPY:  # whose `dis` names the wrong variable in 3.11
            code = self.code
            return (code.co_cellvars + code.co_freevars)[instruction.arg or 0]
        return str(instruction.argval)

    def put(self, depth: int, source: Source) -> None:
        if depth <= len(self.stack):
            self.stack[-depth] = source

    def build(self, instruction: dis.Instruction) -> None:
        name, count = instruction.opname, instruction.arg or 0
        count = {"BUILD_MAP": 2 * count, "BUILD_CONST_KEY_MAP": count + 1}.get(name, count)
        parts = self.popn(count)
        self.push(Built(tuple(each for each in parts if not isinstance(each, Constant))))

    def extend(self, instruction: dis.Instruction) -> None:
        """Put what a container holds into one that is being built."""
        added = self.pop()
        self.look(added, "all")
        depth = instruction.arg or 1
        built = self.at(depth)
        if isinstance(built, Built) and not isinstance(added, Constant):
            self.put(depth, Built((*built.parts, added)))

    def enter(self, instruction: dis.Instruction) -> None:
        """The manager of a `with`, which may be written in C."""
        manager = self.pop()
        name = instruction.opname
        if name == "LOAD_SPECIAL":
            self.push(Method(manager, instruction.argrepr), NULL)
            return
        self.look(manager, "inside", write=True)
        self.push(Method(manager, "__exit__"))
        target = _jump_target(instruction)
        if target is not None:
            self.arrive(target, [*self.stack, *[UNKNOWN] * 6])
        self.push(UNKNOWN)

    def look(self, source: Source, name: str = "", *, write: bool = False) -> None:
        """Go through something, or test it, without a name for what is done."""
        if not isinstance(source, (Constant, Method)):
            label = f"{self.text(source)}[]"
            self.site(ITERATION, name, label, receiver=source, write=write)

    def swap(self, depth: int) -> None:
        while len(self.stack) < depth:
            self.stack.insert(0, UNKNOWN)
        self.stack[-1], self.stack[-depth] = self.stack[-depth], self.stack[-1]

    def load_global(self, instruction: dis.Instruction) -> None:
        name = str(instruction.argval)
        # `LOAD_GLOBAL` also pushes a null in 3.11+, before the value up to 3.12 and after it since.
        effect = dis.stack_effect(instruction.opcode, instruction.arg)
        if instruction.opname == "LOAD_FROM_DICT_OR_GLOBALS":
            self.pop()
            effect += 1
        kind = GLOBAL if instruction.opname == "LOAD_GLOBAL" else NAME
        result = self.site(kind, name, name)
        if effect > 1:
            self.push(*((NULL, result) if sys.version_info < (3, 13) else (result, NULL)))
        else:
            self.push(result)

    def load_attribute(self, instruction: dis.Instruction) -> None:
        receiver = self.pop()
        name = str(instruction.argval)
        label = f"{self.text(receiver)}.{name}"
        effect = dis.stack_effect(instruction.opcode, instruction.arg)
        result = self.site(ATTRIBUTE, name, label, receiver=receiver)
        if effect > 0:
            self.push(Method(receiver, name, self.offset), NULL)
        else:
            self.push(result)

    def item(
        self,
        container: Source,
        key: Source,
        *,
        write: bool = False,
        name: str = "",
        given: Source = PLAIN,
    ) -> Source:
        label = f"{self.text(container)}[]"
        return self.site(
            ITEM, name, label, write=write, receiver=container, key=key, arguments=(given,)
        )

    def iterate(self, name: str) -> None:
        # Beside the iterator is the value to send, or, from Python 3.15 on, an index.
        beside = name != "FOR_ITER" or sys.version_info >= (3, 15)
        source = self.at(2 if beside else 1)
        if isinstance(source, (Result, Local)):
            self.look(source, "next")
        else:
            self.look(UNKNOWN, "next", write=True)

    def operate(self, instruction: dis.Instruction) -> None:
        """An operator: `shared += [1]` changes the list on its left in place."""
        left, right = self.popn(2)
        name = instruction.opname
        inplace = name.startswith("INPLACE_") or (
            name == "BINARY_OP" and instruction.argrepr.endswith("=")
        )
        compares = name == "COMPARE_OP"
        if isinstance(left, Constant) and isinstance(right, Constant):
            self.push(PLAIN)
            return
        result = self.site(
            OPERATOR,
            "inplace" if inplace else "compare" if compares else "binary",
            f"{self.text(left)}[]",
            write=inplace,
            arguments=(left, right),
        )
        # The answer of a comparison is a truth value.
        self.push(PLAIN if compares else result)

    def call(self, instruction: dis.Instruction) -> None:
        name = instruction.opname
        count = instruction.arg or 0
        if name in ("CALL_FUNCTION_EX", "CALL_FUNCTION_VAR_KW"):
            # One tuple of arguments, and perhaps one dictionary.
            given = self.popn(2 if sys.version_info >= (3, 14) else 1 + (count & 1))
            popped = 1 - dis.stack_effect(instruction.opcode, instruction.arg)
            callee = self.callable(popped - len(given))
        else:
            if name in ("CALL_KW", "CALL_FUNCTION_KW", "CALL_METHOD_KW"):
                names: Any = self.pop()
                self.keywords = getattr(names, "value", ())
            given = self.popn(count)
            if "key" in self.keywords:  # a method of a dictionary may have it anywhere
                where = count - len(self.keywords)
                key = where + self.keywords.index("key")
                given = (*given[:where], given[key], *given[where:key], *given[key + 1 :])
            self.keywords = ()
            callee = self.callable(1 if name in ("CALL_FUNCTION", "CALL_FUNCTION_KW") else 2)
        stars = "*" if name in ("CALL_FUNCTION_EX", "CALL_FUNCTION_VAR_KW") else ""
        given = tuple(each for each in given if not isinstance(each, Null))
        label = f"{self.text(callee.receiver if isinstance(callee, Method) else callee)}[]"
        self.push(self.site(CALL, stars, label, receiver=callee, arguments=given))

    def callable(self, slots: int) -> Source:
        """Pop the callable, and the slot beside it that some interpreters have."""
        pair = self.popn(slots)
        # With a bound receiver on the stack (3.14's `with`), the first is the callable.
        return next((each for each in pair if not isinstance(each, Null)), UNKNOWN)

    def text(self, source: Source) -> str:
        """Name a source the way the program's text does, as far as it is known."""
        if isinstance(source, Local):
            return source.name
        if isinstance(source, Method):
            return f"{self.text(source.receiver)}.{source.name}"
        if isinstance(source, Result) and source.offset in self.found:
            site = self.found[source.offset]
            return site.label if site.kind in (GLOBAL, CELL, ATTRIBUTE, ITEM, CAPTURE) else "?"
        return "?"


def _handlers(code: CodeType) -> dict[int, Any]:
    """Return the first entry of the exception table for each handler, by its offset."""
    parse = getattr(dis, "_parse_exception_table", None)
    found: dict[int, Any] = {}
    for entry in parse(code) if parse is not None else ():
        found.setdefault(entry.target, entry)
    return found


def _common_constant(instruction: dis.Instruction) -> Source:
    """Return what an instruction loads that has no constant of the code."""
    if instruction.argrepr in ("", "AssertionError"):
        return Constant(AssertionError)
    # Python 3.14 tells of the others by their numbers.
    return Constant(instruction.argval) if sys.version_info >= (3, 15) else UNKNOWN


def _is_code(source: Source) -> bool:
    return isinstance(source, Constant) and isinstance(source.value, types.CodeType)


def _mentions(source: Source, name: str) -> bool:
    while isinstance(source, Method):
        source = source.receiver
    if isinstance(source, Built):
        return any(_mentions(each, name) for each in source.parts)
    return isinstance(source, Local) and source.name == name


def _without(names: Iterable[str], stack: list[Source]) -> list[Source]:
    """Return what is known of the stack when these variables have another value."""
    for name in names:
        stack = [UNKNOWN if _mentions(each, name) else each for each in stack]
    return stack


def _bound_in_loops(instructions: list[dis.Instruction]) -> dict[int, set[str]]:
    """Return the variables that are bound anew in each loop, by where that begins."""
    stored = [(each.offset, name) for each in instructions for name in _stored(each)]
    bound: dict[int, set[str]] = {}
    for instruction in instructions:
        start, end = _jump_target(instruction), instruction.offset
        if start is not None and start < end:
            bound.setdefault(start, set()).update(n for at, n in stored if start <= at < end)
    return bound


def _stored(instruction: dis.Instruction) -> tuple[str, ...]:
    """Return the local variables that an instruction binds anew, or takes away."""
    name = instruction.opname
    if name in ("STORE_FAST", "DELETE_FAST"):
        return (str(instruction.argval),)
    if name == "STORE_FAST_STORE_FAST":
        return _pair(instruction.argval)
    return _pair(instruction.argval)[:1] if name == "STORE_FAST_LOAD_FAST" else ()


def _merged(left: list[Source], right: list[Source]) -> list[Source]:
    """Return what is known of the stack where two paths meet (the tops are aligned)."""
    depth = min(len(left), len(right))
    if not depth:
        return []
    pairs = zip(left[-depth:], right[-depth:])
    return [one if _is_same(one, other) else UNKNOWN for one, other in pairs]


def _is_same(one: Source, other: Source) -> bool:
    """Tell whether two sources are one; named tuples of two kinds can be equal, too."""
    if isinstance(one, Method) and isinstance(other, Method):
        return one[1:] == other[1:] and _is_same(one.receiver, other.receiver)
    if isinstance(one, Built) and isinstance(other, Built):
        return len(one.parts) == len(other.parts) and all(map(_is_same, one.parts, other.parts))
    return type(one) is type(other) and one == other


def _change_depth(stack: list[Source], effect: int, *, dropping: bool) -> None:
    """Pop or push `effect` entries; if not `dropping`, the one then on top may be a new value."""
    if effect < 0:
        del stack[effect:]
    if dropping:
        stack.extend([UNKNOWN] * effect)
    elif stack and effect <= 0:
        stack[-1] = UNKNOWN
    elif effect > 0:
        if stack:
            stack[-1] = UNKNOWN
        stack.extend([UNKNOWN] * effect)


def _pair(operand: object) -> tuple[str, str]:
    """Return the two names of a fused instruction (`dis` gives a tuple, or one text in 3.12)."""
    if isinstance(operand, tuple):
        first, second = operand
        return str(first), str(second)
    first, second = str(operand).split(", ")
    return first, second


_JUMPS = frozenset([*dis.hasjrel, *dis.hasjabs])


def _jump_target(instruction: dis.Instruction) -> int | None:
    if instruction.opcode in _JUMPS and isinstance(instruction.argval, int):
        return instruction.argval
    return None


def labels(found: Iterable[Site]) -> set[str]:
    """Return the labels of `found`."""
    return {site.label for site in found}
