"""Which code is the program's, and of which code the accesses are watched."""

from __future__ import annotations

import functools
import os
import sys
import threading
import types

OWN = __file__.rpartition("watched")[0]
_THREADING = threading.__file__
_LIBRARY = _THREADING.replace("threading.py", "")
_INSTALLED = ("site-packages", "dist-packages")
_known_files: dict[str, bool] = {}
_modelled_files: dict[str, bool] = {}


def is_program_code(filename: str) -> bool:
    """Tell whether code of this file belongs to the program, not to Python or to a library."""
    known = _known_files.get(filename)
    if known is None:
        known = not (
            filename.startswith(("<frozen", "<builtin", OWN, _LIBRARY))
            or any(each in filename for each in _INSTALLED)
        )
        _known_files[filename] = known
    return known


def is_of_library(filename: str) -> bool:
    """Tell a file of the standard library."""
    return filename.startswith(_LIBRARY) and not any(each in filename for each in _INSTALLED)


def is_modelled(filename: str) -> bool:
    """Tell whether what code of this file does are steps of their own, or none."""
    known = _modelled_files.get(filename)
    if known is None:
        known = filename.startswith((OWN, "<frozen importlib"))
        known = known or filename == _THREADING or filename in _POOLS
        _modelled_files[filename] = known
    return known


def is_watched(code: types.CodeType) -> bool:
    """Tell whether the accesses of this code are seen: of all in Python, but what is modelled."""
    filename = code.co_filename
    if is_modelled(filename):
        return id(code) in _WATCHED or (filename in _POOLS and code.co_name in _RUNNING_TASKS)
    return is_shown(code) and not _notes_what_is_shown(code)


def is_told(code: types.CodeType) -> bool:
    """Tell whether what this code returns is seen, though its accesses are not."""
    filename = code.co_filename
    return (
        filename in _POOLS
        or (filename == _THREADING and code.co_name in _FINDING_THREADS)
        or _notes_what_is_shown(code)
    )


def _notes_what_is_shown(code: types.CodeType) -> bool:
    """Tell the code that notes what a thread is about to show, for this thread alone."""
    return code.co_name == "wrapper" and code.co_filename in _SHOWING


def is_shown(code: types.CodeType) -> bool:
    """Tell code that tracing shows; PyPy hides what stands for C code of CPython."""
    if not _PYPY:
        return True
    filename = code.co_filename
    hidden = code.co_name in _HIDDEN if filename == _HIDING else filename in _HIDDEN_FILES
    return not hidden and not filename.startswith("<builtin")


_PYPY = sys.implementation.name == "pypy"
LOGGING = f"{_LIBRARY}logging{os.sep}__init__.py"
# All that a pool of threads and its futures share is in a queue or under their locks, which are
# seen; what a pool has in common with the next execution is the count of pools.
_POOLS = frozenset(
    f"{_LIBRARY}concurrent{os.sep}futures{os.sep}{name}" for name in ("thread.py", "_base.py")
)
# PyPy has these in Python, where CPython has C; functions that it hides are known by name alone.
_HIDDEN_FILES = frozenset(f"{_LIBRARY}{name}" for name in ("_contextvars.py", "_immutables_map.py"))
_HIDING = functools.__file__ if hasattr(functools, "hidden_applevel") else ""
_HIDDEN = frozenset(["reduce", "cmp_to_key", "__call__", "wrapper"])
_SHOWING = frozenset([f"{_LIBRARY}reprlib.py", f"{_LIBRARY}dataclasses.py"])
_FINDING_THREADS = frozenset(["current_thread", "main_thread"])
# Code of pools that calls what the program gave it, or raises what the program's code has raised.
_RUNNING_TASKS = frozenset(
    ["run", "initialize", "_invoke_callbacks", "add_done_callback", "__get_result"]
)
# Code of `threading` that calls what the program gave it, or gets and sets attributes.
_WATCHED = frozenset(
    id(vars(kind)[name].__code__)
    for kind, names in (
        (threading.Timer, ["run"]),
        (
            threading.Condition,
            [
                "wait_for",
                "wait",
                "notify",
                "notify_all",
                "_is_owned",
                "_release_save",
                "_acquire_restore",
            ],
        ),
        (threading.Barrier, ["_release"]),
        (threading.Thread, ["getName", "setName", "isDaemon", "setDaemon"]),
    )
    for name in names
    if name in vars(kind)
)


def line_of(frame: types.FrameType | None) -> tuple[str, int]:
    """Return the file and line at which a frame stands, or "" and 0 where there is none."""
    return ("", 0) if frame is None else (frame.f_code.co_filename, frame.f_lineno or 0)


def where(frame: types.FrameType | None) -> str:
    """Tell at which line a frame stands."""
    if frame is None:
        return "an unknown line"
    return f"{frame.f_code.co_filename}:{frame.f_lineno}"


def stuck_frame(ident: int) -> types.FrameType | None:
    """Return the frame of the program in which the thread `ident` stands now."""
    return program_frame(sys._current_frames().get(ident))


def stopping_frame(depth: int = 1) -> types.FrameType | None:
    """Return the nearest frame of the program under this call."""
    return program_frame(sys._getframe(depth))


def program_frame(frame: types.FrameType | None) -> types.FrameType | None:
    """Return `frame`, or the nearest one under it that is of the program."""
    while frame is not None and not is_program_code(frame.f_code.co_filename):
        frame = frame.f_back
    return frame
