"""The results file: what it says of a run, and that it is there whole or not at all."""

import dataclasses
import json
import os
from pathlib import Path

import pytest

from concspec.catalogue import Catalogue, Claim, Expectation, Section, Source, Text
from concspec.grading import Outcome, Trial, Verdict
from concspec.interpreter import this_interpreter
from concspec.results import Run
from concspec.sabotage import find
from tests.conftest import ROOT
from tests.samples import EXPECTED_TO_HOLD


@pytest.fixture
def run():
    """A run of an empty catalogue."""
    return Run(this_interpreter(), Catalogue((), {}, "hash"))


def test_a_results_file_replaces_the_one_before(run, tmp_path):
    file = tmp_path / "results.json"
    run.write(file)
    dataclasses.replace(run, gil_after=False).write(file)
    assert json.loads(file.read_text())["interpreter"]["gil_after"] is False
    assert list(tmp_path.iterdir()) == [file]


def test_a_results_file_can_be_read_by_all_whom_the_umask_lets(run, tmp_path):
    ordinary, results = tmp_path / "ordinary", tmp_path / "results.json"
    ordinary.touch()
    run.write(results)
    assert results.stat().st_mode == ordinary.stat().st_mode


def test_a_failed_write_leaves_the_old_file_and_nothing_else(run, tmp_path, monkeypatch):
    file = tmp_path / "results.json"
    file.write_text("old")

    def full(_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(OSError, match="No space left"):
        run.write(file)
    assert file.read_text() == "old"
    assert list(tmp_path.iterdir()) == [file]


def test_an_interruption_behind_the_replacement_is_passed_on(run, tmp_path, monkeypatch):
    file = tmp_path / "results.json"
    replace = Path.replace

    def interrupted(*paths):
        replace(*paths)
        raise KeyboardInterrupt

    monkeypatch.setattr(Path, "replace", interrupted)
    with pytest.raises(KeyboardInterrupt):
        run.write(file)
    assert json.loads(file.read_text())["catalogue"] == "hash"


SPEC = "specs/chapter/test_it.py::test_it"
WHY = Expectation(
    Verdict.REFUTED, "True", Text("why", "为何"), "1991", "https://example.org/why", "slug"
)
CLAIM = Claim("slug", "1", "1-2", Text("en", "说明"), ("https://example.org",), (), "", (SPEC,))
REFUTED = dataclasses.replace(
    CLAIM, slug="refuted", exceptions=(WHY,), unfalsifiable="It is a number."
)
OTHER = dataclasses.replace(CLAIM, slug="other", specs=("path::elsewhere",))


def run_of(*claims, seen=(), tried=()):
    """Give a run in which specs came to these verdicts, by node id, also under a falsifier."""
    catalogue = Catalogue(
        [Section("1", Text("First", "第一节"))],
        {claim.slug: claim for claim in claims},
        "hash",
        {SPEC: Source(3, "def test_it(): pass")},
    )
    run = Run(this_interpreter(), catalogue)
    run.outcomes = {spec: Outcome(spec, verdict) for spec, verdict in seen}
    for spec, verdict in tried:
        run.trials[spec] = Trial("fork.pid-in-child", Outcome(spec, verdict, seen="what was seen"))
    return run


def test_a_claim_is_graded_by_the_outcomes_of_its_specs():
    seen = [(f"{SPEC}[2]", Verdict.REFUTED), (f"{SPEC}[1]", Verdict.HOLDS)]
    grades = run_of(CLAIM, OTHER, seen=seen).grades
    assert [(grade.claim, grade.verdict) for grade in grades] == [
        (CLAIM, Verdict.REFUTED),
        (OTHER, Verdict.NOT_RUN),
    ]
    assert [outcome.spec for outcome in grades[0].outcomes] == [f"{SPEC}[2]", f"{SPEC}[1]"]


@pytest.mark.parametrize(
    ("unharmed", "counts"),
    [
        (Verdict.HOLDS, True),
        (Verdict.REFUTED, True),
        (Verdict.ERROR, True),
        (Verdict.INCONCLUSIVE, False),
        (Verdict.NOT_APPLICABLE, False),
        (None, True),
    ],
)
def test_falsifiers_count_where_their_spec_comes_to_a_verdict(unharmed, counts):
    seen = [(f"{SPEC}[unharmed]", unharmed)] if unharmed else []
    run = run_of(CLAIM, seen=seen, tried=[(f"{SPEC}[fork.pid-in-child]", Verdict.HOLDS)])
    assert run.tried == list(run.trials.values()) * counts
    assert len(run.as_json()["claims"][0]["falsifiers"]) == counts


def test_a_results_file_says_what_was_seen_of_a_claim():
    seen = [(f"{SPEC}[unharmed]", Verdict.HOLDS)]
    tried = [(f"{SPEC}[fork.pid-in-child]", Verdict.HOLDS), ("path::x[y]", Verdict.ERROR)]
    run = run_of(CLAIM, REFUTED, seen=seen, tried=tried)
    outcome = dataclasses.asdict(run.outcomes[f"{SPEC}[unharmed]"])
    falsifier = {
        "falsifier": "fork.pid-in-child",
        "breaks": find("fork.pid-in-child").breaks,
        "spec": f"{SPEC}[fork.pid-in-child]",
        "caught": True,
        "seen": "what was seen",
    }
    held = {
        "slug": "slug",
        "section": "1",
        "lines": "1-2",
        "text": {"en": "en", "zh": "说明"},
        "references": ["https://example.org"],
        "expectation": EXPECTED_TO_HOLD,
        "verdict": "holds",
        "changed": False,
        "specs": [SPEC],
        "outcomes": [outcome],
        "unfalsifiable": None,
        "falsifiers": [falsifier],
    }
    assert run.as_json()["claims"] == [
        held,
        {
            **held,
            "slug": "refuted",
            "expectation": dataclasses.asdict(WHY),
            "changed": True,
            "unfalsifiable": "It is a number.",
        },
    ]


def test_a_results_file_says_what_ran():
    results = run_of(CLAIM).as_json()
    schema = json.loads((ROOT / "concspec" / "results.schema.json").read_text(encoding="utf-8"))
    assert results["schema_version"] == schema["properties"]["schema_version"]["const"]
    assert results["partial"] is False
    assert results["interpreter"]["id"] == this_interpreter().id
    assert results["interpreter"]["gil_after"] is None
    assert results["sections"] == [{"id": "1", "title": {"en": "First", "zh": "第一节"}}]
    assert results["sources"] == {SPEC: {"line": 3, "text": "def test_it(): pass"}}


def test_a_results_file_can_be_read_by_people(tmp_path):
    file = tmp_path / "results.json"
    run_of(CLAIM).write(file)
    assert '"claims": [\n  {\n   "slug": "slug",' in file.read_text(encoding="utf-8")
    assert '"zh": "说明"\n' in file.read_text(encoding="utf-8")


def test_results_may_go_to_what_is_no_file(run, tmp_path):
    link = tmp_path / "results.json"
    link.symlink_to(os.devnull)
    run.write(link)
    assert link.is_char_device()


def test_words_that_are_no_text_are_written_all_the_same(run, tmp_path):
    file = tmp_path / "results.json"
    dataclasses.replace(
        run, interpreter=dataclasses.replace(run.interpreter, build="\udcff")
    ).write(file)
    assert json.loads(file.read_text(encoding="utf-8"))["interpreter"]["build"] == "?"
