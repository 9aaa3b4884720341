"""The accesses of the program: what is done when a thread comes to one, and back into C code.

Each is looked at and noted, and is a step where it is shared.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from concspec.interleave.observing.bytecode import delegates
from concspec.interleave.observing.classes import forget
from concspec.interleave.observing.looking import MISSING, is_data
from concspec.interleave.observing.observer import NOTHING
from concspec.interleave.observing.showing import snapshot
from concspec.interleave.observing.sites import ATTRIBUTE, ENDING, RAISE, Site
from concspec.interleave.operations import WHOLE, Operation
from concspec.interleave.watched import line_of, program_frame

if TYPE_CHECKING:
    from types import FrameType

    from concspec.interleave.observing.observer import Touched
    from concspec.interleave.scheduler import Execution, Task

_NOW_AND_THEN = 1023  # a mask: once in 1024 times


def access(execution: Execution, task: Task, site: Site, frame: FrameType) -> None:
    """Come to `site`: stop there if it is a switch point, and note what is touched."""
    if task.waiting:
        execution.doubt_end()
        return
    if execution.over:
        execution.unwind_further(task)
        return
    task.access_count = count = task.access_count + 1
    observer = execution.observer
    try:
        if observer.promised is not None:
            observer.redeem(observer.promised)
        if not count & _NOW_AND_THEN:
            execution.take_stock(task, site, frame)
        # What is done alone is ordered by `start` and `join` with all that others do; where it
        # is C code that begins alone, a thread may be started before it ends.
        goes_on = execution.alone
        if goes_on:
            if site.acts:
                observer.observe_alone(site, frame)
        elif not (site.looks_up and passes_over(execution, site, frame)):
            touched = observer.observe(site, frame)
            if touched is not NOTHING:
                places, write = touched
                if places:
                    perform(execution, task, site, frame, touched)
                # An attribute may be a property, and what changes something as it is read is
                # one of C code.
                goes_on = site.kind > ATTRIBUTE or write is not site.write
        if site.needed:
            value = observer.results[id(frame), site.offset] = observer.read(site, frame)
            if site.among:
                observer.keep_latest(site, frame, value)
            goes_on = True
        # A name is looked up without calling anything.
        if goes_on and site.kind >= ATTRIBUTE:
            task.inside[id(frame)] = site, ()
        elif task.inside:
            if site.kind == ENDING:
                give_back(execution, task, site, frame)
            else:
                task.inside.pop(id(frame), None)
    except Exception as error:  # noqa: BLE001 - raised again
        execution.break_off(error)


def passes_over(execution: Execution, site: Site, frame: FrameType) -> bool:
    """Pass over a read of a name that no thread changes, which needs not be looked at."""
    sharing = execution.sharing
    if not sharing.passes or site.field in sharing.written or site.label in execution.shared:
        return False
    if not execution.observer.only_looks_up(site, frame):
        return False
    sharing.passed.add(site.field)
    return True


def perform(
    execution: Execution,
    task: Task,
    site: Site,
    frame: FrameType,
    touched: Touched,
    *,
    given: tuple[object, ...] = (),
) -> None:
    """Note an access, and stop before it if it is a switch point."""
    operation = operation_at(execution, task, site, touched)
    if site.label in execution.shared:
        task.stands = (site, frame, given)
        if site.kind == RAISE:  # the traceback grows on as the exception goes up
            execution.objects.distrust("what `raise` writes into an exception that threads share")
        if site.is_of_library:
            operation = called_by(operation, frame)
        execution.reach(task, operation)
        task.stands = None
        if execution.explaining:
            explain(execution, site, frame)
        operation = execution.trace[-1].operation
    if (
        operation.write
        and site.kind >= ATTRIBUTE
        and execution.objects.may_change_classes(operation.places)
    ):
        forget()  # only now: while this thread stood here, others have looked at classes


def operation_at(execution: Execution, task: Task, site: Site, touched: Touched) -> Operation:
    """Return the operation at `site`, as its thread is about to do it."""
    key = site, touched
    try:
        operation = execution.operations[key]
    except KeyError:
        places, write = touched
        operation = execution.operations[key] = Operation(
            "write" if write else "read",
            site.label,
            places,
            write=write,
            filename=site.code.co_filename,
            line=site.line,
        )
        operation.moves = site.kind >= ATTRIBUTE or len(places) > 1
        operation.changes_all = write and any(field == WHOLE for _, field in places)
        if write:
            execution.sharing.note(operation)
    if operation.changes_all:  # each time of other objects
        execution.sharing.note_all(operation, execution.objects.has_names)
    task.stretch.accesses.add(operation)
    return operation


def returned(
    execution: Execution, task: Task, frame: FrameType, value: object, *, failed: bool = False
) -> None:
    """Come to the end of a function, and so back into what called it.

    Where Python code called it, the value is that of the call.  Where C code did, as `sorted`
    calls a key, that goes on with what it was doing, which is a step anew.
    """
    task.inside.pop(id(frame), None)
    execution.observer.latest.pop(id(frame), None)
    calling = frame.f_back
    inside = None if calling is None else task.inside.get(id(calling))
    if calling is None or inside is None or execution.over or task.waiting:
        return
    site, given = inside
    try:
        # An attribute that fails may be found by `__getattr__`.
        found = MISSING
        if not (failed and site.kind == ATTRIBUTE):
            found = execution.observer.value_of(site, calling, frame, value)
        if found is not MISSING:
            if site.needed:
                execution.observer.keep(site, calling, found)
            del task.inside[id(calling)]
            return
        if site.needed:  # it may give on what it was given
            execution.observer.keep_given(site, calling, value)
        if not execution.alone:
            if not is_data(value):
                given = (*given, value)
                task.inside[id(calling)] = site, given
            touched = execution.observer.observe(site, calling)
            touched = execution.observer.going_on(site, calling, touched, given)
            if touched[0]:
                perform(execution, task, site, calling, touched, given=given)
                if site.needed:
                    execution.observer.keep_given(site, calling, MISSING)
    except Exception as error:  # noqa: BLE001 - raised again
        execution.break_off(error)


def give_back(execution: Execution, task: Task, site: Site, frame: FrameType) -> None:
    """Come to the end of a generator, or to a value that it and who delegates to it give."""
    value = execution.observer.value(site.receiver, frame)
    returned(execution, task, frame, value)
    outer = frame.f_back
    while site.name == "YIELD_VALUE" and outer is not None and delegates(outer):
        returned(execution, task, outer, value)
        outer = outer.f_back


def explain(execution: Execution, site: Site, frame: FrameType) -> None:
    """Keep what an explanation of the step just begun needs to know."""
    step = execution.trace[-1]
    step.variables = dict(frame.f_locals)
    step.frame = execution.objects.name(frame)
    step.subject, look = execution.observer.looker(site, frame)
    if step.operation.write:
        step.look = look
    else:
        step.value = snapshot(look())


def called_by(operation: Operation, frame: FrameType) -> Operation:
    """Return the operation, that of a library at the line of the program for which it is done."""
    calling = program_frame(frame)
    if calling is None:
        return operation
    filename, line = line_of(calling)
    return Operation(
        operation.kind,
        operation.label,
        operation.places,
        write=operation.write,
        filename=filename,
        line=line,
    )
