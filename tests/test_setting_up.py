"""``python3 -m concspec``: when it makes an environment, what is in it, and what stands in the way.

What it would run is noted down instead, pip and pytest, so that nothing is installed.
"""

import importlib.util
import os
import subprocess
import sys
from types import SimpleNamespace

import pytest

from concspec import __main__ as setting_up
from concspec.interpreter import this_interpreter

PACKAGE = (
    "pypy3-venv"
    if sys.implementation.name == "pypy"
    else "python{}.{}-venv".format(*sys.version_info)
)


class Clone:
    """A folder to set up in, and what has been run there."""

    DEVNULL = subprocess.DEVNULL

    def __init__(self, path):
        self.path = path
        self.environment = path / ".venv" / this_interpreter().id
        self.scripts = self.environment / ("Scripts" if os.name == "nt" else "bin")
        self.ran = []

    def run(self, command, **_):
        self.ran.append([str(part) for part in command])
        return SimpleNamespace(returncode=0)

    def set_up(self):
        """Run the command; tell whether it has installed anything, and not only run pytest."""
        self.ran.clear()
        assert setting_up.main([]) == 0
        assert self.ran[-1][1:] == ["-m", "pytest"]
        return len(self.ran) > 1


@pytest.fixture
def clone(tmp_path, monkeypatch):
    clone = Clone(tmp_path)
    (tmp_path / "pyproject.toml").touch()
    monkeypatch.setattr(setting_up, "ROOT", tmp_path)
    monkeypatch.setattr(setting_up, "subprocess", clone)
    return clone


@pytest.fixture
def bare_environments(monkeypatch):
    """Environments are made without pip, which takes seconds."""
    create = setting_up.venv.create

    def create_bare(folder, *, with_pip, **options):  # noqa: ARG001
        create(folder, **options)

    monkeypatch.setattr(setting_up.venv, "create", create_bare)


@pytest.mark.usefixtures("bare_environments")
def test_an_environment_is_made_once(clone):
    assert clone.set_up()
    assert not clone.set_up()


def other_settings(clone, _):
    (clone.path / "pyproject.toml").write_text("# new")


def other_build(_, monkeypatch):
    monkeypatch.setattr(sys, "version", f"{sys.version} of another day")


def other_place(_, monkeypatch):
    monkeypatch.setattr(sys, "base_prefix", "/another")


def interpreter_gone(clone, _):
    for python in clone.scripts.glob("python*"):
        python.unlink()
        python.symlink_to(clone.path / "gone")


@pytest.mark.usefixtures("bare_environments")
@pytest.mark.parametrize("change", [other_settings, other_build, other_place, interpreter_gone])
def test_it_is_made_anew_for_what_it_was_not_made_for(clone, monkeypatch, change):
    clone.set_up()
    change(clone, monkeypatch)
    assert clone.set_up()


@pytest.mark.skipif(not importlib.util.find_spec("ensurepip"), reason="needs ensurepip")
def test_its_pip_is_called_pip(clone):
    """With the environment first on the PATH, ``pip install`` must not go elsewhere."""
    clone.set_up()
    assert list(clone.scripts.glob("pip")) or list(clone.scripts.glob("pip.exe"))


@pytest.mark.usefixtures("bare_environments")
def test_the_pip_of_another_python_installs_one(clone, monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    monkeypatch.setattr("shutil.which", lambda name: name)
    clone.set_up()
    pip, python, *_, last = clone.ran[0]
    assert (pip, python, last) == ("pip3", "--python", "pip")


def test_where_nothing_can_be_written_it_says_so(clone, capsys):
    (clone.path / ".venv").touch()
    assert setting_up.main([]) == 2
    said = capsys.readouterr().err.splitlines()[-1]
    assert said.startswith(f"concspec: cannot make {clone.environment} (")
    assert said.endswith("): clone to where you may write")


@pytest.mark.parametrize(
    ("prefix", "advice"),
    [
        ("/usr", "; on Debian: sudo apt-get install --yes {}"),
        ("/opt/python", ": see https://pip.pypa.io/en/stable/installation/"),
    ],
)
def test_a_python_without_pip_says_how_to_get_it(clone, monkeypatch, capsys, prefix, advice):
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    monkeypatch.setattr("shutil.which", lambda name: None if name == "pip3" else name)
    monkeypatch.setattr("os.geteuid", lambda: 1000, raising=False)
    monkeypatch.setattr(sys, "base_prefix", prefix)
    assert setting_up.main([]) == 2
    missing = "this Python has neither pip nor ensurepip, and there is no pip3 on the PATH"
    assert capsys.readouterr().err == f"concspec: {missing}{advice.format(PACKAGE)}\n"
    assert clone.ran == []
    assert not (clone.path / ".venv").exists()


def test_as_root_on_debian_it_gets_what_brings_pip(clone, monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    monkeypatch.setattr("shutil.which", lambda name: None if name == "pip3" else name)
    monkeypatch.setattr("os.geteuid", lambda: 0, raising=False)
    monkeypatch.setattr(sys, "base_prefix", "/usr")
    assert setting_up.main([]) == 2  # here nothing is installed
    assert clone.ran == [["apt-get", "update"], ["apt-get", "install", "--yes", PACKAGE]]
