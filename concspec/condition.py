"""Conditions on an interpreter: small expressions such as ``cpython and version >= (3, 14)``."""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence
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
    *(ast.Eq, ast.NotEq, ast.Lt, ast.LtE, ast.Gt, ast.GtE, ast.In, ast.NotIn),
    ast.Name,
    ast.Load,
    ast.Constant,
    ast.Tuple,
)


_START_METHODS = ("fork", "forkserver", "spawn")


class ConditionError(ValueError):
    """The text is not a condition; the message says what is wrong with it."""


def holds(text: str, facts: Mapping[str, Fact]) -> bool:
    """Evaluate the condition ``text`` over ``facts``.

    A condition is built of names of facts, constants, tuples, comparisons, ``and``, ``or`` and
    ``not``. All of it is checked, also behind an ``and`` that is already false, so that a mistake
    shows on every interpreter and not only where it matters.

    Raises ConditionError if ``text`` is anything else, names an unknown fact or start method,
    compares what is of two kinds, or takes for true or false what is neither.
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
            _check(node, facts)
    for node in ast.walk(tree):
        for part in _truths(node):
            if type(_evaluate(part, facts)) is not bool:
                raise ConditionError(f"has {ast.unparse(part)}, which is neither true nor false")
    return bool(_evaluate(tree.body, facts))


def _truths(node: ast.AST) -> Sequence[ast.expr]:
    """The parts of a node that are taken for true or false."""
    if isinstance(node, ast.BoolOp):
        return node.values
    if isinstance(node, ast.UnaryOp):
        return [node.operand]
    return [node.body] if isinstance(node, ast.Expression) else []


def _check(comparison: ast.Compare, facts: Mapping[str, Fact]) -> None:
    operands = [comparison.left, *comparison.comparators]
    values = [_evaluate(operand, facts) for operand in operands]
    for operator, left, right in zip(comparison.ops, values, values[1:]):
        choices = [right]
        if isinstance(operator, (ast.In, ast.NotIn)):
            if not isinstance(right, tuple):
                raise ConditionError(f"looks into {right!r}, which is no tuple")
            choices = [*right]
        for choice in choices:
            if _kind(left) != _kind(choice):
                raise ConditionError(f"compares what cannot be compared: {left!r}, {choice!r}")
    if any(isinstance(operand, ast.Name) and operand.id == "start_method" for operand in operands):
        for node in ast.walk(comparison):
            if isinstance(node, ast.Constant) and node.value not in _START_METHODS:
                methods = ", ".join(_START_METHODS)
                raise ConditionError(f"names {node.value!r}, which is none of {methods}")


def _kind(value: object) -> object:
    """What may be compared with each other: values of one type, and tuples of one shape."""
    return tuple(map(_kind, value)) if isinstance(value, tuple) else type(value)


def _evaluate(expression: ast.expr, facts: Mapping[str, Fact]) -> object:
    code = compile(ast.Expression(expression), "<condition>", "eval")
    return eval(code, {"__builtins__": {}}, dict(facts))  # noqa: S307 - only _ALLOWED nodes
