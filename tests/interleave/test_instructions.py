"""What is read of bytecode is what `dis` reads of it."""

from __future__ import annotations

import argparse
import asyncio.streams
import dataclasses
import dis
import inspect
import logging
import re
import textwrap
import typing
from types import CodeType, ModuleType

import pytest

from concspec.interleave.observing.instructions import instructions

TOO_MANY_NAMES = "\n".join(f"x{n} = x{n}.y{n}(c{n}, {n}.5) if x{n} else d{n}" for n in range(300))
TOO_FAR = f"""
def f(x, ys):
    async def g():
        nonlocal x
        async for y in ys:
            async with y as z:
                x, z = z, x
    while x:
{textwrap.indent("x = x + ys[x]" + chr(10), "        ") * 200}
    with ys as y:
        assert y, super().y.z
        del y
    return all(y is not None for y in ys)
"""


def codes(code: CodeType) -> list[CodeType]:
    """Return a code object and all in it."""
    inner = [each for each in code.co_consts if isinstance(each, CodeType)]
    return [code, *(one for each in inner for one in codes(each))]


def source(module: ModuleType) -> str:
    return inspect.getsource(module)


@pytest.mark.parametrize(
    "text",
    [
        TOO_MANY_NAMES,
        TOO_FAR,
        *map(source, [argparse, asyncio.streams, dataclasses, dis, logging, re, typing]),
    ],
    ids=["names", "jumps", "argparse", "asyncio", "dataclasses", "dis", "logging", "re", "typing"],
)
def test_instructions_are_those_of_dis(text: str) -> None:
    for code in codes(compile(text, "text", "exec")):
        known = list(dis.get_instructions(code))
        found = instructions(code)
        assert [each[:4] for each in found] == [
            (each.offset, each.opcode, each.opname, each.arg) for each in known
        ]
        for mine, its in zip(found, known):
            has_name = its.opcode in (*dis.hasname, *dis.haslocal, *dis.hasfree, *dis.hasconst)
            jumps = its.opcode in (*dis.hasjrel, *dis.hasjabs)
            if has_name or jumps:
                assert mine.argval == its.argval
            assert mine.target == (its.argval if jumps else None)
            assert mine.argrepr in ("", its.argrepr)
            if its.opname in ("BINARY_OP", "CALL_INTRINSIC_1", "LOAD_SPECIAL"):
                assert mine.argrepr == its.argrepr
            if its.opname == "LOAD_COMMON_CONSTANT":
                assert its.argrepr in (repr(mine.argval), getattr(mine.argval, "__name__", None))
