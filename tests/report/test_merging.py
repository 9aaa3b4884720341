"""Merging: what is refused, with which file and reason, and what is not lost by it."""

import json

import pytest

pytest.importorskip("jinja2")
pytest.importorskip("fastjsonschema")

from concspec.report import __main__ as command
from concspec.report.merging import MergeError, merge
from tests.report.runs import claim, refuted, run, trial, write


def refusals(*arguments, **options):
    with pytest.raises(MergeError) as caught:
        merge(*arguments, **options)
    return {refusal.file: refusal.reason for refusal in caught.value.refusals}


def test_columns_stand_in_the_order_of_implementation_version_build_and_system(tmp_path):
    names = ["pypy-3.9", "cpython-3.13t", "cpython-3.9", "cpython-3.10", "cpython-3.13"]
    runs = [run(name) for name in names]
    merged = merge(write(tmp_path, *runs, run("cpython-3.9", system="darwin")))
    assert [column.key for column in merged.columns] == [
        "cpython-3.9-linux",
        "cpython-3.9-macos",
        "cpython-3.10-linux",
        "cpython-3.13-linux",
        "cpython-3.13t-linux",
        "pypy-3.9-linux",
    ]


def test_a_free_threaded_build_whose_gil_was_switched_on_is_a_column_of_its_own(tmp_path):
    with_gil = run("cpython-3.13t")
    with_gil["interpreter"]["gil"] = True
    merged = merge(write(tmp_path, run("cpython-3.13t"), with_gil))
    keys = [column.key for column in merged.columns]
    assert keys == ["cpython-3.13t-linux", "cpython-3.13t+gil-linux"]


def test_a_folder_stands_for_the_files_in_it(tmp_path):
    write(tmp_path, run("cpython-3.9"), run("cpython-3.10"))
    assert len(merge([tmp_path]).columns) == 2


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("", "is not JSON"),
        ("{", "is not JSON"),
        (json.dumps(run())[:-20], "is not JSON, or not all of it is there"),
        ("[" * 100_000, "is not JSON"),
        (json.dumps(run()).replace("0.012", "NaN"), "NaN is not a number in JSON"),
        (json.dumps(run()).replace("0.012", "1e999"), "1e999 is out of range"),
        ("[]", "does not keep to the schema"),
        (run(schema_version=2), "has schema version 2; only 1 can be read"),
        (run(schema_version=True), "has schema version True"),
        (run("cpython-3.13", claim(verdict="fine")), "claims[0].verdict: 'fine'"),
        (run(surprise=1), "'surprise' was unexpected"),
        (run("cpython-3.13", claim(), claim()), "has the claim 'water-is-wet' 2 times"),
        (run("cpython-3.13", claim(section="7")), "does not have the section '7'"),
        (
            run("cpython-3.13", claim(changed=True)),
            "says that the claim water-is-wet is changed: holds where holds is expected",
        ),
        (
            run("cpython-3.13", {**refuted("ice"), "verdict": "error"}),
            "says that the claim ice is not changed: error where refuted is expected",
        ),
        (
            {
                **run("cpython-3.13"),
                "interpreter": run("cpython-3.99t")["interpreter"] | {"id": "cpython-3.13"},
            },
            "is of 'cpython-3.13', but its interpreter is 'cpython-3.99t'",
        ),
        (run("../../etc"), "interpreter.id: '../../etc' does not match"),
        (run("cpython-3.13", claim("../up")), "claims[0].slug: '../up' does not match"),
        (run("cpython-3.13", claim("new\n")), "claims[0].slug: 'new\\n' does not match"),
    ],
)
def test_a_bad_file_is_named_with_its_reason(tmp_path, content, reason):
    good, bad = write(tmp_path, run("cpython-3.9"), bad=content)
    refused = refusals([good, bad])
    assert list(refused) == [str(bad)]
    assert reason in refused[str(bad)]


