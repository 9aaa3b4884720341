"""Where things stand in a picture: from an entry of evidence to boxes, lines and words."""

from __future__ import annotations

import math
import statistics
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from concspec.report.names import Names
from concspec.report.rendering import Words, visible

WIDTH = 640
"""Of a picture, in units that are pixels where there is room."""

_ROW, _GAP, _AXIS, _INSET = 22, 10, 26, 5
_WAITING = {"en": "waiting", "zh": "等待"}
_IN_ORDER = {"en": "in order, not to scale", "zh": "只表示先后，不按比例"}
_SIGNS = 8
"""Of series; further ones share them."""

_LONGEST = 60
"""Characters of a label."""

_VISIBLE_WAIT = 0.02
"""Of the whole span: who waited shorter than that is not shown to wait."""


@dataclass(frozen=True)
class Box:
    """A bar or a mark with its label; ``x2`` of a mark is its ``x``."""

    x: float
    x2: float
    y: float
    label: Words
    label_x: float
    kind: str


@dataclass(frozen=True)
class Lane:
    """One actor's part of a timeline."""

    label: Words
    y: float
    height: float


@dataclass(frozen=True)
class Tick:
    """One number on an axis."""

    x: float
    label: str


@dataclass
class Timeline:
    """A timeline with everything in its place."""

    left: float
    lanes: list[Lane] = field(default_factory=list)
    boxes: list[Box] = field(default_factory=list)
    ticks: list[Tick] = field(default_factory=list)
    note: Words = ""
    height: float = 0


def width(words: Words, size: float = 12) -> float:
    """Estimate how wide a text is, in the wider of its languages."""
    if not isinstance(words, str):
        return max(width(text, size) for text in words.values())
    shown = str(visible(words))
    return sum(size if unicodedata.east_asian_width(c) in "WF" else size * 0.58 for c in shown)


@dataclass(frozen=True)
class _Item:
    """A bar or a mark before it has its place."""

    start: float
    end: float
    label: Words
    kind: str


def brief(words: Words) -> Words:
    """Cut what is too long for a picture; all of it stands in results.json."""
    if not isinstance(words, str):
        return {lang: str(brief(text)) for lang, text in words.items()}
    return words if len(words) <= _LONGEST else f"{words[:_LONGEST]}…"


def timeline(entry: Mapping[str, Any]) -> Timeline:
    """Place the bars and marks of a timeline on lanes; what would overlap goes into another row."""
    bars, marks = entry.get("bars", []), entry.get("marks", [])
    times = [bar[key] for bar in bars for key in ("start", "end", "asked") if key in bar]
    times += [mark["at"] for mark in marks]
    first, last = min(times, default=0), max(times, default=0)
    span = (last - first) or 1
    lanes: dict[str, tuple[Words, list[_Item]]] = {}

    def lane(name: Words) -> list[_Item]:
        return lanes.setdefault(str(name), (brief(name), []))[1]

    for name in entry.get("lanes", []):
        lane(name)
    waiting = []
    for bar in bars:
        start, end = sorted((bar["start"], bar["end"]))
        lane(bar["lane"]).append(_Item(start, end, brief(bar["label"]), "bar"))
        if start - bar.get("asked", start) > span * _VISIBLE_WAIT:
            waiting.append(_Item(bar["asked"], start, brief(bar["label"]), "wait"))
    for mark in marks:
        item = _Item(mark["at"], mark["at"], brief(mark["label"]), "mark")
        lane(mark["lane"]).append(item)
    everybody = list(lanes.values())
    if waiting:
        everybody.append((_WAITING, waiting))
    widest = max((width(label) for label, _ in everybody), default=0)
    made = Timeline(left=min(widest + 16, WIDTH / 3))
    scale = (WIDTH - made.left - 12) / span
    for label, items in everybody:
        _place(made, label, items, first, scale)
    if entry.get("unit"):
        for value in ticks(0, last - first):
            label = f"{number(value)} {brief(entry['unit'])}"
            made.ticks.append(Tick(made.left + value * scale, label))
    else:
        made.note = _IN_ORDER
    made.height += _AXIS
    return made


