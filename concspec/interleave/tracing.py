"""Where the interpreter tells that a thread is about to access shared state.

Two ways, one interface: `sys.monitoring` (PEP 669) on CPython 3.12 and newer, where tracing opcodes
misses events and is not safe with several threads; `sys.settrace` with `f_trace_opcodes` on older
CPython and on PyPy.  Either way the event comes before the instruction, in the thread that is going
to run it, and while the callback has not returned the thread stands there.
"""

from __future__ import annotations

import dis
import functools
import sys
from _thread import get_ident
from typing import TYPE_CHECKING, Any

from concspec.interleave.accesses import access, returned
from concspec.interleave.observing.bytecode import sites
from concspec.interleave.observing.sites import GENERATOR, Site
from concspec.interleave.watched import OWN, is_told, is_watched

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import CodeType, FrameType

    from concspec.interleave.scheduler import Execution

_PYPY = sys.implementation.name == "pypy"
_settrace = sys.settrace  # the program is refused what bears that name meanwhile
_RETURN = dis.opmap["RETURN_VALUE"]
_sites: dict[int, tuple[CodeType, dict[int, Site]]] = {}


def sites_of(code: CodeType) -> dict[int, Site]:
    """Return the sites of `code`, analysed once."""
    known = _sites.get(id(code))
    if known is None:
        known = _sites[id(code)] = (code, sites(code))
    return known[1]


class Tracing:
    """Calls `access` for each site that a thread of the execution comes to."""

    execution: Execution | None = None

    def begin(self) -> None:
        """Start an exploration."""

    def end(self) -> None:
        """End it, and leave the interpreter as it was."""

    def run(self, function: Callable[..., object], *arguments: object) -> object:
        """Call `function` in a thread of the program, and watch what that does."""
        return function(*arguments)

    def sites(self, code: CodeType) -> dict[int, Site]:
        """Return the sites of code that is watched; a fault in finding them ends the execution."""
        try:
            return sites_of(code) if is_watched(code) else {}
        except Exception as error:
            if self.execution is None:
                raise
            self.execution.break_off(error)


class Monitoring(Tracing):
    """Instruction events of `sys.monitoring`, for the code of the program alone."""

    tool: int | None = None

    def __init__(self) -> None:
        """Take none yet."""
        self.monitoring = sys.monitoring  # type: ignore[attr-defined,unused-ignore]

    def begin(self) -> None:
        """Take a free tool identifier and watch for functions of the program."""
        monitoring = self.monitoring
        events = monitoring.events
        for tool in range(5, -1, -1):
            if monitoring.get_tool(tool) is None:
                break
        else:
            raise RuntimeError("all six tools of sys.monitoring are taken; free one to explore")
        self.tool = tool
        self.watched: dict[int, tuple[CodeType, dict[int, Site]]] = {}
        monitoring.use_tool_id(tool, "concspec")
        monitoring.register_callback(tool, events.PY_START, self.started)
        monitoring.register_callback(tool, events.INSTRUCTION, self.instruction())
        monitoring.register_callback(tool, events.PY_RETURN, self.returned)
        failed = functools.partial(self.returned, failed=True)
        monitoring.register_callback(tool, events.PY_UNWIND, failed)
        monitoring.set_events(tool, events.PY_START | events.PY_UNWIND)
        monitoring.restart_events()

    def end(self) -> None:
        """Take the instrumentation out of the code again, unless that has been done."""
        monitoring, tool = self.monitoring, self.tool
        if tool is None or monitoring.get_tool(tool) is None:
            return
        monitoring.set_events(tool, 0)
        for code, _ in self.watched.values():
            monitoring.set_local_events(tool, code, 0)
        events = monitoring.events
        for event in (events.PY_START, events.INSTRUCTION, events.PY_RETURN, events.PY_UNWIND):
            monitoring.register_callback(tool, event, None)
        monitoring.free_tool_id(tool)

    def started(self, code: CodeType, _offset: int) -> object:
        if code.co_filename.startswith(OWN):  # most of what is called, and soon told
            return self.monitoring.DISABLE
        if id(code) not in self.watched and (is_watched(code) or is_told(code)):
            execution = self.execution  # which ends while other threads of the process run
            if execution is None or get_ident() not in execution.by_ident:
                return None
            found = self.sites(code)
            self.watched[id(code)] = (code, found)
            events = self.monitoring.events
            returning = 0 if code.co_flags & GENERATOR else events.PY_RETURN
            accesses = events.INSTRUCTION if found else 0
            self.monitoring.set_local_events(self.tool, code, accesses | returning)
        return self.monitoring.DISABLE

    def returned(
        self, code: CodeType, _offset: int, value: object, *, failed: bool = False
    ) -> None:
        execution = self.execution
        if execution is not None and id(code) in self.watched:
            task = execution.by_ident.get(get_ident())
            if task is not None and (task.inside or execution.observer.latest):
                returned(execution, task, sys._getframe(1), value, failed=failed)

    def instruction(self) -> Callable[[CodeType, int], object]:
        watched = self.watched
        disable = self.monitoring.DISABLE
        get_frame = sys._getframe

        def instruction(code: CodeType, offset: int) -> object:
            site = watched[id(code)][1].get(offset)
            if site is None:
                return disable
            execution = self.execution
            if execution is not None:
                try:
                    task = execution.by_ident[get_ident()]
                except KeyError:
                    return None
                access(execution, task, site, get_frame(1))
            return None

        return instruction


