"""pytest's own options: with specs they do what they do with any test."""

import re
import subprocess
import sys

import pytest

from tests.conftest import ROOT
from tests.samples import claim_table

SPECS = """
@claim("one")
def test_one(): print("printed by one")

@claim("two")
@pytest.mark.parametrize("n", [1, 2])
def test_two(n): assert n == 1

@claim("three")
def test_three(): assert False
"""


@pytest.fixture
def specs(suite):
    """A suite of four specs, of which two fail."""
    suite.claims(*map(claim_table, ("one", "two", "three")))
    suite.specs(SPECS)
    return suite


def test_spread_over_workers(specs):
    run = specs.pytest("-p", "xdist", "-n", "4", "--results=results.json")
    run.assert_outcomes(passed=2, failed=2)
    run.stdout.fnmatch_lines(["4 workers *"])
    verdicts = {claim["slug"]: claim["verdict"] for claim in specs.read("results.json")["claims"]}
    assert verdicts == {"one": "holds", "two": "refuted", "three": "refuted"}


def test_it_stops_after_the_failures_allowed(specs):
    run = specs.pytest("--maxfail=1", "-p", "no:cacheprovider")
    run.assert_outcomes(passed=2, failed=1)
    assert not (specs.path / ".pytest_cache").exists()


def test_what_failed_last_comes_alone_or_first(specs):
    specs.pytest()
    run = specs.pytest("--ff", "-v")
    run.stdout.fnmatch_lines(["*test_two?2?*FAILED*", "*test_three*FAILED*", "*test_one*PASSED*"])
    specs.pytest("--lf", "-n2").assert_outcomes(failed=2)


def test_specs_are_selected_by_node_id_and_keyword(specs):
    module = "specs/chapter/test_chapter.py"
    chosen = specs.pytest(f"{module}::test_two", f"{module}::test_one", "-k", "not 2")
    chosen.assert_outcomes(passed=2, deselected=1)


@pytest.mark.parametrize("option", ["--collect-only", "--setup-plan"])
def test_specs_are_listed_and_not_run(specs, option):
    specs.specs(SPECS.replace('print("printed by one")', "open('run', 'w')"))
    run = specs.pytest(option)
    assert run.ret == 0
    run.stdout.fnmatch_lines(["*test_one*"])
    assert not (specs.path / "run").exists()


def test_specs_print_where_pytest_prints(specs):
    specs.pytest("-s", "-k", "one").stdout.fnmatch_lines(["*printed by one*"])
    run = specs.pytest("-k", "one", "-v", "-rP", "--durations=0", "-vv")
    run.stdout.fnmatch_lines(
        ["*::test_one PASSED*", "*Captured stdout*", "printed by one", "*s call *::test_one"]
    )


@pytest.mark.parametrize(
    ("folder", "arguments"),
    [("specs/chapter", ()), ("/", ("{root}/specs",)), ("specs", ("--rootdir={root}", "chapter"))],
)
def test_any_folder_will_do(specs, monkeypatch, folder, arguments):
    monkeypatch.chdir(specs.path / folder)
    run = specs.pytest(*(argument.format(root=specs.path) for argument in arguments))
    run.assert_outcomes(passed=2, failed=2)


TRACES = """
import builtins, random, sys

def leave_traces():
    assert not hasattr(builtins, "trace")
    assert not hasattr(random, "trace")
    builtins.trace = random.trace = "left"

@claim("one")
def test_one(): leave_traces()

@claim("two")
def test_two(): leave_traces()
"""


@pytest.mark.parametrize("arguments", [(), ("-n1",)])
def test_each_spec_is_as_if_it_were_forked(suite, arguments):
    suite.claims(*map(claim_table, ("one", "two")))
    suite.specs(TRACES)
    suite.pytest(*arguments).assert_outcomes(passed=2)


DRAWS = """
import random

@claim("one")
def test_one():
    with open("drawn", "a") as file:
        print(random.random(), file=file)
"""


@pytest.mark.parametrize("arguments", [(), ("-n1",)])
def test_the_seed_of_a_random_order_reaches_the_specs(suite, arguments):
    """A spec draws what it draws in pytest's own process, where --pdb has it run."""
    pytest.importorskip("pytest_randomly", reason="pip install pytest-randomly")
    suite.claims(claim_table("one"))
    suite.specs(DRAWS)
    for each in (arguments, ("--pdb",)):
        suite.pytest("-p", "randomly", "--randomly-seed=5", *each)
    there, here = (suite.path / "drawn").read_text().split()
    assert there == here


def test_a_random_order_changes_no_verdict(specs):
    pytest.importorskip("pytest_randomly", reason="pip install pytest-randomly")
    orders = set()
    for seed in range(3):
        run = specs.pytest(
            *("-p", "randomly", f"--randomly-seed={seed}", "--results=r.json", "--junitxml=j.xml")
        )
        run.assert_outcomes(passed=2, failed=2)
        verdicts = [claim["verdict"] for claim in specs.read("r.json")["claims"]]
        assert verdicts == ["holds", "refuted", "refuted"]
        ran = (specs.path / "j.xml").read_text()
        orders.add(tuple(re.findall(r'<testcase [^>]* name="(.*?)"', ran)))
    assert len(orders) > 1


@pytest.mark.usefixtures("specs")
def test_a_debugger_stops_at_the_start_of_each_spec(pytester):
    command = [sys.executable, "-m", "pytest", "--trace", "-p", "no:randomly", "-k", "one"]
    # PyPy has `functools.partial`, with which pytest calls it, in Python, and 3.9 shows that.
    is_shown = sys.implementation.name == "pypy" and sys.version_info < (3, 10)
    stops = "__call__" if is_shown else "test_one"
    pytester.run(*command, stdin=b"c\n").stdout.fnmatch_lines(
        [f"*{stops}()*", "(Pdb)*", "*1 passed*"]
    )


@pytest.mark.parametrize("arguments", [(), ("-n1",)])
def test_standard_output_may_be_closed(specs, arguments):
    command = [sys.executable, "-m", "pytest", "--results=results.json", *arguments]
    run = subprocess.run(["sh", "-c", 'exec "$@" >&-', "sh", *command], stderr=-1, check=False)
    assert (run.returncode, run.stderr) == (1, b"")
    verdicts = [claim["verdict"] for claim in specs.read("results.json")["claims"]]
    assert verdicts == ["holds", "refuted", "refuted"]


def test_a_cache_that_cannot_be_written_stops_nothing(specs):
    (specs.path / ".pytest_cache").write_text("no folder")
    run = specs.pytest("-c", str(ROOT / "pyproject.toml"), f"--rootdir={specs.path}")
    run.assert_outcomes(passed=2, failed=2, warnings=2)
