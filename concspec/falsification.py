"""``pytest --falsify``: shows that each spec can fail, by running it under its falsifiers.

A spec runs as it is, and then once under each of its falsifiers, a sabotage of a primitive that
makes its claim false. Under it the spec has to fail by an AssertionError of its own; a crash,
another exception, an assertion of a library or a time-out is no catch. Of a claim that is expected
to be refuted, the sabotage makes it true, and the spec has to pass.
"""

from __future__ import annotations

import traceback
from collections.abc import Generator, Sequence
from pathlib import Path

import pytest

from concspec import sabotage
from concspec.grading import UNHARMED, Verdict
from concspec.interpreter import this_interpreter


class EscapedError(Exception):
    """A spec came to its verdict although the primitive was broken."""


class Falsification:
    """The plugin behind ``--falsify``."""

    @pytest.fixture
    def falsifier(self, request: pytest.FixtureRequest) -> str:
        """The name of the sabotage that the spec is under."""
        name: str = request.param
        return name

    def pytest_generate_tests(self, metafunc: pytest.Metafunc) -> None:
        """Run each spec as it is, and once under each falsifier that is for this interpreter."""
        facts = this_interpreter().facts()
        names = [
            name
            for mark in metafunc.definition.iter_markers("claim")
            for name in listed(mark.kwargs.get("falsified_by", ()))
            if sabotage.find(name).is_for(facts)
        ]
        if names:
            metafunc.fixturenames.append("falsifier")
            metafunc.parametrize("falsifier", [UNHARMED, *names], indirect=True)

    @pytest.hookimpl(wrapper=True)
    def pytest_pyfunc_call(self, pyfuncitem: pytest.Function) -> Generator[None, object, object]:
        """Break the primitive while the spec runs, and let what it did be a catch or an escape."""
        name = falsifier_of(pyfuncitem)
        if name is None:
            return (yield)
        try:
            with sabotage.active(name):
                yield
        except AssertionError as error:
            if not _is_of_the_specification(error, pyfuncitem.config.rootpath / "specs"):
                raise
            seen = Verdict.REFUTED
        else:
            seen = Verdict.HOLDS
        if ("expected", seen.value) not in pyfuncitem.user_properties:
            return True
        raise EscapedError(f"still {seen.value}, although {sabotage.find(name).breaks['en']}")


def _is_of_the_specification(error: AssertionError, specs: Path) -> bool:
    """Whether it was raised by a spec or for it, and not in a library that checks itself."""
    *_, (frame, _) = traceback.walk_tb(error.__traceback__)
    folders = Path(frame.f_code.co_filename).parents
    return specs in folders or Path(__file__).parent in folders


def listed(names: str | Sequence[str]) -> Sequence[str]:
    """The names as a list, of which there may be one, as text."""
    return [names] if isinstance(names, str) else names


def falsifier_of(item: pytest.Item) -> str | None:
    """The name of the sabotage that an item runs under, or None."""
    callspec = getattr(item, "callspec", None)
    name = callspec.params.get("falsifier", UNHARMED) if callspec else UNHARMED
    return None if name == UNHARMED else name
