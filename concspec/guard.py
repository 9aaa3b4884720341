"""What a spec left behind: found by a look before and a look after, named, and cleaned up.

Things come and go: processes, threads, descriptors, files. One that was not there before the spec
is left behind, unless it goes by itself within GRACE. Settings are there all the time, and one
that differs is put back. The idea is that of ``test.libregrtest.save_env`` in CPython.

Processes and descriptors are seen where there is a /proc.
"""

from __future__ import annotations

import contextlib
import functools
import gc
import itertools
import os
import shutil
import signal
import sys
import threading
import time
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from multiprocessing import current_process, resource_tracker
from pathlib import Path
from reprlib import Repr
from typing import Any

from concspec.processes import descendants

GRACE = 2.0
"""Seconds that a thread or process that is about to end may take: some 100 times what it needs."""
LOOKS = 10
"""How often to look at least: where CPU time is short, GRACE may be over after one collection.

PyPy ends objects that refer to each other, such as a pool, its queues and their pipes, one layer a
collection.
"""


class Guard:
    """What there is before a spec, to be compared with what there is behind it."""

    def __init__(self, kinds: Iterable[Things | Settings]) -> None:
        """Look at things of these kinds."""
        self._pid = os.getpid()
        self._before = [(kind, kind.look()) for kind in kinds]

    def leftovers(self) -> list[str]:
        """Clean up, and name what had been left behind.

        Does nothing in a child that came out of its spec: what is there is its parent's.
        """
        if os.getpid() != self._pid:
            return []
        return [words for kind, before in self._before for words in kind.restore(before)]


def end_multiprocessing() -> None:
    """End what multiprocessing starts for itself and keeps until the process ends.

    That is the forkserver and the resource tracker, the folder of their sockets, and the memory
    that shared values are allocated from. The servers wait for the end of all processes that came
    from the forkserver, so they are left to the guard if those do not end within GRACE.
    """
    heap = sys.modules.get("multiprocessing.heap")
    if heap:
        heap.BufferWrapper._heap = heap.Heap()
    if _running_servers():
        gc.collect()  # a finalizer that tells the tracker something later would start it again
    for pid, (_, server) in _running_servers().items():
        if not _ends_alone(pid):
            return
        server._stop()
    folder = current_process()._config.pop("tempdir", None)  # type: ignore[attr-defined]
    if folder:
        shutil.rmtree(folder)


def _ends_alone(pid: int) -> bool:
    """Wait for the end of a process's children; tell whether it has come within GRACE."""
    return any(all(process.zombie for process in descendants(pid)) for _ in _looks())


def _looks() -> Iterator[None]:
    """Give the moments at which to look again: nobody tells when others' things go."""
    deadline = time.monotonic() + GRACE
    for look in itertools.count(1):
        yield
        if look >= LOOKS and time.monotonic() > deadline:
            return
        gc.collect()  # ends what only a cycle, or on PyPy nothing, refers to
        time.sleep(0.005)


@dataclass(frozen=True)
class Things:
    """Things that come and go, each by a key and in words, and how to end the one with a key."""

    look: Callable[[], Mapping[Any, str]]
    end: Callable[[Any], object]

    def restore(self, before: Mapping[Any, str]) -> Iterator[str]:
        """End what is new and does not go by itself."""
        for _ in _looks():
            left = {key: words for key, words in self.look().items() if key not in before}
            if not left:
                break
        for key, words in left.items():
            with contextlib.suppress(Exception):  # such as that it has ended with another one
                self.end(key)
            yield words


@dataclass(frozen=True)
class Settings:
    """Values by name, and how to set one; None is none."""

    look: Callable[[], Mapping[str, Any]]
    put: Callable[[str, Any], object]

    def restore(self, before: Mapping[str, Any]) -> Iterator[str]:
        """Put back what differs."""
        now = self.look()
        for name in {**before, **now}:
            was, is_now = before.get(name), now.get(name)
            if is_now != was:
                with contextlib.suppress(Exception):  # what cannot be put back is named, at least
                    self.put(name, was)
                yield f"{name}: {_SHORT.repr(is_now)}, was {_SHORT.repr(was)}"


_SHORT = Repr()
_SHORT.maxstring = _SHORT.maxother = 80


def kinds(adopter: int | None = None, folder: Path | None = None) -> list[Things | Settings]:
    """List what is looked at, in an order in which it can be ended.

    ``adopter`` is the process that orphans become children of; it has none but this one, and
    those that specs left. ``folder`` is where only this process has its temporary files. Without
    them, orphans and files are not looked at.
    """
    found: list[Things | Settings] = [
        Things(functools.partial(_processes, adopter or os.getpid()), _kill),
        Things(_named, _unlink),
        Things(_servers, lambda pid: _running_servers()[pid][1]._stop()),
        Things(_threads, lambda _: None),  # one ends with its process at the latest
        Things(_descriptors, lambda key: os.close(key[0])),
        Settings(_directory, lambda _, path: os.chdir(path)),
        Settings(_environment, _set_variable),
        Settings(_handlers, _set_handler),
        Settings(_hooks, _set_hook),
        Settings(_tools, _set_tool),
        Settings(_switch_interval, lambda _, seconds: sys.setswitchinterval(seconds)),
    ]
    if folder:
        found.append(Settings(functools.partial(_folder, folder), lambda *_: folder.mkdir()))
        found.append(Things(functools.partial(_files, folder), _remove))
    return found