def test_what_is_not_there_or_no_text_is_named_with_its_reason(tmp_path):
    (tmp_path / "binary").write_bytes(b"\xff\xfe")
    refused = refusals([tmp_path / "nowhere", tmp_path / "binary"])
    assert refused[str(tmp_path / "nowhere")] == "cannot be read: No such file or directory"
    assert "is not UTF-8" in refused[str(tmp_path / "binary")]


def test_everything_that_is_wrong_is_said_at_once(tmp_path):
    paths = write(tmp_path, run(), one="{", two=run("pypy-3.9", schema_version=3))
    refused = refusals([*paths, tmp_path / "three"], ["cpython-3.8", "cpython-3.13"])
    assert set(refused) == {*map(str, paths[1:]), str(tmp_path / "three"), "--require"}
    assert refused["--require"] == (
        "cpython-3.8 did not run all claims; those that did: cpython-3.13-linux"
    )


def test_another_catalogue_is_refused_and_most_files_decide_which_is_the_other(tmp_path):
    runs = [run(f"cpython-3.{minor}") for minor in (9, 10)]
    newer = run("cpython-3.11", catalogue="cd" * 32, date="2027-01-01T00:00:00+00:00")
    *_, odd = paths = write(tmp_path, *runs, newer)
    refused = refusals(paths)
    assert list(refused) == [str(odd)]
    assert "is of another catalogue, cdcdcdcdcdcd" in refused[str(odd)]
    assert "as are 2 in all" in refused[str(odd)]


def test_of_two_catalogues_with_as_many_files_the_newer_counts(tmp_path):
    newer = run("cpython-3.11", catalogue="cd" * 32, date="2027-01-01T00:00:00+00:00")
    old, _ = paths = write(tmp_path, run(), newer)
    assert list(refusals(paths)) == [str(old)]


def test_the_same_catalogue_with_other_words_is_refused(tmp_path):
    other = run("cpython-3.10", claim(lines="99"))
    *_, odd = paths = write(tmp_path, run("cpython-3.9"), run("cpython-3.11"), other)
    assert "but says other things" in refusals(paths)[str(odd)]


def test_runs_that_agree_are_counted_and_the_newest_one_is_shown(tmp_path):
    newer = run(date="2027-01-01T00:00:00+00:00")
    (column,) = merge(write(tmp_path, run(), newer, run())).columns
    assert len(column.files) == 3
    assert column.run["date"].startswith("2027")


def test_runs_that_disagree_are_refused_and_the_claims_are_named(tmp_path):
    newer = run(date="2027-01-01T00:00:00+00:00")
    older, newest = paths = write(tmp_path, run("cpython-3.13", claim(verdict="refuted")), newer)
    refused = refusals(paths)
    assert list(refused) == [str(older)]
    assert f"as is the newer {newest}" in refused[str(older)]
    assert "water-is-wet (changed: refuted here, holds there)" in refused[str(older)]


def test_runs_that_expected_something_else_are_told_apart(tmp_path):
    newer = run("cpython-3.13", refuted("ice"), date="2027-01-01T00:00:00+00:00")
    older, _ = paths = write(tmp_path, run("cpython-3.13", claim("ice", "refuted")), newer)
    assert "ice (changed: refuted here, refuted there)" in refusals(paths)[str(older)]


@pytest.mark.parametrize("none", ["not run", "inconclusive"])
def test_a_run_that_came_to_no_verdict_contradicts_none_and_takes_the_others(tmp_path, none):
    newer = run("cpython-3.13", claim(verdict=none), date="2027-01-01T00:00:00+00:00")
    (column,) = merge(write(tmp_path, run(), newer)).columns
    assert len(column.files) == 2
    assert column.run["date"].startswith("2027")
    assert [(each["verdict"], len(each["outcomes"])) for each in column.run["claims"]] == [
        ("holds", 1)
    ]


@pytest.mark.parametrize("tried_first", [True, False])
def test_falsifiers_are_kept_from_whichever_run_tried_them(tmp_path, tried_first):
    tried, plain = claim(falsifiers=[trial("dry-water")]), claim(falsifiers=[])
    newer = run("cpython-3.13", tried, date="2027-01-01T00:00:00+00:00")
    older = run("cpython-3.13", plain)
    if tried_first:
        newer["date"], older["date"] = older["date"], newer["date"]
    (column,) = merge(write(tmp_path, newer, older)).columns
    (merged,) = column.run["claims"]
    assert [each["falsifier"] for each in merged["falsifiers"]] == ["dry-water"]


