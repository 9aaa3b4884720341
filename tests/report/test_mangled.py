"""Whatever becomes of a results file: a clear error or a right page, never a traceback."""

import copy
import json
import tempfile
from pathlib import Path

import pytest

pytest.importorskip("jinja2")
pytest.importorskip("fastjsonschema")
pytest.importorskip("hypothesis")

import jsonschema
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from concspec.report.__main__ import main
from concspec.report.merging import MergeError, merge_runs
from concspec.report.reading import BadFileError, parse, schema
from concspec.report.site import write as write_site
from tests.report.runs import run
from tests.report.test_page import everywhere

RIGHT = everywhere("some text")

anything = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text()
    | st.sampled_from(["holds", "error", "cpython-3.9", "timeline", 1, 0, -1, 1e300, 10**30]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)


def places(value, path=()):
    """Every place in a JSON value, as the keys that lead there."""
    yield path
    if isinstance(value, (dict, list)):
        for key in value if isinstance(value, dict) else range(len(value)):
            yield from places(value[key], (*path, key))


PLACES = [place for place in places(RIGHT) if place]


@st.composite
def mangled(draw):
    """The right run with one to three values replaced, removed or doubled."""
    data = copy.deepcopy(RIGHT)
    for _ in range(draw(st.integers(1, 3))):
        *path, key = draw(st.sampled_from(PLACES))
        try:
            parent = data
            for step in path:
                parent = parent[step]
            change = draw(st.sampled_from(["replace", "replace", "remove", "double"]))
            if change == "replace":
                parent[key] = draw(anything)
            elif change == "remove":
                del parent[key]
            elif isinstance(parent, list):
                parent.append(parent[key])
        except (KeyError, IndexError, TypeError):
            continue  # an earlier change took the place away
    return data


@settings(deadline=None, max_examples=150, suppress_health_check=list(HealthCheck))
@given(mangled(), st.booleans())
def test_a_mangled_run_gives_a_page_or_a_reason(data, alone):
    runs = [] if alone else [("good", run())]
    try:
        runs.append(("mangled", parse(json.dumps(data))))
    except BadFileError as error:
        runs.append(("mangled", error))
    else:
        jsonschema.validate(data, schema())
    try:
        merged = merge_runs(runs)
    except MergeError as error:
        refused = error.refusals
    else:
        refused = merged.refusals
    assert all(refusal.reason.strip() for refusal in refused)
    assert {refusal.file for refusal in refused} <= {"mangled", "good", "results"}
    if refused:
        return
    with tempfile.TemporaryDirectory() as folder:
        write_site(merged, Path(folder))
        assert (Path(folder) / "index.html").read_text(encoding="utf-8").endswith("</script>")


@settings(deadline=None, max_examples=80, suppress_health_check=list(HealthCheck))
@given(st.data())
def test_a_mangled_text_gives_a_reason_or_the_same_run(data):
    text = json.dumps(RIGHT)
    start = data.draw(st.integers(0, len(text)))
    end = data.draw(st.integers(start, min(len(text), start + 40)))
    put = data.draw(
        st.text(max_size=10) | st.sampled_from(["\\ud800", "9" * 5000, '"', "}", "[" * 9])
    )
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "mangled.json")
        file.write_text(text[:start] + put + text[end:], encoding="utf-8", errors="surrogatepass")
        status = main([str(file), "--out", f"{folder}/site"])
        assert status == (0 if Path(folder, "site", "index.html").exists() else 1)
