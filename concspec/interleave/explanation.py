"""One schedule, told as the notes tell it: a column for each thread, a row for each step.

In goes a program and a schedule; out comes an `Explanation`, which prints as a table and draws
itself as SVG.  A statement that reads shared state and then assigns is shown as the two steps it
is, by way of a temporary: `x1 = balance + 5`, then `balance = x1`.
"""

from __future__ import annotations

import ast
import functools
import linecache
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from xml.sax.saxutils import escape

from concspec.interleave.deadlock import Deadlock, describe
from concspec.interleave.exploration import rerun
from concspec.interleave.observing.looking import MISSING
from concspec.interleave.operations import dependent
from concspec.interleave.schedule import spell

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Sequence

    from concspec.interleave.scheduler import Step

_PLAIN = (int, float, complex, str, bytes, bool, type(None))
_LONGEST = 40


@dataclass(frozen=True)
class Row:
    """One step: `code` in the program's own words, `comment` with the values.

    `kind` is `read`, `write` or the operation on a primitive, `label` what it is done to, `value`
    what was read or written.  `conflict` marks the accesses that make the outcome what it is: a
    read, the write of another thread that comes between, and the write that still follows from the
    old value.
    """

    step: int
    thread: str
    name: str
    kind: str
    label: str
    code: str
    comment: str
    value: object
    filename: str
    line: int
    source: str
    conflict: bool

    @property
    def text(self) -> str:
        """The code with its comment."""
        return f"{self.code}   # {self.comment}" if self.comment else self.code


@dataclass(frozen=True)
class Explanation:
    """The steps of one schedule, and what came of them."""

    schedule: str
    rows: tuple[Row, ...]
    threads: tuple[tuple[str, str], ...]
    outcome: Hashable

    def __str__(self) -> str:
        """Return the table as text; `!` marks the conflicting accesses."""
        return self.table()

    def table(self) -> str:
        """Return the table as text; `!` marks the conflicting accesses."""
        widths = {
            thread: max(
                [len(name), *(len(_marked(row)) for row in self.rows if row.thread == thread)]
            )
            for thread, name in self.threads
        }
        number = max(len("step"), len(str(len(self.rows))))
        lines = [_line("step".rjust(number), [name.ljust(widths[t]) for t, name in self.threads])]
        lines.append(_line("-" * number, ["-" * widths[thread] for thread, _ in self.threads]))
        for row in self.rows:
            cells = [
                (_marked(row) if row.thread == thread else "").ljust(widths[thread])
                for thread, _ in self.threads
            ]
            lines.append(_line(str(row.step).rjust(number), cells))
        return "\n".join([*lines, "", self.ending])

    @property
    def ending(self) -> str:
        """The outcome, as the last line or lines of the table."""
        told = str if isinstance(self.outcome, Deadlock) else repr
        return f"outcome: {told(self.outcome)}"

    def svg(self) -> str:
        """Return the table as an SVG picture."""
        return draw(self)


def explain(program: Callable[[], Hashable], schedule: str) -> Explanation:
    """Run `program` along `schedule` and tell what happened, step by step."""
    execution, result = rerun(program, schedule, explaining=True)
    outcome = describe(execution, schedule) if execution.stuck else result
    trace = execution.trace
    conflicts = conflicting(trace)
    told = Telling(trace)
    rows = tuple(
        told.row(position, conflict=position in conflicts) for position in range(len(trace))
    )
    acting = {step.task.index: step.task.name for step in trace}
    threads = tuple((spell(index), acting[index]) for index in sorted(acting))
    return Explanation(schedule, rows, threads, outcome)


def conflicting(trace: Sequence[Step]) -> set[int]:
    """Return the positions of the accesses that conflict in a way that matters.

    That is a read, a write of another thread to the same place after it, and the reader's own next
    access there, which comes too late: a lost update, or a check that no longer holds.
    """
    accesses = [
        (position, step)
        for position, step in enumerate(trace)
        if step.operation.kind in ("read", "write")
    ]
    marked: set[int] = set()
    for first, read in accesses:
        if read.operation.write:
            continue
        between: list[int] = []
        for position, step in accesses:
            if position <= first or not dependent(read.operation, step.operation):
                continue
            if step.task is not read.task:
                between.append(position)
            else:
                if between:
                    marked.update([first, position, *between])
                break
    return marked


