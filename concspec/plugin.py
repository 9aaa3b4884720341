"""The pytest plugin: options, markers and hooks. What they do stands in the other modules."""

from __future__ import annotations

import dataclasses
import importlib.util
import json
import os
import sys
from collections.abc import Callable, Generator
from pathlib import Path
from typing import Any, Union

import pytest

from concspec import inconclusive
from concspec.alone import LonePytest
from concspec.catalogue import CatalogueError, Claim, Text, load
from concspec.falsification import Falsification, falsifier_of
from concspec.grading import Outcome, Trial, Verdict, verdict_on
from concspec.guard import FILTERS, Guard, kinds
from concspec.interpreter import gil_is_on, this_interpreter
from concspec.isolation import CAN_FORK, SURROUNDINGS, SpecServer
from concspec.language import LANGUAGES, say
from concspec.processes import end_with_parent
from concspec.report import terminal
from concspec.resources import need_semaphores
from concspec.results import Run

RUN = pytest.StashKey[Run]()
SERVER = pytest.StashKey[Union[SpecServer, LonePytest]]()
_GUARD = pytest.StashKey[Guard]()
_LEFT = pytest.StashKey[list[str]]()
_FAILED = pytest.StashKey[bool]()
_SPEC_SERVER = "concspec.server"
_RUNS_SPECS = (_SPEC_SERVER, "concspec.alone")
_TIMES_BENCHMARKS = (
    *("benchmark_only", "benchmark_enable", "benchmark_json", "benchmark_save"),
    *("benchmark_autosave", "benchmark_histogram"),
)
"""Options of pytest-benchmark: without any of them, benchmarks are graded and not timed."""

_NEEDED = ("benchmark", "capture", "skipping")
"""Plugins that others than ours may do without."""

_INSTALL = f"{sys.executable} -m pip install --editable"
"""For this interpreter, whose pip need not be the one on the PATH."""


def pytest_addoption(parser: pytest.Parser) -> None:
    """Declare the options."""
    group = parser.getgroup("concspec", "executable specification")
    group.addoption("--claims", action="store_true", help="list the claims and run nothing")
    group.addoption(
        "--claim", action="append", metavar="SLUG", help="run only this claim (again for several)"
    )
    group.addoption(
        "--falsify", action="store_true", help="run each spec under its falsifiers: it has to fail"
    )
    group.addoption("--lang", choices=LANGUAGES, default="en", help="language of what is shown")
    group.addoption("--results", type=Path, metavar="FILE", help="write the run to FILE as JSON")
    group.addoption("--report", type=Path, metavar="DIR", help="write the run to DIR as a page")


def pytest_configure(config: pytest.Config) -> None:
    """Read the catalogue; refuse a bad one, slugs that it does not have, and to run without what
    specs need."""
    if not __debug__:
        raise _refusal(
            config,
            "python -O leaves assertions out, by which specs say what is true: run without -O, and "
            "without PYTHONOPTIMIZE in the environment",
            "python -O 会去掉断言，而测试要靠断言下结论：请去掉 -O，也不要设置环境变量 "
            "PYTHONOPTIMIZE",
        )
    missing = [name for name in _NEEDED if not config.pluginmanager.has_plugin(name)]
    if missing:
        raise _refusal(
            config,
            f"specs need pytest's plugin {missing[0]!r}: leave out -p no:{missing[0]}, or install "
            f"it: {_INSTALL} .",
            f"测试需要 pytest 的插件 {missing[0]!r}：请去掉 -p no:{missing[0]}，或者安装它："
            f"{_INSTALL} .",
        )
    if sys.stdout is None:
        _stand_in_for_stdout(config)
    config.addinivalue_line("markers", "claim(*slugs): the claims that the test proves")
    interpreter = this_interpreter()
    try:
        catalogue = load(config.rootpath / "specs", interpreter.facts())
    except CatalogueError as error:
        raise pytest.UsageError(str(error)) from None
    unknown = [slug for slug in config.getoption("claim") or () if slug not in catalogue.claims]
    if unknown:
        lang = config.getoption("lang")
        lines = [terminal.unknown(slug, catalogue).in_language(lang) for slug in unknown]
        raise pytest.UsageError("\n".join(lines))
    config.stash[RUN] = Run(interpreter, catalogue)
    if not any(map(config.getoption, _TIMES_BENCHMARKS)):
        config.option.benchmark_disable = True
    if config.getoption("falsify"):
        config.pluginmanager.register(Falsification())
    if hasattr(config, "workerinput"):
        end_with_parent()  # by itself it would do so after five seconds
    if not hasattr(config, "workerinput") and not _runs_specs(config):
        config.pluginmanager.register(Recorder(config))


