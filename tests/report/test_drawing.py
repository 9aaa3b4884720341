"""Pictures: that what was recorded stands where it belongs."""

import json
from xml.etree import ElementTree as ET

import pytest

pytest.importorskip("jinja2")
pytest.importorskip("fastjsonschema")

from concspec.report.drawing import Measured, counts, measurement, schedule, ticks, timeline
from concspec.report.merging import merge
from concspec.report.names import Names
from concspec.report.site import write as write_site
from tests.report.runs import claim, outcome, run, write

POOL = {
    "kind": "timeline",
    "title": {"en": "Five tasks", "zh": "五个任务"},
    "unit": "s",
    "bars": [
        {"lane": f"worker {n % 4}", "label": f"task {n}", "asked": 0, "start": start, "end": end}
        for n, (start, end) in enumerate([(0, 2), (0, 4), (0, 3), (0, 5), (2, 6)])
    ],
}
CROSSED = {
    "kind": "schedule",
    "threads": ["t1", "t2"],
    "steps": [
        {"thread": "t1", "code": "x = balance + 5", "values": {"balance": 0}},
        {"thread": "t2", "code": "balance = 8", "values": {"balance": 8}},
        {"thread": "t1", "code": "balance = x", "values": {"balance": 5}, "lost": True},
    ],
    "result": "balance is 5",
}


def speedup(*values, series="threads", **more):
    return {
        "kind": "measurement",
        "quantity": "speedup",
        "series": series,
        "values": list(values),
        **more,
    }


def test_a_bar_is_as_long_as_it_lasted_and_one_that_waited_is_shown_waiting():
    drawn = timeline(POOL)
    bars = {box.label: box for box in drawn.boxes if box.kind == "bar"}
    (wait,) = (box for box in drawn.boxes if box.kind == "wait")
    unit = bars["task 0"].x2 - bars["task 0"].x
    assert bars["task 1"].x2 - bars["task 1"].x == pytest.approx(2 * unit)
    assert wait.label == "task 4"
    assert (wait.x, wait.x2) == (bars["task 0"].x, pytest.approx(bars["task 0"].x2))
    assert bars["task 4"].x == wait.x2
    assert bars["task 4"].y == bars["task 0"].y
    assert [lane.label for lane in drawn.lanes[:4]] == [f"worker {n}" for n in range(4)]


def test_what_overlaps_on_a_lane_gets_rows_of_its_own():
    marks = [{"lane": "a", "label": "the same instant", "at": 1} for _ in range(3)]
    assert len({box.y for box in timeline({"marks": marks}).boxes}) == 3


def test_labels_stay_within_the_picture():
    marks = [{"lane": "a", "label": f"a long label {n}", "at": n} for n in range(9)]
    for box in timeline({"marks": marks}).boxes:
        assert 0 < box.label_x < 640 - 60


def test_a_schedule_has_a_column_for_each_thread_and_variable():
    drawn = schedule(CROSSED)
    assert [head for _, head in drawn.heads] == ["t1", "t2", "balance"]
    (first, second, balance) = (x for x, _ in drawn.heads)
    assert drawn.steps[1].cells == [(second, "balance = 8"), (balance, "8")]
    assert [step.lost for step in drawn.steps] == [False, False, True]
    assert first < second < balance < drawn.width


@pytest.fixture
def names(tmp_path):
    return Names(merge(write(tmp_path, run("cpython-3.9"), run("cpython-3.13t"))).columns)


def test_a_measurement_stands_at_its_median_on_a_common_scale(names):
    entries = [(0, speedup(1, 1, 1)), (0, speedup(2, series="processes")), (1, speedup(1, 2, 9))]
    chart = measurement([Measured(*each) for each in entries], names)
    one, two, two_again = (point.x for point in chart.points)
    assert one < two == two_again
    assert chart.points[2].span[0] == one
    assert [name for _, name in chart.names] == ["3.9", "3.13t"]
    assert [point.series for point in chart.points] == [0, 1, 0]
    assert [point.label for point in chart.points] == ["1", "2", "1…9"]


