"""The matrix: claims down, interpreters across, and what there is to say of each claim."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from functools import cached_property
from typing import Any

from concspec.report.merging import Column, Merged

_NUMBER = re.compile(r"0x[0-9a-f]+|\d+")


class State(str, Enum):
    """What a cell says: the verdict, or that it is not the expected one."""

    HOLDS = "holds"
    REFUTED = "refuted"
    NOT_APPLICABLE = "not applicable"
    INCONCLUSIVE = "inconclusive"
    CHANGED = "changed"
    ERROR = "error"
    NOT_RUN = "not run"


def state(claim: Mapping[str, Any]) -> State:
    """The state of a claim of one run."""
    if claim["verdict"] == State.ERROR.value:
        return State.ERROR
    return State.CHANGED if claim["changed"] else State(claim["verdict"])


@dataclass(frozen=True)
class Group:
    """Columns of which the same is to be said; ``said`` is the JSON that says it."""

    said: Any
    columns: Sequence[int]


@dataclass(frozen=True)
class Message:
    """What specs said when they came to their verdict; ``outcome`` is the first that said so.

    ``exact`` is whether the others said just the same, and not the same but for numbers, such as
    process ids; ``everywhere``, whether all columns said so that came to the verdict.
    """

    outcome: Mapping[str, Any]
    columns: Sequence[int]
    everywhere: bool
    exact: bool


@dataclass(frozen=True)
class Sight:
    """Columns that came to the same state and verdict, and what was said there."""

    state: State
    verdict: str
    columns: Sequence[int]
    messages: Sequence[Message]


@dataclass(frozen=True)
class Row:
    """One claim, and what each run says of it, in the order of the columns."""

    claim: Mapping[str, Any]
    runs: Sequence[Mapping[str, Any]]

    @property
    def slug(self) -> str:
        """The name of the claim."""
        return str(self.claim["slug"])

    @cached_property
    def states(self) -> Sequence[State]:
        """One state a column."""
        return [state(claim) for claim in self.runs]

    @property
    def differs(self) -> bool:
        """Whether interpreters differ, of those that ran it."""
        return len(set(self.states) - {State.NOT_RUN}) > 1

    @property
    def holds(self) -> bool:
        """Whether it holds on every interpreter."""
        return set(self.states) == {State.HOLDS}

    @property
    def expectations(self) -> Sequence[Group]:
        """What was expected, and of which columns."""
        keys = ("verdict", "reason", "since", "reference", "corrected_by")
        return _groups({key: c["expectation"][key] for key in keys} for c in self.runs)

    @property
    def sights(self) -> Sequence[Sight]:
        """What was seen, the columns of one state and verdict together."""
        grouped = _groups({"state": state(c), "verdict": c["verdict"]} for c in self.runs)
        return [
            Sight(group.said["state"], group.said["verdict"], group.columns, self._messages(group))
            for group in grouped
        ]

    def _messages(self, group: Group) -> Sequence[Message]:
        """The reasons and failures in ``group``: those that differ in numbers alone are one."""
        told: dict[str, tuple[Mapping[str, Any], dict[int, str]]] = {}
        for column in group.columns:
            for outcome in self.runs[column]["outcomes"]:
                if outcome["seen"] or outcome["reason"]:
                    said = json.dumps([outcome[key] for key in ("where", "reason", "seen")])
                    alike = _NUMBER.sub("#", said)
                    told.setdefault(alike, (outcome, {}))[1].setdefault(column, said)
        return [
            Message(
                outcome,
                list(said),
                everywhere=len(said) == len(group.columns),
                exact=len(set(said.values())) == 1,
            )
            for outcome, said in told.values()
        ]

    def falsifiers(self, caught: bool) -> Sequence[Group]:
        """The falsifiers that were caught, or those that escaped, each with its columns."""
        tried: dict[str, tuple[Mapping[str, Any], list[int]]] = {}
        for column, claim in enumerate(self.runs):
            for trial in claim.get("falsifiers", ()):
                if trial["caught"] is caught:
                    _, columns = tried.setdefault(trial["falsifier"], (trial, []))
                    columns.append(column)
        return [Group(trial, sorted(set(columns))) for trial, columns in tried.values()]

    @cached_property
    def durations(self) -> Sequence[float]:
        """Seconds that the specs of the claim took, one sum a column."""
        return [sum(outcome["duration"] for outcome in claim["outcomes"]) for claim in self.runs]

    def evidence(self, column: int) -> Iterator[Mapping[str, Any]]:
        """What the specs of the claim recorded on one interpreter."""
        for outcome in self.runs[column]["outcomes"]:
            yield from outcome["evidence"]


@dataclass(frozen=True)
class Matrix:
    """All that the page shows."""

    merged: Merged

    @property
    def columns(self) -> Sequence[Column]:
        """The interpreters."""
        return self.merged.columns

    @property
    def partial(self) -> Sequence[int]:
        """The columns of runs that were broken off."""
        return [index for index, column in enumerate(self.columns) if column.run["partial"]]

    @cached_property
    def rows(self) -> Sequence[Row]:
        """The claims, in the order of the notes."""
        by_claim = zip(*(column.run["claims"] for column in self.columns))
        return [Row(claims[0], claims) for claims in by_claim]

    @cached_property
    def sections(self) -> Sequence[tuple[Mapping[str, Any], Sequence[Row]]]:
        """The sections that have claims, each with its rows."""
        titled = self.merged.first["sections"]
        parts = [(s, [r for r in self.rows if r.claim["section"] == s["id"]]) for s in titled]
        return [(section, rows) for section, rows in parts if rows]

    def counts(self, column: int) -> Counter[State]:
        """How many claims are in which state on one interpreter."""
        return Counter(row.states[column] for row in self.rows)


def _groups(said_by_column: Iterable[Any]) -> Sequence[Group]:
    groups: dict[str, tuple[Any, list[int]]] = {}
    for column, said in enumerate(said_by_column):
        groups.setdefault(repr(said), (said, []))[1].append(column)
    return [Group(said, columns) for said, columns in groups.values()]
