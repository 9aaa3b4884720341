"""Time the explorer side by side with other tools, on the programs of the notes.

    python benchmarks/interleave.py [--json FILE] [--rounds N] [--timeout SECONDS]

Each run is a fresh process of the interpreter that runs this file; tools that are not installed
there are left out.  The programs are the same for all: two (or three) threads that each do
`balance = balance + n; balance = balance - n`.  frontrun keeps the balance in an attribute of its
state object, since it does not take reads of a module global for accesses (with a global it runs 20
executions and misses four of the seven results); ploom keeps it in its own `SharedCell`.  In each
round every tool has its turn, so that what else the machine does meets all of them.  A run that
does not come to its end in time is cut: it has no times, is not complete, and is not tried again.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import platform
import statistics
import subprocess
import sys
import sysconfig
import tempfile
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parent.parent
AMOUNTS = {
    "two-threads": (5, 8),
    "three-threads": (5, 8, 13),
    "two-threads-locked": (5, 8),
}

balance = 0
lock = threading.Lock()


def change_it(n: int) -> None:
    """Deposit and withdraw, as the notes do."""
    global balance
    balance = balance + n
    balance = balance - n


def change_it_locked(n: int) -> None:
    """Likewise, one thread at a time."""
    global balance
    with lock:
        balance = balance + n
        balance = balance - n


def run_ours(program: str, *, reduced: bool) -> dict[str, object]:
    """Explore with concspec."""
    sys.path.insert(0, str(ROOT))
    from concspec.interleave import explore

    target = change_it_locked if program == "two-threads-locked" else change_it

    def main() -> int:
        global balance
        balance = 0
        threads = [threading.Thread(target=target, args=(n,)) for n in AMOUNTS[program]]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return balance

    start = time.perf_counter()
    found = explore(main, reduce=reduced)
    seconds = time.perf_counter() - start
    return {
        "seconds": seconds,
        "executions": found.executions,
        "interleavings": found.interleavings,
        "complete": found.complete,
        "outcomes": {str(key): each.interleavings for key, each in found.outcomes.items()},
    }


def run_ours_first(_program: str, *, reduced: bool) -> dict[str, object]:
    """Find the first balance that is not zero, import included."""
    start = time.perf_counter()
    sys.path.insert(0, str(ROOT))
    from concspec.interleave import explore

    imported = time.perf_counter()

    def main() -> int:
        global balance
        balance = 0
        threads = [threading.Thread(target=change_it, args=(n,)) for n in (5, 8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return balance

    found = explore(main, reduce=reduced, until=lambda result: result != 0)
    end = time.perf_counter()
    return {
        "seconds": end - imported,
        "with_import": end - start,
        "executions": found.executions,
        "interleavings": found.interleavings,
        "complete": found.complete,
        "outcomes": {str(key): each.interleavings for key, each in found.outcomes.items()},
    }


def run_frontrun(program: str, *, reduced: bool) -> dict[str, object]:
    """Explore with frontrun's DPOR, without its default bound."""
    assert reduced
    os.environ["FRONTRUN_ACTIVE"] = "1"
    import frontrun

    class Account:
        def __init__(self) -> None:
            self.balance = 0
            self.lock = threading.Lock()

    def change(account: Account, n: int) -> None:
        account.balance = account.balance + n
        account.balance = account.balance - n

    def change_locked(account: Account, n: int) -> None:
        with account.lock:
            account.balance = account.balance + n
            account.balance = account.balance - n

    outcomes: dict[str, int] = {}

    def invariant(account: Account) -> bool:
        key = str(account.balance)
        outcomes[key] = outcomes.get(key, 0) + 1
        return True

    target = change_locked if program == "two-threads-locked" else change
    workers = [lambda account, n=n: target(account, n) for n in AMOUNTS[program]]
    start = time.perf_counter()
    found = frontrun.explore(
        setup=Account,
        workers=workers,
        invariant=invariant,
        stop_on_first=False,
        preemption_bound=None,
    )
    seconds = time.perf_counter() - start
    return {
        "seconds": seconds,
        "executions": getattr(found, "num_explored", sum(outcomes.values())),
        "interleavings": None,
        "complete": True,
        "outcomes": outcomes,
    }


def run_interleave_test(program: str, *, reduced: bool) -> dict[str, object]:
    """Explore with interleave-test's depth-first search, without its default bound."""
    assert not reduced
    import interleave_test

    outcomes: dict[str, int] = {}
    target = change_it_locked if program == "two-threads-locked" else change_it

    def model() -> None:
        global balance, lock
        balance = 0
        lock = threading.Lock()
        threads = [threading.Thread(target=target, args=(n,)) for n in AMOUNTS[program]]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        outcomes[str(balance)] = outcomes.get(str(balance), 0) + 1

    start = time.perf_counter()
    found = interleave_test.explore(
        model,
        strategy="dfs",
        iterations=10**9,
        max_preemptions=10**6,
        raise_on_failure=False,
    )
    seconds = time.perf_counter() - start
    return {
        "seconds": seconds,
        "executions": found.schedules_run,
        "interleavings": found.schedules_run,
        "complete": found.exhausted,
        "outcomes": outcomes,
    }


