"""Reads results files, and trusts none: each is checked against ``results.schema.json``."""

from __future__ import annotations

import dataclasses
import functools
import json
import math
from collections import Counter
from collections.abc import Callable
from importlib import resources
from pathlib import Path
from typing import Any

import fastjsonschema
import jsonschema

from concspec.interpreter import Interpreter
from concspec.results import SCHEMA_VERSION


class BadFileError(Exception):
    """A results file cannot be used; the message says why."""


def read(path: Path) -> dict[str, Any]:
    """Read a results file. Raises BadFileError if it is anything else."""
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise BadFileError(f"cannot be read: {error.strerror}") from None
    except ValueError as error:
        raise BadFileError(f"is not UTF-8: {error}") from None
    return parse(text)


def parse(text: str) -> dict[str, Any]:
    """Read the text of a results file. Raises BadFileError if it is anything else."""
    try:
        data = json.loads(text, parse_constant=_no_number, parse_float=_finite)
    except (ValueError, RecursionError) as error:
        raise BadFileError(f"is not JSON, or not all of it is there: {error}") from None
    version = data.get("schema_version") if isinstance(data, dict) else None
    if version is not None and (type(version), version) != (int, SCHEMA_VERSION):
        shown = version if isinstance(version, (int, str)) else type(version).__name__
        raise BadFileError(f"has schema version {shown!s:.40}; only {SCHEMA_VERSION} can be read")
    try:
        _quickly()(data)
    except fastjsonschema.JsonSchemaValueException:
        # jsonschema has the last word: it knows the dialect, but takes thirty times as long.
        wrong = jsonschema.exceptions.best_match(_thoroughly().iter_errors(data))
        if wrong:
            raise BadFileError(_sentence(wrong)) from None
    except RecursionError:
        raise BadFileError("is nested too deep") from None
    _check_names(data)
    assert isinstance(data, dict)
    return data


def schema() -> dict[str, Any]:
    """The schema of a results file."""
    file = resources.files("concspec").joinpath("results.schema.json")
    content: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    return content


@functools.cache
def _quickly() -> Callable[[Any], Any]:
    check: Callable[[Any], Any] = fastjsonschema.compile(schema())
    return check


@functools.cache
def _thoroughly() -> jsonschema.protocols.Validator:
    return jsonschema.Draft202012Validator(schema())


def _sentence(error: jsonschema.ValidationError) -> str:
    place = error.json_path[:200].removeprefix("$.")
    message = error.message if len(error.message) <= 200 else f"... {error.message[-200:]}"  # noqa: PLR2004
    return f"does not keep to the schema at {place}: {message}"


def _check_names(data: dict[str, Any]) -> None:
    """Check what a schema cannot say: that names are unique, and stand for something, and that
    what is told twice is told alike."""
    facts = data["interpreter"]
    named = Interpreter(**{each.name: facts[each.name] for each in dataclasses.fields(Interpreter)})
    if facts["id"] != named.id:
        raise BadFileError(f"is of {facts['id']!r:.100}, but its interpreter is {named.id!r:.100}")
    sections = [section["id"] for section in data["sections"]]
    slugs = [claim["slug"] for claim in data["claims"]]
    for kind, names in (("section", sections), ("claim", slugs)):
        (name, count) = next(iter(Counter(names).most_common(1)), ("", 0))
        if count > 1:
            raise BadFileError(f"has the {kind} {name!r:.100} {count} times")
    for claim in data["claims"]:
        if claim["section"] not in sections:
            where = f"the section {claim['section']!r:.100} of the claim {claim['slug']}"
            raise BadFileError(f"does not have {where}")
        expected = claim["expectation"]["verdict"]
        changed = claim["verdict"] not in (expected, "inconclusive", "not run")
        if claim["changed"] is not changed:
            states = f"{claim['verdict']} where {expected} is expected"
            says = "changed" if claim["changed"] else "not changed"
            raise BadFileError(f"says that the claim {claim['slug']} is {says}: {states}")


def _no_number(text: str) -> None:
    raise ValueError(f"{text} is not a number in JSON")


def _finite(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(f"{text[:40]} is out of range")
    return value
