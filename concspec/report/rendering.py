"""Jinja2 as the report uses it: all is escaped, characters that deceive are shown, both languages.

The pictures are Jinja2 templates too, rather than the work of a chart library: their text stays
text, that a reader can search and a screen reader speaks, in both languages at once; colours are
those of the page, in light and dark; and each picture is as small as what it shows.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping
from importlib import resources
from typing import Any, Union

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

from concspec.language import say_since
from concspec.report.words import CHINESE, REPEATED

_LONGEST = 4000
"""Characters of one text that the page shows; all of them stand in results.json."""

_UNSEEN = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff"
    "\ud800-\udfff\ufff9-\uffff]"
)
"""Controls, marks that turn the direction of text around them, and what is no character at all."""


Words = Union[str, Mapping[str, str]]
"""A text in both languages, or one that needs no translation."""


def visible(value: object) -> object:
    """Make a text that came from outside fit to be shown; whatever else is given stays as it is."""
    if not isinstance(value, str) or isinstance(value, Markup):
        return value
    if len(value) > _LONGEST:
        value = f"{value[:_LONGEST]} … ({len(value)} characters, all of them in results.json)"
    return _UNSEEN.sub(lambda unseen: f"⟨U+{ord(unseen[0]):04X}⟩", value)


def both(text: Words, tag: str = "span") -> Markup:
    """Show a text in both languages, of which the reader sees one."""
    if isinstance(text, str):
        return escape(visible(text))
    en, zh = visible(text["en"]), visible(text["zh"])
    if en == zh:
        return escape(en)
    return Markup("<{0} lang=en>{1}</{0}><{0} lang=zh>{2}</{0}>").format(tag, en, zh)


def spoken(text: Words) -> Markup:
    """Show a text in both languages within a picture."""
    return both(text, "tspan")


def single(text: Words, lang: str) -> str:
    """Show a text in one language."""
    return str(visible(text if isinstance(text, str) else text[lang]))


@functools.cache
def say(words: str) -> Markup:
    """Show a phrase of the page's own in both languages."""
    return both({"en": words, "zh": CHINESE[words]})


_TERMS = {words: f"k{number}" for number, words in enumerate(REPEATED)}


@functools.cache
def term(words: str) -> Markup:
    """Show a phrase that stands in every claim: in English, with a class that names it.

    In both languages each time, such phrases would make the page a seventh larger. The script puts
    the Chinese in its place; without JavaScript, a style sheet does.
    """
    return Markup("<i class={}>{}</i>").format(_TERMS[words], words)


@functools.cache
def headed(words: str) -> Markup:
    """Such a phrase as a heading."""
    return Markup("<h3 class={}>{}</h3>").format(_TERMS[words], words)


def terms() -> Mapping[str, str]:
    """Give the Chinese of such phrases by their classes."""
    return {name: CHINESE[words] for words, name in _TERMS.items()}


def duration(seconds: float) -> str:
    """Say about how long something took, by one digit: the next run takes another time."""
    if seconds < 0.0095:  # noqa: PLR2004
        return "< 10 ms"
    unit, count = ("s", seconds) if seconds >= 0.95 else ("ms", 1000 * seconds)  # noqa: PLR2004
    return f"{float(f'{count:.0e}'):g} {unit}"


def since(said: str) -> Mapping[str, str]:
    """Say since when something is so, as a sentence."""
    if said.startswith("always"):
        return {"en": f"{said.capitalize()[:6]}{said[6:]}.", "zh": f"{say_since(said, 'zh')}。"}
    return {"en": f"Since {said}.", "zh": f"从 {said} 起。"}


def file(name: str) -> Markup:
    """Read a file that stands beside the templates, and is put into what they make as it is."""
    folder = resources.files("concspec.report").joinpath("templates")
    return Markup(folder.joinpath(name).read_text(encoding="utf-8"))  # noqa: S704 - our own


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
        auto_reload=False,
    )
    made.globals.update(both=both, say=say, term=term, single=single, since=since)
    made.globals["headed"] = headed
    made.globals["chinese"] = CHINESE
    made.globals["picture_style"] = file("picture.css") + file("drawing.css")
    return made


def render(template: str, **values: Any) -> str:
    """Fill a template."""
    return environment().get_template(template).render(**values)
