"""What a user sees of the plugin: options, verdicts, reports, exit status."""

import sys

import pytest

from tests.conftest import ROOT
from tests.samples import NOT_APPLICABLE, REFUTED, claim_table

GRADED = """
@claim("true")
def test_true(): pass
@claim("false")
def test_false(): assert os.getpid() == 0
@claim("absent")
def test_absent(): assert False
@claim("unmeasured")
def test_unmeasured(): inconclusive("install it", "请安装")
@claim("skipped")
def test_skipped(): pytest.skip("a plain skip")
"""
GRADED_CLAIMS = (
    claim_table("true", section="2"),
    claim_table("false", REFUTED, 'corrected_by = "true"').replace(REFUTED, "") + REFUTED,
    claim_table("absent", NOT_APPLICABLE),
    claim_table("unmeasured"),
    claim_table("skipped"),
)

CHANGED = """
@claim("was-true")
def test_was_true(): assert 1 == 2
@claim("was-false")
def test_was_false(): pass
@claim("broken")
def test_broken(): raise ValueError("no number")
@claim("broken-too")
def test_broken_too(): raise ValueError("no number")
@claim("setup")
def test_setup(nobody_has_this_fixture): pass
@claim("teardown")
def test_teardown(late): pass
@pytest.fixture
def late():
    yield
    raise OSError("late")
@claim("both")
def test_good(): pass
@claim("both")
@pytest.mark.parametrize("n", [1, 2])
def test_bad(n): assert n == 1
"""
CHANGED_CLAIMS = (
    claim_table("was-true"),
    claim_table("was-false", REFUTED),
    claim_table("broken"),
    claim_table("broken-too", REFUTED),
    claim_table("setup"),
    claim_table("teardown"),
    claim_table("both"),
)


@pytest.fixture
def graded(suite):
    """A suite in which every claim is as expected."""
    suite.claims(*GRADED_CLAIMS)
    suite.specs(GRADED)
    return suite


@pytest.fixture
def changed(suite):
    """A suite in which no claim is as expected."""
    suite.claims(*CHANGED_CLAIMS)
    suite.specs(CHANGED)
    return suite


EXPECTED = {
    "false": "refuted",
    "absent": "not applicable",
    "unmeasured": "inconclusive",
    "skipped": "inconclusive",
    "true": "holds",
}


@pytest.mark.parametrize("arguments", [(), ("-n2",), ("-p", "no:xdist"), ("--capture=no",)])
def test_expected_verdicts_pass(graded, arguments):
    run = graded.pytest("--results=results.json", *arguments)
    assert run.ret == 0
    claims = {claim["slug"]: claim for claim in graded.read("results.json")["claims"]}
    assert {slug: claim["verdict"] for slug, claim in claims.items()} == EXPECTED
    assert not any(claim["changed"] for claim in claims.values())
    assert claims["unmeasured"]["outcomes"][0]["reason"] == {"en": "install it", "zh": "请安装"}
    assert claims["skipped"]["outcomes"][0]["reason"]["en"] == "a plain skip"
    assert claims["false"]["outcomes"][0]["seen"].startswith("assert ")


@pytest.mark.parametrize("arguments", [(), ("-n2",)])
def test_a_changed_verdict_fails(changed, arguments):
    run = changed.pytest("--results=results.json", *arguments)
    assert run.ret == 1
    claims = {claim["slug"]: claim for claim in changed.read("results.json")["claims"]}
    assert all(claim["changed"] for claim in claims.values())
    assert {slug: claim["verdict"] for slug, claim in claims.items()} == {
        "was-true": "refuted",
        "was-false": "holds",
        "broken": "error",
        "broken-too": "error",
        "setup": "error",
        "teardown": "error",
        "both": "refuted",
    }
    run.stdout.fnmatch_lines(
        [
            "*changed: 7*",
            "  was-true (1, line 1)",
            "      Text of was-true.",
            "      expected *holds",
            "      seen *refuted: assert 1 == 2",
            "      where *test_chapter.py::test_was_true, specs/chapter/test_chapter.py:5",
            "  was-false (1, line 1)",
            "      Text of was-false.",
            "      expected *refuted",
            "      because *Because of this.",
            "      since *CPython 3.2",
            "      see *https://example.org/why",
            "      seen *holds",
            "  broken (1, line 1)",
            "      seen *error: ValueError: no number",
        ]
    )