def test_the_bound_and_the_interval_of_the_estimate_are_drawn(names):
    chart = measurement([Measured(0, speedup(1.5, low=1, high=2, limit=1.5))], names)
    (point,) = chart.points
    assert list(chart.limits) == [point.x]
    assert point.interval[0] < point.x < point.interval[1]


def test_counts_are_in_proportion():
    thirty, eight = counts(
        {"counts": [{"label": "0", "count": 30}, {"label": "5", "count": 8}]}
    ).bars
    assert thirty.length / eight.length == pytest.approx(30 / 8, rel=0.01)


@pytest.mark.parametrize(("low", "high"), [(0, 1), (-3, 7), (0, 1e15), (-1e-9, 1e-9), (4, 4)])
def test_an_axis_has_few_round_numbers(low, high):
    marks = ticks(low, high)
    assert 1 <= len(marks) <= 8
    assert marks[0] <= low
    assert marks[-1] >= high


@pytest.fixture
def site(tmp_path):
    def made(*entries_by_run):
        runs = [
            run(f"cpython-3.{minor}", claim("a", outcomes=[outcome("a", evidence=list(entries))]))
            for minor, entries in enumerate(entries_by_run, 9)
        ]
        write_site(merge(write(tmp_path, *runs)), tmp_path / "site")
        return tmp_path / "site"

    return made


def test_a_lane_is_named_in_the_language_of_its_picture(site):
    lane = {"en": "writer", "zh": "写进程"}
    marked = {"kind": "timeline", "marks": [{"lane": lane, "label": "put A", "at": 1}]}
    pictures = site([marked]) / "pictures"
    for name, word, other in (("a-1.svg", "writer", "写进程"), ("a-1.zh.svg", "写进程", "writer")):
        text = (pictures / name).read_text(encoding="utf-8")
        assert (f">{word}<" in text, other in text) == (True, False)


def test_pictures_are_files_in_both_languages_and_stand_in_the_page(site):
    folder = site([POOL, CROSSED, speedup(1), {"kind": "counts", "counts": []}])
    names = {path.name for path in (folder / "pictures").iterdir()}
    translated = {"a-1.zh.svg", "a-2.zh.svg", "a-3.zh.svg"}  # a measurement has no title of ours
    assert names == {"a-1.svg", "a-2.svg", "a-3.svg", "a-4.svg"} | translated
    for path in (folder / "pictures").iterdir():
        ET.fromstring(path.read_text(encoding="utf-8"))
    assert "五个任务" in (folder / "pictures" / "a-1.zh.svg").read_text(encoding="utf-8")
    assert "Five tasks" in (folder / "pictures" / "a-1.svg").read_text(encoding="utf-8")
    assert (folder / "index.html").read_text(encoding="utf-8").count("<figure>") == 4


def test_runs_that_recorded_the_same_share_a_picture(site):
    folder = site([CROSSED], [CROSSED])
    assert len(list((folder / "pictures").iterdir())) == 2
    assert "3.9, 3.10</figcaption>" in (folder / "index.html").read_text(encoding="utf-8")


def test_runs_that_recorded_something_else_have_pictures_of_their_own(site):
    slower = json.loads(json.dumps(POOL).replace("6", "7"))
    folder = site([POOL], [slower])
    names = {path.name for path in (folder / "pictures").glob("*[!h].svg")}
    assert names == {"a-1.svg", "a-1.cpython-3.9-linux.svg", "a-1.cpython-3.10-linux.svg"}
    shown = (folder / "pictures" / "a-1.svg").read_text(encoding="utf-8")
    newest = (folder / "pictures" / "a-1.cpython-3.10-linux.svg").read_text(encoding="utf-8")
    assert shown == newest


def test_what_several_specs_measured_of_one_series_is_one_point(names):
    entries = [speedup(1, low=0, high=2), speedup(5, low=4, high=6), speedup(3, series="other")]
    chart = measurement([Measured(0, entry) for entry in entries], names)
    pooled, other = chart.points
    assert pooled.x == other.x
    assert pooled.span[0] < other.x < pooled.span[1]
    assert pooled.interval is None