def test_a_run_that_was_broken_off_is_completed_by_one_that_was_not(tmp_path):
    broken_off = run(
        "cpython-3.13", claim(verdict="not run"), partial=True, date="2027-01-01T00:00:00+00:00"
    )
    (column,) = merge(write(tmp_path, broken_off)).columns
    assert column.run["partial"]
    (column,) = merge(write(tmp_path, broken_off, run())).columns
    assert not column.run["partial"]


def test_a_run_that_was_broken_off_is_not_what_is_required(tmp_path, capsys):
    paths = write(tmp_path, run("cpython-3.9"), run("cpython-3.13", partial=True))
    refused = refusals(paths, ["cpython-3.9", "cpython-3.13"])
    assert refused == {
        "--require": "cpython-3.13 did not run all claims; those that did: cpython-3.9-linux"
    }
    assert command.main([*map(str, paths), "--out", str(tmp_path / "site")]) == 0
    assert "broken off: the run on cpython-3.13-linux" in capsys.readouterr().err


def test_a_run_that_left_claims_out_is_not_what_is_required(tmp_path):
    paths = write(tmp_path, run("cpython-3.13", claim(), claim("ice", "not run")))
    assert "--require" in refusals(paths, ["cpython-3.13"])
    rest = run("cpython-3.13", claim(verdict="not run"), claim("ice"))
    merge(
        write(tmp_path, run("cpython-3.13", claim(), claim("ice", "not run")), rest),
        ["cpython-3.13"],
    )


def test_an_empty_set_is_refused(tmp_path):
    assert refusals([tmp_path]) == {"results": "there is no good results file among those given"}
    (tmp_path / "bad.json").touch()
    assert len(refusals([tmp_path], skip_bad=True)) == 2


def test_bad_files_are_left_out_if_asked_to_and_listed(tmp_path):
    merged = merge(write(tmp_path, run("cpython-3.9"), "{", run("pypy-3.9")), skip_bad=True)
    assert [column.id for column in merged.columns] == ["cpython-3.9", "pypy-3.9"]
    assert [refusal.file for refusal in merged.refusals] == [str(tmp_path / "1.json")]


def test_what_is_required_is_missed_also_when_bad_files_are_left_out(tmp_path):
    paths = write(tmp_path, run("cpython-3.9"), "{")
    assert "--require" in refusals(paths, ["cpython-3.10"], skip_bad=True)
    merge(paths, ["cpython-3.9", "cpython-3.9-linux"], skip_bad=True)


@pytest.mark.parametrize("required", ["cpython-3.9,pypy-3.11", "pypy-3.11"])
def test_the_command_publishes_nothing_that_lacks_a_column(tmp_path, capsys, required):
    paths = write(tmp_path, run("cpython-3.9"))
    site = tmp_path / "site"
    assert command.main([*map(str, paths), "--out", str(site), "--require", required]) == 1
    assert "pypy-3.11 did not run all claims" in capsys.readouterr().err
    assert not site.exists()


@pytest.mark.parametrize("others", [[], ["pypy-3.11"]])
def test_the_command_counts_the_interpreters(tmp_path, capsys, others):
    paths = write(tmp_path, *map(run, ["cpython-3.9", *others]))
    command.main([*map(str, paths), "--out", str(tmp_path / "site")])
    count = "2 interpreters" if others else "1 interpreter"
    assert capsys.readouterr().out.endswith(f"index.html: {count}\n")


def test_the_command_says_what_it_left_out(tmp_path, capsys):
    paths = write(tmp_path, run("cpython-3.9", claim(), refuted("ice-is-hot")), "{")
    arguments = [*map(str, paths), "--out", str(tmp_path / "site"), "--skip-bad"]
    assert command.main(arguments) == 0
    assert f"left out: {paths[1]}: is not JSON" in capsys.readouterr().err