def test_the_report_counts_and_explains(graded):
    run = graded.pytest()
    run.stdout.fnmatch_lines(
        [
            "interpreter: *",
            "build: *",
            "GIL: o*; usable CPUs: *",
            "*claims on *",
            "section *hold *refuted *n/a *inconclusive *changed *not run",
            "1 First *0 *1 *1 *2 *0 *0",
            "2 Second *1 *0 *0 *0 *0 *0",
            "total *1 *1 *1 *2 *0 *0",
            "refuted, as expected: 1",
            "  false (1, line 1)",
            "      Text of false.",
            "      because *Because of this.",
            "      since *CPython 3.2",
            "      see *https://example.org/why",
            "      instead *Text of true.",
            "inconclusive: 2",
            "  unmeasured (1, line 1)",
            "      Text of unmeasured.",
            "      because *install it",
            "GIL: before o*, after o*",
        ]
    )


def test_the_report_speaks_chinese(graded):
    run = graded.pytest("--lang=zh")
    run.stdout.fnmatch_lines(
        [
            "解释器: *",
            "小节 *成立 *被推翻 *不适用 *无法判定 *有变化 *未运行",
            "  false (1, 第 1 行)",
            "      false 的说明。",
            "      原因 *原因如此。",
            "      实际情况 *true 的说明。",
            "      原因 *请安装",
        ]
    )


def test_what_changed_is_told_in_chinese(changed):
    run = changed.pytest("--lang=zh")
    run.stdout.fnmatch_lines(
        [
            "有变化: 7",
            "      预期 *成立",
            "      实际 *被推翻: assert 1 == 2",
            "      位置 *test_chapter.py::test_was_true, *",
            "      何时起 *CPython 3.2",
            "      参见 *https://example.org/why",
            "      实际 *出错: ValueError: no number",
            "GIL: 运行前 *, 运行后 *",
        ]
    )


def test_claims_lists_the_catalogue_and_runs_nothing(graded):
    graded.specs(GRADED + "\nos.mkdir('imported')\n")
    run = graded.pytest("--claims")
    assert run.ret == 0
    assert not (graded.path / "imported").exists()
    rows = [line.split("\t") for line in run.outlines]
    assert [row[0] for row in rows] == list(EXPECTED)
    assert rows[0] == [
        *("false", "1", "1", "refuted"),
        "specs/chapter/test_chapter.py::test_false",
        "Text of false.",
    ]


def test_claim_runs_the_specs_of_one_claim(changed):
    run = changed.pytest("--claim=both", "--claim=was-true", "-v")
    run.assert_outcomes(passed=2, failed=2, deselected=5)
    run.stdout.fnmatch_lines(["total *0 *0 *0 *0 *2 *5"])


def test_an_unknown_claim_names_the_nearest(graded):
    run = graded.pytest("--claim=unmeasurd", "--claim=xyz")
    assert run.ret == pytest.ExitCode.USAGE_ERROR
    run.stderr.fnmatch_lines(
        [
            "*--claim unmeasurd: there is no such claim; did you mean unmeasured*",
            "*--claim xyz: there is no such claim; pytest --claims lists them all",
        ]
    )


@pytest.mark.parametrize("arguments", [(), ("-n2",), ("--claims",)])
def test_a_bad_catalogue_stops_the_run_before_any_spec(graded, arguments):
    graded.claims(claim_table("true", lines="11"), claim_table("new"))
    run = graded.pytest(*arguments)
    assert run.ret == pytest.ExitCode.USAGE_ERROR
    run.stderr.fnmatch_lines(["*mistakes in the catalogue:", "specs/*", "specs/*"])
    run.stdout.no_fnmatch_line("*collected*")


def test_selection_by_keyword_and_last_failed(changed):
    changed.pytest("-k", "was_").assert_outcomes(failed=2, deselected=7)
    changed.pytest("--lf").assert_outcomes(failed=2)
    changed.pytest("-x").assert_outcomes(failed=1)


def test_junit_xml_carries_the_verdict(graded):
    graded.pytest("--junitxml=junit.xml")
    xml = (graded.path / "junit.xml").read_text(encoding="utf-8")
    assert '<property name="claim" value="false"' in xml
    assert '<property name="verdict" value="refuted"' in xml


def test_results_name_the_interpreter_and_carry_evidence(suite):
    suite.claims(claim_table("measured"))
    suite.specs("@claim('measured')\ndef test_it(evidence): evidence(speed=1.5, rounds=[1, 2])")
    suite.pytest("--results=results.json")
    results = suite.read("results.json")
    (claim,) = results["claims"]
    (outcome,) = claim["outcomes"]
    assert outcome["evidence"] == [{"speed": 1.5, "rounds": [1, 2]}]
    assert outcome["duration"] > 0
    assert results["schema_version"] == 1
    assert set(results["interpreter"]) >= {"id", "version", "build", "gil", "gil_after", "cpus"}


