"""Time the explorer side by side with other tools, on the programs of the notes.

    python benchmarks/interleave.py [--json FILE] [--rounds N] [--timeout SECONDS]

Each run is a fresh process of the interpreter that runs this file; tools that are not installed
there are left out.  The programs are the same for all: two (or three) threads that each do
`balance = balance + n; balance = balance - n`.  frontrun keeps the balance in an attribute of its
state object, since it does not take reads of a module global for accesses (with a global it runs 20
executions and misses four of the seven results); ploom keeps it in its own `SharedCell`.  A run
that does not come to its end in time has no times and is not complete.
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


def measured(
    tool: str, program: str, *, reduced: bool, rounds: int, timeout: float, cache: str
) -> dict[str, object]:
    """Run one tool on one program in fresh processes; return its line of the table."""
    runs = []
    for _ in range(rounds):
        command = [sys.executable, __file__, "--run", tool, program, str(int(reduced))]
        try:
            done = subprocess.run(
                command,
                capture_output=True,
                text=True,
                timeout=timeout,
                check=False,
                cwd="/",
                env=environment(cache),
            )
        except subprocess.TimeoutExpired:
            break
        if done.returncode:
            sys.stderr.write(f"{tool} on {program}: {done.stderr.strip()[-300:]}\n")
            break
        runs.append(json.loads(done.stdout.splitlines()[-1]))
    times = [run["seconds"] for run in runs] if len(runs) == rounds else []
    last = runs[-1] if times else {}
    return {
        "tool": tool,
        "program": program,
        "reduced": reduced,
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


def compare(options: argparse.Namespace, cache: str) -> None:
    """Run every tool on every program, and print and write what was measured."""
    lines = []
    print(f"{'tool':16} {'program':20} {'reduced':8} {'median':>10} {'min':>10} {'executions':>11}")
    for program in options.program or AMOUNTS:
        for tool in options.tool or TOOLS:
            _, modes, module = TOOLS[tool]
            if module is not None and importlib.util.find_spec(module) is None:
                continue
            for reduced in modes:
                if (tool, program, reduced) == ("concspec", "three-threads", False):
                    continue  # 34,650 executions: a matter of patience, not of comparison
                line = measured(
                    tool,
                    program,
                    reduced=reduced,
                    rounds=options.rounds,
                    timeout=options.timeout,
                    cache=cache,
                )
                lines.append(line)
                times = [
                    "unfinished" if line[key] is None else f"{float(str(line[key])):.4f} s"
                    for key in ("median_s", "min_s")
                ]
                print(
                    f"{tool:16} {program:20} {reduced!s:8} {times[0]:>10} {times[1]:>10} "
                    f"{line['executions'] or '-':>11}",
                    flush=True,
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