def ploom_scenario(program: str) -> None:
    """The notes' program in ploom's own primitives."""
    import ploom

    shared = ploom.SharedCell(0)
    guard = ploom.Lock()

    def change(n: int) -> None:
        shared.write(shared.read() + n)
        shared.write(shared.read() - n)

    def change_locked(n: int) -> None:
        with guard:
            change(n)

    def body(n: int) -> None:
        (change_locked if program == "two-threads-locked" else change)(n)

    threads = [ploom.Thread(target=lambda n=n: body(n)) for n in AMOUNTS[program]]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def run_ploom(program: str, *, reduced: bool) -> dict[str, object]:
    """Explore with ploom."""
    assert not reduced
    import functools

    import ploom

    start = time.perf_counter()
    found = ploom.check(
        functools.partial(ploom_scenario, program),
        config=ploom.Config(max_executions=10**9, timeout=10.0**6),
    )
    seconds = time.perf_counter() - start
    return {
        "seconds": seconds,
        "executions": found.executions,
        "interleavings": found.executions,
        "complete": True,
        "outcomes": {},
    }


TOOLS = {
    "concspec": (run_ours, (True, False), None),
    "frontrun": (run_frontrun, (True,), "frontrun"),
    "interleave-test": (run_interleave_test, (False,), "interleave_test"),
    "ploom": (run_ploom, (False,), "ploom"),
}


def environment(cache: str) -> dict[str, str]:
    """Return an environment in which modules are compiled once, as where they are installed."""
    kept = {key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}
    return {**kept, "PYTHONPYCACHEPREFIX": cache}


def interpreter() -> str:
    """Return which interpreter this is, such as `cpython-3.13t`."""
    version = f"{sys.version_info[0]}.{sys.version_info[1]}"
    free = "t" if sysconfig.get_config_var("Py_GIL_DISABLED") else ""
    return f"{platform.python_implementation().lower()}-{version}{free}"


class Line(NamedTuple):
    """One line of the table: a tool, a program, and whether the search is reduced."""

    tool: str
    program: str
    reduced: bool

    def run(self, timeout: float, cache: str) -> dict[str, Any] | None:
        """Run it once in a fresh process; None where it does not come to its end."""
        command = [sys.executable, __file__, "--run", self.tool, self.program]
        try:
            done = subprocess.run(
                [*command, str(int(self.reduced))],
                capture_output=True,
                text=True,
                timeout=timeout,
                check=False,
                cwd="/",
                env=environment(cache),
            )
        except subprocess.TimeoutExpired:
            sys.stderr.write(f"{self.tool} on {self.program}: cut after {timeout:g} s\n")
            return None
        if done.returncode:
            sys.stderr.write(f"{self.tool} on {self.program}: {done.stderr.strip()[-300:]}\n")
            return None
        run: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
        return run

    def measured(self, runs: list[dict[str, Any] | None]) -> dict[str, Any]:
        """Return what the JSON says of its runs."""
        finished = [run for run in runs if run is not None]
        times = [run["seconds"] for run in finished] if len(finished) == len(runs) else []
        last = finished[-1] if times else {}
        return {
            **self._asdict(),
            "interpreter": interpreter(),
            "median_s": statistics.median(times) if times else None,
            "min_s": min(times) if times else None,
            "executions": last.get("executions"),
            "interleavings": last.get("interleavings"),
            "complete": last.get("complete", False),
            "outcomes": last.get("outcomes", {}),
        }


def main() -> None:
    """Measure what is asked for; print the table, and write the JSON."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", type=Path, help="write the results to this file")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--timeout", type=float, default=120.0, help="seconds a run may take")
    parser.add_argument("--tool", action="append", choices=list(TOOLS), help="only this tool")
    parser.add_argument("--program", action="append", choices=list(AMOUNTS))
    parser.add_argument("--run", nargs=3, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.run:
        tool, program, reduced = options.run
        runner = run_ours_first if tool == "first" else TOOLS[tool][0]
        print(json.dumps(runner(program, reduced=reduced == "1")))
        return
    with tempfile.TemporaryDirectory() as cache:
        compare(options, cache)


def chosen(options: argparse.Namespace) -> Iterator[Line]:
    """Go through what is asked for and installed."""
    for program in options.program or AMOUNTS:
        for tool in options.tool or TOOLS:
            _, modes, module = TOOLS[tool]
            if module is None or importlib.util.find_spec(module) is not None:
                for reduced in modes:
                    # Without reduction that is 34,650 executions: patience, not comparison.
                    if (tool, program, reduced) != ("concspec", "three-threads", False):
                        yield Line(tool, program, reduced)


def compare(options: argparse.Namespace, cache: str) -> None:
    """Run every tool on every program, and print and write what was measured."""
    runs: dict[Line, list[dict[str, Any] | None]] = {line: [] for line in chosen(options)}
    for _ in range(options.rounds):
        for line, before in runs.items():
            if None not in before:
                before.append(line.run(options.timeout, cache))
    lines = [line.measured(its) for line, its in runs.items()]
    print(f"medians of {options.rounds} rounds; a run is cut after {options.timeout:g} s")
    print(f"{'tool':16} {'program':20} {'reduced':8} {'median':>10} {'min':>10} {'executions':>11}")
    for line in lines:
        times = [
            "unfinished" if line[key] is None else f"{line[key]:.4f} s"
            for key in ("median_s", "min_s")
        ]
        print(
            f"{line['tool']:16} {line['program']:20} {line['reduced']!s:8} {times[0]:>10} "
            f"{times[1]:>10} {line['executions'] or '-':>11}"
        )
    if not options.tool or "concspec" in options.tool:
        first = [
            json.loads(
                subprocess.run(
                    [sys.executable, __file__, "--run", "first", "two-threads", "1"],
                    capture_output=True, text=True, check=True, cwd="/", env=environment(cache),
                ).stdout
            )
            for _ in range(options.rounds + 1)
        ][1:]  # fmt: skip
        search = statistics.median(run["seconds"] for run in first)
        both = statistics.median(run["with_import"] for run in first)
        print(f"first non-zero balance: {search * 1e3:.1f} ms, with the import {both * 1e3:.1f} ms")
    if options.json:
        options.json.write_text(json.dumps(lines, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
