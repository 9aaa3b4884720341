"""``--falsify``: specs that notice, specs that do not, and what counts as noticing."""

import os
import subprocess
import sys
import threading

import pytest

from concspec import sabotage
from concspec.interpreter import this_interpreter
from tests.samples import REFUTED, claim_table

SPECS = """
import subprocess, sys, threading

@claim("notices", falsified_by="fork.pid-in-child")
def test_notices():
    parent = os.getpid()
    returned = os.fork()
    if os.getpid() != parent:
        os._exit(returned == 0)
    assert os.wait()[1] == 256

@claim("becomes-true", falsified_by=("fork.frozen-getppid",))
def test_becomes_true():
    first = os.getppid()
    assert [first, os.getppid()] == [first, first] and os.getppid.__name__ == "<lambda>"
"""
CLAIMS = (claim_table("notices"), claim_table("becomes-true", REFUTED))


@pytest.mark.parametrize("arguments", [(), ("-n2",)])
def test_falsifiers_that_are_caught_pass(suite, arguments):
    suite.claims(*CLAIMS)
    suite.specs(SPECS)
    run = suite.pytest("--falsify", *arguments)
    run.assert_outcomes(passed=3, xfailed=1)
    run.stdout.fnmatch_lines(["claims: 2, falsifiers: 2, caught: 2, escaped: 0"])


ESCAPES = """
@claim("blind", falsified_by="fork.pid-in-child")
def test_blind(): pass

@claim("crashes", falsified_by="fork.pid-in-child")
def test_crashes():
    if os.environ.get("CONCSPEC_SABOTAGE"): raise ValueError("not an assertion")

@claim("skips", falsified_by="fork.pid-in-child")
def test_skips():
    if os.environ.get("CONCSPEC_SABOTAGE"): inconclusive("en", "zh")

@claim("dies", falsified_by="fork.pid-in-child")
def test_dies():
    if os.environ.get("CONCSPEC_SABOTAGE"): os._exit(1)

@claim("stays-false", falsified_by="fork.pid-in-child")
def test_stays_false(): assert False
"""


def test_escapes_fail_and_are_named_with_their_line(suite):
    suite.claims(
        *map(claim_table, ("blind", "crashes", "skips", "dies")),
        claim_table("stays-false", REFUTED),
    )
    suite.specs(ESCAPES)
    run = suite.pytest("--falsify", "--results=results.json")
    run.assert_outcomes(passed=4, failed=4, skipped=1, xfailed=1)
    run.stdout.fnmatch_lines(
        [
            "claims: 5, falsifiers: 5, caught: 0, escaped: 5",
            "*::test_blind?fork.pid-in-child?",
            "*specs/chapter/test_chapter.py:4: still holds, although fork() returns *",
            "*::test_crashes?fork.pid-in-child?",
            "*ValueError: not an assertion",
            "*::test_skips*",
            "      inconclusive",
            "*::test_dies*",
            "*::test_stays_false*",
            "*still refuted, although *",
        ]
    )
    claims = {claim["slug"]: claim for claim in suite.read("results.json")["claims"]}
    assert claims["blind"]["verdict"] == "holds"
    (trial,) = claims["blind"]["falsifiers"]
    assert (trial["falsifier"], trial["caught"]) == ("fork.pid-in-child", False)


def test_an_escape_by_skipping_alone_fails_the_run(suite):
    suite.claims(claim_table("skips"))
    suite.specs(ESCAPES.split("\n\n")[2].replace("\n@", "@"))
    assert suite.pytest("--falsify").ret == pytest.ExitCode.TESTS_FAILED


def test_a_spec_that_is_inconclusive_here_is_not_tried(suite):
    suite.claims(claim_table("idle"))
    suite.specs(
        "@claim('idle', falsified_by='fork.pid-in-child')\ndef test_it(): inconclusive('en', 'zh')"
    )
    run = suite.pytest("--falsify")
    assert run.ret == 0
    run.stdout.fnmatch_lines(["claims: 0, falsifiers: 0, caught: 0, escaped: 0"])


NAMES = """
import sys, threading

@claim("named", falsified_by=("threads.name-with-target", "threads.name-without-target"))
def test_named():
    assert ("wait" in threading.Thread(target=os.wait).name) == (sys.version_info >= (3, 10))
"""


def test_a_sabotage_for_other_interpreters_is_not_tried(suite):
    suite.claims(claim_table("named"))
    suite.specs(NAMES)
    run = suite.pytest("--falsify")
    run.assert_outcomes(passed=2)
    run.stdout.fnmatch_lines(["claims: 1, falsifiers: 1, caught: 1, escaped: 0"])


def test_selection_works_with_falsify(suite):
    suite.claims(*CLAIMS)
    suite.specs(SPECS)
    suite.pytest("--falsify", "--claim=notices").assert_outcomes(passed=2, deselected=2)
    suite.pytest("--falsify", "-k", "pid-in-child").assert_outcomes(passed=1, deselected=3)


def test_a_sabotage_ends_with_its_context():
    fork, environment = os.fork, dict(os.environ)
    with sabotage.active("fork.pid-in-child"):
        assert os.fork is not fork
    assert os.fork is fork
    assert dict(os.environ) == environment


def test_a_sabotage_reaches_child_interpreters():
    program = "import os; print(os.fork.__module__)"
    command = [sys.executable, "-c", program]
    with sabotage.active("fork.pid-in-child"):
        assert subprocess.check_output(command, text=True) == "concspec.sabotage.fork\n"
    assert subprocess.check_output(command, text=True) != "concspec.sabotage.fork\n"


def test_a_sabotage_that_blocks_is_noticed_by_waiting(monkeypatch):
    monkeypatch.setattr(sabotage, "PATIENCE", 0.1)
    with (
        pytest.raises(AssertionError, match="still waiting"),
        sabotage.active("fork.waits-for-child"),
    ):
        threading.Event().wait(30)


def test_every_sabotage_says_what_it_breaks_and_where():
    facts = this_interpreter().facts()
    for name in sabotage.names():
        found = sabotage.find(name)
        assert found.breaks.strip(), name
        assert found.is_for(facts) in (True, False), name


def test_there_is_no_sabotage_by_another_name():
    for name in ("fork.nothing", "nothing.at-all", "fork", "fork._fork", "fork.replaced"):
        with pytest.raises(LookupError, match="there is no sabotage"):
            sabotage.find(name)
