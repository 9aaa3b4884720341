"""Writes the site: the page, badges, pictures, and all results in one file."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from concspec.report import badges, pictures
from concspec.report.matrix import Matrix
from concspec.report.merging import Merged, merge_runs
from concspec.report.page import page
from concspec.report.reading import parse
from concspec.report.rendering import render

_SHARED = ("slug", "section", "lines", "text", "references", "corrected_by", "specs")


def write(merged: Merged, folder: Path) -> None:
    """Write the site into ``folder``; what is there of an older one goes, and nothing else does.

    It is made whole beside the old one first. Raises OSError if it cannot be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    matrix = Matrix(merged)
    made = Path(tempfile.mkdtemp(prefix=".making-", dir=folder))
    try:
        for kind in ("pictures", "badges/interpreters", "badges/claims"):
            (made / kind).mkdir(parents=True)
        for name, text in _files(matrix):
            (made / name).write_text(text, encoding="utf-8", errors="replace")
        for path in sorted(made.iterdir(), key=lambda path: path.name == "index.html"):
            place = folder / path.name
            if place.is_dir():
                shutil.rmtree(place)
            path.replace(place)
    finally:
        shutil.rmtree(made)


def write_run(run: dict[str, Any], folder: Path) -> None:
    """Write the site of one run: a matrix with one column."""
    write(merge_runs([("this run", parse(json.dumps(run)))]), folder)


def _files(matrix: Matrix) -> Iterator[tuple[str, str]]:
    figures = {row.slug: pictures.figures(row, matrix) for row in matrix.rows}
    yield "index.html", page(matrix, figures)
    for name, picture in pictures.files(figures):
        yield f"pictures/{name}", picture
    yield "results.json", json.dumps(_results(matrix))
    kinds = {"interpreters": badges.of_interpreters, "claims": badges.of_claims}
    for kind, of in kinds.items():
        for name, badge, date in of(matrix):
            stem = f"badges/{kind}/{name}"
            measured = badges.Badge("measured", date[:10], "#636c76")
            yield f"{stem}.svg", render("badge.svg", badge=badge)
            yield f"{stem}.json", json.dumps(badge.endpoint)
            yield f"{stem}.date.json", json.dumps({**measured.endpoint, "date": date})


def _results(matrix: Matrix) -> dict[str, Any]:
    """All runs, with what they share told once."""
    first = matrix.merged.first
    return {
        **{key: first[key] for key in ("schema_version", "catalogue", "sections", "sources")},
        "claims": [{key: claim[key] for key in _SHARED} for claim in first["claims"]],
        "runs": [
            {
                "column": column.key,
                "files": list(column.files),
                **{
                    key: column.run[key]
                    for key in ("suite_version", "date", "partial", "interpreter")
                },
                "claims": {
                    claim["slug"]: {k: v for k, v in claim.items() if k not in _SHARED}
                    for claim in column.run["claims"]
                },
            }
            for column in matrix.columns
        ],
        "left_out": [{"file": r.file, "reason": r.reason} for r in matrix.merged.refusals],
    }
