"""Jinja2 as the report uses it: all is escaped, characters that deceive are shown, both languages.

The pictures are Jinja2 templates too, rather than the work of a chart library: their text stays
text, that a reader can search and a screen reader speaks, in both languages at once; colours are
those of the page, in light and dark; and each picture is as small as what it shows.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

from concspec.report.words import CHINESE

_LONGEST = 4000
"""Characters of one text that the page shows; all of them stand in results.json."""

_UNSEEN = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff"
    "\ud800-\udfff\ufff9-\uffff]"
)
"""Controls, marks that turn the direction of text around them, and what is no character at all."""


def visible(value: object) -> object:
    """Make a text that came from outside fit to be shown; whatever else is given stays as it is."""
    if not isinstance(value, str) or isinstance(value, Markup):
        return value
    if len(value) > _LONGEST:
        value = f"{value[:_LONGEST]} … ({len(value)} characters, all of them in results.json)"
    return _UNSEEN.sub(lambda unseen: f"⟨U+{ord(unseen[0]):04X}⟩", value)


def both(text: Mapping[str, str] | str) -> Markup:
    """Show a text in both languages, of which the reader sees one."""
    if isinstance(text, str):
        return escape(visible(text))
    en, zh = visible(text["en"]), visible(text["zh"])
    if en == zh:
        return escape(en)
    return Markup("<span lang=en>{}</span><span lang=zh>{}</span>").format(en, zh)


@functools.cache
def say(words: str) -> Markup:
    """Show a phrase of the page's own in both languages."""
    return both({"en": words, "zh": CHINESE[words]})


def duration(seconds: float) -> str:
    """Say how long something took, as exactly as matters."""
    if seconds >= 1:
        return f"{seconds:.1f} s"
    milliseconds = seconds * 1000
    return f"{milliseconds:.0f} ms" if milliseconds >= 1 else f"{milliseconds:.1f} ms"


@functools.cache
def environment() -> Environment:
    """The templates of the report."""
    made = Environment(
        loader=PackageLoader("concspec.report"),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=StrictUndefined,
        finalize=visible,
    )
    made.globals.update(both=both, say=say, chinese=CHINESE)
    made.filters["duration"] = duration
    return made


def render(template: str, **values: Any) -> str:
    """Fill a template."""
    return environment().get_template(template).render(**values)
