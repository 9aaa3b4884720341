"""What an instruction can touch, and where the objects it uses come from.

A `Site` is one instruction that may touch shared state: what kind of access it makes, the name it
uses, and its operands.  Each operand is a `Source`: where its value came from (a local variable, an
earlier instruction, a constant), by which it is found in a frame that stands there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Union

from concspec.interleave.watched import is_program_code

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from types import CodeType


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
    """A new tuple, list or the like, made of these; `copied` where the stack had it twice.

    Of a tuple the parts are its items; of all others constants are left out.
    """

    parts: tuple[Source, ...]
    copied: bool = False
    is_tuple: bool = False


class Gathered(NamedTuple):
    """A new container into which a loop puts one thing after the other.

    It had `parts` when the loop came, at `offset`, and stood so deep on the stack.
    """

    offset: int
    depth: int
    parts: tuple[Source, ...]


class Latest(NamedTuple):
    """The value that the latest of these instructions pushed, where their paths have met."""

    offsets: tuple[int, ...]


class Either(NamedTuple):
    """One of these, where their paths have met; what has not come to be is none of them."""

    parts: tuple[Source, ...]


class Unknown(NamedTuple):
    """A value the analysis lost track of."""


class Null(NamedTuple):
    """The empty slot that newer interpreters push beside a callable."""


class Part(NamedTuple):
    """An item of what the instruction at `offset` goes through, or the one at `place` unpacked."""

    offset: int = -1
    place: int | None = None


Source = Union[
    Local, Result, Constant, Method, Built, Gathered, Latest, Either, Unknown, Null, Part
]  # fmt: skip
UNKNOWN = Unknown()
PART = Part()
NULL = Null()
# CO_GENERATOR, CO_COROUTINE, CO_ASYNC_GENERATOR; `inspect`, which has them, is large.
GENERATOR = 0x20 | 0x80 | 0x200
COMPREHENSIONS = frozenset(["<listcomp>", "<setcomp>", "<dictcomp>"])
"""The names of code that makes a container and gives it back."""

(
    GLOBAL, CELL, NAME, GATHERING, ENDING, RAISE, ATTRIBUTE, ITEM, CALL, OPERATOR, ITERATION,
    CAPTURE,
) = range(12)  # fmt: skip


def pushed(sources: Iterable[Source]) -> Iterator[Result | Latest | Gathered]:
    """Give those among these sources, and in them, that are what instructions pushed or put in."""
    todo = [*sources]
    while todo:
        source = todo.pop()
        if isinstance(source, (Result, Latest)):
            yield source
        elif isinstance(source, Part):
            yield Result(source.offset)
        elif isinstance(source, Method):
            todo += [source.receiver, Result(source.offset)]
        elif isinstance(source, (Built, Either, Gathered)):
            todo += source.parts
            if isinstance(source, Gathered):
                yield source


class Site:
    """One instruction that may touch shared state.

    `kind` is one of the constants above, `name` the variable or attribute (of other kinds, what is
    done: see below), `field` that in its namespace, `receiver` the source of the object,
    `key` the source of an item's key, `arguments` those of a call or of `super`, `write` whether it
    changes what it touches, `acts` whether it may change anything, or let it be changed, `looks_up`
    whether it only reads a global variable or an attribute, `deletes`
    whether it takes a variable away, `label` the access in the words of the source text, and
    `needed` whether a later instruction of the code uses the value read here, and `among` where it
    may be that of another instruction instead. `is_of_library` tells code that the program calls
    and has not itself. `followed` is the code that a call here ran last time, where that is Python
    code that is seen.

    The `name` of an ITEM is "in" where one is looked for, and "del" where one is deleted; of a CALL
    "*" where arguments are spread; of an OPERATOR "binary", "inplace" or "compare"; of an ENDING
    that of the instruction.  An ITERATION asks for a truth value or a length, goes through "all" of
    something, or the "keys" of a mapping, or asks one to "get" something, moves on to the "next",
    or looks at what containers hold as well ("deep"), or objects, too ("inside").  A GATHERING puts
    its `arguments` into its `receiver`, which a loop fills.
    """

    __slots__ = (
        "acts",
        "among",
        "arguments",
        "code",
        "deletes",
        "field",
        "followed",
        "is_lent",
        "is_of_library",
        "is_own",
        "key",
        "kind",
        "label",
        "lends",
        "line",
        "looks_up",
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
        self.acts = write or kind in (CALL, OPERATOR) or name == "f_locals"
        self.looks_up = kind in (GLOBAL, ATTRIBUTE) and not write
        self.label = label
        self.receiver = receiver
        self.key = key
        self.arguments = arguments
        self.needed = False
        self.among: tuple[Latest, ...] = ()
        self.deletes = False
        self.is_of_library = not is_program_code(code.co_filename)
        self.followed: CodeType | None = None
        self.is_own = False
        self.is_lent = False
        self.lends: frozenset[str] = frozenset()

    def __repr__(self) -> str:
        """Show the access and where it stands."""
        return f"<{'write' if self.write else 'read'} {self.label} at line {self.line}>"
