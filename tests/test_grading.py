"""Verdicts: what a spec's end means, and which of several specs counts."""

import dataclasses

import pytest

from concspec.catalogue import HOLDS, Claim, Expectation, Text
from concspec.grading import Grade, Outcome, Trial, Verdict, verdict_on

REFUTED = Expectation(Verdict.REFUTED)
NOT_APPLICABLE = Expectation(Verdict.NOT_APPLICABLE)
CLAIM = Claim("slug", "1", "1", Text("en", "zh"), (), (), "", ())


def grade(expectation, *verdicts):
    return Grade(CLAIM, expectation, [Outcome(f"spec {n}", v) for n, v in enumerate(verdicts)])


@pytest.mark.parametrize(
    ("error", "in_call", "skipped", "applicable", "verdict"),
    [
        (None, True, False, True, Verdict.HOLDS),
        (AssertionError(), True, False, True, Verdict.REFUTED),
        (AssertionError(), False, False, True, Verdict.ERROR),
        (ValueError(), True, False, True, Verdict.ERROR),
        (KeyboardInterrupt(), True, False, True, Verdict.ERROR),
        (Exception(), True, True, True, Verdict.INCONCLUSIVE),
        (Exception(), False, True, False, Verdict.NOT_APPLICABLE),
    ],
)
def test_the_end_of_a_spec_gives_a_verdict(error, in_call, skipped, applicable, verdict):
    seen = verdict_on(error, in_call=in_call, skipped=skipped, applicable=applicable)
    assert seen is verdict


@pytest.mark.parametrize(
    ("expectation", "seen", "verdict", "changed"),
    [
        (HOLDS, [Verdict.HOLDS], Verdict.HOLDS, False),
        (HOLDS, [Verdict.REFUTED], Verdict.REFUTED, True),
        (HOLDS, [Verdict.INCONCLUSIVE], Verdict.INCONCLUSIVE, False),
        (HOLDS, [Verdict.ERROR], Verdict.ERROR, True),
        (HOLDS, [], Verdict.NOT_RUN, False),
        (REFUTED, [Verdict.REFUTED], Verdict.REFUTED, False),
        (REFUTED, [Verdict.HOLDS], Verdict.HOLDS, True),
        (REFUTED, [Verdict.ERROR], Verdict.ERROR, True),
        (REFUTED, [Verdict.INCONCLUSIVE], Verdict.INCONCLUSIVE, False),
        (NOT_APPLICABLE, [Verdict.NOT_APPLICABLE], Verdict.NOT_APPLICABLE, False),
        (NOT_APPLICABLE, [Verdict.HOLDS], Verdict.HOLDS, True),
        (HOLDS, [Verdict.HOLDS, Verdict.REFUTED], Verdict.REFUTED, True),
        (REFUTED, [Verdict.REFUTED, Verdict.HOLDS], Verdict.HOLDS, True),
        (HOLDS, [Verdict.INCONCLUSIVE, Verdict.HOLDS], Verdict.INCONCLUSIVE, False),
        (HOLDS, [Verdict.HOLDS, Verdict.INCONCLUSIVE], Verdict.INCONCLUSIVE, False),
        (HOLDS, [Verdict.INCONCLUSIVE, Verdict.REFUTED], Verdict.REFUTED, True),
        (HOLDS, [Verdict.ERROR, Verdict.REFUTED], Verdict.ERROR, True),
        (HOLDS, [Verdict.REFUTED, Verdict.INCONCLUSIVE], Verdict.REFUTED, True),
        (HOLDS, [Verdict.REFUTED, Verdict.ERROR, Verdict.HOLDS], Verdict.ERROR, True),
    ],
)
def test_the_worst_of_several_specs_counts(expectation, seen, verdict, changed):
    graded = grade(expectation, *seen)
    assert graded.verdict is verdict
    assert graded.changed is changed


def test_the_first_of_the_worst_is_the_decisive_one():
    graded = grade(HOLDS, Verdict.HOLDS, Verdict.REFUTED, Verdict.REFUTED)
    assert graded.decisive.spec == "spec 1"


@pytest.mark.parametrize("verdict", Verdict)
def test_a_falsifier_is_caught_where_its_spec_passes(verdict):
    trial = Trial("a.b", Outcome("path::test_it[1-a.b]", verdict))
    assert trial.caught is (verdict is Verdict.HOLDS)
    assert trial.unharmed == "path::test_it[1-unharmed]"


OUTCOME = Outcome("spec", Verdict.HOLDS)


def test_an_outcome_has_taken_no_time_yet():
    assert OUTCOME.duration == 0


@pytest.mark.parametrize("value", [OUTCOME, Trial("a.b", OUTCOME), Grade(CLAIM, HOLDS)])
def test_what_was_seen_cannot_be_changed(value):
    with pytest.raises(dataclasses.FrozenInstanceError):
        setattr(value, dataclasses.fields(value)[0].name, None)