class Telling:
    """Puts steps into the program's own words."""

    def __init__(self, trace: Sequence[Step]) -> None:
        """Look at the whole trace, since a read is told by the write it leads to."""
        self.trace = trace

    def row(self, position: int, *, conflict: bool) -> Row:
        step = self.trace[position]
        operation = step.operation
        source = linecache.getline(operation.filename, operation.line).strip()
        code, comment = self.words(position, source)
        return Row(
            step=position + 1,
            thread=spell(step.task.index),
            name=step.task.name,
            kind=operation.kind,
            label=step.name or operation.label,
            code=code,
            comment=comment,
            value=None if step.value is MISSING else step.value,
            filename=operation.filename,
            line=operation.line,
            source=source,
            conflict=conflict,
        )

    def words(self, position: int, source: str) -> tuple[str, str]:
        """Return the code and the comment of one step."""
        step = self.trace[position]
        operation = step.operation
        if operation.kind not in ("read", "write"):
            plain = f"{operation.kind} {step.name or operation.label}"
            return (source, plain) if source else (plain, "")
        statement = statement_at(operation.filename, operation.line)
        assigned = assignment(statement)
        if assigned is not None:
            target, expression = assigned
            if operation.write and label_of(target) == operation.label:
                reads = self.reads_before(position)
                if reads and all(_in(expression, read.operation.label) for read in reads):
                    return f"{ast.unparse(target)} = {temporary(step)}", _short(step.value)
                return source, _equation(substituted(expression, step, {}), step.value)
            if not operation.write and _in(expression, operation.label):
                write = self.write_after(position, target)
                if write is not None:
                    return self.computed(position, expression, write)
        if step.value is MISSING:
            return source or f"{operation.kind} {operation.label}", operation.kind
        verb = "becomes" if operation.write else "is"
        name = step.subject or operation.label
        return source or name, f"{name} {verb} {_short(step.value)}"

    def computed(self, position: int, expression: ast.expr, write: int) -> tuple[str, str]:
        """Tell a read that a later write of the same statement is computed from."""
        step = self.trace[position]
        reads = self.reads_before(write)
        if reads[-1] is not step:
            return step.subject or step.operation.label, f"is {_short(step.value)}"
        # An expression is evaluated from left to right, so its accesses come in that order.
        values: dict[str, list[object]] = {}
        for read in reads:
            values.setdefault(read.operation.label, []).append(read.value)
        code = f"{temporary(step)} = {substituted(expression, step, {})}"
        shown = substituted(expression, step, values)
        return code, _equation(shown, self.trace[write].value)

    def reads_before(self, position: int) -> list[Step]:
        """Return the reads of the same run of the statement before a write."""
        write = self.trace[position]
        found: list[Step] = []
        for step in reversed(self.trace[:position]):
            if step.task is not write.task:
                continue
            if not _same_statement(step, write) or step.operation.write:
                break
            found.insert(0, step)
        return found

    def write_after(self, position: int, target: ast.expr) -> int | None:
        """Return where the value of a read is written: what else is changed first is told apart."""
        read = self.trace[position]
        for later in range(position + 1, len(self.trace)):
            step = self.trace[later]
            if step.task is read.task:
                if not _same_statement(step, read):
                    return None
                if step.operation.write:
                    return later if label_of(target) == step.operation.label else None
        return None


def temporary(step: Step) -> str:
    """Return the name of a thread's temporary, as the notes call it."""
    return f"x{spell(step.task.index)}"


def statement_at(filename: str, line: int) -> ast.stmt | None:
    """Return the innermost statement that covers a line."""
    found: ast.stmt | None = None
    for node in _statements("".join(linecache.getlines(filename))):
        if node.lineno <= line <= (node.end_lineno or node.lineno) and (
            found is None or node.lineno >= found.lineno
        ):
            found = node
    return found


@functools.lru_cache(maxsize=8)
def _statements(source: str) -> list[ast.stmt]:
    """Return the statements of a file, outer ones first; once for all steps that stand in it."""
    try:
        tree = ast.parse(source)
    except SyntaxError:
        return []
    return [node for node in ast.walk(tree) if isinstance(node, ast.stmt)]


def assignment(statement: ast.stmt | None) -> tuple[ast.expr, ast.expr] | None:
    """Return target and expression of a plain or augmented assignment."""
    if isinstance(statement, ast.Assign) and len(statement.targets) == 1:
        return statement.targets[0], statement.value
    if isinstance(statement, ast.AugAssign):
        target = ast.parse(ast.unparse(statement.target), mode="eval").body
        return statement.target, ast.BinOp(target, statement.op, statement.value)
    return None


def label_of(node: ast.AST) -> str:
    """Return the label of an access: an expression without the keys of its items."""
    if isinstance(node, ast.Subscript):
        return f"{label_of(node.value)}[]"
    if isinstance(node, ast.Attribute):
        return f"{label_of(node.value)}.{node.attr}"
    return node.id if isinstance(node, ast.Name) else "?"


def _in(expression: ast.expr, label: str) -> bool:
    return any(label_of(node) == label for node in ast.walk(expression))


