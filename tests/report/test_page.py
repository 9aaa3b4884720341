"""The page as text: what stands in it, whatever stood in the results files."""

import json
import re
from html.parser import HTMLParser

import pytest

pytest.importorskip("jinja2")
pytest.importorskip("fastjsonschema")

from concspec.report.matrix import Matrix
from concspec.report.merging import merge
from concspec.report.page import page
from concspec.report.pictures import figures
from concspec.report.site import write as write_site
from tests.report.runs import claim, outcome, refuted, run, trial, write


class Parsed(HTMLParser):
    """What a page consists of."""

    def __init__(self, text):
        super().__init__()
        self.tags = []
        self.texts = []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data):
        self.texts.append(data)

    @property
    def text(self):
        return re.sub(r"\s+", " ", "".join(self.texts))


@pytest.fixture
def made(tmp_path):
    def made(*runs, skip_bad=False):
        matrix = Matrix(merge(write(tmp_path, *runs), skip_bad=skip_bad))
        return page(matrix, {row.slug: figures(row, matrix) for row in matrix.rows})

    return made


def test_every_state_is_said_by_word_and_class(made):
    verdicts = ["holds", "not applicable", "inconclusive", "not run"]
    claims = [claim(verdict.replace(" ", "-"), verdict) for verdict in verdicts]
    claims += [refuted("refuted"), claim("changed", "refuted")]
    claims += [claim("error", "error", changed=True)]
    text = made(run("cpython-3.13", *claims))
    cells = dict(re.findall(r"<tr data-slug=([a-z-]+).*?<td class=(.>[a-z ]+)", text, re.DOTALL))
    assert cells == {
        "holds": "h>holds",
        "refuted": "r>refuted",
        "not-applicable": "n>not applicable",
        "inconclusive": "i>inconclusive",
        "not-run": "x>not run",
        "changed": "c>changed",
        "error": "e>error",
    }


def test_a_claim_says_all_that_is_known_of_it(made):
    seen = outcome("ice", "refuted", where="specs/a/test_a.py:9", seen="assert 4711 == 4712")
    correction = claim("ice-is-cold")
    falsifier = trial("hot-ice", breaks="Ice that burns.")
    ice = refuted("ice", outcomes=[seen], corrected_by="ice-is-cold", falsifiers=[falsifier])
    parsed = Parsed(made(run("cpython-3.13", ice, correction)))
    for said in (
        *("Text of ice.", "ice 的说明。", "12, 19-22", "specs/a/test_a.py:7"),
        *("def test_ice(): ...", "ice is false.", "ice 不对。", "example.org/why"),
        *(
            "Always.",
            "一直如此。",
            "10 ms: 3.13",
            "specs/a/test_a.py:9",
            "assert 4711 == 4712",
            "hot-ice",
        ),
        *(
            "Falsifiers: the verdict changes if Ice that burns.",
            "Text of ice-is-cold.",
            "example.org/a",
        ),
    ):
        assert said in parsed.text
    assert "State." not in parsed.text
    links = {attributes.get("href") for tag, attributes in parsed.tags if tag == "a"}
    assert {"#claim=ice", "#claim=ice-is-cold", "https://example.org/why"} <= links


def test_the_text_of_a_claim_stands_once(made):
    text = made(run("cpython-3.9"), run("cpython-3.10"))
    assert text.count("Text of water-is-wet.") == text.count("water-is-wet 的说明。") == 1


def test_a_falsifier_says_where_it_was_caught_and_where_it_escaped(made):
    caught, escaped = trial("hot-ice"), trial("hot-ice", caught=False)
    tried = {"cpython-3.9": [caught], "cpython-3.10": [caught, escaped], "cpython-3.11": []}
    runs = [run(name, claim(falsifiers=trials)) for name, trials in tried.items()]
    text = Parsed(made(*runs)).text
    assert "Falsifiers: the verdict changes if Water. hot-ice (3.9, 3.10)" in text
    assert "Escaped: the verdict stays, although Water. hot-ice (3.10)" in text


def test_a_moment_is_not_told_by_the_millisecond(made):
    seconds = {"cpython-3.9": 0.0004, "cpython-3.10": 0.009, "cpython-3.11": 0.01}
    runs = [run(name, claim(outcomes=[outcome(duration=s)])) for name, s in seconds.items()]
    assert "< 10 ms: 3.9, 3.10; 10 ms: 3.11" in Parsed(made(*runs)).text


