"""The explorer: which interleavings it goes through, how it replays one, how it models a lock."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from concspec.interleave import exploration, primitives, reduction
from concspec.sabotage import replaced, sabotage

_Follow = reduction.Follow


@sabotage("the explorer stops after the first interleaving")
def first_only() -> Iterator[None]:
    with replaced(reduction.EveryClass, finish=lambda self, execution: False):
        yield


@sabotage("the explorer takes any two steps for independent")
def all_independent() -> Iterator[None]:
    with replaced(reduction, dependent=lambda one, other: False):
        yield


@sabotage("the explorer goes through one half of the interleavings")
def every_other() -> Iterator[None]:
    make = reduction.EveryClass.__init__

    def make_half(self: Any, shard: object = None) -> None:
        make(self, (0, 2))

    with replaced(reduction.EveryClass, __init__=make_half):
        yield


@sabotage("the explorer's model of a lock lets everybody have it")
def lock_never_excludes() -> Iterator[None]:
    with replaced(primitives.Lock, acquire=lambda *_, **__: True, release=lambda self: None):
        yield


@sabotage("the explorer's model of a lock is never released")
def lock_never_released() -> Iterator[None]:
    with replaced(primitives.Lock, release=lambda self: None):
        yield


def _followed(change: Callable[[list[int]], Sequence[int]]) -> Any:
    return replaced(exploration, Follow=lambda steps, name: _Follow(change([*steps]), name))


@sabotage("a replay runs one thread after the other, whatever the schedule")
def replay_in_turn() -> Iterator[None]:
    with _followed(sorted):
        yield


@sabotage("a replay exchanges the two steps in the middle of the schedule")
def replay_crossed() -> Iterator[None]:
    def cross(steps: list[int]) -> list[int]:
        middle = len(steps) // 2
        steps[middle - 1 : middle + 1] = steps[middle - 1 : middle + 1][::-1]
        return steps

    with _followed(cross):
        yield
