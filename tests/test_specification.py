"""The specification itself, as each interpreter of tox.ini reads its catalogue."""

import configparser
import dataclasses
import re
from statistics import mean

import pytest

from concspec.catalogue import load
from concspec.grading import Verdict
from concspec.interpreter import this_interpreter
from concspec.sabotage import find, names
from tests.conftest import ROOT

TOX = configparser.ConfigParser()
TOX.read(ROOT / "tox.ini", encoding="utf-8")
MATRIX = TOX["tox"]["env_list"].split(", ")
SYSTEMS = ["linux", "darwin", "win32"]


def facts_of(environment, system):
    """Give the facts of an interpreter that tox calls, for instance, ``py313t``."""
    name, minor, threads = re.fullmatch(r"(py|pypy)3(\d+)(t?)", environment).groups()
    forkserver = name == "py" and int(minor) >= 14
    interpreter = dataclasses.replace(
        this_interpreter(),
        implementation="pypy" if name == "pypy" else "cpython",
        version=f"3.{minor}.0",
        free_threaded=bool(threads),
        gil=not threads,
        system=system,
        start_method=("forkserver" if forkserver else "fork") if system == "linux" else "spawn",
    )
    return {**interpreter.facts(), "fork": system != "win32"}


@pytest.mark.parametrize("system", SYSTEMS)
@pytest.mark.parametrize("environment", MATRIX)
def test_every_claim_can_fail_on_every_interpreter(environment, system):
    """Loading refuses a claim that has no falsifier for the interpreter."""
    facts = facts_of(environment, system)
    claims = load(ROOT / "specs", facts).claims.values()
    falsifiers = [
        sum(find(name).is_for(facts) for name in claim.falsifiers)
        for claim in claims
        if claim.expectation(facts).verdict is Verdict.HOLDS
    ]
    assert mean(falsifiers) >= 1.5


def test_every_sabotage_falsifies_something():
    """Those of the explorer falsify its tests, in interleave/test_can_fail.py."""
    claims = load(ROOT / "specs", this_interpreter().facts()).claims.values()
    idle = set(names()) - {name for claim in claims for name in claim.falsifiers}
    assert [name for name in idle if not name.startswith("exploring.")] == []


def test_every_correction_is_shown_somewhere():
    """It is shown where the claim is expected to be refuted, and the correction to hold."""
    everywhere = [facts_of(environment, system) for environment in MATRIX for system in SYSTEMS]
    catalogue = load(ROOT / "specs", this_interpreter().facts())
    named, shown = set(), set()
    for claim in catalogue.claims.values():
        named |= {(claim.slug, e.corrected_by) for e in claim.exceptions if e.corrected_by}
        named |= {(claim.slug, claim.corrected_by)} if claim.corrected_by else set()
        found = {catalogue.correction(claim.slug, facts) for facts in everywhere} - {None}
        shown |= {(claim.slug, correction.slug) for correction in found}
    assert shown == named
