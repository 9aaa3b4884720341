"""Benchmarks that are specs: timed when that is asked for, graded always."""

import pytest

from tests.samples import claim_table

SPECS = """
def note():
    with open("pids", "a") as pids: pids.write(f"{os.getpid()} ")

@claim("timed")
def test_timed(benchmark):
    benchmark.group = "one job"
    benchmark.pedantic(note, rounds=3)
    benchmark.extra_info["speedup"] = 2.0

@claim("other")
def test_other(): pass
"""


@pytest.fixture
def timed(suite):
    """A suite of one benchmark and one other spec."""
    suite.claims(claim_table("timed"), claim_table("other"))
    suite.specs(SPECS)
    return suite


def verdicts(suite):
    return [claim["verdict"] for claim in suite.read("results.json")["claims"]]


def runs(suite):
    return (suite.path / "pids").read_text().split()


def test_a_plain_run_grades_benchmarks_as_it_does_other_specs(timed):
    run = timed.pytest("--results=results.json")
    run.assert_outcomes(passed=2)
    run.stdout.no_fnmatch_line("*benchmark 'one job'*")
    assert verdicts(timed) == ["holds", "holds"]
    assert len(runs(timed)) == 1


@pytest.mark.parametrize("option", ["--benchmark-only", "--benchmark-enable"])
def test_what_was_timed_reaches_the_table_and_the_file(timed, option):
    run = timed.pytest(option, "--results=results.json", "--benchmark-json=times.json")
    others = ["holds", "not run"] if option == "--benchmark-only" else ["holds", "holds"]
    assert verdicts(timed) == others
    run.stdout.fnmatch_lines(["*benchmark 'one job': 1 tests*", "test_timed*"])
    (benchmark,) = timed.read("times.json")["benchmarks"]
    assert benchmark["extra_info"] == {"speedup": 2.0}
    assert benchmark["stats"]["rounds"] == len(runs(timed)) == 3
    assert len(set(runs(timed))) == 1


def test_benchmarks_can_be_left_out(timed):
    timed.pytest("--benchmark-skip", "--results=results.json").assert_outcomes(
        passed=1, deselected=1
    )
    assert verdicts(timed) == ["not run", "holds"]


@pytest.mark.parametrize(
    ("language", "reason"), [("en", "run without -n"), ("zh", "请不要用 -n 运行")]
)
def test_benchmarks_are_put_off_beside_other_specs(timed, language, reason):
    run = timed.pytest("-n2", f"--lang={language}", "--results=results.json")
    run.assert_outcomes(passed=1, skipped=1)
    assert verdicts(timed) == ["inconclusive", "holds"]
    run.stdout.fnmatch_lines([f"*{reason}*"])
    assert not (timed.path / "pids").exists()


SHARED = """
@claim("one")
def test_one(run_folder): (run_folder / "compiled").write_text("once")

@claim("two")
def test_two(run_folder): assert (run_folder / "compiled").read_text() == "once"
"""


@pytest.mark.parametrize("arguments", [(), ("--pdb",)])
def test_specs_of_a_run_share_a_folder(suite, arguments):
    suite.claims(claim_table("one"), claim_table("two"))
    suite.specs(SHARED)
    suite.pytest(*arguments).assert_outcomes(passed=2)
