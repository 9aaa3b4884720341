"""Merges results files into a site: ``python -m concspec.report FILE... --out DIR``."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path


def main(arguments: Sequence[str] | None = None) -> int:
    """Merge, write, and return the exit status: 1 if something was refused, 2 for a wrong call."""
    parser = argparse.ArgumentParser(prog="python -m concspec.report", description=__doc__)
    parser.add_argument("files", nargs="+", type=Path, help="results files, or folders of them")
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="the site's folder")
    parser.add_argument(
        "--require",
        action="append",
        default=[],
        metavar="INTERPRETER",
        help="refuse to make a page without this column, such as cpython-3.13 or "
        "cpython-3.13-linux; several may be given, by commas or by repeating the option",
    )
    parser.add_argument(
        "--skip-bad", action="store_true", help="leave bad files out, and list them on the page"
    )
    options = parser.parse_args(arguments)
    required = [name for names in options.require for name in names.split(",") if name]
    try:
        from concspec.report.merging import MergeError, merge  # noqa: PLC0415 - needs the extra
        from concspec.report.site import write  # noqa: PLC0415 - likewise
    except ModuleNotFoundError as error:
        pip = f"{sys.executable} -m pip"
        parser.error(f"{error.name} is missing: {pip} install --editable '.[report]'")
    try:
        merged = merge(options.files, required, skip_bad=options.skip_bad)
        write(merged, options.out)
    except (MergeError, OSError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    for column in merged.columns:
        if column.run["partial"]:
            sys.stderr.write(f"broken off: the run on {column.key}; the page says so\n")
    for refusal in merged.refusals:
        sys.stderr.write(f"left out: {refusal}\n")
    count = len(merged.columns)
    interpreters = f"{count} interpreter{'' if count == 1 else 's'}"
    sys.stdout.write(f"{options.out / 'index.html'}: {interpreters}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
