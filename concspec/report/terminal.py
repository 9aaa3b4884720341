"""The report at the end of a run, and the list of claims, as lines of text."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence

from concspec.catalogue import Catalogue, Claim, Text
from concspec.grading import Grade, Verdict
from concspec.interpreter import Interpreter
from concspec.language import pad, say, say_since, width
from concspec.results import Run

_Labelled = Iterator[tuple[str, str]]
_Facts = Callable[[Grade], _Labelled]

_COLUMNS = ("hold", "refuted", "not applicable", "inconclusive", "changed", "not run")
_HEADS = {"not applicable": "n/a"}
"""What is written shorter, so that the table fits a terminal of 80 columns."""

_COLUMN_OF = {
    Verdict.HOLDS: "hold",
    Verdict.REFUTED: "refuted",
    Verdict.NOT_APPLICABLE: "not applicable",
    Verdict.INCONCLUSIVE: "inconclusive",
    Verdict.NOT_RUN: "not run",
}


def header(interpreter: Interpreter, lang: str) -> list[str]:
    """Say what is about to be graded: interpreter, build, GIL and CPUs."""
    return [
        f"{say('interpreter', lang)}: {interpreter.id} ({interpreter.platform})",
        f"{say('build', lang)}: {interpreter.build}",
        f"GIL: {_switch(interpreter.gil, lang)}; {say('usable CPUs', lang)}: {interpreter.cpus}",
    ]


def claims(run: Run, lang: str, is_listed: Callable[[Claim], bool]) -> Iterator[str]:
    """List the claims of a run, one a line, tab-separated: slug, section, lines, what is expected
    here, specs, text."""
    for claim in filter(is_listed, run.catalogue.claims.values()):
        expected = say(claim.expectation(run.interpreter.facts()).verdict.value, lang)
        specs = ",".join(claim.specs)
        text = claim.text.in_language(lang)
        yield f"{claim.slug}\t{claim.section}\t{claim.lines}\t{expected}\t{specs}\t{text}"


def unknown(slug: str, catalogue: Catalogue) -> Text:
    """Say that there is no such claim, and which ones are near."""
    near = ", ".join(catalogue.nearest(slug))
    hint = Text("pytest --claims lists them all", "pytest --claims 列出全部论断")
    if near:
        hint = Text(f"did you mean {near}?", f"相近的有 {near}")
    return Text(
        f"--claim {slug}: there is no such claim; {hint.en}",
        f"--claim {slug}：没有这条论断；{hint.zh}",
    )


def summary(
    run: Run, lang: str, named: Sequence[str] = ()
) -> Iterator[tuple[str, dict[str, bool]]]:
    """Give the lines of the report, each with the markup of pytest's terminal writer.

    It tells of claims that are not as the notes say, and of those that the user ``named``.
    """
    grades = run.grades
    for line in _table(run.catalogue, grades, lang):
        yield line, {}
    refuted = [g for g in grades if g.verdict is Verdict.REFUTED and not g.changed]
    inconclusive = [g for g in grades if g.verdict is Verdict.INCONCLUSIVE]
    changed = [g for g in grades if g.changed]

    def asked(verdict: Verdict) -> Sequence[Grade]:
        those = (g for g in grades if g.claim.slug in named and g.verdict is verdict)
        return [grade for grade in those if not grade.changed]

    def why(grade: Grade) -> _Labelled:
        return _why(grade, lang, run)

    def reason(grade: Grade) -> _Labelled:
        reason = grade.decisive.reason
        yield "because", reason.in_language(lang) if reason else ""

    def change(grade: Grade) -> _Labelled:
        return _change(grade, lang, run)

    yield from _part("holds", asked(Verdict.HOLDS), lang, why)
    yield from _part("not applicable", asked(Verdict.NOT_APPLICABLE), lang, why)
    yield from _part("refuted, as expected", refuted, lang, why)
    yield from _part("inconclusive", inconclusive, lang, reason, yellow=True)
    yield from _part("changed", changed, lang, change, red=True)
    if run.trials:
        yield from _falsifiers(run, lang)
    yield "", {}
    if run.partial:
        yield say("broken off: claims without a verdict were not run", lang), {"yellow": True}
    before = _switch(run.interpreter.gil, lang)
    after = "?" if run.gil_after is None else _switch(run.gil_after, lang)
    moved = run.gil_after is not None and run.gil_after != run.interpreter.gil
    yield f"GIL: {say('before', lang)} {before}, {say('after', lang)} {after}", {"red": moved}


def _switch(on: bool, lang: str) -> str:
    return say("on" if on else "off", lang)


def _table(catalogue: Catalogue, grades: Sequence[Grade], lang: str) -> Iterator[str]:
    counts = {section.id: Counter[str]() for section in catalogue.sections}
    for grade in grades:
        column = "changed" if grade.changed else _COLUMN_OF[grade.verdict]
        counts[grade.claim.section][column] += 1
    total = sum(counts.values(), Counter[str]())
    ran = {section: count for section, count in counts.items() if set(count) - {"not run"}}
    titles = {s.id: f"{s.id} {s.title.in_language(lang)}" for s in catalogue.sections}
    heads = [say(_HEADS.get(column, column), lang) for column in _COLUMNS]
    first = max([width(say("total", lang)), *(width(titles[section]) for section in ran)])

    def row(title: str, cells: Iterable[object]) -> str:
        padded = (pad(str(c), width(head), right=True) for c, head in zip(cells, heads))
        return "  ".join([pad(title, first), *padded])

    yield row(say("section", lang), heads)
    for section, count in ran.items():
        yield row(titles[section], (count[column] for column in _COLUMNS))
    yield row(say("total", lang), (total[column] for column in _COLUMNS))


def _part(
    title: str, grades: Sequence[Grade], lang: str, facts: _Facts, **markup: bool
) -> Iterator[tuple[str, dict[str, bool]]]:
    """Give a heading, and under it each claim with labelled lines about it; nothing if empty."""
    if not grades:
        return
    yield "", {}
    yield f"{say(title, lang)}: {len(grades)}", {"bold": True, **markup}
    for grade in grades:
        claim = grade.claim
        yield f"  {claim.slug} ({claim.section}, {_lines(claim, lang)})", markup
        yield f"      {claim.text.in_language(lang)}", {}
        rows = [(say(label, lang), text) for label, text in facts(grade) if text]
        labels = max((width(label) for label, _ in rows), default=0)
        for label, text in rows:
            yield f"      {pad(label, labels)}  {text}", {}


def _falsifiers(run: Run, lang: str) -> Iterator[tuple[str, dict[str, bool]]]:
    """Count the falsifiers and those that were caught; say where the specs stand that others
    escaped, and how."""
    tried = run.tried
    escaped = [trial for trial in tried if not trial.caught]
    specs = {trial.outcome.spec.partition("[")[0] for trial in tried}
    counts = {
        "claims": sum(not specs.isdisjoint(c.specs) for c in run.catalogue.claims.values()),
        "falsifiers": len(tried),
        "caught": len(tried) - len(escaped),
        "escaped": len(escaped),
    }
    yield "", {}
    line = ", ".join(f"{say(words, lang)}: {count}" for words, count in counts.items())
    yield line, {"bold": True, "red": bool(escaped)}
    for trial in escaped:
        spec, _, sabotaged = trial.outcome.spec.partition("[")
        file, _, test = spec.partition("::")
        yield f"  {file}:{run.catalogue.sources[spec].line}: {test}[{sabotaged}", {"red": True}
        yield f"      {_first_line(trial.outcome.seen) or trial.outcome.verdict.value}", {}


def _first_line(text: str) -> str:
    return text.partition("\n")[0]


def _lines(claim: Claim, lang: str) -> str:
    if lang == "zh":
        return f"第 {claim.lines} 行"
    return f"{'line' if claim.lines.isdigit() else 'lines'} {claim.lines}"


def _why(grade: Grade, lang: str, run: Run) -> _Labelled:
    """Why a claim is expected to be refuted here, since when, says who, and what is true."""
    expectation = grade.expectation
    correction = run.catalogue.correction(grade.claim.slug, run.interpreter.facts())
    yield "because", expectation.reason.in_language(lang)
    yield "since", say_since(expectation.since, lang)
    yield "see", expectation.reference
    yield "instead", correction.text.in_language(lang) if correction else ""


def _change(grade: Grade, lang: str, run: Run) -> _Labelled:
    yield "expected", say(grade.expectation.verdict.value, lang)
    if grade.expectation.reason.en:
        yield from _why(grade, lang, run)
    decisive = grade.decisive
    verdict = say(grade.verdict.value, lang)
    yield "seen", ": ".join(filter(None, [verdict, _first_line(decisive.seen)]))
    yield "where", ", ".join(filter(None, [decisive.spec, decisive.where]))
