"""``--falsify``: specs that notice, specs that do not, and what counts as noticing."""

import os
import re
import subprocess
import sys
import threading

import pytest

from concspec import sabotage
from concspec.interpreter import this_interpreter
from tests.samples import REFUTED, SHORT_BOUND, claim_table

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
    run = suite.pytest("--falsify", "--results=results.json", *arguments)
    run.assert_outcomes(passed=3, xfailed=1)
    run.stdout.fnmatch_lines(["claims: 2, falsifiers: 2, caught: 2, escaped: 0"])
    notices, becomes_true = suite.read("results.json")["claims"]
    assert (notices["verdict"], becomes_true["verdict"]) == ("holds", "refuted")
    (trial,) = notices["falsifiers"]
    assert trial == {
        "falsifier": "fork.pid-in-child",
        "breaks": sabotage.find("fork.pid-in-child").breaks,
        "spec": "specs/chapter/test_chapter.py::test_notices[fork.pid-in-child]",
        "caught": True,
        "seen": "",
    }


SABOTAGED = "if os.environ.get('CONCSPEC_SABOTAGE'):"
ESCAPES = {
    "blind": "pass",
    "crashes": f"{SABOTAGED} raise ValueError('not an assertion')",
    "dies": f"{SABOTAGED} os._exit(1)",
    "library": f"{SABOTAGED} multiprocessing.Process().join()",
    "skips": f"{SABOTAGED} inconclusive('en', 'zh')",
    "stays-false": "assert False",
    "crashes-too": f"{SABOTAGED} raise ValueError('not an assertion')\n    assert False",
    "waits": f"{SABOTAGED} time.sleep(60)",
}
REFUTED_ESCAPES = ("stays-false", "crashes-too")


def escaping(suite, *slugs):
    """Write a suite of these specs, none of which notices that fork() is broken."""
    suite.claims(*(claim_table(s, REFUTED if s in REFUTED_ESCAPES else "") for s in slugs))
    specs = (
        f"@claim({slug!r}, falsified_by='fork.pid-in-child')\n"
        f"def test_{slug.replace('-', '_')}():\n    {ESCAPES[slug]}\n"
        for slug in slugs
    )
    suite.specs("import multiprocessing, time\n" + "".join(specs))


@pytest.mark.parametrize("arguments", [(), ("-n2",)])
def test_escapes_fail_and_are_named_with_their_line(suite, arguments):
    escaping(suite, *[slug for slug in ESCAPES if slug != "waits"])
    run = suite.pytest("--falsify", "--results=results.json", *arguments)
    run.assert_outcomes(passed=5, failed=6, skipped=1, xfailed=2)
    file = "specs/chapter/test_chapter.py"
    run.stdout.fnmatch_lines_random(
        [
            "claims: 7, falsifiers: 7, caught: 0, escaped: 7",
            f"  {file}:4: test_blind?fork.pid-in-child?",
            "      *still holds, although fork() returns *",
            f"  {file}:7: test_crashes?fork.pid-in-child?",
            "      *ValueError: not an assertion",
            f"  {file}:10: test_dies?fork.pid-in-child?",
            "      its process ended with exit status 1",
            f"  {file}:13: test_library?fork.pid-in-child?",
            "      AssertionError: can only join a started process",
            f"  {file}:16: test_skips?fork.pid-in-child?",
            "      inconclusive",
            f"  {file}:19: test_stays_false?fork.pid-in-child?",
            "      *still refuted, although fork() returns *",
            f"  {file}:22: test_crashes_too?fork.pid-in-child?",
        ]
    )
    claims = {claim["slug"]: claim for claim in suite.read("results.json")["claims"]}
    assert [claims[slug]["verdict"] for slug in ("blind", "stays-false")] == ["holds", "refuted"]
    assert not any(trial["caught"] for claim in claims.values() for trial in claim["falsifiers"])


def test_a_timeout_is_an_escape(suite):
    escaping(suite, "waits")
    suite.write("conftest.py", SHORT_BOUND)
    run = suite.pytest("--falsify")
    run.assert_outcomes(passed=1, failed=1)
    run.stdout.fnmatch_lines(
        [
            "claims: 1, falsifiers: 1, caught: 0, escaped: 1",
            "  specs/chapter/test_chapter.py:4: test_waits?fork.pid-in-child?",
            "      killed, because it did not end within 1 s",
        ]
    )


def test_a_spec_that_fails_unharmed_fails_the_run(suite):
    suite.claims(claim_table("false"))
    suite.specs("@claim('false', falsified_by='fork.pid-in-child')\ndef test_it(): assert False")
    run = suite.pytest("--falsify")
    assert run.ret == pytest.ExitCode.TESTS_FAILED
    run.stdout.fnmatch_lines(["changed: 1"])


def test_an_escape_by_skipping_alone_fails_the_run(suite):
    escaping(suite, "skips")
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
        assert all(said.strip() for said in found.breaks.values()), name
        chinese = [
            lang for lang, said in found.breaks.items() if re.search("[\u4e00-\u9fff]", said)
        ]
        assert chinese == ["zh"], name
        found.is_for(facts)  # raises, if it asks for a fact that there is not


def test_there_is_no_sabotage_by_another_name():
    for name in ("fork.nothing", "nothing.at-all", "fork", "fork._fork", "fork.replaced"):
        with pytest.raises(LookupError, match="there is no sabotage"):
            sabotage.find(name)


def test_what_is_replaced_is_put_back():
    class Base:
        inherited = 1

    class Owner(Base):
        nothing = None
        there = 2

    with sabotage.replaced(Owner, nothing=3, there=3, inherited=3, new=3):
        assert (Owner.nothing, Owner.there, Owner.inherited, Owner.new) == (3, 3, 3, 3)
    assert (Owner.nothing, Owner.there, Owner.inherited) == (None, 2, 1)
    assert not {"inherited", "new"} & vars(Owner).keys()


def test_threads_are_traced_as_before_when_a_sabotage_is_over():
    def trace(*_):
        return None

    def start():
        thread = threading.Thread(target=lambda: traced_by.append(sys.gettrace()))
        thread.start()
        thread.join()

    traced_by, before = [], threading._trace_hook
    threading.settrace(trace)
    try:
        with sabotage.traced(lambda *_: None):
            start()
        start()
    finally:
        threading.settrace(before)
    assert traced_by[0] not in (None, trace)
    assert traced_by[1] is trace