def _place(
    made: Timeline, label: Words, items: Iterable[_Item], first: float, scale: float
) -> None:
    """Add a lane; an item that would touch one before it goes into the next row."""
    ends: list[float] = []
    top = made.height
    for item in sorted(items, key=lambda item: (item.start, item.end)):
        x, x2 = (made.left + (time - first) * scale for time in (item.start, item.end))
        wide = width(item.label)
        label_x = x2 + 6
        if item.kind != "mark" and wide + 8 <= x2 - x:
            label_x = x + _INSET
        elif label_x + wide > WIDTH and x - wide - 6 >= made.left:
            label_x = x - wide - 6
        row = next((n for n, end in enumerate(ends) if end <= min(x, label_x)), len(ends))
        ends[row : row + 1] = [x2 if label_x == x + _INSET else max(x2, label_x + wide) + 4]
        made.boxes.append(Box(x, x2, top + row * _ROW, item.label, label_x, item.kind))
    height = max(len(ends), 1) * _ROW
    made.lanes.append(Lane(label, top, height))
    made.height = top + height + _GAP


@dataclass(frozen=True)
class Step:
    """One row of a schedule: the cell of each thread and each variable."""

    y: float
    cells: Sequence[tuple[float, str]]
    lost: bool


@dataclass(frozen=True)
class Schedule:
    """A schedule as a table: where its columns stand, their heads, and its steps."""

    heads: Sequence[tuple[float, str]]
    steps: Sequence[Step]
    result: Words
    width: float
    height: float


def schedule(entry: Mapping[str, Any]) -> Schedule:
    """Lay out the steps as a table: a column for each thread, then one for each variable."""
    steps = entry["steps"]
    threads = list(dict.fromkeys([*entry["threads"], *(step["thread"] for step in steps)]))
    variables = list(dict.fromkeys(name for step in steps for name in step.get("values", {})))
    rows = [
        [str(brief(step["code"])) if step["thread"] == thread else "" for thread in threads]
        + [_shown(step.get("values", {}).get(name, "")) for name in variables]
        for step in steps
    ]
    xs, x = [], 34.0
    heads = [str(brief(head)) for head in [*threads, *variables]]
    for index, head in enumerate(heads):
        xs.append(x)
        x += max(width(text, 12.5) for text in [head, *(row[index] for row in rows)]) + 26
    placed = [
        Step(30 + n * 24, [(at, text) for at, text in zip(xs, row) if text], bool(step.get("lost")))
        for n, (row, step) in enumerate(zip(rows, steps))
    ]
    wide = max(x + (130 if any(step.lost for step in placed) else 0), 240)
    result = brief(entry.get("result", ""))
    high = 30 + len(steps) * 24 + (28 if result else 6)
    return Schedule(list(zip(xs, heads)), placed, result, wide, high)


def _shown(value: object) -> str:
    return (
        number(value)
        if isinstance(value, (int, float))
        else ""
        if value is None
        else str(brief(str(value)))
    )


@dataclass(frozen=True)
class Measured:
    """One measurement, and the column that it is of."""

    column: int
    entry: Mapping[str, Any]


@dataclass(frozen=True)
class Point:
    """One series on one interpreter: its median, its span, and the interval of the estimate."""

    y: float
    x: float
    span: tuple[float, float]
    interval: tuple[float, float] | None
    label: str
    series: int


@dataclass(frozen=True)
class Chart:
    """A quantity, with interpreters down and a mark for each series."""

    left: float
    names: Sequence[tuple[float, str]]
    points: Sequence[Point]
    series: Sequence[tuple[float, int, Words]]
    ticks: Sequence[Tick]
    limits: Sequence[float]
    top: float
    bottom: float
    height: float


