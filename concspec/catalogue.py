"""The catalogue: what is claimed, what is expected of which interpreter, and which specs prove it.

Claims stand in ``specs/<chapter>/claims.toml``, the sections they belong to in
``specs/notes.toml``, and the link to the specs in the ``@claim("slug")`` over each test. All of it
is read as text, without importing a spec, and all that is wrong with it is reported at once.
"""

from __future__ import annotations

import ast
import difflib
import hashlib
import re
import sys
import textwrap
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple, TypeVar, Union

from concspec import sabotage
from concspec.condition import ConditionError, holds
from concspec.grading import Verdict
from concspec.interpreter import Fact

if sys.version_info >= (3, 11):  # pragma: no mutate - it has more than two numbers
    import tomllib
else:
    import tomli as tomllib


@dataclass(frozen=True)
class Text:
    """One text in both languages."""

    en: str
    zh: str

    def in_language(self, lang: str) -> str:
        """Return the text in ``"en"`` or ``"zh"``."""
        return self.zh if lang == "zh" else self.en


@dataclass(frozen=True)
class Expectation:
    """What is expected of a claim where ``where`` is true, and why."""

    verdict: Verdict
    where: str = "True"
    reason: Text = Text("", "")
    since: str = ""
    reference: str = ""
    corrected_by: str = ""


HOLDS = Expectation(Verdict.HOLDS)


@dataclass(frozen=True)
class Section:
    """A section of the notes."""

    id: str
    title: Text


@dataclass(frozen=True)
class Claim:
    """One sentence that is true or false of an interpreter."""

    slug: str
    section: str
    lines: str
    text: Text
    references: Sequence[str]
    exceptions: Sequence[Expectation]
    corrected_by: str
    specs: Sequence[str]
    falsifiers: Sequence[str] = ()
    unfalsifiable: str = ""

    def expectation(self, facts: Mapping[str, Fact]) -> Expectation:
        """What to expect of an interpreter with these facts: the first exception that is true of
        it, with ``not applicable`` before ``refuted``, else that the claim holds."""
        return next((e for e in self.exceptions if holds(e.where, facts)), HOLDS)


@dataclass(frozen=True)
class Source:
    """How a spec is written: the number of its first line, and its text."""

    line: int
    text: str


@dataclass(frozen=True)
class Catalogue:
    """All claims in reading order, the sections they stand in, the source of each spec by its
    name, and a hash of all files beside them: the same on every system that has the same files."""

    sections: Sequence[Section]
    claims: Mapping[str, Claim]
    hash: str
    sources: Mapping[str, Source] = field(default_factory=dict)

    def proved_by(self, spec: str) -> Sequence[Claim]:
        """The claims that the spec ``path::test`` proves."""
        return [claim for claim in self.claims.values() if spec in claim.specs]

    def correction(self, slug: str, facts: Mapping[str, Fact]) -> Claim | None:
        """What is true instead of a claim where it is refuted: the claim that corrects it, if that
        one is expected to hold there, too."""
        corrected_by = self.claims[slug].expectation(facts).corrected_by
        correction = self.claims.get(corrected_by)
        return correction if correction and correction.expectation(facts) is HOLDS else None

    def nearest(self, slug: str) -> Sequence[str]:
        """The slugs that someone who wrote ``slug`` may have meant."""
        return difflib.get_close_matches(slug, self.claims, n=3, cutoff=0.5)


@dataclass(frozen=True)
class Mistake:
    """One thing that is wrong with the catalogue, and what to do about it."""

    file: str
    claim: str
    key: str
    problem: str
    remedy: str

    def __str__(self) -> str:
        """One line: ``file: claim: key: problem; remedy``."""
        where = ": ".join(part for part in (self.file, self.claim, self.key) if part)
        return f"{where}: {self.problem}; {self.remedy}"


class CatalogueError(Exception):
    """The catalogue cannot be used; ``mistakes`` holds everything that is wrong with it."""

    def __init__(self, mistakes: Sequence[Mistake]) -> None:
        """Keep the mistakes; the message lists them, one a line."""
        count = "1 mistake" if len(mistakes) == 1 else f"{len(mistakes)} mistakes"
        super().__init__("\n".join([f"{count} in the catalogue:", *map(str, mistakes)]))
        self.mistakes = mistakes


