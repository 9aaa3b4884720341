"""An executable specification of concurrency in Python, graded on the interpreter at hand.

A spec is a pytest test that names the claims it proves::

    from concspec import claim

    @claim("fork-child-gets-zero")
    def test_fork_returns_zero_in_the_child(): ...

pytest is imported on use, not here: programs that a spec runs in other processes import
parts of this package, and should start fast.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NoReturn

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pytest

__version__ = "0.1.0"
__all__ = ["claim", "inconclusive"]


def claim(*slugs: str, falsified_by: str | Sequence[str] = ()) -> pytest.MarkDecorator:
    """Mark a test as the spec of the claims with these slugs (string literals, at least one).

    ``falsified_by`` names sabotages, such as ``"fork.pid-in-child"``, each of which makes the
    claims false, so that the test has to fail under it.
    """
    import pytest  # noqa: PLC0415 - see the module's docstring

    return pytest.mark.claim(*slugs, falsified_by=falsified_by)


def inconclusive(en: str, zh: str) -> NoReturn:
    """End the running spec without a verdict, because it could not be measured here and now.

    Takes the reason in English and in Chinese; it should say what is missing and how to get it.
    Raises pytest's own skip, so that every tool that knows pytest shows it as one.
    """
    import pytest  # noqa: PLC0415 - see the module's docstring

    skip = pytest.skip.Exception(en)
    skip.reason = {"en": en, "zh": zh}  # type: ignore[attr-defined]
    raise skip