def measurement(recorded: Sequence[Measured], names: Names) -> Chart:
    """Place medians and spans of one quantity on a common scale that has 0 on it."""
    measured = _pooled(recorded)
    kinds: dict[str, Words] = {}
    for each in measured:
        kinds.setdefault(str(each.entry["series"]), brief(each.entry["series"]))
    order = list(kinds)
    numbers: list[float] = [0]
    for each in measured:
        numbers += each.entry["values"]
    exact = all(float(value).is_integer() for value in numbers)
    for each in measured:
        numbers += [each.entry[key] for key in ("low", "high", "limit") if key in each.entry]
    low, high = min(numbers), max(numbers)
    marks = [mark for mark in ticks(low, high) if low <= mark <= high]
    columns = sorted({each.column for each in measured})
    left = max(width(names.short(column)) for column in columns) + 16
    scale = (WIDTH - left - 74) / ((high - low) or 1)

    def at(value: float) -> float:
        return round(left + (value - low) * scale, 1)

    legend, x, top = [], 0.0, 22.0
    for index, key in enumerate(order):
        if x and x + width(kinds[key]) + 34 > WIDTH:
            x, top = 0.0, top + 20
        legend.append((x, index % _SIGNS, kinds[key]))
        x += width(kinds[key]) + 34
    points, labels, y = [], [], top
    for column in columns:
        start = y
        for each in (each for each in measured if each.column == column):
            entry, median = each.entry, statistics.median(each.entry["values"])
            interval = None
            if "low" in entry and "high" in entry:
                interval = at(entry["low"]), at(entry["high"])
            span = at(min(entry["values"])), at(max(entry["values"]))
            label = f"{_said(entry['values'], exact)} {brief(entry.get('unit', ''))}".strip()
            kind = order.index(str(entry["series"])) % _SIGNS
            points.append(Point(y + 10, at(median), span, interval, label, kind))
            y += 16
        labels.append(((start + y) / 2 + 2, names.short(column)))
        y += 8
    limits = sorted({at(each.entry["limit"]) for each in measured if "limit" in each.entry})
    axis = [Tick(at(value), number(value)) for value in marks]
    return Chart(left, labels, points, legend, axis, limits, top, y, y + 22)


def _pooled(recorded: Sequence[Measured]) -> Sequence[Measured]:
    """Take together what several specs measured of one series on one interpreter.

    An interval is of the values of one spec, so what is taken together has none.
    """
    pools: dict[tuple[int, str], dict[str, Any]] = {}
    for each in recorded:
        key = each.column, str(each.entry["series"])
        if key not in pools:
            pools[key] = {**each.entry}
        else:
            pools[key]["values"] = [*pools[key]["values"], *each.entry["values"]]
            pools[key].pop("low", None)
            pools[key].pop("high", None)
    return [Measured(column, entry) for (column, _), entry in pools.items()]


def _said(values: Sequence[float], exact: bool) -> str:
    """The median of what was measured; of what was counted, the least and the most."""
    if not exact:
        return f"{statistics.median(values):.2f}"
    return "…".join(number(value) for value in dict.fromkeys((min(values), max(values))))


@dataclass(frozen=True)
class Count:
    """One bar of counts."""

    y: float
    label: Words
    length: float
    count: int


@dataclass(frozen=True)
class Counts:
    """How often each thing was seen, as bars."""

    left: float
    bars: Sequence[Count]
    height: float


def counts(entry: Mapping[str, Any]) -> Counts:
    """Draw each count as a bar behind its label."""
    counted = entry["counts"]
    left = min(max((width(brief(each["label"])) for each in counted), default=0) + 14, WIDTH / 2)
    most = max((each["count"] for each in counted), default=0) or 1
    room = WIDTH - left - 60
    bars = [
        Count(n * 22, brief(each["label"]), round(each["count"] / most * room, 1), each["count"])
        for n, each in enumerate(counted)
    ]
    return Counts(left, bars, len(bars) * 22 + 4)


def ticks(low: float, high: float) -> Sequence[float]:
    """Choose some four round numbers that cover the range from ``low`` to ``high``."""
    span = high - low
    if span <= 0:
        return [low]
    rough = span / 4
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(power * factor for factor in (1, 2, 5, 10) if power * factor >= rough * 0.999)
    start = math.floor(low / step)
    return [n * step for n in range(start, math.ceil(high / step) + 1)]


def number(value: float) -> str:
    """Write a number as shortly as it can be read."""
    if isinstance(value, bool):
        return str(value)
    if isinstance(value, int) or float(value).is_integer():
        return f"{int(value):,}".replace(",", "\u2009")
    return f"{value:.3g}" if abs(value) < 1000 else f"{value:.0f}"  # noqa: PLR2004