def _processes(adopter: int) -> dict[int, str]:
    """Zombies among the orphans are the adopter's to wait for, and nobody's fault."""
    mine = os.getpid()
    return {
        process.pid: f"process {process}"
        for process in descendants(adopter)
        if process.pid not in (mine, *_running_servers())
        and not (process.zombie and process.parent == adopter != mine)
    }


def _kill(pid: int) -> None:
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)


def _running_servers() -> dict[int, tuple[str, Any]]:
    """The processes that multiprocessing starts for itself; each can be stopped by private means.

    The forkserver comes first, since it keeps the tracker running.
    """
    found = {}
    if "multiprocessing.forkserver" in sys.modules:
        server = sys.modules["multiprocessing.forkserver"]._forkserver
        found[server._forkserver_pid] = "forkserver", server
    tracker: Any = resource_tracker._resource_tracker
    found[tracker._pid] = "resource tracker", tracker
    return {pid: server for pid, server in found.items() if pid}


def _servers() -> dict[int, str]:
    return {
        pid: f"multiprocessing's {name}, process {pid}"
        for pid, (name, _) in _running_servers().items()
    }


@functools.cache
def _tracked() -> set[tuple[str, str]]:
    """The semaphores and shared memory that this process has its resource tracker remember.

    The set is kept up to date from the first call on: the tracker itself cannot be asked.
    """
    tracked: set[tuple[str, str]] = set()

    def noting(method: Callable[[str, str], None], note: Callable[[Any], None]) -> Any:
        def call(name: str, kind: str) -> None:
            note((name, kind))
            method(name, kind)

        return call

    resource_tracker.register = noting(resource_tracker.register, tracked.add)
    resource_tracker.unregister = noting(resource_tracker.unregister, tracked.discard)
    return tracked


def _named() -> dict[tuple[str, str], str]:
    return {(name, kind): f"{kind.replace('_', ' ')} {name}" for name, kind in _tracked()}


def _unlink(key: tuple[str, str]) -> None:
    name, kind = key
    try:
        resource_tracker._CLEANUP_FUNCS[kind](name)  # type: ignore[attr-defined]
    finally:
        resource_tracker.unregister(name, kind)


def _threads() -> dict[int, str]:
    names = {thread.ident: thread.name for thread in threading.enumerate()}
    return {
        ident: f"thread {names.get(ident, ident)}, at {frame.f_code.co_filename}:{frame.f_lineno}"
        for ident, frame in sys._current_frames().items()
        if ident != threading.get_ident()
    }


def _descriptors() -> dict[tuple[int, str], str]:
    """The key tells a descriptor from another one under its number."""
    found = {}
    with contextlib.suppress(FileNotFoundError):
        for link in Path("/proc/self/fd").iterdir():
            with contextlib.suppress(FileNotFoundError):  # that of the listing itself
                number, target = link.name, os.fspath(link.readlink())
                found[int(number), target] = f"descriptor {number}, open on {target}"
    return found


def _folder(folder: Path) -> dict[str, str]:
    return {"folder of temporary files": os.fspath(folder)} if folder.is_dir() else {}


def _files(folder: Path) -> dict[Path, str]:
    return {path: f"temporary file {path}" for path in folder.iterdir()}


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink()


def _directory() -> dict[str, str | None]:
    try:
        return {"working directory": os.fspath(Path.cwd())}
    except FileNotFoundError:
        return {}


_VARIABLE = "environment variable "


def _environment() -> dict[str, str]:
    mine = {"PYTEST_CURRENT_TEST"}  # which pytest sets and removes around each phase of a spec
    return {f"{_VARIABLE}{n}": v for n, v in os.environ.items() if n not in mine}


def _set_variable(name: str, value: str | None) -> None:
    variable = name[len(_VARIABLE) :]
    if value is None:
        del os.environ[variable]
    else:
        os.environ[variable] = value


def _handlers() -> dict[str, Any]:
    return {f"handler of signal {n:d}": signal.getsignal(n) for n in signal.valid_signals()}


def _set_handler(name: str, handler: Any) -> None:
    if handler is not None:  # None was not set by Python, nor can it be
        signal.signal(int(name.rpartition(" ")[2]), handler)


def _hooks() -> dict[str, Any]:
    return {
        "sys.settrace": sys.gettrace(),
        "sys.setprofile": sys.getprofile(),
        "threading.settrace": threading._trace_hook,  # type: ignore[attr-defined]
        "threading.setprofile": threading._profile_hook,
    }


def _set_hook(name: str, function: Any) -> None:
    module, _, setter = name.partition(".")
    getattr(sys.modules[module], setter)(function)


def _switch_interval() -> dict[str, float]:
    return {"switch interval": sys.getswitchinterval()}


def _tools() -> dict[str, str | None]:
    """PEP 669 has six tools, and two more that are CPython's own."""
    monitoring = getattr(sys, "monitoring", None)
    return {f"sys.monitoring tool {n}": monitoring.get_tool(n) for n in range(6) if monitoring}


def _set_tool(name: str, tool: str | None) -> None:
    monitoring: Any = sys.monitoring  # type: ignore[attr-defined]
    number = int(name.rpartition(" ")[2])
    if monitoring.get_tool(number):
        monitoring.set_events(number, 0)
        monitoring.free_tool_id(number)
    if tool:
        monitoring.use_tool_id(number, tool)


def _set_filters(_: str, filters: list[Any]) -> None:
    warnings.resetwarnings()  # forgets what it knows of modules, too
    warnings.filters[:] = filters  # type: ignore[index]


FILTERS = Settings(lambda: {"warnings filters": [*warnings.filters]}, _set_filters)
"""Apart, since pytest puts filters back itself: it has done so when a spec is over."""
