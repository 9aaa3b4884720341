"""Badges, as SVG and for shields' endpoint: one for each interpreter and each claim."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from concspec.report.matrix import Matrix, Row, State
from concspec.report.names import Names

_GREEN, _BLUE, _GREY, _RED = "#3a7d34", "#2f6f9f", "#636c76", "#b3322c"
_NARROW, _WIDE = "fijlrtI.,:;|'!()[] ", "mwMWG@%"


@dataclass(frozen=True)
class Badge:
    """A label, and a message on a colour."""

    label: str
    message: str
    color: str

    @property
    def endpoint(self) -> dict[str, Any]:
        """What shields' endpoint badge reads."""
        return {
            "schemaVersion": 1,
            "label": self.label,
            "message": self.message,
            "color": self.color,
        }

    @property
    def widths(self) -> tuple[int, int]:
        """Pixels that label and message take, with the space beside them."""
        return _width(self.label), _width(self.message)


def of_interpreters(matrix: Matrix) -> Iterator[tuple[str, Badge, str]]:
    """Give the badge of each interpreter with its name and the date of its run."""
    for index, column in enumerate(matrix.columns):
        counts = matrix.counts(index)
        changed = counts[State.CHANGED] + counts[State.ERROR]
        parts = [f"{counts[State.HOLDS]} hold", f"{counts[State.REFUTED]} refuted"]
        parts.append(f"{changed} changed")
        unknown = (State.INCONCLUSIVE, State.NOT_RUN)
        parts += [f"{counts[state]} {state.value}" for state in unknown if counts[state]]
        label = column.id.replace("-", " ")
        if column.system != "linux":
            label += f" on {column.system}"
        yield column.key, Badge(label, ", ".join(parts), _RED if changed else _GREEN), _date(column)


def of_claims(matrix: Matrix) -> Iterator[tuple[str, Badge, str]]:
    """Give the badge of each claim with its slug and the date of the newest run."""
    names = Names(matrix.columns)
    newest = max(_date(column) for column in matrix.columns)
    for row in matrix.rows:
        label = row.slug.replace("-", " ")
        yield row.slug, Badge(label, _where(row, names), _color(row)), newest


def _date(column: Any) -> str:
    return str(column.run["date"])


def _where(row: Row, names: Names) -> str:
    """Say on which interpreters a claim holds, and on which it does not."""
    columns: dict[str, list[int]] = {}
    for index, claim in enumerate(row.runs):
        columns.setdefault(claim["verdict"], []).append(index)
    holds = columns.pop(State.HOLDS.value, [])
    refuted = columns.pop(State.REFUTED.value, [])
    count = len(row.runs)
    if len(holds) == count:
        return f"all {count} interpreters" if count > 1 else names.of(holds)
    if len(refuted) == count:
        return f"none of {count} interpreters" if count > 1 else "refuted"
    parts = [names.of(holds)] if holds else []
    if refuted:
        parts.append(f"not {names.of(refuted)}")
    parts += [f"{verdict}: {names.of(those)}" for verdict, those in sorted(columns.items())]
    return "; ".join(parts)


def _color(row: Row) -> str:
    states = set(row.states)
    if states & {State.CHANGED, State.ERROR}:
        return _RED
    if states == {State.HOLDS}:
        return _GREEN
    return _BLUE if State.HOLDS in states else _GREY


def _width(text: str) -> int:
    """Estimate pixels of 11 px Verdana; the SVG then stretches the text to just that."""
    sizes = (
        4.0 if c in _NARROW else 9.8 if c in _WIDE else 7.0 if c < "\x7f" else 11 for c in text
    )
    return round(sum(sizes)) + 12
