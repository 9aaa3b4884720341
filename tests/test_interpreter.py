"""What is said of the interpreter that runs."""

import dataclasses
import os
import platform
import subprocess
import sys
import sysconfig

from concspec.children import interpreter_options
from concspec.interpreter import this_interpreter


def test_the_id_is_implementation_version_and_threading():
    here = this_interpreter()
    assert here.id.startswith(f"{sys.implementation.name}-3.{sys.version_info[1]}")
    assert here.id.endswith("t") == bool(sysconfig.get_config_var("Py_GIL_DISABLED"))
    there = dataclasses.replace(here, implementation="pypy", version="3.11.9", free_threaded=False)
    assert there.id == "pypy-3.11"
    assert dataclasses.replace(there, free_threaded=True).id == "pypy-3.11t"


def test_facts_describe_this_interpreter():
    facts = this_interpreter().facts()
    assert facts["cpython"] == (platform.python_implementation() == "CPython")
    assert facts["pypy"] == (platform.python_implementation() == "PyPy")
    assert facts["version"] == sys.version_info[:2]
    assert facts["linux"] == (sys.platform == "linux")
    assert facts["fork"] == hasattr(os, "fork")
    assert facts["cpus"] >= 1


def test_describing_does_not_choose_a_start_method():
    program = (
        "import multiprocessing; from concspec.interpreter import this_interpreter;"
        "print(this_interpreter().start_method, multiprocessing.get_start_method(allow_none=True),"
        "multiprocessing.get_start_method())"
    )
    command = [sys.executable, *interpreter_options(), "-c", program]
    out = subprocess.check_output(command, text=True)
    described, chosen, default = out.split()
    assert (described, chosen) == (default, "None")
