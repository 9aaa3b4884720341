"""Merges the results files of many interpreters and machines, and refuses what does not fit."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from concspec.report.reading import BadFileError, read

STATIC = ("slug", "section", "lines", "text", "references", "specs")
"""What a claim says of itself, which is the same on every interpreter."""

_DECIDED = {"not run": 0, "inconclusive": 1}
"""How much a verdict says; any other one says all there is to say."""

_SYSTEMS = {"linux": "linux", "darwin": "macos", "win32": "windows"}
_SHOWN = 3


@dataclass(frozen=True)
class Refusal:
    """A file that is left out, and why."""

    file: str
    reason: str

    def __str__(self) -> str:
        """One line: ``file: reason``."""
        return f"{self.file}: {self.reason}"


class MergeError(Exception):
    """No page can be made of these files; ``refusals`` says what is wrong with each."""

    def __init__(self, refusals: Sequence[Refusal]) -> None:
        """Keep the refusals; the message lists them, one a line."""
        super().__init__("\n".join(map(str, refusals)))
        self.refusals = refusals


@dataclass(frozen=True)
class Column:
    """One interpreter of the matrix: its newest run, and the files that agree on it."""

    run: Mapping[str, Any]
    files: Sequence[str]

    @property
    def interpreter(self) -> Mapping[str, Any]:
        """The facts of the interpreter."""
        facts: Mapping[str, Any] = self.run["interpreter"]
        return facts

    @cached_property
    def id(self) -> str:
        """The id of the interpreter, such as ``cpython-3.13t``; ``+gil`` if one was switched on."""
        switched_on = self.interpreter["free_threaded"] and self.interpreter["gil"]
        return f"{self.interpreter['id']}{'+gil' if switched_on else ''}"

    @cached_property
    def system(self) -> str:
        """``linux``, ``macos``, ``windows``, or what else ``sys.platform`` is."""
        system = str(self.interpreter["system"])
        return _SYSTEMS.get(system, system)

    @cached_property
    def key(self) -> str:
        """What names the column at addresses that stay: ``cpython-3.13t-linux``."""
        return f"{self.id}-{self.system}"

    @property
    def order(self) -> tuple[object, ...]:
        """Where the column stands: by implementation, version, build and system."""
        implementation, _, version = self.id.partition("-")
        numbers = [int(number) for number in re.findall(r"\d+", version)]
        return implementation, numbers, version, self.system


@dataclass(frozen=True)
class Merged:
    """Runs of one catalogue on many interpreters."""

    columns: Sequence[Column]
    refusals: Sequence[Refusal]

    @property
    def first(self) -> Mapping[str, Any]:
        """One of the runs: all say the same of the catalogue."""
        return self.columns[0].run


def merge(paths: Iterable[Path], require: Iterable[str] = (), *, skip_bad: bool = False) -> Merged:
    """Read the results files ``paths``, and those in folders among them, and merge them.

    Each of ``require`` must name a column, by its key or the id of its interpreter. Raises
    MergeError with everything that is wrong; with ``skip_bad`` bad files are left out instead,
    unless nothing is left, or not all that is required.
    """
    return merge_runs(_read_all(paths), require, skip_bad=skip_bad)


def merge_runs(
    runs: Iterable[tuple[str, Mapping[str, Any] | BadFileError]],
    require: Iterable[str] = (),
    *,
    skip_bad: bool = False,
) -> Merged:
    """Merge runs that have been read, each with the name of its file."""
    refusals: list[Refusal] = []
    read_well: list[tuple[str, Mapping[str, Any]]] = []
    for file, run in runs:
        if isinstance(run, BadFileError):
            refusals.append(Refusal(file, str(run)))
        else:
            read_well.append((file, run))
    one_catalogue = _of_one_catalogue(read_well, refusals)
    columns = sorted(_columns(one_catalogue, refusals), key=lambda column: column.order)
    fatal = []
    if not columns:
        fatal.append(Refusal("results", "there is no good results file among those given"))
    else:
        whole = [column for column in columns if _is_whole(column.run)]
        names = {name for column in whole for name in (column.key, column.id)}
        there = ", ".join(column.key for column in whole) or "none"
        fatal.extend(
            Refusal("--require", f"{name} did not run all claims; those that did: {there}")
            for name in require
            if name not in names
        )
    if fatal or (refusals and not skip_bad):
        raise MergeError([*refusals, *fatal])
    return Merged(columns, refusals)


def _read_all(paths: Iterable[Path]) -> Iterator[tuple[str, Mapping[str, Any] | BadFileError]]:
    for path in paths:
        for file in sorted(path.glob("*.json")) if path.is_dir() else [path]:
            yield str(file), _try(file)


def _try(file: Path) -> Mapping[str, Any] | BadFileError:
    try:
        return read(file)
    except BadFileError as error:
        return error


def _of_one_catalogue(
    runs: Sequence[tuple[str, Mapping[str, Any]]], refusals: list[Refusal]
) -> Sequence[tuple[str, Mapping[str, Any]]]:
    """Keep the runs of the catalogue that most are of, the newest one if two have as many."""
    groups: list[tuple[object, list[tuple[str, Mapping[str, Any]]]]] = []
    for file, run in runs:
        says = _says(run)
        members = next((members for known, members in groups if known == says), None)
        if members is None:
            groups.append((says, [(file, run)]))
        else:
            members.append((file, run))
    if not groups:
        return []
    _, kept = max(groups, key=lambda group: (len(group[1]), max(r["date"] for _, r in group[1])))
    hash_kept = kept[0][1]["catalogue"]
    for _, members in groups:
        if members is kept:
            continue
        for file, run in members:
            if run["catalogue"] == hash_kept:
                reason = f"names the catalogue of {kept[0][0]}, but says other things of its claims"
            else:
                reason = (
                    f"is of another catalogue, {run['catalogue'][:12]}: {kept[0][0]} is of "
                    f"{hash_kept[:12]}, as are {len(kept)} in all; run the specification again"
                )
            refusals.append(Refusal(file, reason))
    return kept


def _says(run: Mapping[str, Any]) -> object:
    """What a run says of the catalogue, apart from any interpreter."""
    claims = [[claim[key] for key in STATIC] for claim in run["claims"]]
    return run["catalogue"], run["sections"], claims, run["sources"]


def _columns(
    runs: Sequence[tuple[str, Mapping[str, Any]]], refusals: list[Refusal]
) -> Iterator[Column]:
    """Make one column of the runs on one interpreter; the newest one is what they must agree to."""
    by_key: dict[str, list[tuple[str, Mapping[str, Any]]]] = {}
    for file, run in sorted(runs, key=lambda named: str(named[1]["date"]), reverse=True):
        by_key.setdefault(Column(run, [file]).key, []).append((file, run))
    for key, same in by_key.items():
        newest, run = same[0]
        agreed = [newest]
        for file, older in same[1:]:
            differ = [
                f"{a['slug']} ({_said(b)} here, {_said(a)} there)"
                for a, b in zip(run["claims"], older["claims"])
                if _disagree(a, b)
            ]
            if differ:
                more = f" and {len(differ) - _SHOWN} more" if len(differ) > _SHOWN else ""
                said = ", ".join(differ[:_SHOWN]) + more
                reason = f"is of {key}, as is the newer {newest}, with other verdicts: {said}"
                refusals.append(Refusal(file, reason))
            else:
                agreed.append(file)
                run = _completed(run, older)
        yield Column(run, agreed)


def _is_whole(run: Mapping[str, Any]) -> bool:
    """Whether a run came to its end, and left out no claim."""
    return not run["partial"] and all(claim["verdict"] != "not run" for claim in run["claims"])


def _said(claim: Mapping[str, Any]) -> str:
    return f"{'changed: ' if claim['changed'] else ''}{claim['verdict']}"


def _decided(claim: Mapping[str, Any]) -> int:
    return _DECIDED.get(claim["verdict"], len(_DECIDED))


def _disagree(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """Whether two runs came to different verdicts on a claim, rather than one of them to none."""
    both_decided = {_decided(one), _decided(other)} == {len(_DECIDED)}
    return both_decided and any(one[key] != other[key] for key in ("verdict", "changed"))


def _completed(newer: Mapping[str, Any], older: Mapping[str, Any]) -> Mapping[str, Any]:
    """Add to a run what only the older one knows: verdicts that it came to, and falsifiers."""
    claims = []
    for pair in zip(newer["claims"], older["claims"]):
        decisive: Mapping[str, Any] = max(pair, key=_decided)
        falsifiers: Sequence[Any] = pair[0].get("falsifiers") or pair[1].get("falsifiers", [])
        claims.append({**decisive, "falsifiers": falsifiers})
    return {**newer, "claims": claims, "partial": newer["partial"] and older["partial"]}
