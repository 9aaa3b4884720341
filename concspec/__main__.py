"""From a clone to a graded report: ``python3 -m concspec [pytest's arguments]``.

Makes a virtual environment for the interpreter that runs this, ``.venv/<interpreter id>``, with
all that the suite needs in it, and runs pytest there. The environment is kept, and made anew
when ``pyproject.toml`` has changed, or another interpreter has that id. Needs nothing but the
standard library, ``ensurepip`` or some pip included.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import shutil
import subprocess
import sys
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
OLDEST = (3, 9)
_VENV_PACKAGE = "python{}.{}-venv".format(*sys.version_info)


def main(arguments: list[str]) -> int:
    """Set up if need be, run pytest with ``arguments``, and return its exit status."""
    if sys.version_info < OLDEST:
        return _refuse(f"needs Python {OLDEST[0]}.{OLDEST[1]} or newer, this is {sys.version}")
    from concspec.interpreter import this_interpreter  # noqa: PLC0415 - needs OLDEST

    folder = ROOT / ".venv" / this_interpreter().id
    python = folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    done = folder / "done"
    made_for = [(ROOT / "pyproject.toml").read_text(encoding="utf-8"), sys.version, sys.base_prefix]
    wanted = hashlib.sha256("\n".join(made_for).encode()).hexdigest()
    # An environment whose interpreter is gone has a link that leads nowhere in the place of python.
    if not python.exists() or not done.exists() or done.read_text() != wanted:
        problem = _set_up(folder, python)
        if problem:
            return _refuse(problem)
        done.write_text(wanted)
    return subprocess.run([python, "-m", "pytest", *arguments], cwd=ROOT, check=False).returncode


def _set_up(folder: Path, python: Path) -> str:
    """Make the environment; return what stood in the way, or nothing."""
    problem = _bring_pip()
    if problem:
        return problem
    brings_pip = bool(importlib.util.find_spec("ensurepip"))
    own_pip = bool(importlib.util.find_spec("pip"))
    _say(f"setting up {folder.relative_to(ROOT)}, once")
    try:
        venv.create(folder, clear=True, symlinks=os.name != "nt", with_pip=brings_pip)
    except OSError as error:
        return f"cannot make {folder} ({error.strerror}): clone to where you may write"
    install = ["install", "--quiet", "--disable-pip-version-check", "--editable", str(ROOT)]
    if brings_pip:
        command = [str(python), "-m", "pip", *install]
    else:  # that of another Python will do, and brings the environment one of its own
        pip = [sys.executable, "-m", "pip"] if own_pip else ["pip3"]
        command = [*pip, "--python", str(python), *install, "pip"]
    if subprocess.run(command, check=False).returncode:
        return "pip could not install what pyproject.toml names; its message stands above"
    return ""


def _bring_pip() -> str:
    """See to it that there is a pip to install with; return what the user has to do, or "".

    That of another Python will do. Debian keeps ensurepip, the part of the standard library that
    brings pip, in a package apart.
    """
    if any(map(importlib.util.find_spec, ("ensurepip", "pip"))) or shutil.which("pip3"):
        return ""
    missing = "this Python has neither pip nor ensurepip, and there is no pip3 on the PATH"
    if sys.base_prefix != "/usr":
        return f"{missing}: see https://pip.pypa.io/en/stable/installation/"
    package = "pypy3-venv" if sys.implementation.name == "pypy" else _VENV_PACKAGE
    command = ["apt-get", "install", "--yes", package]
    if shutil.which("apt-get") and os.geteuid() == 0:
        _say(f"this Python has no pip: installing Debian's {package}")
        for step in (["apt-get", "update"], command):
            subprocess.run(step, stdout=subprocess.DEVNULL, check=False)
        importlib.invalidate_caches()
        if importlib.util.find_spec("ensurepip"):
            return ""
    return f"{missing}; on Debian: sudo {' '.join(command)}"


def _say(text: str) -> None:
    sys.stderr.write(f"concspec: {text}\n")


def _refuse(text: str) -> int:
    _say(text)
    return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