def _refusal(config: pytest.Config, en: str, zh: str) -> pytest.UsageError:
    """What a user has to do otherwise, in the language asked for."""
    return pytest.UsageError(Text(en, zh).in_language(config.getoption("lang")))


def _stand_in_for_stdout(config: pytest.Config) -> None:
    """Give pytest a standard output where it is closed: its report fails without one."""
    capture = config.pluginmanager.getplugin("capturemanager")
    capture.stop_global_capturing()  # at its end it puts back what it found at its start
    sys.stdout = Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115 - to the end
    capture.start_global_capturing()
    capture.suspend_global_capture()


def pytest_cmdline_main(config: pytest.Config) -> int | None:
    """List the claims, if that is what was asked for."""
    if not config.getoption("claims"):
        return None
    config._do_configure()
    try:
        run = config.stash[RUN]
        lines = terminal.claims(run, config.getoption("lang"), lambda c: _is_listed(c, config))
        for line in lines:
            sys.stdout.write(line + "\n")
    finally:
        config._ensure_unconfigure()
    return int(pytest.ExitCode.OK)


def _is_listed(claim: Claim, config: pytest.Config) -> bool:
    """Whether --claim names it, and one of its specs is below what else was named."""
    slugs = config.getoption("claim")
    places = [str((config.invocation_params.dir / name).resolve()) for name in config.args]
    specs = [f"{config.rootpath / spec}" for spec in claim.specs]
    return (not slugs or claim.slug in slugs) and any(
        f"{spec}::".startswith((f"{place}{os.sep}", f"{place}::"))
        for spec in specs
        for place in places
    )


def pytest_report_header(config: pytest.Config) -> list[str]:
    """Say which interpreter is graded."""
    return terminal.header(config.stash[RUN].interpreter, config.getoption("lang"))


