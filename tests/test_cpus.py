"""How many CPUs can be used: affinity, cgroups, and what the user says."""

import os
import shutil
import subprocess
import sys

import pytest

from concspec import cpus
from concspec.children import interpreter_options
from concspec.cpus import usable_cpus

V1 = "30 20 0:29 {root} {point} rw,relatime shared:9 - cgroup cgroup rw,cpu,cpuacct"
V2 = "31 20 0:30 {root} {point} rw,nosuid - cgroup2 cgroup2 rw,nsdelegate"
HYBRID = "32 20 0:31 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw"
PROC = "22 20 0:21 / /proc rw - proc proc rw"
CPUSET = "33 20 0:32 / /sys/fs/cgroup/cpuset rw - cgroup - rw,cpuset"


@pytest.fixture
def eight_cpus(monkeypatch):
    """A machine of eight CPUs, and a user who says nothing."""
    monkeypatch.setattr(cpus, "_affinity", lambda _: 8)
    monkeypatch.delenv("PYTHON_CPU_COUNT", raising=False)
    monkeypatch.setattr(sys, "_xoptions", {})


def plant(root, files):
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text + "\n")
    return root


def planted(tmp_path, groups, mounts):
    """Plant what the kernel tells of a process's cgroups."""
    return plant(
        tmp_path, {"proc/self/cgroup": groups, "proc/self/mountinfo": f"{PROC}\n{CPUSET}\n{mounts}"}
    )


def v2(tmp_path, group, mounted, limits):
    root = planted(tmp_path, f"0::{group}", V2.format(root=mounted, point="/sys/fs/cgroup"))
    return usable_cpus(
        plant(root, {f"sys/fs/cgroup/{folder}cpu.max": limit for folder, limit in limits.items()})
    )


@pytest.mark.usefixtures("eight_cpus")
@pytest.mark.parametrize(
    ("limits", "usable"),
    [
        ({}, 8),
        ({"a/b/": "max 100000"}, 8),
        ({"a/b/": "200000 100000"}, 2),
        ({"a/b/": "90000 30000"}, 3),
        ({"a/b/": "150000 100000"}, 1),  # half a CPU keeps nobody busy
        ({"a/b/": "20000 100000"}, 1),
        ({"a/b/": "max 100000", "a/": "300000 100000"}, 3),
        ({"a/b/": "500000 100000", "": "400000 100000"}, 4),
        ({"a/b/": "1600000 100000"}, 8),
        ({"c/": "100000 100000"}, 8),  # somebody else's
    ],
)
def test_a_quota_of_any_cgroup_above_counts(tmp_path, limits, usable):
    assert v2(tmp_path, "/a/b", "/", limits) == usable


@pytest.mark.usefixtures("eight_cpus")
@pytest.mark.parametrize(
    ("group", "mounted"),
    [("/docker/1/x", "/docker/1"), ("/x", "/"), ("/../other", "/"), ("/docker/1", "/docker/1")],
)
def test_in_a_container_the_quotas_in_sight_count(tmp_path, group, mounted):
    assert v2(tmp_path, group, mounted, {"": "200000 100000"}) == 2


@pytest.mark.usefixtures("eight_cpus")
@pytest.mark.parametrize(
    ("quota", "usable"), [("-1", 8), ("250000", 2), ("50000", 1), ("900000", 8)]
)
def test_cgroups_of_version_1_have_quotas_too(tmp_path, quota, usable):
    root = planted(
        tmp_path,
        "3:cpuset:/else\n2:cpu,cpuacct:/a/b\n0::/elsewhere",
        V1.format(root="/", point="/sys/fs/cgroup/cpu") + "\n" + HYBRID,
    )
    folder = "sys/fs/cgroup/cpu/a/cpu.cfs_"
    plant(root, {f"{folder}quota_us": quota, f"{folder}period_us": "100000"})
    assert usable_cpus(root) == usable


@pytest.mark.usefixtures("eight_cpus")
def test_a_machine_without_cgroups_has_no_quota(tmp_path):
    assert usable_cpus(tmp_path) == 8


@pytest.mark.usefixtures("eight_cpus")
@pytest.mark.parametrize(
    ("variable", "option", "usable"),
    [("3", None, 3), ("default", None, 8), ("3", "2", 2), ("3", "default", 8), ("64", None, 8)],
)
def test_what_the_user_says_counts(monkeypatch, tmp_path, variable, option, usable):
    monkeypatch.setenv("PYTHON_CPU_COUNT", variable)
    monkeypatch.setattr(sys, "_xoptions", {"cpu_count": option} if option else {})
    assert usable_cpus(tmp_path) == usable


def usable_in_a_child(*options, prefix=()):
    """Ask a new interpreter for the number of its usable CPUs."""
    code = f"import sys; sys.path[:] = {sys.path!r}; from concspec.cpus import usable_cpus"
    command = [*prefix, sys.executable, *interpreter_options(), *options, "-c"]
    return int(subprocess.check_output([*command, f"{code}; print(usable_cpus())"]))


def test_the_variable_is_ignored_where_python_ignores_it(monkeypatch):
    monkeypatch.delenv("PYTHON_CPU_COUNT", raising=False)
    before = usable_cpus()
    monkeypatch.setenv("PYTHON_CPU_COUNT", "1")
    assert usable_in_a_child() == 1
    assert usable_in_a_child("-E") == before


@pytest.mark.skipif(not shutil.which("taskset"), reason="needs util-linux's taskset")
def test_usable_cpus_follow_the_affinity():
    assert usable_in_a_child(prefix=["taskset", "-c", "0"]) == 1


@pytest.mark.usefixtures("eight_cpus")
def test_the_affinity_is_read_where_python_cannot_ask_for_it(monkeypatch, tmp_path):
    monkeypatch.undo()
    monkeypatch.delattr(os, "sched_getaffinity", raising=False)
    status = "Name:\tx\nCpus_allowed:\tff\nCpus_allowed_list:\t0,2-4,7\nMems_allowed_list:\t0"
    assert cpus._affinity(plant(tmp_path, {"proc/thread-self/status": status})) == 5
    assert cpus._affinity(tmp_path / "nowhere") == os.cpu_count()
