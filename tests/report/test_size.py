"""How long it takes to merge and write, and how large the page is."""

import os
import subprocess
import sys

import pytest

pytest.importorskip("jinja2")
pytest.importorskip("fastjsonschema")

from tests.report.big import runs
from tests.report.runs import write

SLOW = 3.0
"""Seconds that a hundred interpreters may take on a machine of one's own."""


@pytest.mark.timeout(240)
@pytest.mark.parametrize(
    ("interpreters", "claims", "bytes_at_most"), [(100, 150, 3_000_000), (10, 190, 600_000)]
)
def test_a_large_matrix_is_quick_and_small(tmp_path, interpreters, claims, bytes_at_most):
    write(tmp_path, *runs(interpreters, claims))
    took = min(seconds(tmp_path) for _ in range(3))
    assert (tmp_path / "site" / "index.html").stat().st_size <= bytes_at_most
    if took > SLOW and os.getloadavg()[0] > 1.5 * os.cpu_count():
        pytest.skip("the machine is too busy to tell: even CPU time grows beside neighbours")
    assert took <= SLOW


def seconds(folder):
    """CPU time that it takes to merge ``folder`` and write the site; neighbours make it vary."""
    program = [sys.executable, "-m", "concspec.report", str(folder), "--out", f"{folder}/site"]
    before = children()
    subprocess.run(program, check=True)
    return children() - before


def children():
    """CPU time of the programs that have been run."""
    resource = pytest.importorskip("resource")
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
