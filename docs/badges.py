"""The badges that the README shows: copies of those in a site, with the date of their run.

usage: python docs/badges.py SITE            takes them from there
       python docs/badges.py --check SITE    says which of them the site contradicts

A site of other interpreters contradicts none. Nor does an interpreter that could not measure a
claim: its badge then says so.
"""

import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from concspec.report.badges import Badge
from concspec.report.rendering import render

SHOWN = (
    "interpreters/cpython-3.13-linux",
    "claims/fork-child-gets-zero",
    "claims/pool-fifth-waits",
    "claims/unlocked-balance-drifts",
    "claims/process-default-start-method",
)
HERE = Path(__file__).parent / "badges"


def measured(site: Path) -> dict[str, Any]:
    """When the site's runs were made, and on what."""
    runs = json.loads((site / "results.json").read_text(encoding="utf-8"))["runs"]
    return {"date": max(run["date"] for run in runs), "on": [run["column"] for run in runs]}


def copies(site: Path) -> Iterator[tuple[str, str]]:
    """The files in the README's folder, by their names."""
    when = measured(site)
    yield "measured.json", json.dumps(when)
    yield "measured.svg", render("badge.svg", badge=Badge("measured", when["date"][:10], "#636c76"))
    for name in SHOWN:
        svg = (site / "badges" / f"{name}.svg").read_text(encoding="utf-8")
        yield f"{name.partition('/')[2]}.svg", svg


def said(svg: str) -> str:
    """What a badge says."""
    return re.findall('aria-label="(.*?)"', svg)[0]


def check(site: Path) -> Iterator[str]:
    """Give what is out of date, one sentence each."""
    ours = json.loads((HERE / "measured.json").read_text(encoding="utf-8"))["on"]
    if ours != measured(site)["on"]:
        return
    for name, svg in copies(site):
        if name.startswith("measured") or "inconclusive" in said(svg):
            continue
        shown = said((HERE / name).read_text(encoding="utf-8"))
        if shown != said(svg) and "inconclusive" not in shown:
            yield f"docs/badges/{name} says {shown!r}, and the run {said(svg)!r}"


def main(arguments: list[str]) -> int:
    """Copy or check; give the exit status."""
    site = Path(arguments[-1])
    if "--check" in arguments:
        stale = list(check(site))
        if stale:
            print(*stale, f"to renew them: python docs/badges.py {site}", sep="\n")
        return int(bool(stale))
    HERE.mkdir(exist_ok=True)
    for name, text in copies(site):
        (HERE / name).write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
