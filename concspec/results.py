"""One run: what was seen of each claim on one interpreter, and the file that carries it.

What a results file holds is laid down in ``results.schema.json``, which also tells what kinds of
evidence become pictures. Reading and merging needs more than the standard library, and stands in
``concspec.report``.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import json
import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from concspec import __version__, sabotage
from concspec.catalogue import Catalogue
from concspec.grading import Grade, Outcome, Trial, Verdict
from concspec.interpreter import Interpreter

SCHEMA_VERSION = 1


@dataclass
class Run:
    """What the specs did on one interpreter; outcomes are added while they run.

    ``trials`` are of specs under their falsifiers, by node id. ``gil_after`` is whether the GIL
    was on when the last spec had ended, ``partial`` whether the run was broken off before that.
    """

    interpreter: Interpreter
    catalogue: Catalogue
    outcomes: dict[str, Outcome] = field(default_factory=dict)
    trials: dict[str, Trial] = field(default_factory=dict)
    gil_after: bool | None = None
    partial: bool = False

    @property
    def grades(self) -> Sequence[Grade]:
        """The grade of every claim, in the order of the notes."""
        facts = self.interpreter.facts()
        seen: dict[str, list[Outcome]] = {}
        for outcome in self.outcomes.values():
            seen.setdefault(outcome.spec.partition("[")[0], []).append(outcome)
        return [
            Grade(
                claim,
                claim.expectation(facts),
                [outcome for spec in claim.specs for outcome in seen.get(spec, ())],
            )
            for claim in self.catalogue.claims.values()
        ]

    @property
    def tried(self) -> Sequence[Trial]:
        """The trials that count: those of specs that come to a verdict here."""
        idle = (Verdict.INCONCLUSIVE, Verdict.NOT_APPLICABLE)
        return [
            trial
            for trial in self.trials.values()
            if (unharmed := self.outcomes.get(trial.unharmed)) is None
            or unharmed.verdict not in idle
        ]

    def as_json(self) -> dict[str, Any]:
        """Give the run as the JSON object of a results file."""
        return {
            "schema_version": SCHEMA_VERSION,
            "suite_version": __version__,
            "date": dt.datetime.now(dt.timezone.utc).isoformat(timespec="seconds"),
            "partial": self.partial,
            "catalogue": self.catalogue.hash,
            "interpreter": {
                "id": self.interpreter.id,
                **dataclasses.asdict(self.interpreter),
                "gil_after": self.gil_after,
            },
            "sections": [dataclasses.asdict(section) for section in self.catalogue.sections],
            "claims": [self._claim(grade) for grade in self.grades],
            "sources": {
                spec: dataclasses.asdict(source) for spec, source in self.catalogue.sources.items()
            },
        }

    def _claim(self, grade: Grade) -> dict[str, Any]:
        expectation = dataclasses.asdict(grade.expectation)
        correction = self.catalogue.correction(grade.claim.slug, self.interpreter.facts())
        return {
            "slug": grade.claim.slug,
            "section": grade.claim.section,
            "lines": grade.claim.lines,
            "text": dataclasses.asdict(grade.claim.text),
            "references": list(grade.claim.references),
            "expectation": {
                **{key: value or None for key, value in expectation.items()},
                "reason": expectation["reason"] if grade.expectation.reason.en else None,
                "corrected_by": correction.slug if correction else None,
            },
            "verdict": grade.verdict,
            "changed": grade.changed,
            "specs": list(grade.claim.specs),
            "outcomes": [dataclasses.asdict(outcome) for outcome in grade.outcomes],
            "unfalsifiable": grade.claim.unfalsifiable or None,
            "falsifiers": [
                {
                    "falsifier": trial.falsifier,
                    "breaks": sabotage.find(trial.falsifier).breaks,
                    "spec": trial.outcome.spec,
                    "caught": trial.caught,
                    "seen": trial.outcome.seen,
                }
                for trial in self.tried
                if trial.outcome.spec.partition("[")[0] in grade.claim.specs
            ],
        }

    def write(self, path: Path) -> None:
        """Write the results file; whoever reads ``path`` sees the whole of it or what was there.

        Raises OSError if the file cannot be written.
        """
        text = json.dumps(self.as_json(), ensure_ascii=False, indent=1) + "\n"
        if path.exists() and not path.is_file():  # such as /dev/null, which must stay what it is
            path.write_text(text, encoding="utf-8", errors="replace")
            return
        temporary = path.with_name(f"{path.name}.{os.getpid()}")
        try:
            with temporary.open("w", encoding="utf-8", errors="replace") as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(path)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise
