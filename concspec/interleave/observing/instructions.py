"""The instructions of a code object, with what they name, as `dis` gives them.

From Python 3.12 on `dis` also gathers positions, labels and caches of each instruction.  Nothing
here needs them, and they take a quarter of a short exploration; so instructions are read here.
"""

from __future__ import annotations

import dis
import sys
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from types import CodeType


class Instruction(NamedTuple):
    """One instruction: the attributes of `dis.Instruction` that the analysis uses.

    `argrepr` is given where `argval` does not tell what the instruction does; `target` is where it
    may jump to.
    """

    offset: int
    opcode: int
    opname: str
    arg: int | None
    argval: Any
    argrepr: str = ""
    target: int | None = None


def instructions(code: CodeType) -> list[Instruction]:
    """Return the instructions of `code`, prefixes (EXTENDED_ARG) among them, without caches."""
    if sys.version_info < (3, 12):
        return [
            Instruction(
                *(each.offset, each.opcode, each.opname, each.arg, each.argval, each.argrepr),
                each.argval if each.opcode in _JUMPS else None,
            )
            for each in dis.get_instructions(code)
        ]
    cells = [each for each in code.co_cellvars if each not in code.co_varnames]
    variables = [*code.co_varnames, *cells, *code.co_freevars]
    units = code.co_code
    # What is no instruction but room for a cache reads as 0.
    offsets = [offset for offset in range(0, len(units), 2) if units[offset]]
    found = []
    extended = 0
    for offset, behind in zip(offsets, [*offsets[1:], len(units)]):
        opcode = units[offset]
        if opcode not in _HAVING_ARGUMENTS:
            found.append(Instruction(offset, opcode, dis.opname[opcode], None, None))
            continue
        argument = units[offset + 1] | extended
        extended = argument << 8 if opcode == dis.EXTENDED_ARG else 0
        value: Any = argument
        shown, target = "", None
        if opcode in _FUSED:
            value = variables[argument >> 4], variables[argument & 15]
        elif opcode in _VARIABLES:
            value = variables[argument]
        elif opcode in _NAMES:
            value = code.co_names[argument >> _NAMES[opcode]]
        elif opcode in _CONSTANTS:
            value = code.co_consts[argument]
        elif opcode in _JUMPS:
            value = target = behind + 2 * (-argument if opcode in _BACKWARD else argument)
        elif opcode == _COMMON_CONSTANT:
            value = dis._common_constants[argument]  # type: ignore[attr-defined,unused-ignore]
        elif opcode in _LISTED:
            shown = _LISTED[opcode][argument]
        name = dis.opname[opcode]
        found.append(Instruction(offset, opcode, name, argument, value, shown, target))
    return found


def _numbers(*names: str) -> frozenset[int]:
    return frozenset(dis.opmap[each] for each in names if each in dis.opmap)


_HAVING_ARGUMENTS = frozenset(getattr(dis, "hasarg", ()))
_JUMPS = frozenset([*dis.hasjrel, *dis.hasjabs])
_BACKWARD = _numbers("JUMP_BACKWARD", "JUMP_BACKWARD_NO_INTERRUPT", "END_ASYNC_FOR")
_FUSED = _numbers(
    "LOAD_FAST_LOAD_FAST",
    "LOAD_FAST_BORROW_LOAD_FAST_BORROW",
    "STORE_FAST_LOAD_FAST",
    "STORE_FAST_STORE_FAST",
)
"""Two in one, with half a byte for each variable."""
_VARIABLES = frozenset([*dis.haslocal, *dis.hasfree])
_CONSTANTS = frozenset(dis.hasconst)
_COMMON_CONSTANT = dis.opmap.get("LOAD_COMMON_CONSTANT")
# Flags stand beside the number of the name.
_NAMES = dict.fromkeys(dis.hasname, 0)
_NAMES.update(dict.fromkeys(_numbers("LOAD_GLOBAL", "LOAD_ATTR"), 1))
_NAMES.update(dict.fromkeys(_numbers("LOAD_SUPER_ATTR"), 2))
if sys.version_info >= (3, 15):
    _NAMES.update(dict.fromkeys(_numbers("IMPORT_NAME"), 2))
_LISTED: dict[int, list[str]] = {
    dis.opmap[name]: [str(each[1] if type(each) is tuple else each) for each in listed]
    for name, listed in {
        "BINARY_OP": getattr(dis, "_nb_ops", ()),
        "CALL_INTRINSIC_1": getattr(dis, "_intrinsic_1_descs", ()),
        "LOAD_SPECIAL": getattr(dis, "_special_method_names", ()),
    }.items()
    if name in dis.opmap
}
"""What these do, by their arguments."""
