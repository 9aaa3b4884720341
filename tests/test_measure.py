"""When low figures count, and how rarely they deceive; and the rounds themselves."""

import contextlib
import functools
import itertools
import random
import time

import pytest

from concspec import measure
from concspec.measure import (
    HIGHS,
    LOWS,
    MISSES,
    Comparison,
    Processes,
    Side,
    Threads,
    interval,
    reaches_mark,
)


def ignore(**_):
    """Record no evidence."""


def side(figure):
    return Side("", figure, 1.0)


def test_a_subject_that_is_never_high_is_not_parallel():
    assert not reaches_mark("", side(lambda: 0.9), side(lambda: 1.0), ignore)


def test_a_subject_that_is_high_twice_is_parallel():
    figures = itertools.chain([0, 0, 1.0, 0, 0, 1.0], itertools.repeat(0))
    assert reaches_mark("", side(lambda: next(figures)), side(lambda: 1.0), ignore)
    figures = itertools.chain([0, 0, 1.0], itertools.repeat(0))
    assert not reaches_mark("", side(lambda: next(figures)), side(lambda: 1.0), ignore)


def test_low_figures_beside_low_ones_of_the_control_say_nothing():
    recorded = []
    with pytest.raises(pytest.skip.Exception) as skipped:
        reaches_mark("q", side(lambda: 0), side(lambda: 0.9), lambda **kw: recorded.append(kw))
    pairs = len(recorded[0]["values"])
    assert f"0 of {pairs} control rounds" in str(skipped.value)
    assert f"{pairs} 轮中达标 0 轮" in skipped.value.reason["zh"]
    assert [entry.get("limit") for entry in recorded] == [1.0, 1.0, None]
    assert len(recorded[2]["went_first"]) == pairs == MISSES + 1


@pytest.mark.parametrize(("misses", "decided"), [(MISSES, True), (MISSES + 1, False)])
def test_so_many_pairs_may_say_nothing(misses, decided):
    figures = itertools.chain([1], [0] * misses, itertools.repeat(1))
    comparison = Comparison(side(lambda: 0), side(lambda: next(figures)))
    if decided:
        assert not comparison.decide("", ignore)
        assert len(comparison.subject.figures) == LOWS + MISSES
    else:
        with pytest.raises(pytest.skip.Exception):
            comparison.decide("", ignore)


def test_measuring_ends_when_its_time_is_over(monkeypatch):
    monkeypatch.setattr(measure, "BUDGET", 0.02)
    with pytest.raises(pytest.skip.Exception):
        reaches_mark("", side(lambda: time.sleep(0.005) or 0), side(lambda: 1), ignore)


def worst_case():
    """The probability of a wrong verdict beside the worst neighbour that cannot foresee the draws.

    In each pair it may stop the machine in the first round, in the second, in both or in none, and
    knows what happened in all pairs before. The subject is as parallel as the control.
    """

    @functools.cache
    def wrong(lows, highs):
        if lows == LOWS or highs == HIGHS:
            return float(lows == LOWS)
        stops_none = wrong(lows, highs + 1)
        stops_one = (wrong(lows + 1, highs) + wrong(lows, highs + 1)) / 2
        return max(stops_none, stops_one)  # to stop both changes nothing

    return wrong(0, 0)


def test_no_neighbour_can_make_a_wrong_verdict_likely():
    assert 7e-7 < worst_case() < 8e-7


@pytest.mark.parametrize("busy", ["every other round", "half of the time", "in long bursts"])
def test_a_parallel_subject_is_never_called_anything_else(busy):
    rounds = itertools.count()
    draw = random.Random(1)
    stopped = {
        "every other round": lambda: next(rounds) % 2 == 0,
        "half of the time": lambda: draw.random() < 0.5,
        "in long bursts": lambda: next(rounds) // 50 % 2 == 0,
    }[busy]

    def figure():
        return 0.0 if stopped() else 1.0

    verdicts = []
    for _ in range(300):
        with contextlib.suppress(pytest.skip.Exception):  # inconclusive
            verdicts.append(reaches_mark("", side(figure), side(figure), ignore))
    assert all(verdicts)
    assert len(verdicts) > 100


def identity(until):
    time.sleep(max(until - time.monotonic(), 0))
    return "done"


# A worker of pytest-xdist has a thread beside the one that forks.
@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
@pytest.mark.parametrize("kind", [Threads, Processes])
def test_workers_answer_every_round(kind):
    with kind([identity] * 3) as run:
        for _ in range(3):
            taken = run(0.01)
            assert taken.results == ("done",) * 3
            assert 0.01 <= taken.wall < 5
            assert 0 <= taken.cores < 1


def test_threads_that_break_do_not_give_old_answers(monkeypatch):
    monkeypatch.setattr(measure.threading, "excepthook", lambda _: None)
    works = iter([lambda: "fine", lambda: 1 / 0])
    with Threads([lambda _: next(works)()]) as run:
        assert run().results == ("fine",)
        with pytest.raises(IndexError):
            run()


def test_the_interval_of_a_median_leaves_out_the_ends():
    assert interval([3, 1, 2]) == (1, 3)
    assert interval(range(6)) == (0, 5)
    assert interval(range(20)) == (5, 14)
    draw = random.Random(2)
    caught = 0
    for _ in range(1000):
        low, high = interval([draw.random() for _ in range(9)])
        caught += low <= 0.5 <= high
    assert caught >= 950