def test_failures_that_differ_in_numbers_alone_are_shown_once(made):
    runs = [
        run(name, refuted("ice", outcomes=[outcome("ice", "refuted", seen=f"assert 1 == {pid}")]))
        for name, pid in (("cpython-3.9", 11), ("cpython-3.10", 222))
    ]
    text = made(*runs)
    assert "assert 1 == 11" in text
    assert "assert 1 == 222" not in text
    assert "other numbers elsewhere" in text


def test_what_was_left_out_is_listed(made):
    assert "is not JSON" in Parsed(made(run(), "{", skip_bad=True)).text


def test_a_run_that_was_broken_off_is_said_to_be(made):
    broken_off = run("cpython-3.13", claim(verdict="not run"), partial=True)
    text = Parsed(made(run("cpython-3.9"), broken_off)).text
    assert "The run on 3.13 was broken off." in text
    assert "3.13 broken off" in text
    assert "broken off" not in Parsed(made(run("cpython-3.9"))).text


def test_the_page_needs_nothing_from_elsewhere(made):
    text = made(run())
    loaded = [
        (tag, attributes)
        for tag, attributes in Parsed(text).tags
        if "src" in attributes or tag in {"link", "iframe", "object", "base"}
    ]
    assert not loaded
    assert not re.search(r"@import|url\((?!#)", text)


HOSTILE = [
    "<script>document.title = 'owned'</script>",
    '"><img src=x onerror="document.title=\'owned\'">',
    "'-alert(1)-'</textarea></style></title><svg/onload=alert(1)>",
    "{{ 7 * 7 }}{% raw %}",
    "\u202eright to left\u2066 \x00 \x1b[31m \ud800",
    "]]>&lt;&#60;",
]


def everywhere(text):
    """Give a run with ``text`` wherever a results file can hold a text."""
    both = {"en": text, "zh": text}
    evidence = [
        {
            "kind": "timeline",
            "title": both,
            "unit": text,
            "lanes": [text, both],
            "bars": [{"lane": text, "label": both, "start": 0, "end": 3, "asked": -4}],
            "marks": [{"lane": text, "label": text, "at": 1}],
        },
        {
            "kind": "schedule",
            "threads": [text],
            "steps": [{"thread": text, "code": text, "values": {text: text}, "lost": True}],
            "result": both,
        },
        {"kind": "measurement", "quantity": text, "series": both, "unit": text, "values": [1, 2]},
        {"kind": "counts", "counts": [{"label": text, "count": 3}]},
        {"kind": text, text: text},
    ]
    hostile = claim(
        section=text,
        lines=text,
        text=both,
        references=[text, f"javascript:{text}", f"https://{text}"],
        specs=[text],
        changed=True,
        unfalsifiable=text,
        falsifiers=[trial(text, caught=False, breaks=text, spec=text, seen=text)],
        outcomes=[outcome(reason=both, where=text, seen=text, spec=text, evidence=evidence)],
        expectation={
            "verdict": "refuted",
            "where": text,
            "reason": both,
            "since": text,
            "reference": f"javascript:{text}",
            "corrected_by": text,
        },
    )
    made = run("cpython-3.13", hostile, sections=[{"id": text, "title": both}], suite_version=text)
    made["sources"] = {text: {"line": 1, "text": text}}
    for key in ("build", "platform", "libc", "start_method"):
        made["interpreter"][key] = text
    made["interpreter"]["version"] += f".{text}"
    return made


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_shows_as_text(made, tmp_path, text):
    harmless, hostile = Parsed(made(everywhere("plain"))), Parsed(made(everywhere(text)))
    assert [tag for tag, _ in hostile.tags] == [tag for tag, _ in harmless.tags]
    for tag, attributes in hostile.tags:
        assert not any(name.startswith("on") for name in attributes), (tag, attributes)
        assert not str(attributes.get("href", "")).startswith("javascript"), (tag, attributes)
    unseen = re.findall("[\x00-\x08\u202e\u2066\ud800]", hostile.text)
    assert not unseen
    write_site(merge(write(tmp_path, everywhere(text))), tmp_path / "site")
    for file in (tmp_path / "site").rglob("*.svg"):
        assert "<script" not in file.read_text(encoding="utf-8").lower()
    results = json.loads((tmp_path / "site" / "results.json").read_text())
    assert results["claims"][0]["text"]["en"] == text


def test_a_megabyte_in_every_text_makes_no_page_of_megabytes(made):
    text = made(everywhere("<é" * 500_000))
    assert "all of them in results.json" in text
    assert len(text.encode()) < 1_000_000