def load(specs: Path, facts: Mapping[str, Fact]) -> Catalogue:
    """Read the catalogue below the folder ``specs``; conditions are tried out on ``facts``.

    Raises CatalogueError with every mistake found in any of its files.
    """
    return _Loader(specs, facts).load()


_TEXT = {"en": str, "zh": str}
_NOTES = {"lines": int, "section": list}
_EXCEPTION = {**_TEXT, "where": str, "since": str, "reference": str}
_CLAIM = {
    **_TEXT,
    "slug": str,
    "section": str,
    "lines": str,
    "references": list,
    "refuted": list,
    "not_applicable": list,
    "corrected_by": str,
    "unfalsifiable": str,
}
_REQUIRED_OF_CLAIM = ("slug", "section", "lines", "en", "zh")
_KEYS_OF_EXCEPTION = {
    "refuted": {**_EXCEPTION, "corrected_by": str},
    "not_applicable": _EXCEPTION,
}
_REQUIRED_OF_EXCEPTION = {
    "refuted": ("en", "zh", "since", "reference"),
    "not_applicable": ("en", "zh", "where"),
}
_TYPE_NAMES = {str: "text", int: "a whole number", list: "a list"}
_UNFALSIFIABLE_AT_MOST = 5
_SINCE = re.compile(r"always|(always, up to )?(CPython|PyPy) \d+(\.\d+)*")
_SLUG = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
_LINES = re.compile(r"\d+(-\d+)?(, ?\d+(-\d+)?)*")


_DECORATORS = ("claim", "concspec.claim")
_PASSING = {"__pycache__", ".pytest_cache"}
"""Folders of what comes about when specs are run."""

_Parsed = TypeVar("_Parsed")


class _Proof(NamedTuple):
    """A test that names a claim, as ``path::test``, and its falsifiers."""

    spec: str
    falsifiers: Sequence[str]


