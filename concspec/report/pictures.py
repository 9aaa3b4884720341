"""Pictures of recorded evidence. What kinds there are stands in ``results.schema.json``.

Here it is decided what is drawn, and which runs share a picture; where things stand in one is up
to ``drawing``, and how they look to the templates.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from concspec.report import drawing
from concspec.report.matrix import Matrix, Row
from concspec.report.names import Names
from concspec.report.rendering import Words, render, single, spoken

_DRAWN = ("timeline", "schedule", "counts")
_UNTITLED: Mapping[str, Words] = {
    "timeline": {"en": "Who did what when", "zh": "谁在何时做了什么"},
    "schedule": {"en": "Step by step", "zh": "逐步执行"},
    "counts": {"en": "How often each was seen", "zh": "各出现多少次"},
}


@dataclass(frozen=True)
class Picture:
    """One picture, of the runs in ``columns``."""

    name: str
    title: Words
    columns: Sequence[int]
    template: str
    drawn: Any

    @property
    def inline(self) -> Markup:
        """The picture as part of the page, in both languages and the page's colours."""
        return Markup(self._rendered(spoken, lang=None))  # noqa: S704 - a template

    def files(self) -> Iterator[tuple[str, str]]:
        """The picture as files of their own: one, and a Chinese one if there is a word in it."""
        translated = isinstance(self.title, Mapping)

        def english(text: Words) -> str:
            nonlocal translated
            translated |= isinstance(text, Mapping)
            return single(text, "en")

        def chinese(text: Words) -> str:
            return single(text, "zh")

        yield f"{self.name}.svg", self._rendered(english, lang="en", title=english(self.title))
        if translated:
            title = chinese(self.title)
            yield f"{self.name}.zh.svg", self._rendered(chinese, lang="zh", title=title)

    def _rendered(self, words: Callable[[Words], str], **values: Any) -> str:
        return render(self.template, drawn=self.drawn, words=words, r=_place, **values)


def _place(value: float) -> str:
    """Write a coordinate as exactly as can be seen."""
    return f"{value:.1f}".removesuffix(".0")


@dataclass(frozen=True)
class Figure:
    """The same thing on all interpreters: the picture that the page shows, and all there are."""

    shown: Picture
    others: Sequence[Picture]


def figures(row: Row, matrix: Matrix) -> Sequence[Figure]:
    """Draw the evidence of one claim."""
    drawn: dict[str, dict[str, tuple[Mapping[str, Any], list[int]]]] = {}
    measured: dict[str, tuple[Words, list[drawing.Measured]]] = {}
    for column in range(len(matrix.columns)):
        times: dict[str, int] = {}
        for entry in row.evidence(column):
            kind = entry.get("kind")
            if kind == "measurement":
                quantity = json.dumps(entry["quantity"])
                known = measured.setdefault(quantity, (entry["quantity"], []))
                known[1].append(drawing.Measured(column, entry))
            elif kind in _DRAWN:
                same = json.dumps([kind, entry.get("title")])
                times[same] = times.get(same, 0) + 1
                alike = drawn.setdefault(f"{same}{times[same]}", {})
                alike.setdefault(json.dumps(entry), (entry, []))[1].append(column)
    made = [_figure_of(list(entries.values()), matrix) for entries in drawn.values()]
    names = Names(matrix.columns)
    for measured_quantity, rounds in measured.values():
        chart = drawing.measurement(rounds, names)
        columns = sorted({each.column for each in rounds})
        made.append(Figure(Picture("", measured_quantity, columns, "measurement.svg", chart), []))
    return [_named(figure, row, number, matrix) for number, figure in enumerate(made, 1)]


def _figure_of(
    entries: Sequence[tuple[Mapping[str, Any], Sequence[int]]], matrix: Matrix
) -> Figure:
    pictures = []
    for entry, columns in entries:
        kind = entry["kind"]
        draw = {
            "timeline": drawing.timeline,
            "schedule": drawing.schedule,
            "counts": drawing.counts,
        }[kind]
        title: Words = entry.get("title", _UNTITLED[kind])
        pictures.append(Picture("", title, columns, f"{kind}.svg", draw(entry)))
    shown = max(pictures, key=lambda picture: _worth(picture, matrix))
    return Figure(shown, [] if len(pictures) == 1 else pictures)


def _worth(picture: Picture, matrix: Matrix) -> tuple[bool, int]:
    """What most readers run is shown: the newest CPython as it is built by default."""
    usual = [
        column
        for column in picture.columns
        if matrix.columns[column].interpreter["id"].startswith("cpython")
        and not matrix.columns[column].interpreter["free_threaded"]
    ]
    return bool(usual), max(usual or picture.columns)


def _named(figure: Figure, row: Row, number: int, matrix: Matrix) -> Figure:
    def named(picture: Picture, end: str) -> Picture:
        name = f"{row.slug}-{number}{end}"
        return Picture(name, picture.title, picture.columns, picture.template, picture.drawn)

    others = [named(p, f".{matrix.columns[p.columns[0]].key}") for p in figure.others]
    return Figure(named(figure.shown, ""), others)


def files(all_figures: Mapping[str, Sequence[Figure]]) -> Iterator[tuple[str, str]]:
    """Give the name and the text of each picture as a file."""
    for of_claim in all_figures.values():
        for figure in of_claim:
            for picture in (figure.shown, *figure.others):
                yield from picture.files()
