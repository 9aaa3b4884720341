"""Sabotages: primitives broken on purpose, one at a time, to show that a spec can fail.

A sabotage is a generator function, in a module of this package that is named after the
primitive, which breaks it, yields, and mends it::

    @sabotage(
        "fork() returns the child's id in the child, too", "fork() 在子进程里也返回子进程的进程号"
    )
    def pid_in_child(): ...

Specs name it as ``fork.pid-in-child``.
"""

from __future__ import annotations

import contextlib
import importlib
import os
import pkgutil
import signal
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from concspec import condition

if TYPE_CHECKING:
    from concspec.interpreter import Fact

PATIENCE = 3.0
"""Seconds after which a spec under a sabotage that blocks has shown that it waits in vain."""

_INHERITED = object()
"""Stands for an attribute that an owner does not have itself."""

_VARIABLE = "CONCSPEC_SABOTAGE"
_CARRIER = Path(__file__).parent / "carrier"
_ROOT = Path(__file__).parent.parent.parent


class Sabotage(NamedTuple):
    """A broken primitive: what is broken, as one sentence in each language, and how.

    ``blocks`` says that a spec shows it by waiting in vain: one that has not ended after
    PATIENCE seconds has then noticed. ``where`` is a condition over the facts of an interpreter:
    the others have nothing to break.
    """

    breaks: Mapping[str, str]
    apply: Callable[[], AbstractContextManager[None]]
    blocks: bool
    where: str

    def is_for(self, facts: Mapping[str, Fact]) -> bool:
        """Whether it is to be tried on the interpreter with these facts."""
        return condition.holds(self.where, facts)


def sabotage(
    en: str, zh: str, *, blocks: bool = False, where: str = "True"
) -> Callable[[Callable[[], Iterator[None]]], Sabotage]:
    """Make a sabotage of a generator function, which says in English and in Chinese what it breaks.

    See Sabotage for what the other arguments say.
    """

    def make(function: Callable[[], Iterator[None]]) -> Sabotage:
        return Sabotage({"en": en, "zh": zh}, contextmanager(function), blocks, where)

    return make


def find(name: str) -> Sabotage:
    """Return the sabotage ``module.name``. Raises LookupError if there is none."""
    module_name, _, attribute = name.partition(".")
    try:
        module = importlib.import_module(f"{__name__}.{module_name}")
        found = getattr(module, attribute.replace("-", "_"))
    except (ModuleNotFoundError, AttributeError):
        found = None
    if isinstance(found, Sabotage):
        return found
    raise LookupError(f"there is no sabotage {name!r}")


def names() -> list[str]:
    """The names of all sabotages."""
    return [
        f"{module.name}.{attribute.replace('_', '-')}"
        for module in pkgutil.iter_modules(__path__)
        for attribute, value in vars(importlib.import_module(f"{__name__}.{module.name}")).items()
        if isinstance(value, Sabotage)
    ]


@contextmanager
def active(name: str) -> Iterator[None]:
    """Break the primitive here and in every Python interpreter that is started meanwhile.

    Those import ``carrier/sitecustomize.py``, to which PYTHONPATH leads them.
    """
    path = [str(_CARRIER), str(_ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
    found = find(name)
    carried = {_VARIABLE: name, "PYTHONPATH": os.pathsep.join(path)}
    patience = _impatience() if found.blocks else contextlib.nullcontext()
    with _environment(carried), found.apply(), patience:
        yield


@contextmanager
def _impatience() -> Iterator[None]:
    """Raise AssertionError in the main thread when it is here for longer than PATIENCE."""

    def give_up(*_: object) -> None:
        raise AssertionError(f"still waiting after {PATIENCE:.0f} s")

    before = signal.signal(signal.SIGALRM, give_up)
    signal.setitimer(signal.ITIMER_REAL, PATIENCE)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def continue_in_child() -> None:
    """In an interpreter that was started under a sabotage: break the primitive for good."""
    name = os.environ.get(_VARIABLE)
    if name:
        _for_good.enter_context(find(name).apply())


_for_good = ExitStack()


@contextmanager
def _environment(values: Mapping[str, str]) -> Iterator[None]:
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            os.environ.pop(name, None)
            if value is not None:
                os.environ[name] = value


@contextmanager
def traced(trace: Callable[..., Any]) -> Iterator[None]:
    """Trace the threads that start meanwhile, and then as before."""
    before = threading._trace_hook  # type: ignore[attr-defined]  # gettrace() is new in 3.10
    threading.settrace(trace)
    try:
        yield
    finally:
        threading.settrace(before)


@contextmanager
def replaced(owner: object, **attributes: object) -> Iterator[None]:
    """Replace attributes of a module or class, and put the old ones back."""
    before = {name: vars(owner).get(name, _INHERITED) for name in attributes}
    for name, value in attributes.items():
        setattr(owner, name, value)
    try:
        yield
    finally:
        for name, value in before.items():
            with contextlib.suppress(AttributeError):
                delattr(owner, name)
            if value is not _INHERITED:
                setattr(owner, name, value)
