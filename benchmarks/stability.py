"""Run the whole specification again and again, in random order and under hardship.

    python benchmarks/stability.py [--runs N] [--jobs N] [--minutes N] [--log FILE]
                                   [INTERPRETER ...]

Each run is a pytest of its own, with a seed of its own, under one of CONDITIONS, serially or with
``-n 4``, so that every 20 runs go through all of them.  What it saw is added to the log, a JSON
object a line: a series that was interrupted goes on where it stopped, and with ``--runs 0`` only
the table is printed.  A run that was not as it must be stands there, and is printed, with its whole
output and the command that repeats it.  The exit status is 1 if there is one: a claim that changed,
an error, a hang, or a process, a piece of shared memory or a temporary file left behind.

It needs Linux, root (for namespaces of its own), iproute2, and virtualenv, with which it makes the
environments, ``.venv/stability-INTERPRETER``.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import math
import os
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from multiprocessing.pool import ThreadPool
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
INTERPRETERS = [
    *(f"python3.{minor}" for minor in range(9, 16)),
    *("python3.13t", "python3.14t", "python3.15t", "pypy3.9", "pypy3.11"),
]
CONDITIONS = {
    "idle": ":",
    "two hogs": 'hog() { while :; do :; done; }; hog & hogs=$!; hog & hogs="$hogs $!"',
    "nice 19": "renice -n 19 -p $$ >/dev/null",
    "one CPU": "taskset -pc 0 $$ >/dev/null",
    "128 descriptors": "ulimit -n 128",
    "full /dev/shm": "mount -t tmpfs -o size=4k tmpfs /dev/shm && echo >/dev/shm/full",
    "read-only folder": 'mount --bind . . && mount -o remount,bind,ro . && cd "$PWD"',
    "loopback only": """unshare --net ip link set lo up &&
        set -- unshare --net sh -c 'ip link set lo up && exec "$@"' sh "$@" """,
    "LANG=C": "export LANG=C LC_ALL=C PYTHONUTF8=0",
    "stdout closed": "exec >&-",
}
"""What a shell does before a run, in a mount namespace of its own, with the run as ``$@``."""

MODES = {"serially": [], "-n 4": ["-n", "4"]}
CYCLE = [(condition, mode) for condition in CONDITIONS for mode in MODES]
BOUND = 900.0
"""Seconds after which a run hangs: several times what PyPy needs beside busy neighbours."""

_NOT_SET_UP = 99
"""Exit status of the shell where a condition could not be set up; pytest has none like it."""

_GRACE = 5.0
"""Seconds that the kernel may take to end a process that was killed."""

ENVIRONMENT = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
"""Modules are compiled once, as where the suite is used, not in each of hundreds of processes."""

_MARK = "CONCSPEC_STABILITY"
_BROKEN_OFF = threading.Event()
"""Tells the threads that watch runs to end them."""

FAULTS = ("changed", "errors", "processes", "shared_memory", "files", "hangs")
Result = dict[str, Any]


def prepare(interpreter: str) -> Path:
    """Make the environment for an interpreter, unless there is one; return its Python."""
    folder = ROOT / ".venv" / f"stability-{interpreter}"
    python = folder / "bin" / "python"
    done = folder / "done"
    if not done.exists():
        virtualenv = [sys.executable, "-m", "virtualenv", "--quiet", "--python", interpreter]
        subprocess.run([*virtualenv, folder], check=True)
        install = [python, "-m", "pip", "install", "--quiet", "--editable", ROOT]
        subprocess.run([*install, "pytest-randomly"], check=True)
        done.touch()
    return python


def run(interpreter: str, number: int) -> Result:
    """Run the specification once; return what is to be logged."""
    condition, mode = CYCLE[number % len(CYCLE)]
    with tempfile.TemporaryDirectory(prefix="stability-") as name:
        folder = Path(name)
        temporary, shared = folder / "tmp", folder / "shm"
        temporary.mkdir()
        results = folder / "results.json"
        command = [
            *(str(prepare(interpreter)), "-m", "pytest", "specs", *MODES[mode]),
            *("-p", "randomly", f"--randomly-seed={number}", f"--results={results}"),
        ]
        script = "\n".join(
            [
                f"mount -t tmpfs tmpfs /dev/shm && {{ {CONDITIONS[condition]}",
                f"}} || exit {_NOT_SET_UP}",
                '"$@"',
                "status=$?; kill $hogs 2>/dev/null",
                f"ls -A /dev/shm | grep -vx full >{shlex.quote(str(shared))}; exit $status",
            ]
        )
        mark = f"{interpreter}-{number}-{os.getpid()}"
        start = time.monotonic()
        try:
            output, status, cpu = _watched(
                ["unshare", "--mount", "sh", "-c", script, "sh", *command],
                {**ENVIRONMENT, "TMPDIR": str(temporary), _MARK: mark},
            )
        finally:
            processes = _left_running(f"{_MARK}={mark}".encode())
        seen = {
            "interpreter": interpreter,
            "number": number,
            "condition": condition,
            "mode": mode,
            "status": status,
            "seconds": round(time.monotonic() - start, 1),
            "cpu": round(cpu, 1),
            "processes": processes,
            "shared_memory": shared.read_text(errors="replace").split() if shared.exists() else [],
            # pytest itself keeps the folders of the last three runs that asked for tmp_path
            "files": [f.name for f in temporary.iterdir() if not f.name.startswith("pytest-of-")],
            "hangs": status is None,
            **_verdicts(results, status),
        }
        if status == _NOT_SET_UP:
            seen["errors"] = [f"the condition could not be set up: {condition}"]
    if any(seen[fault] for fault in FAULTS):
        seen["command"] = f"{CONDITIONS[condition]}\n{shlex.join(command)}".strip()
        seen["output"] = output
    return seen


def _watched(command: Sequence[str], env: dict[str, str]) -> tuple[str, int | None, float]:
    """Run a command; return its output, its exit status or None for a hang, and CPU seconds.

    Raises InterruptedError, after killing it, if the series is broken off.
    """
    with tempfile.TemporaryFile() as log:
        process = subprocess.Popen(
            command,
            cwd=ROOT,
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
        deadline = time.monotonic() + BOUND
        ended = 0
        while not ended and time.monotonic() < deadline and not _BROKEN_OFF.wait(0.2):
            ended, status, usage = os.wait4(process.pid, os.WNOHANG)
        if not ended:
            os.killpg(process.pid, signal.SIGKILL)
            _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        log.seek(0)
        output = log.read().decode(errors="replace")
    if not ended and _BROKEN_OFF.is_set():
        raise InterruptedError("the series was broken off")
    return output, process.returncode if ended else None, usage.ru_utime + usage.ru_stime


def _left_running(mark: bytes) -> list[str]:
    """The command lines of the processes of a run that are still there, which are then killed."""
    deadline = time.monotonic() + _GRACE
    while (left := list(_marked(mark))) and time.monotonic() < deadline:
        time.sleep(0.1)
    lines = []
    for process in left:
        with contextlib.suppress(OSError):
            line = (process / "cmdline").read_bytes().replace(b"\0", b" ")
            lines.append(line.decode(errors="replace"))
            os.kill(int(process.name), signal.SIGKILL)
    return lines


def _marked(mark: bytes) -> Iterable[Path]:
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if mark in (process / "environ").read_bytes().split(b"\0"):
                yield process


def _verdicts(results: Path, status: int | None) -> Result:
    """What the results file of a run says of the claims."""
    if not results.exists():
        return {"changed": [], "errors": [f"no results; exit status {status}"], "inconclusive": []}
    claims = json.loads(results.read_text(encoding="utf-8"))["claims"]
    by_verdict: dict[str, list[str]] = {}
    for claim in claims:
        by_verdict.setdefault(claim["verdict"], []).append(claim["slug"])
    errors = by_verdict.get("error", []) + by_verdict.get("not run", [])
    changed = [claim["slug"] for claim in claims if claim["changed"]]
    changed = [slug for slug in changed if slug not in errors]
    if status not in (0, 1) or (status and not errors and not changed):
        errors.append(f"exit status {status}")
    return {
        "changed": changed,
        "errors": errors,
        "inconclusive": by_verdict.get("inconclusive", []),
    }


def series(
    interpreters: Sequence[str], runs: int, jobs: int, log: Path, minutes: float = math.inf
) -> None:
    """Do what the log lacks of ``runs`` runs an interpreter; the idle ones one at a time.

    None is begun when so many minutes have passed. How many are missing then is said.
    """
    end = time.monotonic() + 60 * minutes
    done = {(line["interpreter"], line["number"]) for line in read(log)}
    plan = [
        (interpreter, number)
        for number in range(runs)
        for interpreter in interpreters
        if (interpreter, number) not in done
    ]
    for interpreter in {interpreter for interpreter, _ in plan}:
        prepare(interpreter)
    idle = [one for one in plan if CYCLE[one[1] % len(CYCLE)][0] == "idle"]
    missing = 0
    with log.open("a", encoding="utf-8") as file:
        file.write("\n" if done else "")  # the last line may have been cut off
        for at_once, part in ((1, idle), (jobs, [one for one in plan if one not in idle])):
            with _pool(at_once) as pool:
                for line in pool.imap_unordered(lambda one: _run_before(end, *one), part):
                    if line is None:
                        missing += 1
                        continue
                    file.write(json.dumps(line) + "\n")
                    file.flush()
                    sys.stderr.write(f"{_told(line)}\n")
    if missing:
        sys.stderr.write(f"{missing} of {len(plan)} runs were not begun: no time was left\n")


@contextlib.contextmanager
def _pool(threads: int) -> Iterator[ThreadPool]:
    """A pool of threads that end their runs when they are not waited for any more."""
    with ThreadPool(threads) as pool:
        try:
            yield pool
        except BaseException:
            _BROKEN_OFF.set()
            pool.terminate()
            pool.join()
            raise


def _run_before(end: float, interpreter: str, number: int) -> Result | None:
    return run(interpreter, number) if time.monotonic() < end else None


def _told(line: Result) -> str:
    faults = {fault: line[fault] for fault in FAULTS if line[fault]}
    keys = ("interpreter", "number", "condition", "mode", "seconds", "cpu")
    return f"{', '.join(str(line[key]) for key in keys)}: {faults or 'as it must be'}"


def read(log: Path) -> list[Result]:
    """The lines of the log; a last line that was cut off counts as missing."""
    lines = []
    if log.exists():
        for text in log.read_text(encoding="utf-8").splitlines():
            with contextlib.suppress(json.JSONDecodeError):
                lines.append(json.loads(text))
    return lines


def table(lines: Sequence[Result], key: str) -> Iterable[str]:
    """The rows of a Markdown table of the runs, by interpreter, condition or mode."""
    heads = ["wrong verdicts", "errors", "inconclusive a run", "leftovers", "hangs"]
    yield f"| {key} | runs | {' | '.join(heads)} | seconds | CPU seconds |"
    yield "|---|" + "--:|" * (len(heads) + 3)
    groups: dict[str, list[Result]] = {}
    for line in lines:
        groups.setdefault(line[key], []).append(line)
    for name, group in [*groups.items(), ("all", lines)]:
        leftovers = ("processes", "shared_memory", "files")
        cells = [
            len(group),
            sum(len(line["changed"]) for line in group),
            sum(len(line["errors"]) for line in group),
            f"{sum(len(line['inconclusive']) for line in group) / len(group):.1f}",
            sum(len(line[leftover]) for line in group for leftover in leftovers),
            sum(line["hangs"] for line in group),
            f"{sum(line['seconds'] for line in group) / len(group):.0f}",
            f"{sum(line['cpu'] for line in group) / len(group):.0f}",
        ]
        yield f"| {name} | {' | '.join(map(str, cells))} |"


def main() -> int:
    """Do the series and print the tables."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # ends what runs, as Ctrl-C does
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("interpreters", nargs="*", metavar="INTERPRETER", help="default: all found")
    parser.add_argument("--runs", type=int, default=20, help="an interpreter (default: 20)")
    parser.add_argument("--jobs", type=int, default=1, help="runs side by side (default: 1)")
    parser.add_argument("--minutes", type=float, default=math.inf, help="to begin runs in")
    parser.add_argument("--log", type=Path, default=ROOT / "stability.jsonl")
    options = parser.parse_args()
    found = options.interpreters or [name for name in INTERPRETERS if shutil.which(name)]
    series(found, options.runs, options.jobs, options.log, options.minutes)
    lines = [line for line in read(options.log) if line["interpreter"] in found]
    for key in ("interpreter", "condition", "mode") if lines else ():
        print("\n".join(table(lines, key)), end="\n\n")
    faulty = [line for line in lines if any(line[fault] for fault in FAULTS)]
    for line in faulty:
        print(f"{_told(line)}\n{line['command']}\n{line['output']}")
    return int(bool(faulty))


if __name__ == "__main__":
    sys.exit(main())
