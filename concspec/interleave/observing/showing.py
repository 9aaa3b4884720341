"""What is shown of the values of a program: as they are now, and without running its code."""

from __future__ import annotations

from collections import Counter, defaultdict, deque
from typing import Any

from concspec.interleave.observing.classes import is_a
from concspec.interleave.observing.looking import MISSING, PLAIN_KEYS, Aliases

_DEEPEST = 5
_SEQUENCES = (list, tuple, deque, bytearray)
_SETS = (set, frozenset)
_MAPPINGS = (dict, Counter, defaultdict)


def snapshot(value: Any, depth: int = 0) -> object:
    """Return a value to show later: a copy of a container, since others go on to change it.

    MISSING stands for what is known only as one of several.
    """
    kind: Any = type(value)
    if kind is Aliases:
        return MISSING
    if depth == _DEEPEST:
        return value
    if kind in _SEQUENCES or (kind in _SETS and _is_plain(value)):
        parts = [snapshot(each, depth + 1) for each in value]
        return deque(parts, value.maxlen) if kind is deque else kind(parts)
    if kind in _MAPPINGS and _is_plain(value):
        copy = kind.__new__(kind)  # that of Counter begins in Python, which would be watched
        dict.update(copy, {key: snapshot(each, depth + 1) for key, each in dict.items(value)})
        if kind is defaultdict:
            copy.default_factory = value.default_factory
        return copy
    return value


def stored_item(container: Any, key: Any) -> object:
    """Return an item as a container has it, whatever its class makes of asking for it, or MISSING.

    An item that is not there is MISSING as well.
    """
    if type(key) not in PLAIN_KEYS:
        return MISSING
    if is_a(container, dict):
        return dict.get(container, key, MISSING)
    kind: Any = next((each for each in _SEQUENCES if is_a(container, each)), None)
    if kind is None or not is_a(key, int):
        return MISSING
    size = kind.__len__(container)
    return kind.__getitem__(container, key) if -size <= key < size else MISSING


def has_item(container: Any, key: Any) -> object:
    """Tell whether something is in a container, or give MISSING where code of a program says so."""
    is_known = type(container) in (*_SEQUENCES, *_SETS, *_MAPPINGS) and type(key) in PLAIN_KEYS
    return key in container if is_known and _is_plain(container) else MISSING


def _is_plain(container: Any) -> bool:
    return all(type(each) in PLAIN_KEYS for each in container)
