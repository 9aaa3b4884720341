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
from concspec.report.merging import STATIC, Merged, merge_runs
from concspec.report.page import page
from concspec.report.reading import parse
from concspec.report.rendering import render

_FOLDERS = ("pictures", "badges/interpreters", "badges/claims")

_LIST = ".concspec"
"""The file that names all others of a site, one a line."""


def write(merged: Merged, folder: Path) -> None:
    """Write the site into ``folder``; what is there of an older one goes, and nothing else does.

    It is made whole beside the old one first. Raises FileExistsError if a file is in the way that
    is of no older one, and OSError if the site cannot be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    matrix = Matrix(merged)
    made = Path(tempfile.mkdtemp(prefix=".making-", dir=folder))
    try:
        for kind in _FOLDERS:
            (made / kind).mkdir(parents=True)
        files = dict(_files(matrix))
        for name, text in files.items():
            (made / name).write_text(text, encoding="utf-8", errors="replace")
        older = _older(folder)
        for name in files:
            if name not in older and (folder / name).exists():
                raise FileExistsError(
                    f"{folder / name} is not of an older page, and stays: name an empty folder"
                )
        for kind in _FOLDERS:
            (folder / kind).mkdir(parents=True, exist_ok=True)
        # Until all is done it names both, so that what is half done can be mended by another run.
        (folder / _LIST).write_text("\n".join({**older, **files}), encoding="utf-8")
        for name in sorted(files, key="index.html".__eq__):
            (made / name).replace(folder / name)
        for name in older:
            if name not in files:
                (folder / name).unlink(missing_ok=True)
        (folder / _LIST).write_text("\n".join(files), encoding="utf-8")
    finally:
        shutil.rmtree(made)


def _older(folder: Path) -> dict[str, None]:
    """The names of the files of the site that is there, in their order."""
    try:
        return dict.fromkeys((folder / _LIST).read_text(encoding="utf-8").splitlines())
    except FileNotFoundError:
        return {}


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
        "claims": [{key: claim[key] for key in STATIC} for claim in first["claims"]],
        "runs": [
            {
                "column": column.key,
                "files": list(column.files),
                **{
                    key: column.run[key]
                    for key in ("suite_version", "date", "partial", "interpreter")
                },
                "claims": {
                    claim["slug"]: {k: v for k, v in claim.items() if k not in STATIC}
                    for claim in column.run["claims"]
                },
            }
            for column in matrix.columns
        ],
        "left_out": [{"file": r.file, "reason": r.reason} for r in matrix.merged.refusals],
    }
