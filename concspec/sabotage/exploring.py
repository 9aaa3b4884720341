"""The explorer: which interleavings it goes through, which accesses it sees, how it replays one,
how it models a lock."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from types import CodeType
from typing import Any

from concspec.interleave import exploration, reduction, tracing
from concspec.interleave.observing.sites import GLOBAL, Site
from concspec.interleave.operations import Operation
from concspec.interleave.operations import dependent as _dependent
from concspec.interleave.stand_ins import primitives
from concspec.sabotage import replaced, sabotage

_sites_of = tracing.sites_of
_Exploration = exploration.Exploration
_Follow = reduction.Follow


# Which interleavings are run, and what is said of the others


@sabotage("the explorer stops after the first interleaving", "探索器执行完第一种交错就停下")
def first_only() -> Iterator[None]:
    with replaced(reduction.EveryClass, finish=lambda self, execution: False):
        yield


@sabotage("the explorer takes any two steps for independent", "探索器认为任何两步都互不相关")
def all_independent() -> Iterator[None]:
    with replaced(reduction, dependent=lambda one, other: False):
        yield


@sabotage(
    "the explorer takes a read and a write for independent", "探索器认为一次读与一次写互不相关"
)
def reads_independent() -> Iterator[None]:
    def dependent(one: Operation, other: Operation) -> bool:
        return one.write and other.write and _dependent(one, other)

    with replaced(reduction, dependent=dependent):
        yield


@sabotage(
    "the explorer interrupts a thread once at most, and says that this is all",
    "探索器最多打断线程一次，却说这已是全部",
)
def one_preemption() -> Iterator[None]:
    class Search(reduction.EveryInterleaving):
        bound = property(lambda self: None, lambda self, value: None)

    with replaced(exploration, EveryClass=lambda shard=None: Search(1, shard)):
        yield


@sabotage(
    "the explorer says that a search was complete, whatever cut it",
    "无论因什么中断，探索器都说搜索是完整的",
)
def always_complete() -> Iterator[None]:
    def complete(**found: Any) -> exploration.Exploration:
        return _Exploration(**{**found, "complete": True, "bound": None})

    with replaced(exploration, Exploration=complete):
        yield


@sabotage("the explorer goes through one half of the interleavings", "探索器只走一半的交错")
def every_other() -> Iterator[None]:
    make = reduction.EveryClass.__init__

    def make_half(self: Any, shard: object = None) -> None:
        make(self, (0, 2))

    with replaced(reduction.EveryClass, __init__=make_half):
        yield


# Which accesses are seen


def _seen(is_seen: Callable[[Site], bool]) -> Any:
    def sites_of(code: CodeType) -> dict[int, Site]:
        return {offset: site for offset, site in _sites_of(code).items() if is_seen(site)}

    return replaced(tracing, sites_of=sites_of)


@sabotage(
    "the explorer does not take the reading of a global variable for an access",
    "探索器不把读全局变量当作访问",
)
def global_reads_unseen() -> Iterator[None]:
    with _seen(lambda site: site.write or site.kind != GLOBAL):
        yield


# How a lock is modelled


@sabotage("the explorer's model of a lock lets everybody have it", "探索器的锁模型让谁都拿得到锁")
def lock_never_excludes() -> Iterator[None]:
    with replaced(primitives.Lock, acquire=lambda *_, **__: True, release=lambda self: None):
        yield


@sabotage("the explorer's model of a lock is never released", "探索器的锁模型从不释放锁")
def lock_never_released() -> Iterator[None]:
    with replaced(primitives.Lock, release=lambda self: None):
        yield


# How a schedule is replayed


def _followed(change: Callable[[list[int]], Sequence[int]]) -> Any:
    return replaced(exploration, Follow=lambda steps: _Follow(change([*steps])))


@sabotage(
    "a replay runs one thread after the other, whatever the schedule",
    "无论调度怎么写，重放时总是一个线程执行完再执行下一个",
)
def replay_in_turn() -> Iterator[None]:
    with _followed(sorted):
        yield


@sabotage(
    "a replay exchanges the two steps in the middle of the schedule", "重放时把调度正中的两步对调"
)
def replay_crossed() -> Iterator[None]:
    def cross(steps: list[int]) -> list[int]:
        middle = len(steps) // 2
        steps[middle - 1 : middle + 1] = steps[middle - 1 : middle + 1][::-1]
        return steps

    with _followed(cross):
        yield
