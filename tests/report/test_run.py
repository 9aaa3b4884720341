"""From a run to a page: what pytest writes is what the report reads."""

import pytest

pytest.importorskip("jinja2")
pytest.importorskip("fastjsonschema")

from concspec.report.reading import read
from tests.samples import REFUTED, claim_table

SPECS = """
    @claim("a")
    def test_a(evidence):
        evidence(kind="counts", counts=[{"label": "seen", "count": 3}])

    @claim("b")
    def test_b():
        assert 1 == 2

    @claim("c")
    def test_c():
        inconclusive("no ice", "没有冰")
"""


@pytest.fixture
def small(suite):
    suite.claims(claim_table("a"), claim_table("b", REFUTED), claim_table("c", section="2"))
    suite.specs(SPECS)
    return suite


def test_what_a_run_writes_keeps_to_the_schema(small):
    small.pytest("--results=results.json")
    data = read(small.path / "results.json")
    assert [claim["verdict"] for claim in data["claims"]] == ["holds", "refuted", "inconclusive"]
    source = data["sources"]["specs/chapter/test_chapter.py::test_b"]
    decorator, *body = source["text"].splitlines()
    assert decorator.startswith('@claim("b"')
    assert body == ["def test_b():", "    assert 1 == 2"]
    lines = (small.path / "specs/chapter/test_chapter.py").read_text().splitlines()
    assert lines[source["line"] - 1] == decorator


def test_the_catalogue_of_a_changed_spec_is_another_one(small):
    small.pytest("--results=before.json")
    small.specs(SPECS.replace("1 == 2", "1 == 3"))
    small.pytest("--results=after.json")
    assert (
        read(small.path / "before.json")["catalogue"]
        != read(small.path / "after.json")["catalogue"]
    )


def test_line_ends_do_not_make_another_catalogue(small):
    small.pytest("--results=before.json")
    for name in ("test_chapter.py", "claims.toml"):
        path = small.path / "specs" / "chapter" / name
        path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))
    small.pytest("--results=after.json")
    before, after = (read(small.path / name) for name in ("before.json", "after.json"))
    assert before["catalogue"] == after["catalogue"]
    assert before["sources"] == after["sources"]


def test_a_run_alone_makes_a_page_with_one_column(small):
    assert small.pytest("--report=site").ret == 0
    assert "Text of b." in (small.path / "site" / "index.html").read_text(encoding="utf-8")
    assert (small.path / "site" / "pictures" / "a-1.svg").exists()


def test_without_the_extra_the_report_says_what_to_install(small):
    found = "importlib.util.find_spec = lambda name, find=importlib.util.find_spec: "
    small.write(
        "conftest.py",
        f"import importlib.util\n{found}None if name == 'jinja2' else find(name)\n"
        'pytest_plugins = ["concspec.plugin"]\n',
    )
    run = small.pytest("--report=site")
    assert run.ret == pytest.ExitCode.USAGE_ERROR
    run.stderr.fnmatch_lines(["*pip install --editable '.[[]report[]]'*"])


def test_a_page_takes_the_place_of_an_older_one_and_of_nothing_else(small):
    site = small.path / "site"
    (site / "pictures").mkdir(parents=True)
    (site / "pictures" / "holiday.jpg").touch()
    assert small.pytest("--report=site").ret == 0
    assert (site / "pictures" / "a-1.svg").exists()
    small.specs(SPECS.replace("evidence(", "dict("))
    assert small.pytest("--report=site").ret == 0
    assert [path.name for path in (site / "pictures").iterdir()] == ["holiday.jpg"]


@pytest.mark.parametrize("name", ["index.html", "badges/claims/a.svg"])
def test_a_file_of_somebody_elses_is_in_the_way(small, name):
    own = small.path / "site" / name
    own.parent.mkdir(parents=True)
    own.write_text("mine")
    run = small.pytest("--report=site")
    assert run.ret == pytest.ExitCode.USAGE_ERROR
    run.stdout.fnmatch_lines(
        [f"--report site could not be written: site/{name} is not of an older*"]
    )
    assert own.read_text() == "mine"
    assert [path for path in (small.path / "site").rglob("*") if path.is_file()] == [own]