@pytest.hookimpl(wrapper=True)
def pytest_pycollect_makeitem(collector: pytest.Collector) -> Generator[None, object, object]:
    """Refuse marks by which a test would pass for a spec, or a spec for what it is not."""
    made = yield
    claims = collector.config.stash[RUN].catalogue.claims
    for item in made if isinstance(made, list) else ():
        spec = item.nodeid.partition("[")[0]
        for slug in _slugs(item):
            if slug not in claims or spec not in claims[slug].specs:
                raise collector.CollectError(
                    f"{spec}: it is marked with the claim {slug!r}, but not as the catalogue reads "
                    f'it: put @claim("{slug}") of concspec on the test itself'
                )
            if item.get_closest_marker("xfail"):
                raise collector.CollectError(
                    f"{spec}: it is marked xfail: take that off, and say in claims.toml, in a "
                    f"[[claim.refuted]] of {slug}, where it is expected to fail"
                )
    return made


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Keep what is asked for, and mark each spec with what is expected of it here."""
    deselected = [item for item in items if not _is_asked_for(item)]
    if deselected:
        config.hook.pytest_deselected(items=deselected)
        items[:] = [item for item in items if item not in deselected]
    facts = config.stash[RUN].interpreter.facts()
    lang = config.getoption("lang")
    for item in items:
        falsifier = falsifier_of(item)
        if falsifier:
            item.user_properties.append(("falsifier", falsifier))
        for claim in _claims(item):
            expectation = claim.expectation(facts)
            item.user_properties.append(("claim", claim.slug))
            item.user_properties.append(("expected", expectation.verdict.value))
            if expectation.verdict is Verdict.NOT_APPLICABLE:
                item.user_properties.append(("reason", dataclasses.asdict(expectation.reason)))
                skip = f"{say(expectation.verdict.value, lang)}: {expectation.reason.en}"
                item.add_marker(pytest.mark.skip(reason=skip))
            elif expectation.verdict is Verdict.REFUTED and not falsifier:
                reason = expectation.reason.in_language(lang)
                item.add_marker(
                    pytest.mark.xfail(reason=reason, raises=AssertionError, strict=True)
                )


def _is_asked_for(item: pytest.Item) -> bool:
    """Whether --claim, --benchmark-only and --benchmark-skip leave it in."""
    option = item.config.getoption
    if option("benchmark_only"):
        kind = _is_benchmark(item)
    else:
        kind = not (option("benchmark_skip") and _is_benchmark(item))
    return kind and (not option("claim") or any(slug in option("claim") for slug in _slugs(item)))


def pytest_collection_finish(session: pytest.Session) -> None:
    """Make ready to run the specs that were found in processes of their own."""
    config = session.config
    files = list(dict.fromkeys(item.path for item in session.items if _is_served(item)))
    option = config.option
    here = option.collectonly or option.usepdb or option.trace or option.setuponly
    if not files or here or _runs_specs(config):
        return
    if CAN_FORK:
        server = SpecServer(config, files)
        config.stash[SERVER] = server
        server.start()
    else:
        config.stash[SERVER] = LonePytest(config)


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item) -> bool | None:
    """Run a spec in a process of its own, unless a debugger is to step into it."""
    server = item.config.stash.get(SERVER, None)
    if server is None or not _is_served(item):
        return None
    item.ihook.pytest_runtest_logstart(nodeid=item.nodeid, location=item.location)
    for report in server.run(item):
        item.ihook.pytest_runtest_logreport(report=report)
    item.ihook.pytest_runtest_logfinish(nodeid=item.nodeid, location=item.location)
    return True


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> Generator[None, object, object]:
    """Look at what there is before a spec, and put off a benchmark that would not be alone."""
    # Nobody asks what a sabotage leaves behind, and a debugger has a signal handler of its own.
    if _claims(item) and falsifier_of(item) is None and not item.config.option.trace:
        item.stash[_LEFT] = []
        item.stash[_GUARD] = Guard(kinds(**item.config.stash.get(SURROUNDINGS, {})))
    result = yield
    if _is_put_off(item):
        inconclusive("run without -n", "请不要用 -n 运行")
    return result


@pytest.hookimpl(wrapper=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> Generator[None, object, object]:
    """Look at the warnings filters as the spec left them; pytest puts them back thereafter."""
    guard = Guard([FILTERS])
    try:
        return (yield)
    finally:
        pyfuncitem.stash.setdefault(_LEFT, []).extend(guard.leftovers())


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_teardown(item: pytest.Item) -> Generator[None, object, object]:
    """Clean up behind a spec. What it left is its error, unless it has failed already."""
    for name in ("last_exc", "last_value", "last_traceback"):  # they keep its variables alive
        vars(sys).pop(name, None)
    result = yield
    if _GUARD in item.stash:
        left = "; ".join(item.stash[_LEFT] + item.stash[_GUARD].leftovers())
        if left and _FAILED in item.stash:
            item.add_report_section("teardown", "left behind", left)
        elif left:
            pytest.fail(f"left behind: {left}", pytrace=False)
    return result


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Note what the spec saw among the properties of its report, which every process passes on."""
    if _claims(item):
        if call.when == "call" or call.excinfo:
            error = call.excinfo.value if call.excinfo else None
            verdict = verdict_on(
                error,
                in_call=call.when == "call",
                skipped=isinstance(error, pytest.skip.Exception),
                applicable=("expected", Verdict.NOT_APPLICABLE.value) not in item.user_properties,
            )
            item.user_properties.append(("verdict", verdict.value))
            if reason := getattr(error, "reason", None):
                item.user_properties.append(("reason", reason))
        if call.when == "teardown":
            item.user_properties.append(("gil", gil_is_on()))
    report = yield
    _tell_why_skipped(report, item.config.getoption("lang"))
    if call.when != "call" and hasattr(report, "wasxfail"):  # the spec is expected to fail, alone
        del report.wasxfail
        report.outcome = "failed"
    if report.failed:
        item.stash[_FAILED] = True
    return report


