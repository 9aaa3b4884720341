"""How many CPUs this process can keep busy at the same time."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

_ROOT = Path("/")


def usable_cpus(root: Path = _ROOT) -> int:
    """The number of CPUs that this process can keep busy, at least one.

    That is the least of: the CPUs of its affinity, or of the machine where there is no such thing;
    the CPU time that cgroups let it have, in whole CPUs; and what ``-X cpu_count`` or
    ``PYTHON_CPU_COUNT`` says, also to an interpreter older than 3.13, which does not ask for it.

    ``root`` is where ``proc`` and ``sys`` are looked for.
    """
    limits = [_affinity(root), _told(), *map(int, _quotas(root))]
    return max(min(limit for limit in limits if limit is not None), 1)


def _affinity(root: Path) -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    allowed = [  # PyPy 3.9 has no such function, but Linux tells
        line.split(":")[1]
        for line in _lines(root / "proc/thread-self/status")
        if line.startswith("Cpus_allowed_list:")
    ]
    return sum(map(_size, allowed[0].split(","))) if allowed else os.cpu_count() or 1


def _size(numbers: str) -> int:
    """The size of a range such as ``0-3``, or ``5``."""
    first, _, last = numbers.partition("-")
    return int(last or first) - int(first) + 1


def _told() -> int | None:
    """What the user says; the option counts before the variable, as in CPython 3.13."""
    variable = "" if sys.flags.ignore_environment else os.environ.get("PYTHON_CPU_COUNT", "")
    said = str(sys._xoptions.get("cpu_count", variable))
    return int(said) if said.isdecimal() else None  # or "default"


def _quotas(root: Path) -> Iterator[float]:
    """The CPUs that each cgroup of this process, and each above one of those, lets it have.

    Rounded down by the caller: a part of a CPU keeps nobody busy all the time. See cgroups(7),
    and cpu.max in the kernel's cgroup-v2.rst, cpu.cfs_quota_us in its sched-bwc.rst.
    """
    groups = {}
    for line in _lines(root / "proc/self/cgroup"):
        _, controllers, path = line.split(":", 2)
        groups["" if not controllers else "cpu" if "cpu" in controllers.split(",") else None] = path
    for line in _lines(root / "proc/self/mountinfo"):
        mount, _, system = line.partition(" - ")
        kind, _, options = system.split(" ", 2)
        _, _, _, mounted, point, *_ = mount.split(" ")
        if kind == "cgroup2":
            controller, read = "", _quota_v2
        elif kind == "cgroup" and "cpu" in options.split(","):
            controller, read = "cpu", _quota_v1
        else:
            continue
        top = root / point.lstrip("/")
        for folder in _upwards(top, mounted, groups.get(controller, mounted)):
            quota, period = read(folder)
            if quota > 0 and period > 0:
                yield quota / period


def _upwards(top: Path, mounted: str, group: str) -> Iterator[Path]:
    """The folder of a group and of those above it, as far as they can be seen here.

    In a container the mount may begin at the group ``mounted``; one outside it is not visible.
    """
    inside = os.path.relpath(group, mounted)
    folder = top if inside.startswith("..") else top / inside
    yield folder
    while folder != top:
        folder = folder.parent
        yield folder


def _quota_v2(folder: Path) -> tuple[int, int]:
    """Microseconds of CPU time, and in how many microseconds they may be used; 0: no limit."""
    limit = " ".join(_lines(folder / "cpu.max")).split()  # "max 100000", or "150000 100000"
    return (int(limit[0]), int(limit[1])) if limit and limit[0] != "max" else (0, 0)


def _quota_v1(folder: Path) -> tuple[int, int]:
    quota, period = [_lines(folder / f"cpu.cfs_{name}_us") for name in ("quota", "period")]
    return (int(quota[0]), int(period[0])) if quota and period else (0, 0)  # quota -1: no limit


def _lines(file: Path) -> list[str]:
    """The lines of a file of the kernel's; none if it has no such file."""
    try:
        return file.read_text().splitlines()
    except OSError:
        return []