def test_a_results_file_that_cannot_be_written_is_refused_at_once(graded):
    run = graded.pytest("--results=nowhere/results.json")
    assert run.ret == pytest.ExitCode.USAGE_ERROR
    run.stderr.fnmatch_lines(["*--results*nowhere*"])


def test_evidence_that_json_cannot_carry_is_an_error_of_its_spec(suite):
    suite.claims(claim_table("measured"), claim_table("other"))
    suite.specs(
        """
        @claim("measured")
        def test_it(evidence): evidence(speed=object())
        @claim("other")
        def test_other(): pass
        """
    )
    claims = suite.results()
    assert [claim["verdict"] for claim in claims.values()] == ["error", "holds"]


def test_tests_without_a_claim_run_where_pytest_runs(suite):
    suite.claims(claim_table("one"))
    suite.specs(
        """
        import sys
        def test_here(): assert "concspec.server" not in sys.modules
        @claim("one")
        def test_elsewhere(): assert "concspec.server" in sys.modules
        """
    )
    suite.pytest().assert_outcomes(passed=2)


FULL_DISK = """
import os

pytest_plugins = ["concspec.plugin"]

def full(_): raise OSError(28, "No space left on device")

os.fsync = full
"""


@pytest.mark.parametrize(
    ("lang", "said"),
    [
        ("en", ["refuted, as expected: *", "--results results.json could not be written: No *"]),
        ("zh", ["如预期被推翻: *", "无法写入 --results results.json：No space left *"]),
    ],
)
def test_nothing_but_the_file_is_lost_on_a_full_disk(graded, lang, said):
    graded.write("conftest.py", FULL_DISK)
    run = graded.pytest("--results=results.json", "-n1", f"--lang={lang}")
    assert run.ret == pytest.ExitCode.USAGE_ERROR
    run.stdout.fnmatch_lines(said)


@pytest.mark.parametrize(("arguments", "partial"), [((), False), (("-x",), True)])
def test_results_say_whether_the_run_was_broken_off(changed, arguments, partial):
    changed.pytest("--results=results.json", *arguments)
    assert changed.read("results.json")["partial"] == partial


XFAILED = """
@claim("known")
def test_known(): pytest.xfail("known")
"""


@pytest.mark.parametrize("arguments", [(), ("-n1",)])
def test_an_expected_failure_of_pytests_is_a_change(suite, arguments):
    suite.claims(claim_table("known"))
    suite.specs(XFAILED)
    run = suite.pytest(*arguments)
    run.assert_outcomes(xfailed=1)
    run.stdout.fnmatch_lines(["changed: 1", "  known *"])
    assert run.ret == pytest.ExitCode.TESTS_FAILED


BROKEN_AROUND = """
@pytest.fixture
def early(): assert 1 == 2
@pytest.fixture
def late():
    yield
    assert 1 == 2
@claim("early")
def test_early(early): assert False
@claim("late")
def test_late(late): assert False
"""


def test_an_assertion_in_a_fixture_is_an_error_and_refutes_nothing(suite):
    suite.claims(claim_table("early", REFUTED), claim_table("late", REFUTED))
    suite.specs(BROKEN_AROUND)
    run = suite.pytest("--results=results.json")
    run.assert_outcomes(errors=2, xfailed=1)
    assert run.ret == pytest.ExitCode.TESTS_FAILED
    claims = suite.read("results.json")["claims"]
    assert [(claim["verdict"], claim["changed"]) for claim in claims] == [("error", True)] * 2


@pytest.mark.parametrize("arguments", [(), ("-n1",)])
@pytest.mark.parametrize(
    ("mark", "complaint"),
    [
        ("@claim('true')\n@pytest.mark.xfail", "is marked xfail: *[[]claim.refuted?? of true*"),
        ("@pytest.mark.claim('nope')", "is marked with the claim 'nope'*on the test itself*"),
        ("@pytest.mark.claim('true')", "is marked with the claim 'true'*on the test itself*"),
    ],
)
def test_a_mark_that_would_mislead_is_refused(graded, mark, complaint, arguments):
    graded.specs(f"{GRADED}\n{mark}\ndef test_more(): pass")
    run = graded.pytest(*arguments)
    assert run.ret != pytest.ExitCode.OK
    run.stdout.fnmatch_lines([f"*test_chapter.py::test_more: it {complaint}", "*1 error in *"])