class _Loader:
    def __init__(self, specs: Path, facts: Mapping[str, Fact]) -> None:
        self.specs = specs
        self.facts = facts
        self.mistakes: list[Mistake] = []
        self.unread: list[str] = []
        self.sources: dict[str, Source] = {}
        self.file = ""
        self.slug = ""

    def load(self) -> Catalogue:
        proofs = self._proofs()
        last_line, sections = self._notes()
        claims: dict[str, Claim] = {}
        origin: dict[str, str] = {}
        for path in sorted(self.specs.glob("*/claims.toml")):
            self._open(path)
            document = self._check(self._read(path, tomllib.loads) or {}, {"claim": list})
            for number, table in enumerate(self._tables(document, "claim"), 1):
                self.slug = str(table.get("slug") or f"claim number {number}")
                if self.slug in claims:
                    self._wrong("slug", f"stands in {origin[self.slug]} too", "rename one of them")
                    continue
                claim = self._claim(table, [s.id for s in sections], last_line, proofs)
                claims[self.slug] = claim
                origin[self.slug] = self.file
        for claim in claims.values():
            self.file, self.slug = origin[claim.slug], claim.slug
            self._check_corrections(claim, claims)
            if not claim.specs:
                if self._all_read(".py"):
                    self._wrong("", "no spec proves it", f'put @claim("{claim.slug}") on a test')
            elif not claim.falsifiers and not claim.unfalsifiable:
                remedy = "add one, or say in the key unfalsifiable why there cannot be any"
                self._wrong("falsified_by", "no falsifier shows that its specs can fail", remedy)
        unfalsifiable = [claim.slug for claim in claims.values() if claim.unfalsifiable]
        if len(unfalsifiable) > _UNFALSIFIABLE_AT_MOST:
            self.slug = ", ".join(unfalsifiable)
            problem = f"{len(unfalsifiable)} claims are said to be unfalsifiable"
            remedy = f"falsify all but {_UNFALSIFIABLE_AT_MOST} of them"
            self._wrong("unfalsifiable", problem, remedy)
        self._check_proofs(proofs, claims)
        if self.mistakes:
            raise CatalogueError(self.mistakes)
        order = [section.id for section in sections]
        return Catalogue(
            sections,
            {c.slug: c for c in sorted(claims.values(), key=lambda c: order.index(c.section))},
            self._hash(),
            self.sources,
        )

    def _check_corrections(self, claim: Claim, claims: Mapping[str, Claim]) -> None:
        named = [claim.corrected_by, *(each.corrected_by for each in claim.exceptions)]
        for slug in dict.fromkeys(filter(None, named)):
            if slug == claim.slug:
                self._wrong("corrected_by", "is the claim itself", "name the one that is true")
            elif slug not in claims and self._all_read("claims.toml"):
                problem = f"there is no claim {slug!r}"
                self._wrong("corrected_by", problem, _name_one(slug, claims))

    def _check_proofs(
        self, proofs: Mapping[str, Sequence[_Proof]], claims: Mapping[str, Claim]
    ) -> None:
        of_spec: dict[str, list[str]] = {}
        for slug, proved in proofs.items():
            for proof in proved:
                of_spec.setdefault(proof.spec, []).append(slug)
                self.file, self.slug = proof.spec, slug
                for name in proof.falsifiers:
                    self._check_falsifier(name)
                if slug not in claims and self._all_read("claims.toml"):
                    remedy = f"add it, or {_name_one(slug, claims)}"
                    self._wrong("@claim", "no claims.toml has this claim", remedy)
        if self.mistakes:
            return  # conditions may be among them
        for spec, slugs in of_spec.items():
            expected = {s: claims[s].expectation(self.facts).verdict.value for s in slugs}
            if len(set(expected.values())) > 1:  # pragma: no mutate - it is 1 at least
                self.file, self.slug = spec, ", ".join(slugs)
                problem = f"one spec cannot show all of {expected}"
                self._wrong("@claim", problem, "give each a spec of its own")
        for claim in claims.values():
            self._check_that_it_can_fail_here(claim)

    def _check_that_it_can_fail_here(self, claim: Claim) -> None:
        idle = claim.expectation(self.facts).verdict is Verdict.NOT_APPLICABLE
        here = (sabotage.find(name).is_for(self.facts) for name in claim.falsifiers)
        if not (idle or claim.unfalsifiable or any(here)):
            self.file, self.slug = claim.specs[0], claim.slug
            problem = "none of its falsifiers is for this interpreter"
            self._wrong("falsified_by", problem, "add one that is")

    def _check_falsifier(self, name: str) -> None:
        try:
            sabotage.find(name)
        except LookupError as error:
            near = difflib.get_close_matches(name, sabotage.names(), n=3)
            remedy = f"name one that is there{': ' + ', '.join(near) if near else ''}"
            self._wrong("falsified_by", str(error), remedy)

    def _wrong(self, key: str, problem: str, remedy: str) -> None:
        self.mistakes.append(Mistake(self.file, self.slug, key, problem, remedy))

    def _open(self, path: Path) -> None:
        self.file, self.slug = path.relative_to(self.specs.parent).as_posix(), ""

    def _read(self, path: Path, parse: Callable[[str], _Parsed]) -> _Parsed | None:
        """Read what is in a file; None if it cannot be, and no follow-up of that is a mistake."""
        try:
            return parse(path.read_text(encoding="utf-8"))
        except OSError as error:
            self._wrong("", f"cannot be read: {error.strerror}", "create it, or let it be read")
        except UnicodeDecodeError as error:
            self._wrong("", f"is not UTF-8: {error.reason}", "save it as UTF-8")
        except tomllib.TOMLDecodeError as error:
            self._wrong("", f"is not TOML: {error}", "mend the line")
        except SyntaxError as error:
            problem = f"line {error.lineno} is not Python: {error.msg}"
            self._wrong("", problem, "mend it")
        except ValueError as error:  # pragma: no mutate - a null byte, before Python 3.12
            self._wrong("", f"is not Python: {error}", "mend it")
        self.unread.append(self.file)
        return None

    def _all_read(self, end: str) -> bool:
        """Whether all files could be read whose names end like this."""
        return not any(file.endswith(end) for file in self.unread)

    def _hash(self) -> str:
        """Hash all files with their names, and with the line ends that they have everywhere."""
        digest = hashlib.sha256()
        for name in sorted(
            path.relative_to(self.specs).as_posix() for path in self.specs.rglob("*")
        ):
            path = self.specs / name
            if path.is_file() and not _PASSING.intersection(name.split("/")):
                content = path.read_bytes().replace(b"\r\n", b"\n")
                digest.update(f"{name}\0{len(content)}\0".encode() + content)
        return digest.hexdigest()

    def _tables(self, document: Mapping[str, Any], name: str) -> Iterator[dict[str, Any]]:
        for table in document.get(name, ()):
            if isinstance(table, dict):
                yield table
            else:
                self._wrong(name, f"{table!r} is not a table", f"write it as [[{name}]]")

    def _notes(self) -> tuple[int, list[Section]]:
        """Read how many lines the notes have, and their sections."""
        path = self.specs / "notes.toml"
        self._open(path)
        read = self._read(path, tomllib.loads)
        notes = self._check(read or {}, _NOTES, () if read is None else ("lines",))
        sections = []
        for table in self._tables(notes, "section"):
            usable = self._check(table, {**_TEXT, "id": str}, ("id", "en", "zh"), "section")
            sections.append(Section(usable.get("id", ""), self._text(usable)))
        return notes.get("lines", sys.maxsize), sections

    def _claim(
        self,
        table: dict[str, Any],
        sections: Sequence[str],
        last_line: int,
        proofs: Mapping[str, Sequence[_Proof]],
    ) -> Claim:
        usable = self._check(table, _CLAIM, _REQUIRED_OF_CLAIM)
        if not _SLUG.fullmatch(self.slug) and usable.get("slug"):
            self._wrong("slug", "is not in kebab-case", "use a-z, 0-9 and single hyphens")
        unknown = "section" in usable and usable["section"] not in sections
        if unknown and self._all_read("notes.toml"):
            self._wrong(
                "section",
                f"notes.toml has no section {usable['section']!r}",
                f"give one of {', '.join(sections) or 'those you add there'}",
            )
        if "lines" in usable:
            self._check_lines(usable["lines"], last_line)
        for reference in usable.get("references", ()):
            self._check_address("references", reference)
        return Claim(
            slug=self.slug,
            section=usable.get("section", ""),
            lines=usable.get("lines", ""),
            text=self._text(usable),
            references=tuple(usable.get("references", ())),
            exceptions=(
                *self._exceptions(usable, "not_applicable", Verdict.NOT_APPLICABLE),
                *self._exceptions(usable, "refuted", Verdict.REFUTED),
            ),
            corrected_by=usable.get("corrected_by", ""),
            specs=tuple(proof.spec for proof in proofs.get(self.slug, ())),
            falsifiers=tuple(
                dict.fromkeys(f for proof in proofs.get(self.slug, ()) for f in proof.falsifiers)
            ),
            unfalsifiable=usable.get("unfalsifiable", ""),
        )

    def _exceptions(
        self, table: dict[str, Any], key: str, verdict: Verdict
    ) -> Iterator[Expectation]:
        for exception in table.get(key, ()):
            if not isinstance(exception, dict):
                self._wrong(key, f"{exception!r} is not a table", f"write it as [[claim.{key}]]")
                continue
            required = _REQUIRED_OF_EXCEPTION[key]
            usable = self._check(exception, _KEYS_OF_EXCEPTION[key], required, key)
            where = usable.get("where", "True")
            try:
                holds(where, self.facts)
            except ConditionError as error:
                self._wrong(
                    f"{key}.where",
                    f"{where!r} {error}",
                    "write a condition such as: cpython and version >= (3, 14)",
                )
            since = usable.get("since", "")
            if since and not _SINCE.fullmatch(since):
                remedy = "write: always, or CPython 3.13, or: always, up to CPython 3.13"
                self._wrong(f"{key}.since", f"{since!r} is no such time", remedy)
            if "reference" in usable:
                self._check_address(f"{key}.reference", usable["reference"])
            corrected_by = table.get("corrected_by", "") if verdict is Verdict.REFUTED else ""
            yield Expectation(
                verdict,
                where,
                self._text(usable),
                since,
                usable.get("reference", ""),
                usable.get("corrected_by", corrected_by),
            )

    def _check_address(self, key: str, address: object) -> None:
        if not isinstance(address, str):
            self._wrong(key, f"{address!r} is not text", "give an address")
        elif not address.startswith(("https://", "http://")):
            self._wrong(key, f"{address!r} is no address", "give one that begins with https://")

    def _check(
        self,
        table: dict[str, Any],
        allowed: Mapping[str, type],
        required: Sequence[str] = (),
        parent: str = "",
    ) -> dict[str, Any]:
        """Report unknown, missing, mistyped and empty keys; return what can be used."""
        prefix = f"{parent}." if parent else ""
        usable = {}
        for key, value in table.items():
            if key not in allowed:
                near = difflib.get_close_matches(key, allowed, n=1)
                known = f"write {', '.join(near)}" if near else f"use only {', '.join(allowed)}"
                self._wrong(prefix + key, "is no key of the catalogue", known)
            elif type(value) is not allowed[key]:
                kind = _TYPE_NAMES[allowed[key]]
                self._wrong(prefix + key, f"{value!r} is not {kind}", f"give {kind}")
            elif isinstance(value, str) and not value.strip():
                remedy = "write it" if key in required else "write it, or leave the key out"
                self._wrong(prefix + key, "is empty", remedy)
            else:
                usable[key] = value
        for key in required:
            if key not in table:
                self._wrong(prefix + key, "is missing", "add it")
        return usable

    def _check_lines(self, lines: str, last_line: int) -> None:
        if not _LINES.fullmatch(lines):
            self._wrong("lines", f"{lines!r} names no lines", 'write them as in "12, 19-22"')
            return
        for part in lines.split(","):
            numbers = [int(number) for number in part.split("-")]
            if not 1 <= numbers[0] <= numbers[-1] <= last_line:
                self._wrong(
                    "lines",
                    f"{part.strip()!r} is not within the notes' 1-{last_line}",
                    "give lines that are there, the smaller number first",
                )

    @staticmethod
    def _text(table: Mapping[str, Any]) -> Text:
        return Text(table.get("en", ""), table.get("zh", ""))

    def _proofs(self) -> dict[str, list[_Proof]]:
        """Map each slug to the tests that name it, by reading their source."""
        proofs: dict[str, list[_Proof]] = {}
        for path in sorted([*self.specs.rglob("test_*.py"), *self.specs.rglob("bench_*.py")]):
            self._open(path)
            read = self._read(path, lambda text: (text.split("\n"), ast.parse(text)))
            if read is None:
                continue
            lines, tree = read
            for test, function, decorator in _claim_decorators(tree.body, self.file):
                first = min(node.lineno for node in function.decorator_list)
                text = "\n".join(lines[first - 1 : function.end_lineno])
                self.sources[test] = Source(first, textwrap.dedent(text))
                named = [a for a in decorator.args if isinstance(a, ast.Constant)]
                if not named or named != decorator.args:
                    self.file = test
                    self._wrong("@claim", "does not name its claims", "write their slugs as text")
                proof = _Proof(test, tuple(_falsifiers(decorator)))
                for slug in named:
                    proofs.setdefault(str(slug.value), []).append(proof)
        return proofs


def _name_one(slug: str, claims: Mapping[str, Claim]) -> str:
    near = ", ".join(difflib.get_close_matches(slug, claims, n=3))
    return f"name one that is there{': ' + near if near else ''}"


def _falsifiers(decorator: ast.Call) -> Iterator[str]:
    for keyword in decorator.keywords:
        if keyword.arg == "falsified_by":
            for node in ast.walk(keyword.value):
                if isinstance(node, ast.Constant):
                    yield str(node.value)


_Function = Union[ast.FunctionDef, ast.AsyncFunctionDef]


def _claim_decorators(
    body: Sequence[ast.stmt], parent: str
) -> Iterator[tuple[str, _Function, ast.Call]]:
    for node in body:
        if isinstance(node, ast.ClassDef):
            yield from _claim_decorators(node.body, f"{parent}::{node.name}")
        elif isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            for decorator in node.decorator_list:
                if isinstance(decorator, ast.Call) and ast.unparse(decorator.func) in _DECORATORS:
                    yield f"{parent}::{node.name}", node, decorator
