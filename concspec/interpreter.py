"""What is running: implementation, version, build, GIL, processors, and the facts that
conditions of the catalogue may ask for."""

from __future__ import annotations

import multiprocessing
import os
import platform
import sys
import sysconfig
from dataclasses import dataclass
from typing import Union

from concspec.cpus import usable_cpus

Fact = Union[bool, int, str, tuple[int, ...]]


def gil_is_on() -> bool:
    """Whether a GIL serialises this process's threads right now.

    A free-threaded build can switch it on at any time: by option, by environment, or because an
    extension that needs it was imported (PEP 703).
    """
    return bool(getattr(sys, "_is_gil_enabled", lambda: True)())


@dataclass(frozen=True)
class Interpreter:
    """The interpreter that runs this code, as a column of the matrix."""

    implementation: str
    version: str
    build: str
    free_threaded: bool
    gil: bool
    system: str
    platform: str
    libc: str
    cpus: int
    start_method: str

    @property
    def id(self) -> str:
        """The name of the column: ``cpython-3.13``, ``cpython-3.13t``, ``pypy-3.11``."""
        minor = ".".join(self.version.split(".")[:2])
        return f"{self.implementation}-{minor}{'t' if self.free_threaded else ''}"

    def facts(self) -> dict[str, Fact]:
        """The names that a condition of the catalogue may use, and their values here."""
        return {
            "cpython": self.implementation == "cpython",
            "pypy": self.implementation == "pypy",
            "version": tuple(int(part) for part in self.version.split(".")[:2]),
            "free_threaded": self.free_threaded,
            "gil": self.gil,
            "linux": self.system == "linux",
            "macos": self.system == "darwin",
            "windows": self.system == "win32",
            "fork": hasattr(os, "fork"),
            "start_method": self.start_method,
            "cpus": self.cpus,
        }


def this_interpreter() -> Interpreter:
    """Describe the interpreter that runs this call."""
    return Interpreter(
        implementation=sys.implementation.name,
        version=platform.python_version(),
        build=" ".join(sys.version.split()),
        free_threaded=bool(sysconfig.get_config_var("Py_GIL_DISABLED")),
        gil=gil_is_on(),
        system=sys.platform,
        platform=platform.platform(),
        libc=" ".join(platform.libc_ver()).strip(),
        cpus=usable_cpus(),
        # The first one is documented to be the default; asking for *the* start method would set it.
        start_method=multiprocessing.get_all_start_methods()[0],
    )
