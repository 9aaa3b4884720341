"""Conditions on an interpreter: small expressions such as ``cpython and version >= (3, 14)``."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # pragma: no mutate - it saves time, and shows nowhere
    from concspec.interpreter import Fact

_ALLOWED = (
    ast.Expression,
    ast.BoolOp,
    ast.boolop,
    ast.UnaryOp,
    ast.Not,
    ast.Compare,
    ast.cmpop,
    ast.Name,
    ast.Load,
    ast.Constant,
    ast.Tuple,
)


class ConditionError(ValueError):
    """The text is not a condition; the message says what is wrong with it."""


def holds(text: str, facts: Mapping[str, Fact]) -> bool:
    """Evaluate the condition ``text`` over ``facts``.

    A condition is built of names of facts, constants, tuples, comparisons, ``and``, ``or`` and
    ``not``. Each comparison is evaluated, also behind an ``and`` that is already false, so that
    a mistake shows on every interpreter and not only where it matters.

    Raises ConditionError if ``text`` is anything else, or names an unknown fact.
    """
    try:
        tree = ast.parse(text.strip(), mode="eval")
    except SyntaxError as error:
        raise ConditionError(f"does not parse: {error.msg}") from None
    for node in ast.walk(tree):
        if not isinstance(node, _ALLOWED):
            raise ConditionError(f"has a {type(node).__name__}, which no condition may have")
        if isinstance(node, ast.Name) and node.id not in facts:
            raise ConditionError(f"names {node.id!r}, which is none of {', '.join(sorted(facts))}")
    for node in ast.walk(tree):
        if isinstance(node, ast.Compare):
            _evaluate(ast.Expression(node), facts)
    return bool(_evaluate(tree, facts))


def _evaluate(tree: ast.Expression, facts: Mapping[str, Fact]) -> object:
    code = compile(tree, "<condition>", "eval")
    try:
        return eval(code, {"__builtins__": {}}, dict(facts))  # noqa: S307 - only _ALLOWED nodes
    except TypeError as error:
        raise ConditionError(f"compares what cannot be compared: {error}") from None
