"""Run the measured claims again and again, beside busy neighbours and without.

    python benchmarks/measurements.py [--runs N] [--log FILE] [INTERPRETER ...]

prints how many verdicts were wrong, and how many inconclusive, by interpreter and condition. A
batch is one pytest that does PER_BATCH runs; batches go through the CONDITIONS in turn, and through
the interpreters within each. What a batch saw is added to the log, a JSON object a line: a series
that was interrupted goes on where it stopped, and with ``--runs 0`` only the table is printed. A
wrong verdict stands there with its evidence, a batch that was not done to its end with its output;
either makes the exit status 1.

Environments are made as by ``stability.py``, which needs virtualenv. This module is also the pytest
plugin that repeats specs, in pytest and in its spec server.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from stability import ROOT, prepare, read

INTERPRETERS = ["python3.11", "python3.13", "python3.14", "python3.13t", "pypy3.11"]
SPECS = ["specs/threads/test_gil.py", "specs/threads/bench_scaling.py"]
PER_BATCH = 5
BOUND = 600.0
"""Seconds that a batch may take: several times what it does beside two hogs."""

_HOG = "while True: pass"
_BURSTS = """
import time
while True:
    end = time.monotonic() + 0.01
    while time.monotonic() < end: pass
    time.sleep(0.01)
