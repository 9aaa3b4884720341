"""The page: one file of HTML that needs nothing else, and no JavaScript to be read."""

from __future__ import annotations

import base64
import functools
import hashlib
import re
from collections.abc import Mapping, Sequence

from markupsafe import Markup, escape

from concspec.report.matrix import Matrix, Row, State
from concspec.report.names import Names
from concspec.report.pictures import Figure
from concspec.report.rendering import duration, file, render, say, terms, visible

LETTERS = dict(zip(State, "hrnicex"))
"""The class of each state, from which the style sheet has its colour and sign."""


_CLAIM = re.compile(r'@(?:concspec\.)?claim\((?:[^()"]|"[^"]*"|\([^()]*\))*\)\n')
"""The decorator of a spec, of which the page tells all otherwise: the claim, and the falsifiers."""


def page(matrix: Matrix, figures: Mapping[str, Sequence[Figure]]) -> str:
    """Write the page, with the figures of each claim by its slug."""
    names = Names(matrix.columns)
    script = file("page.js")
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    return render(
        "page.html",
        matrix=matrix,
        names=names,
        State=State,
        letters=LETTERS,
        machines=_machines(matrix, names),
        cells=_cells,
        took=functools.partial(_took, names),
        texts={row.slug: row.claim["text"] for row in matrix.rows},
        figures=figures,
        script=script,
        script_hash=digest,
        source=_source,
        verbatim=_verbatim,
        place=_place,
        terms=terms(),
        style=file("page.css") + file("drawing.css"),
    )


def _source(text: str) -> Markup:
    """A spec as it is written, without its decorator."""
    return _verbatim(_CLAIM.sub("", text))


def _verbatim(text: str) -> Markup:
    """A text between tags, where quotes may stand as they are."""
    escaped = str(escape(visible(text)))
    return Markup(escaped.replace("&#34;", '"').replace("&#39;", "'"))  # noqa: S704 - escaped


def _place(address: str) -> str:
    """Where a link leads, as far as a reader tells links apart: ``docs.python.org: os.fork``."""
    page, _, fragment = address.partition("://")[2].partition("#")
    return f"{page.partition('/')[0]}: {fragment}" if fragment else page.rstrip("/")


def _cells(row: Row) -> Markup:
    """The cells of a row, put together here because there may be tens of thousands of them."""
    cells = []
    for state, claim in zip(row.states, row.runs):
        cells.append(_CELLS[state])
        if state is State.CHANGED:
            cells.append(Markup("<small>{}</small>").format(say(claim["verdict"])))
    return Markup("").join(cells)


def _took(names: Names, row: Row, columns: Sequence[int]) -> str:
    """How long the specs of a claim took: the interpreters that took about as long, together."""
    alike: dict[str, list[int]] = {}
    for column in sorted(columns, key=lambda column: row.durations[column]):
        alike.setdefault(duration(row.durations[column]), []).append(column)
    return "; ".join(f"{took}: {names.of(together)}" for took, together in alike.items())


_CELLS = {
    state: Markup("<td class={}>{}").format(letter, state.value)
    for state, letter in LETTERS.items()
}


def _machines(matrix: Matrix, names: Names) -> Sequence[tuple[str, int, str]]:
    """Each machine with its CPUs and the interpreters that were measured on it."""
    machines: dict[tuple[str, int], list[int]] = {}
    for index, column in enumerate(matrix.columns):
        facts = column.interpreter
        machines.setdefault((facts["platform"], facts["cpus"]), []).append(index)
    return [(name, cpus, names.of(columns)) for (name, cpus), columns in machines.items()]