class Settrace(Tracing):
    """Opcode events of `sys.settrace`."""

    def __init__(self) -> None:
        """Remember who traces the calling thread."""
        self.before = sys.gettrace()

    def begin(self) -> None:
        """Know of no code yet."""
        self.local: dict[int, tuple[CodeType, Callable[..., Any] | None, bool]] = {}

    def end(self) -> None:
        """Put back whatever traced it."""
        _settrace(self.before)

    def run(self, function: Callable[..., object], *arguments: object) -> object:
        """Trace the calling thread for the time of a call."""
        _settrace(self.called)
        try:
            return function(*arguments)
        finally:
            _settrace(None)

    def called(self, frame: FrameType, _event: str, _argument: object) -> Any:
        code = frame.f_code
        known = self.local.get(id(code))
        if known is None:
            watched = is_watched(code)
            local = self.watching(code) if watched or is_told(code) else None
            known = self.local[id(code)] = code, local, watched
        _, local, watched = known
        if local is None:
            return None
        frame.f_trace_lines = False
        frame.f_trace_opcodes = watched
        return _each_once(local) if _PYPY else local

    def watching(self, code: CodeType) -> Callable[[FrameType, str, Any], Any]:
        site_at = self.sites(code).get
        has_cells = bool(code.co_freevars or code.co_cellvars)
        returns = not code.co_flags & GENERATOR
        opcodes = code.co_code

        def local(frame: FrameType, event: str, argument: object) -> Any:
            site = site_at(frame.f_lasti) if event == "opcode" else None
            if site is None and event != "return":  # so it is mostly
                return local
            execution = self.execution
            if execution is None:
                return local
            task = execution.by_ident.get(get_ident())
            if site is not None:
                if task is None:
                    return local
                access(execution, task, site, frame)
            elif returns:
                if task is None or not (task.inside or execution.observer.latest):
                    return local
                # Where an exception goes on, the frame does not stand at a return.
                failed = argument is None and opcodes[frame.f_lasti] != _RETURN
                returned(execution, task, frame, argument, failed=failed)
            if has_cells:
                # The interpreter writes its snapshot of the variables back when this function
                # returns, over what other threads have put into cells meanwhile (bpo-30744); this
                # takes a new snapshot.
                frame.f_locals  # noqa: B018
            return local

        return local


def _each_once(local: Callable[[FrameType, str, Any], Any]) -> Callable[..., Any]:
    """Tell each instruction of a frame once.

    A loop that PyPy has compiled tells of the instruction that it jumps back to, which then tells
    of itself (`jump_absolute` in pypy/module/pypyjit/interp_jit.py).
    """
    latest = -1

    def trace(frame: FrameType, event: str, argument: object) -> Any:
        nonlocal latest
        here = frame.f_lasti if event == "opcode" else -1
        if here != latest or here < 0:
            latest = here
            local(frame, event, argument)
        return trace

    return trace


def unseen(function: Any) -> Any:
    """Return `function`, of ours, without the events of all that it calls where that costs time."""
    if hasattr(sys, "monitoring"):
        return function

    @functools.wraps(function)
    def untraced(*arguments: Any, **options: Any) -> Any:
        tracing = sys.gettrace()
        _settrace(None)
        try:
            return function(*arguments, **options)
        finally:
            _settrace(tracing)

    return untraced


def tracing() -> Tracing:
    """Return the tracing that this interpreter can do safely."""
    return Monitoring() if hasattr(sys, "monitoring") else Settrace()
