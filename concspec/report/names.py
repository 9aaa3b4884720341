"""Short names for sets of interpreters: ``3.9, 3.13t, PyPy 3.11``, ``3.10-3.15``."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from concspec.report.merging import Column

_TITLES = {"cpython": "", "pypy": "PyPy ", "graalpy": "GraalPy "}
_RANGE = 3
"""Versions in a row from which on a range is shorter to read than a list."""


class Names:
    """Names the columns of one matrix, no longer than it takes to tell them apart."""

    def __init__(self, columns: Sequence[Column]) -> None:
        """Learn which columns there are."""
        self._columns = columns
        self._several_systems = len({column.system for column in columns}) > 1
        self._kinds: dict[tuple[str, str], list[int]] = {}
        for index, column in enumerate(columns):
            kind = re.sub(r"[\d.]+", "", column.id), column.system
            self._kinds.setdefault(kind, []).append(index)

    def short(self, index: int) -> str:
        """Name one column: ``3.13t``, ``PyPy 3.11``, ``3.13 on macos``."""
        return self._on_system(self._title(index) + self._version(index), index)

    def version(self, index: int) -> str:
        """Name one column under a heading that names its implementation: ``3.13t``."""
        return self._on_system(self._version(index), index)

    def of(self, indices: Iterable[int]) -> str:
        """Name several columns, versions in a row as a range; the empty string for none."""
        chosen = set(indices)
        runs: list[list[int]] = []
        for kind in self._kinds.values():
            for index in (index for index in kind if index in chosen):
                if runs and runs[-1][-1] in kind and self._follows(runs[-1][-1], index):
                    runs[-1].append(index)
                else:
                    runs.append([index])
        return ", ".join(name for run in sorted(runs) for name in self._range(run))

    def _follows(self, index: int, other: int) -> bool:
        """Whether a column is of the next minor version after another of its kind."""
        (major, minor), following = self._numbers(index), self._numbers(other)
        return following == (major, minor + 1)

    def _numbers(self, index: int) -> tuple[int, int]:
        major, minor = re.findall(r"\d+", self._version(index))[:2]
        return int(major), int(minor)

    def _range(self, run: Sequence[int]) -> Sequence[str]:
        if len(run) < _RANGE:
            return [self.short(index) for index in run]
        first, last = run[0], run[-1]
        numbers = f"{self._version(first)}-{self._version(last)}"
        return [self._on_system(self._title(first) + numbers, first)]

    def _title(self, index: int) -> str:
        implementation = self._columns[index].id.partition("-")[0]
        return _TITLES.get(implementation, f"{implementation} ")

    def _version(self, index: int) -> str:
        return self._columns[index].id.partition("-")[2]

    def _on_system(self, text: str, index: int) -> str:
        return f"{text} on {self._columns[index].system}" if self._several_systems else text