"""
CONDITIONS = {
    "idle": [],
    "one hog": [_HOG],
    "two hogs": [_HOG] * 2,
    "two hogs in bursts": [_BURSTS] * 2,
    "nice 19": [],
}
"""The programs that run beside the specs. A burst is as long as a round, the most awkward."""

Result = dict[str, Any]


def pytest_generate_tests(metafunc: Any) -> None:
    """Repeat each spec; a parameter that it does not ask for says how often it was run before."""
    metafunc.fixturenames.append("run")
    metafunc.parametrize("run", range(PER_BATCH), ids="run{}".format, indirect=True)


def pytest_configure(config: Any) -> None:
    """Define the parameter as a fixture: pytest is not there where the series is run from."""
    import pytest  # noqa: PLC0415

    class Repetition:
        @pytest.fixture
        def run(self, request: pytest.FixtureRequest) -> int:
            return int(request.param)

    config.pluginmanager.register(Repetition())


def pytest_collection_modifyitems(items: list[Any]) -> None:
    """Do one run after the other."""
    items.sort(key=lambda item: item.callspec.params["run"])


@contextlib.contextmanager
def neighbours(programs: Sequence[str]) -> Iterator[None]:
    """Have Python programs run meanwhile."""
    hogs = [subprocess.Popen([sys.executable, "-c", program]) for program in programs]
    try:
        yield
    finally:
        for hog in hogs:
            hog.kill()
            hog.wait()


def batch(interpreter: str, number: int) -> Result:
    """Do one batch; return what is to be logged."""
    condition = list(CONDITIONS)[number % len(CONDITIONS)]
    nice = ["nice", "-n", "19"] if condition == "nice 19" else []
    with tempfile.TemporaryDirectory(prefix="measurements-") as folder:
        results = Path(folder, "results.json")
        command = [*nice, prepare(interpreter), "-m", "pytest", "-q", *SPECS]
        path = [str(Path(__file__).parent), os.environ.get("PYTHONPATH", "")]
        env = {"PYTEST_PLUGINS": Path(__file__).stem, "PYTHONPATH": os.pathsep.join(path)}
        start = time.monotonic()
        try:
            with neighbours(CONDITIONS[condition]):
                output = subprocess.run(
                    [*command, "-p", "no:randomly", f"--results={results}"],
                    cwd=ROOT,
                    env={**os.environ, **env},
                    stdout=subprocess.PIPE,
                    check=False,
                    timeout=BOUND,
                ).stdout
        except subprocess.TimeoutExpired as hang:
            output = (hang.stdout or b"") + f"did not end within {BOUND:.0f} s".encode()
        seconds = time.monotonic() - start
        graded = json.loads(results.read_text(encoding="utf-8")) if results.exists() else None
    line = {
        "interpreter": interpreter,
        "number": number,
        "condition": condition,
        "runs": PER_BATCH,
        "seconds": round(seconds, 1),
    }
    if graded is None or graded["partial"]:
        told = output.decode(errors="replace")
        return {**line, "runs": 0, "broken": told, **_verdicts([])}
    return {**line, **_verdicts(graded["claims"])}


def _verdicts(claims: Sequence[Result]) -> Result:
    """How many claims were measured, in all runs, and which came to a wrong verdict or to none."""
    measured, inconclusive, wrong = 0, [], []
    for claim in claims:
        expected = claim["expectation"]["verdict"]
        runs: dict[str, list[Result]] = {}
        for outcome in claim["outcomes"]:
            runs.setdefault(re.findall(r"run\d+", outcome["spec"])[-1], []).append(outcome)
        for outcomes in runs.values():
            bad = [one for one in outcomes if one["verdict"] not in (expected, "inconclusive")]
            wrong += [{"claim": claim["slug"], "expected": expected, **one} for one in bad]
            is_measured = any("went_first" in fact for one in outcomes for fact in one["evidence"])
            measured += is_measured
            if not bad and any(one["verdict"] == "inconclusive" for one in outcomes):
                inconclusive.append(claim["slug"])
    return {"measured": measured, "inconclusive": inconclusive, "wrong": wrong}


def series(interpreters: Sequence[str], runs: int, log: Path) -> None:
    """Do what the log lacks of so many runs an interpreter."""
    done = {(line["interpreter"], line["number"]) for line in read(log)}
    with log.open("a", encoding="utf-8") as file:
        for number in range(-(-runs // PER_BATCH)):
            for interpreter in interpreters:
                if (interpreter, number) not in done:
                    line = batch(interpreter, number)
                    file.write(json.dumps(line) + "\n")
                    file.flush()
                    told = [line[key] for key in ("interpreter", "condition", "seconds")]
                    wrong, none = [one["claim"] for one in line["wrong"]], line["inconclusive"]
                    sys.stderr.write(f"{told} wrong: {wrong}, inconclusive: {len(none)}\n")
                    sys.stderr.write(line.get("broken", ""))


def table(lines: Sequence[Result]) -> Iterable[str]:
    """The rows of a Markdown table, by interpreter and condition."""
    heads = ["runs", "verdicts", "wrong", "inconclusive", "seconds a run", "broken"]
    yield f"| interpreter | condition | {' | '.join(heads)} |"
    yield "|---|---|" + "--:|" * len(heads)
    groups: dict[tuple[str, str], list[Result]] = {}
    for line in lines:
        for key in ((line["interpreter"], line["condition"]), ("together", line["condition"])):
            groups.setdefault(key, []).append(line)
    order = list(CONDITIONS)
    for name, condition in sorted(groups, key=lambda key: (key[0], order.index(key[1]))):
        group = groups[name, condition]
        runs, measured = (sum(line[key] for line in group) for key in ("runs", "measured"))
        wrong, none = (sum(len(line[key]) for line in group) for key in ("wrong", "inconclusive"))
        seconds = sum(line["seconds"] for line in group if line["runs"])
        cells = [
            *(name, condition, runs, measured, wrong),
            f"{none / measured:.1%}" if measured else "none measured",
            f"{seconds / runs:.1f}" if runs else "",
            sum("broken" in line for line in group),
        ]
        yield f"| {' | '.join(map(str, cells))} |"


def main() -> int:
    """Do the series and print the table."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # ends the hogs, as Ctrl-C does
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("interpreters", nargs="*", metavar="INTERPRETER", help="default: all found")
    parser.add_argument("--runs", type=int, default=200, help="an interpreter (default: 200)")
    parser.add_argument("--log", type=Path, default=ROOT / "measurements.jsonl")
    options = parser.parse_args()
    found = options.interpreters or [name for name in INTERPRETERS if shutil.which(name)]
    series(found, options.runs, options.log)
    lines = [line for line in read(options.log) if line["interpreter"] in found]
    print("\n".join(table(lines)))
    return int(any(line["wrong"] or "broken" in line for line in lines))


if __name__ == "__main__":
    sys.exit(main())
