"""Names of sets of interpreters, and the badges that use them."""

import json
from xml.etree import ElementTree as ET

import pytest

pytest.importorskip("jinja2")
pytest.importorskip("fastjsonschema")

from concspec.report.__main__ import main
from concspec.report.merging import merge
from concspec.report.names import Names
from tests.report.runs import claim, refuted, run, write

TEN = [
    *(f"cpython-3.{minor}" for minor in range(9, 16)),
    *("cpython-3.13t", "pypy-3.9", "pypy-3.11"),
]


@pytest.fixture
def names(tmp_path):
    merged = merge(write(tmp_path, *map(run, TEN)))
    return Names(merged.columns), [column.id for column in merged.columns]


@pytest.mark.parametrize(
    ("chosen", "said"),
    [
        ([], ""),
        (["cpython-3.9", "cpython-3.13t"], "3.9, 3.13t"),
        ([f"cpython-3.{minor}" for minor in range(10, 16)], "3.10-3.15"),
        (["cpython-3.9", "cpython-3.10", "cpython-3.12"], "3.9, 3.10, 3.12"),
        (["cpython-3.15", "pypy-3.9", "pypy-3.11"], "3.15, PyPy 3.9, PyPy 3.11"),
        (TEN, "3.9-3.15, 3.13t, PyPy 3.9, PyPy 3.11"),
    ],
)
def test_versions_in_a_row_are_a_range(names, chosen, said):
    names, ids = names
    assert names.of(ids.index(name) for name in chosen) == said


def test_systems_are_named_where_there_are_several(tmp_path):
    runs = [run("cpython-3.9"), run("cpython-3.9", system="win32"), run("pypy-3.9")]
    names = Names(merge(write(tmp_path, *runs)).columns)
    assert names.of(range(3)) == "3.9 on linux, 3.9 on windows, PyPy 3.9 on linux"


def test_a_version_that_did_not_run_is_in_no_range(tmp_path):
    runs = [run(f"cpython-3.{minor}") for minor in (9, 10, 11, 13, 14, 15)]
    assert Names(merge(write(tmp_path, *runs)).columns).of(range(6)) == "3.9-3.11, 3.13-3.15"


@pytest.fixture
def badges(tmp_path):
    def made(*runs):
        paths = write(tmp_path, *runs)
        assert main([*map(str, paths), "--out", str(tmp_path / "site")]) == 0
        return tmp_path / "site" / "badges"

    return made


def endpoint(path):
    return json.loads(path.read_text())


def test_an_interpreter_has_a_badge_with_its_counts_and_date(badges):
    folder = badges(run("cpython-3.13", claim("a"), claim("b"), refuted("c"))) / "interpreters"
    assert endpoint(folder / "cpython-3.13-linux.json") == {
        "schemaVersion": 1,
        "label": "cpython 3.13",
        "message": "2 hold, 1 refuted, 0 changed",
        "color": "#3a7d34",
    }
    assert endpoint(folder / "cpython-3.13-linux.date.json") == {
        "schemaVersion": 1,
        "label": "measured",
        "message": "2026-11-23",
        "color": "#636c76",
        "date": "2026-11-23T17:04:06+00:00",
    }
    assert "2 hold, 1 refuted" in (folder / "cpython-3.13-linux.svg").read_text()


@pytest.mark.parametrize("bad", [claim("d", "refuted"), claim("d", "error", changed=True)])
def test_the_badge_of_an_interpreter_turns_red_when_something_changed(badges, bad):
    folder = badges(run("cpython-3.13", claim("a"), bad)) / "interpreters"
    badge = endpoint(folder / "cpython-3.13-linux.json")
    assert badge["message"] == "1 hold, 0 refuted, 1 changed"
    assert badge["color"] == "#b3322c"


@pytest.mark.parametrize(
    ("false_on", "message"),
    [
        ([], "all 10 interpreters"),
        (TEN, "none of 10 interpreters"),
        (TEN[1:7], "3.9, 3.13t, PyPy 3.9, PyPy 3.11; not 3.10-3.15"),
    ],
)
def test_a_claim_has_a_badge_that_says_where_it_holds(badges, false_on, message):
    kind = {True: refuted, False: claim}
    folder = badges(*(run(name, kind[name in false_on]("unlocked-drifts")) for name in TEN))
    badge = endpoint(folder / "claims" / "unlocked-drifts.json")
    assert (badge["label"], badge["message"]) == ("unlocked drifts", message)
    root = ET.fromstring((folder / "claims" / "unlocked-drifts.svg").read_text())
    assert root.get("aria-label") == f"unlocked drifts: {message}"


def test_what_is_not_known_is_said_on_a_claims_badge(badges):
    said = {
        "3.9": "holds",
        "3.10": "inconclusive",
        "3.11": "not applicable",
        "3.12": "inconclusive",
    }
    runs = [run(f"cpython-{version}", claim("a", verdict)) for version, verdict in said.items()]
    badge = endpoint(badges(*runs) / "claims" / "a.json")
    assert badge["message"] == "3.9; inconclusive: 3.10, 3.12; not applicable: 3.11"


def test_badges_of_a_claim_that_is_gone_go(badges, tmp_path):
    badges(run("cpython-3.9", claim("a"), claim("b")))
    (tmp_path / "site" / "mine.txt").touch()
    folder = badges(run("cpython-3.9", claim("a")))
    assert {path.name for path in (folder / "claims").glob("*.svg")} == {"a.svg"}
    assert (tmp_path / "site" / "mine.txt").exists()