class _Substitution(ast.NodeTransformer):
    def __init__(self, variables: dict[str, object], reads: dict[str, list[object]]) -> None:
        self.variables = variables
        self.reads = reads

    def visit(self, node: ast.AST) -> Any:
        if isinstance(node, (ast.Name, ast.Attribute, ast.Subscript)):
            values = self.reads.get(label_of(node))
            if values:
                return _constant(values.pop(0), node)
        if isinstance(node, ast.Name) and node.id in self.variables:
            return _constant(self.variables[node.id], node)
        return self.generic_visit(node)


def _constant(value: object, node: ast.expr) -> ast.expr:
    return ast.Constant(value) if type(value) in _PLAIN else node  # type: ignore[arg-type]


def substituted(expression: ast.expr, step: Step, reads: dict[str, list[object]]) -> str:
    """Return an expression with the values of local variables, and of what was read, put in."""
    copy = ast.parse(ast.unparse(expression), mode="eval").body
    local = {name: value for name, value in step.variables.items() if name != step.operation.label}
    return ast.unparse(_Substitution(local, reads).visit(copy))


def _same_statement(one: Step, other: Step) -> bool:
    return (
        one.frame == other.frame
        and one.operation.filename == other.operation.filename
        and one.operation.line == other.operation.line
    )


def _equation(left: str, value: object) -> str:
    right = _short(value)
    return right if left == right else f"{left} = {right}"


def _short(value: object) -> str:
    if value is MISSING:
        return "?"
    text = repr(value)
    return text if len(text) <= _LONGEST else text[: _LONGEST - 3] + "..."


def _marked(row: Row) -> str:
    return f"{row.text}  !" if row.conflict else row.text


def _line(number: str, cells: list[str]) -> str:
    return f"{number}  {'  '.join(cells)}".rstrip()


_CHARACTER = 7.3
_HEIGHT = 24
_MARGIN = 16


def draw(explanation: Explanation) -> str:
    """Return an explanation as an SVG picture: time runs downwards, a column for each thread."""
    columns: dict[str, tuple[float, float]] = {}
    left = _MARGIN + 40.0
    for thread, name in explanation.threads:
        texts = [row.text for row in explanation.rows if row.thread == thread]
        width = max(len(text) for text in [name, *texts]) * _CHARACTER + 2 * _MARGIN
        columns[thread] = (left, width)
        left += width + _MARGIN
    height = _HEIGHT * (len(explanation.rows) + 3) + _MARGIN
    shapes = []
    for thread, name in explanation.threads:
        start, width = columns[thread]
        middle = start + width / 2
        shapes.append(
            f'<line class="life" x1="{middle:g}" y1="{_HEIGHT * 1.5:g}" x2="{middle:g}" '
            f'y2="{height - _HEIGHT * 1.5:g}"/>'
            f'<text class="head" x="{middle:g}" y="{_HEIGHT:g}">{escape(name)}</text>'
        )
    for position, row in enumerate(explanation.rows):
        start, width = columns[row.thread]
        top = _HEIGHT * (position + 1.5)
        kind = "conflict" if row.conflict else "step"
        comment = (
            f'<tspan class="comment">   # {escape(row.comment)}</tspan>' if row.comment else ""
        )
        shapes.append(
            f'<text class="number" x="{_MARGIN + 20}" y="{top + 16:g}">{row.step}</text>'
            f'<rect class="{kind}" x="{start:g}" y="{top + 2:g}" width="{width:g}" '
            f'height="{_HEIGHT - 4}" rx="4"/>'
            f'<text x="{start + _MARGIN / 2:g}" y="{top + 16:g}" xml:space="preserve">'
            f"{escape(row.code)}{comment}</text>"
        )
    outcome = escape(explanation.ending.partition("\n")[0])
    shapes.append(
        f'<text class="outcome" x="{_MARGIN + 40}" y="{height - _MARGIN:g}">{outcome}</text>'
    )
    body = "\n".join(shapes)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{left:g}" height="{height:g}" '
        f'viewBox="0 0 {left:g} {height:g}" role="img" '
        f'aria-label="{escape(f"schedule {explanation.schedule}")}">\n'
        "<style>text{font:12px ui-monospace,monospace;fill:#1f2328}"
        ".head{font-weight:bold;text-anchor:middle}.number{text-anchor:end;fill:#656d76}"
        ".comment{fill:#656d76}.outcome{font-weight:bold}.life{stroke:#d0d7de}"
        ".step{fill:#f6f8fa;stroke:#d0d7de}.conflict{fill:#ffebe9;stroke:#cf222e}</style>\n"
        f'<rect width="{left:g}" height="{height:g}" fill="#ffffff"/>\n{body}\n</svg>\n'
    )
