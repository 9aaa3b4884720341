"""Makes ``report.svg``, the picture in the README, out of a real run: ``tox -e picture``."""

import subprocess
import sys
from pathlib import Path

from rich.console import Console
from rich.text import Text

HERE = Path(__file__).parent
SHOWN = 46
"""Lines of the report that fit a picture that can still be read."""

run = subprocess.run(
    [sys.executable, "-m", "pytest", "--color=yes", "--quiet"],
    cwd=HERE.parent,
    capture_output=True,
    text=True,
    check=False,
)
report = run.stdout[run.stdout.index("claims on ") :].splitlines()[1:]
console = Console(record=True, width=118, file=sys.stderr)
for line in ["$ pytest", *report[:SHOWN], "    [...]", *report[-3:]]:
    console.print(Text.from_ansi(line), overflow="ellipsis", no_wrap=True)
console.save_svg(str(HERE / "report.svg"), title="pytest")