def _tell_why_skipped(report: pytest.TestReport, lang: str) -> None:
    """Have pytest's own summary of skips say in the user's language why there is no verdict."""
    reason = dict(_properties(report)).get("reason")
    if reason and report.skipped and isinstance(report.longrepr, tuple):
        file, line, said = report.longrepr
        report.longrepr = (file, line, said.replace(reason["en"], reason[lang]))


@pytest.hookimpl(tryfirst=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """End the spec server."""
    server = session.config.stash.get(SERVER, None)
    if server is not None:
        server.close()


class Recorder:
    """Collects what all specs did and reports it, in the process that the user started."""

    def __init__(self, config: pytest.Config) -> None:
        """Fill the run that ``config`` carries."""
        self._run = config.stash[RUN]
        self._lang: str = config.getoption("lang")
        self._named: list[str] = config.getoption("claim") or []
        self._root = config.rootpath
        self._outcomes: dict[str, Outcome] = {}
        self._unwritten: list[str] = []
        self._file: Path | None = config.getoption("results")
        if self._file and not os.access(self._file.parent, os.W_OK):
            exists = self._file.parent.exists()
            raise _refusal(
                config,
                f"--results {self._file}: its folder "
                f"{'cannot be written to' if exists else 'does not exist'}",
                f"--results {self._file}：所在的目录{'不可写' if exists else '不存在'}",
            )
        self._site: Path | None = config.getoption("report")
        if self._site and not all(map(importlib.util.find_spec, ("jinja2", "fastjsonschema"))):
            raise _refusal(
                config,
                f"--report needs more: {_INSTALL} '.[report]'",
                f"--report 还需要别的软件包：{_INSTALL} '.[report]'",
            )

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Take one phase of one spec into the run."""
        if not self._run.catalogue.proved_by(report.nodeid.partition("[")[0]):
            return
        known = dict(_properties(report))
        verdict = known.get("verdict") or (Verdict.ERROR if report.failed else None)
        self._run.gil_after = known.get("gil", self._run.gil_after)
        if verdict is None:
            return
        before = self._outcomes.get(report.nodeid, Outcome(report.nodeid, Verdict(verdict)))
        where, seen = _failure(report, self._root)
        outcome = self._outcomes[report.nodeid] = dataclasses.replace(
            before,
            verdict=Verdict(verdict),
            duration=before.duration + report.duration,
            reason=_reason(report) or before.reason,
            where=where or before.where,
            seen=seen or before.seen,
            evidence=[fact for key, fact in _properties(report) if key == "evidence"],
        )
        if "falsifier" in known:
            self._run.trials[report.nodeid] = Trial(known["falsifier"], outcome)
        else:
            self._run.outcomes[report.nodeid] = outcome

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Let a changed claim that pytest takes for an expected failure fail the run, and a
        falsifier that escaped by a skip; write the results file and the page, if anything ran."""
        as_expected = all(trial.caught for trial in self._run.tried) and not any(
            grade.changed for grade in self._run.grades
        )
        if session.exitstatus == pytest.ExitCode.OK and not as_expected:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED
        broken_off = (
            *(pytest.ExitCode.INTERRUPTED, pytest.ExitCode.INTERNAL_ERROR),
            pytest.ExitCode.USAGE_ERROR,  # the spec server could not be started again
        )
        stopped = session.shouldfail or session.shouldstop
        self._run.partial = bool(stopped) or session.exitstatus in broken_off
        option = session.config.option
        ran = self._run.outcomes or self._run.partial
        if ran and not (option.collectonly or option.setuponly):
            self._write("--results", self._file, self._run.write)
            self._write("--report", self._site, self._write_page)
        if self._unwritten:
            session.exitstatus = pytest.ExitCode.USAGE_ERROR

    def _write(self, option: str, place: Path | None, write: Callable[[Path], None]) -> None:
        try:
            if place:
                write(place)
        except OSError as error:
            why = error.strerror or error
            problem = Text(
                f"{option} {place} could not be written: {why}", f"无法写入 {option} {place}：{why}"
            )
            self._unwritten.append(problem.in_language(self._lang))

    def _write_page(self, folder: Path) -> None:
        from concspec.report.site import write_run  # noqa: PLC0415 - most interpreters lack Jinja2

        write_run(self._run.as_json(), folder)

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Write the report, and what could not be written elsewhere."""
        if self._run.outcomes:
            title = say("claims on {}", self._lang).format(self._run.interpreter.id)
            terminalreporter.section(title)
            for line, markup in terminal.summary(self._run, self._lang, self._named):
                terminalreporter.write_line(line, **markup)
        for problem in self._unwritten:
            terminalreporter.write_line(problem, red=True)


def _properties(report: pytest.TestReport) -> list[tuple[str, Any]]:
    return report.user_properties


def _failure(report: pytest.TestReport, root: Path) -> tuple[str, str]:
    """Where a report says that it failed, as ``file:line``, and what it saw there."""
    crash = getattr(report.longrepr, "reprcrash", None)
    if crash:
        return f"{os.path.relpath(crash.path, root)}:{crash.lineno}", crash.message
    if report.failed and dict(_properties(report)).get("verdict") != Verdict.HOLDS.value:
        return "", str(report.longrepr)
    return "", ""


def _reason(report: pytest.TestReport) -> Text | None:
    """Why a report says that it came to no verdict."""
    reason = dict(_properties(report)).get("reason")
    if reason:
        return Text(**reason)
    if report.skipped and isinstance(report.longrepr, tuple):
        said = report.longrepr[2].removeprefix("Skipped: ")
        return Text(said, said)
    return None


@pytest.fixture
def evidence(record_property: Callable[[str, object], None]) -> Callable[..., None]:
    """Give a function that records what a spec measured, for the results file.

    It takes keyword arguments, which are one entry; TypeError if JSON cannot carry them.
    """

    def record(**facts: Any) -> None:
        json.dumps(facts)
        record_property("evidence", facts)

    return record


@pytest.fixture
def semaphores() -> None:
    """Make a spec inconclusive where multiprocessing cannot make its locks."""
    need_semaphores()


@pytest.fixture
def run_folder(pytestconfig: pytest.Config, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A temporary folder that the specs of a run share, each of which has its own tmp_path."""
    if not pytestconfig.pluginmanager.has_plugin(_SPEC_SERVER):
        return tmp_path_factory.getbasetemp()
    folder = Path(pytestconfig.getoption("basetemp")).with_name("shared")
    folder.mkdir(exist_ok=True)
    return folder


def _is_benchmark(item: pytest.Item) -> bool:
    return "benchmark" in getattr(item, "fixturenames", ())


def _is_put_off(item: pytest.Item) -> bool:
    """Whether it measures, and others do so beside it; falsifiers show even so."""
    beside_others = hasattr(item.config, "workerinput") and not item.config.getoption("falsify")
    return beside_others and _is_benchmark(item)


def _is_served(item: pytest.Item) -> bool:
    """Whether the spec server is to run it: not if it is to be timed, since pytest-benchmark makes
    its table and files of what it timed in this process."""
    timed = any(map(item.config.getoption, _TIMES_BENCHMARKS)) and _is_benchmark(item)
    return bool(_claims(item)) and not timed and not _is_put_off(item)


def _runs_specs(config: pytest.Config) -> bool:
    """Whether this is a pytest that another one has started, to run specs for it."""
    return any(map(config.pluginmanager.has_plugin, _RUNS_SPECS))


def _claims(item: pytest.Item) -> list[Claim]:
    claims = item.config.stash[RUN].catalogue.claims
    return [claims[slug] for slug in _slugs(item)]


def _slugs(item: pytest.Item) -> list[str]:
    return [slug for mark in item.iter_markers("claim") for slug in mark.args]
