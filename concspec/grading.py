"""From what the specs of a claim did to the verdict on the claim, against what was expected."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from concspec.catalogue import Claim, Expectation, Text


UNHARMED = "unharmed"
"""Stands in the node id of a spec in place of a falsifier."""


class Verdict(str, Enum):
    """What a run saw of a claim."""

    HOLDS = "holds"
    REFUTED = "refuted"
    NOT_APPLICABLE = "not applicable"
    INCONCLUSIVE = "inconclusive"
    ERROR = "error"
    NOT_RUN = "not run"


@dataclass(frozen=True)
class Outcome:
    """What one spec did.

    ``where`` and ``seen`` tell of a failure: its place as ``file:line``, and its message.
    ``duration`` is in seconds.
    """

    spec: str
    verdict: Verdict
    duration: float = 0.0
    reason: Text | None = None
    where: str = ""
    seen: str = ""
    evidence: Sequence[Mapping[str, Any]] = ()


@dataclass(frozen=True)
class Trial:
    """What one spec did under one of its falsifiers; it ``holds`` if it noticed the sabotage."""

    falsifier: str
    outcome: Outcome

    @property
    def unharmed(self) -> str:
        """The node id of the same spec without a falsifier."""
        return self.outcome.spec.replace(self.falsifier, UNHARMED)

    @property
    def caught(self) -> bool:
        """Whether the spec noticed, by AssertionError."""
        return self.outcome.verdict is Verdict.HOLDS


@dataclass(frozen=True)
class Grade:
    """The verdict on one claim, and the outcomes of its specs that it rests on."""

    claim: Claim
    expectation: Expectation
    outcomes: Sequence[Outcome] = field(default=())

    @property
    def verdict(self) -> Verdict:
        """The worst verdict that any of the claim's specs came to."""
        return self.decisive.verdict if self.outcomes else Verdict.NOT_RUN

    @property
    def changed(self) -> bool:
        """Whether the verdict is one that nobody expected of this interpreter."""
        as_good = (self.expectation.verdict, Verdict.INCONCLUSIVE)
        return bool(self.outcomes) and self.verdict not in as_good

    @property
    def decisive(self) -> Outcome:
        """The outcome that the verdict rests on: the first of the worst."""
        return max(self.outcomes, key=lambda seen: _badness(seen.verdict, self.expectation.verdict))


def _badness(seen: Verdict, expected: Verdict) -> tuple[bool, bool, bool]:
    """What makes a verdict bad, the worst first."""
    inconclusive = seen is Verdict.INCONCLUSIVE
    unexpected = not inconclusive and seen is not expected
    return seen is Verdict.ERROR, unexpected, inconclusive


def verdict_on(
    error: BaseException | None, *, in_call: bool, skipped: bool, applicable: bool
) -> Verdict:
    """What a spec that ended with ``error`` (None: it passed) says about its claims.

    Only an AssertionError refutes a claim, and only ``in_call``: in the test itself, not in its
    setup or teardown. Any other exception says that the spec itself broke.
    """
    if error is None:
        return Verdict.HOLDS
    if skipped:
        return Verdict.INCONCLUSIVE if applicable else Verdict.NOT_APPLICABLE
    if in_call and isinstance(error, AssertionError):
        return Verdict.REFUTED
    return Verdict.ERROR