@pytest.mark.parametrize("option", ["--collect-only", "--setup-plan", "--keyword=none"])
def test_a_run_of_nothing_leaves_the_results_of_another(graded, option):
    (graded.path / "results.json").write_text("older")
    graded.pytest("--results=results.json", option)
    assert (graded.path / "results.json").read_text() == "older"


@pytest.mark.parametrize("plugin", ["benchmark", "capture", "skipping"])
def test_what_specs_need_of_pytest_is_asked_for(graded, plugin):
    run = graded.pytest("-p", f"no:{plugin}")
    assert run.ret == pytest.ExitCode.USAGE_ERROR
    run.stderr.fnmatch_lines([f"*specs need pytest's plugin '{plugin}': leave out -p no:*"])


@pytest.mark.parametrize(
    ("lang", "said"), [("en", "*python -O leaves assertions out*"), ("zh", "*请去掉 -O*")]
)
def test_a_python_without_assertions_is_refused(graded, monkeypatch, lang, said):
    monkeypatch.setenv("PYTHONOPTIMIZE", "1")
    run = graded.pytest("-c", str(ROOT / "pyproject.toml"), "--rootdir=.", f"--lang={lang}")
    assert run.ret == pytest.ExitCode.USAGE_ERROR
    run.stderr.fnmatch_lines([said])
    assert "Traceback" not in run.stderr.str()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--claim=unmeasurd",), "--claim unmeasurd：没有这条论断；相近的有 unmeasured"),
        (("--claim=xyz",), "--claim xyz：没有这条论断；pytest --claims 列出全部论断"),
        (("-p", "no:skipping"), "需要 pytest 的插件 'skipping'：请去掉 -p no:skipping，*"),
        (("--results=no/run.json",), "--results no/run.json：所在的目录不存在"),
        (("--report=site",), f"--report 还需要别的软件包：{sys.executable} -m pip install *"),
    ],
)
def test_what_is_refused_is_told_in_chinese(graded, arguments, said):
    no_report = 'import sys\nsys.modules["jinja2"] = None\n'
    graded.write("conftest.py", no_report + (graded.path / "conftest.py").read_text())
    run = graded.pytest("--lang=zh", *arguments)
    assert run.ret == pytest.ExitCode.USAGE_ERROR
    run.stderr.fnmatch_lines([f"*{said}"])


def test_what_claim_names_is_told_with_its_verdict(graded):
    run = graded.pytest("--claim=true", "--claim=absent")
    run.stdout.fnmatch_lines(
        [
            *("section *", "1 First *0 *0 *1 *0 *0 *3", "2 Second *1 *0 *0 *0 *0 *0"),
            *("holds: 1", "  true (2, line 1)", "      Text of true."),
            *("not applicable: 1", "  absent (1, line 1)", "      Text of absent."),
            "      because *There is none here.",
        ]
    )


def test_a_section_that_did_not_run_is_left_out_of_the_table(graded):
    run = graded.pytest("--claim=true")
    run.stdout.fnmatch_lines(["section *", "2 Second *", "total *1 *0 *0 *0 *0 *4"])
    run.stdout.no_fnmatch_line("1 First *")


@pytest.mark.parametrize(
    ("arguments", "listed"),
    [
        (("--claim=false", "--claim=true"), ["false", "true"]),
        (("specs/chapter",), list(EXPECTED)),
        (("specs/chap",), []),
        (("specs/chapter/test_chapter.py::test_true",), ["true"]),
    ],
)
def test_claims_lists_what_is_asked_for(graded, arguments, listed):
    run = graded.pytest("--claims", *arguments)
    assert [line.partition("\t")[0] for line in run.outlines] == listed


@pytest.mark.parametrize("arguments", [(), ("-n1",)])
def test_reasons_of_skips_are_told_in_the_users_language(graded, arguments):
    run = graded.pytest("--lang=zh", "-rs", "--results=results.json", *arguments)
    run.stdout.fnmatch_lines_random(["SKIPPED *: 请安装", "SKIPPED *: 不适用: 这里没有。"])
    outcomes = [claim["outcomes"][0] for claim in graded.read("results.json")["claims"]]
    assert outcomes[1]["reason"] == {"en": "There is none here.", "zh": "这里没有。"}
    assert outcomes[2]["reason"] == {"en": "install it", "zh": "请安装"}
