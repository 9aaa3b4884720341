"""``python3 -m concspec`` with nothing to install with: it says what the user has to do."""

import sys

import pytest

from concspec import __main__ as setting_up


@pytest.mark.parametrize(
    ("prefix", "advice"),
    [
        ("/usr", "; on Debian: sudo apt-get install --yes {}"),
        ("/opt/python", ": see https://pip.pypa.io/en/stable/installation/"),
    ],
)
def test_a_python_without_pip_says_how_to_get_it(monkeypatch, capsys, tmp_path, prefix, advice):
    monkeypatch.setattr(setting_up, "ROOT", tmp_path)
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    monkeypatch.setattr("shutil.which", lambda _: None)
    monkeypatch.setattr(sys, "base_prefix", prefix)
    (tmp_path / "pyproject.toml").touch()
    assert setting_up.main([]) == 2
    venv = "python{}.{}-venv".format(*sys.version_info)
    package = "pypy3-venv" if sys.implementation.name == "pypy" else venv
    missing = "this Python has neither pip nor ensurepip, and there is no pip3 on the PATH"
    said = capsys.readouterr().err.splitlines()
    assert said[-1] == f"concspec: {missing}{advice.format(package)}"
    assert not list(tmp_path.glob(".venv/*/done"))
