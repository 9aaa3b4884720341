"""Schedules as text: short enough to paste.

A schedule has one character for each step: the number of the thread that takes it (0 is the one
that calls the program, then `1` to `9` and `a` to `z` in the order they are started; further ones
are written `(36)`).  A repetition can be shortened: `1*12`.  Where accesses are switch points that
a serial run of the program would not have shown to be shared, they follow behind a space:
`1221 +flag+items[]`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from concspec.interleave.errors import ScheduleError

if TYPE_CHECKING:
    from collections.abc import Sequence

_DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"
_SHORT = 60
_TOKEN = r"(?:([0-9a-z])|\((\d+)\))(?:\*(\d+))?"


class Schedule(NamedTuple):
    """The threads in the order of their steps, and the switch points beyond the obvious."""

    steps: tuple[int, ...]
    labels: frozenset[str]


def spell(task: int) -> str:
    """Return a thread the way a schedule spells it."""
    return _DIGITS[task] if task < len(_DIGITS) else f"({task})"


def encode(steps: Sequence[int], labels: frozenset[str] = frozenset()) -> str:
    """Return the text of a schedule."""
    if len(steps) <= _SHORT:
        text = "".join(map(spell, steps))
    else:
        parts = []
        position = 0
        while position < len(steps):
            end = position
            while end < len(steps) and steps[end] == steps[position]:
                end += 1
            count = end - position
            name = spell(steps[position])
            # Behind a count comes a space, or else the next thread would be a digit of it.
            parts.append(f"{name}*{count} " if count > 3 else name * count)  # noqa: PLR2004
            position = end
        text = "".join(parts).rstrip()
    return text + "".join(f" +{label}" for label in sorted(labels))


def decode(text: str) -> Schedule:
    """Read a schedule; raise `ScheduleError` where it is none."""
    import re  # noqa: PLC0415 - not needed to explore

    token = re.compile(_TOKEN)
    if not isinstance(text, str):
        raise ScheduleError(f"a schedule is a string such as '1221', not {text!r}")
    head, *labels = text.strip().split(" +")
    head = head.strip()
    if head.startswith("+"):
        labels.insert(0, head[1:])
        head = ""
    steps: list[int] = []
    position = 0
    while position < len(head):
        found = token.match(head, position)
        if found is None:
            raise ScheduleError(
                f"not a schedule: {text!r}: character {position + 1}, {head[position]!r}, is not "
                "a thread; a schedule looks like '12211122' or '1*12 2*12'"
            )
        digit, number, times = found.groups()
        task = _DIGITS.index(digit) if digit else int(number)
        steps += [task] * (int(times) if times else 1)
        position = found.end()
        while position < len(head) and head[position] in " _":
            position += 1
    return Schedule(tuple(steps), frozenset(label.strip() for label in labels))
