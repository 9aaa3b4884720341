"""`explore` and `replay`: from a program to all it can do, from a schedule to one run."""

from __future__ import annotations

import itertools
import time
from collections.abc import Hashable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from concspec.interleave.deadlock import Deadlock, describe
from concspec.interleave.errors import NotDeterministic, NothingToExplore, ScheduleError
from concspec.interleave.operations import Operation
from concspec.interleave.reduction import (
    EveryClass,
    EveryInterleaving,
    Follow,
    Serial,
)
from concspec.interleave.schedule import decode, encode
from concspec.interleave.scheduler import Raised
from concspec.interleave.session import Session

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from concspec.interleave.scheduler import Execution


MOST_SCOUTED = 200
MOST_UNSETTLED = 5  # runs after which what one of them shows to be shared stays so


class Outcome(NamedTuple):
    """How a result comes about.

    `interleavings` give it (None where they were too many to count, or the search was cut by a
    preemption bound); `executions` of them were run; `witness` is the schedule of the first.
    """

    interleavings: int | None
    executions: int
    witness: str


Counted = TypeVar("Counted", Outcome, Deadlock)


class Manner(NamedTuple):
    """How an exploration was asked for, so that it can be asked for again."""

    program: Callable[[], Hashable]
    reduce: bool
    preemption_bound: int | None
    time_budget: float | None
    until: Callable[[Any], bool] | None

    def again(self, shard: tuple[int, int], shared: frozenset[str]) -> Exploration:
        """Explore a shard with these switch points."""
        return explore(**self._asdict(), shard=shard, shared=shared)


class Exploration(NamedTuple):
    """What a program can do.

    `outcomes` maps each result to an `Outcome`; a program that raised has a `Raised` as its result.
    `executions` were run, and stand for `interleavings` (None: too many to count).  `complete` is
    True when no interleaving is left out; otherwise `bound` says what cut the search, and nothing
    is proved of the rest.  `failures` maps what threads died of to an `Outcome`.  `shared` names
    the accesses that are switch points, `redundant` counts executions that were given up because
    their class had been run already, `shards` says which parts, of how many, this covers, and
    `manner` what was asked for (None after pickling a program that cannot be pickled).
    """

    outcomes: Mapping[Hashable, Outcome]
    executions: int
    interleavings: int | None
    complete: bool
    bound: str | None
    deadlocks: tuple[Deadlock, ...]
    failures: Mapping[str, Outcome]
    shared: frozenset[str]
    redundant: int
    shards: tuple[frozenset[int], int]
    manner: Manner | None = None

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle it; leave out a program (a closure, say) that other processes cannot find."""
        import pickle  # noqa: PLC0415 - not needed to explore

        manner = self.manner
        try:
            pickle.dumps(manner)
        except Exception:  # noqa: BLE001 - pickle raises what it meets
            manner = None
        return Exploration, (*self[:-1], manner)

    def merge(self, *others: Exploration) -> Exploration:
        """Add up the explorations of several shards of one program."""
        return merge([self, *others])

    def __str__(self) -> str:
        """Tell the outcomes, and whether they are all."""
        stood = "uncounted" if self.interleavings is None else f"{self.interleavings:,}"
        lines = [f"{self.executions:,} executions for {stood} interleavings"]
        lines += [
            f"  {result!r}: {_count(outcome)}, such as {outcome.witness!r}"
            for result, outcome in self.outcomes.items()
        ]
        lines += [f"  {deadlock}" for deadlock in self.deadlocks]
        lines += [
            f"  a thread died of {text}: {_count(outcome)}, such as {outcome.witness!r}"
            for text, outcome in self.failures.items()
        ]
        lines.append(
            "complete: no other result is reachable"
            if self.complete
            else f"NOT complete (cut by {self.bound}): other results may be reachable"
        )
        return "\n".join(lines)


def explore(
    program: Callable[[], Hashable],
    *,
    reduce: bool = True,
    preemption_bound: int | None = None,
    time_budget: float | None = None,
    shard: tuple[int, int] | None = None,
    until: Callable[[Any], bool] | None = None,
    shared: Iterable[str] = (),
) -> Exploration:
    """Go through the interleavings of `program` and return everything it can do.

    `program` takes nothing, sets its own state, starts and joins its threads, and returns a
    hashable result.  With `reduce`, interleavings that differ only in the order of independent
    steps are run once; without, all are run.  `preemption_bound` leaves out schedules that take
    the turn from a thread that could go on more often than that (it implies all the others are
    run, not reduced).  `time_budget` ends the search after so many seconds, `until` after the
    first result for which it is true.  `shard=(i, n)` explores the i-th of n parts; `merge` adds
    them up.  `shared` names accesses to be switch points from the start.
    """
    _check_arguments(program, preemption_bound, time_budget, shard)
    manner = Manner(program, reduce, preemption_bound, time_budget, until)
    start = time.monotonic()
    return Session(program).within(
        lambda session: explore_within(session, manner, shard, frozenset(shared), start)
    )


def explore_within(
    session: Session,
    manner: Manner,
    shard: tuple[int, int] | None,
    shared: frozenset[str],
    start: float,
) -> Exploration:
    """Search, again with more switch points as long as more accesses turn out to be shared."""
    obvious, serial = discover(session)
    known = obvious | shared
    if shard is not None:
        known = scout(session, known)
    while True:
        if manner.reduce and manner.preemption_bound is None:
            search: EveryClass | EveryInterleaving = EveryClass(shard)
        else:
            search = EveryInterleaving(manner.preemption_bound, shard)
        tally = Tally(known, known - obvious)
        # The search runs the serial schedule first; that may be another shard's.
        again = serial if known == obvious and shard is None else None
        discovered = run_all(session, search, tally, manner, again=again, start=start)
        if discovered is None:
            return tally.exploration(search.bound, shard, manner)
        known |= discovered


def run_all(
    session: Session,
    search: EveryClass | EveryInterleaving,
    tally: Tally,
    manner: Manner,
    *,
    again: Run | None,
    start: float,
) -> frozenset[str] | None:
    """Run executions until the search has no more.

    Where it has to begin anew, return the switch points that it discovered.  The first execution
    has to do the same as `again` did, where that is given.
    """
    budget, until = manner.time_budget, manner.until
    deadline = None if budget is None else start + budget
    while True:
        search.begin()
        execution, result = session.execute(search, tally.shared, deadline=deadline)
        if execution.late:
            search.bound = f"time_budget={budget:g}"
            return None
        if execution.discovered or execution.missed:
            return execution.discovered
        if again is not None and not execution.cut:
            again.compare(session.program, Run.of(execution, result))
        again = None
        if execution.cut:
            tally.redundant += search.redundant
            tally.doubt = tally.doubt or execution.objects.doubt
        elif search.mine():
            tally.add(execution, result, search.stands_for())
            if until is not None and not execution.stuck and until(result):
                search.bound = search.bound or "until"
                return None
        if not search.finish(execution):
            return None
        if deadline is not None and time.monotonic() > deadline:
            search.bound = f"time_budget={budget:g}"
            return None


def scout(session: Session, shared: frozenset[str]) -> frozenset[str]:
    """Look for shared accesses along some schedules, the same in every shard."""
    search = EveryInterleaving(1)
    for _ in range(MOST_SCOUTED):
        search.begin()
        execution, _ = session.execute(search, shared)
        if execution.discovered:
            shared |= execution.discovered
            search = EveryInterleaving(1)
        elif not search.finish(execution):
            break
    return shared


def discover(session: Session) -> tuple[frozenset[str], Run]:
    """Return the accesses that a serial run already shows to be shared, and the last such run.

    What only the first run does, as to fill a cache, is not among them.
    """
    shared: frozenset[str] = frozenset()
    before: Run | None = None
    for runs in itertools.count(1):
        known = shared
        execution, result = session.execute(Serial(), known)
        run = Run.of(execution, result)
        shared = execution.conflicting if runs < MOST_UNSETTLED else known | execution.conflicting
        if before is not None and shared == known:
            break
        before, besides = run, known
    if len(execution.tasks) == 1:
        if isinstance(result, Raised):
            raise NothingToExplore(f"the program raised {result.text} before it started a thread")
        raise NothingToExplore(
            "the program started no thread, so there is nothing to explore; let it make plain "
            "threading.Threads, start and join them (a function that is only the body of one "
            "thread is not a program)"
        )
    if not any(task.seen or task.access_count for task in execution.tasks[1:]):
        if isinstance(result, Raised):
            raise NothingToExplore(
                f"the program raised {result.text}, and its threads did nothing before that"
            )
        raise NothingToExplore(
            "the threads that the program started did nothing that could be watched, so nothing "
            "would be proved; let them use what they share, in Python code"
        )
    assert before is not None
    if not before.is_like(run, besides | shared):
        # The first may have set up what the others find, as an import does.
        run.compare(session.program, Run.of(*session.execute(Serial(), shared)))
    return shared, run


def replay(program: Callable[[], Hashable], schedule: str) -> Hashable:
    """Run `program` on real threads along `schedule`; return its outcome (or the `Deadlock`)."""
    execution, result = rerun(program, schedule)
    if execution.stuck:
        return describe(execution, schedule)
    outcome: Hashable = result
    return outcome


def rerun(
    program: Callable[[], Hashable], schedule: str, *, explaining: bool = False
) -> tuple[Execution, Any]:
    """Run `program` along `schedule`; return the execution itself as well."""
    wanted = decode(schedule)

    def follow(session: Session) -> tuple[Execution, Any]:
        shared, serial = discover(session)
        serial.compare(program, Run.of(*session.execute(Serial(), shared)))
        shared |= wanted.labels
        return session.execute(Follow(wanted.steps), shared, explaining=explaining)

    execution, result = Session(program).within(follow)
    if len(execution.trace) < len(wanted.steps):
        raise ScheduleError(
            f"the schedule stops fitting at step {len(execution.trace) + 1}: it has "
            f"{len(wanted.steps)} steps, but the program "
            + ("is deadlocked" if execution.stuck else "has ended")
            + f" after {len(execution.trace)}"
        )
    return execution, result


class Run(NamedTuple):
    """What one execution did: its steps, how many accesses they were among, and the result."""

    steps: list[Operation]
    access_count: int
    result: Any

    @classmethod
    def of(cls, execution: Execution, result: Any) -> Run:
        """Keep what two executions are compared by, and nothing of the program's."""
        return cls([step.operation for step in execution.trace], execution.access_count(), result)

    def is_like(self, other: Run, besides: frozenset[str]) -> bool:
        """Tell whether another did the same, though one has steps at accesses `besides`."""
        return (
            self.access_count == other.access_count
            and self.same_steps(other, besides)
            and not _unequal(self.result, other.result)
        )

    def same_steps(self, other: Run, besides: frozenset[str] = frozenset()) -> bool:
        steps, its = (
            [step for step in each.steps if step.label not in besides] for each in (self, other)
        )
        return len(steps) == len(its) and all(map(Operation.same_as, steps, its))

    def compare(self, program: Callable[[], object], other: Run) -> None:
        """Raise NotDeterministic unless another run under the same schedule did the same."""
        same = self.same_steps(other)
        if same and not _unequal(self.result, other.result):
            return
        code = getattr(program, "__code__", None)
        place = f" at {code.co_filename}:{code.co_firstlineno}" if code else ""
        raise NotDeterministic(
            f"the program{place} is not deterministic: two runs under the same schedule "
            + (
                f"returned {self.result!r} and {other.result!r}"
                if same
                else _first_difference(self.steps, other.steps)
            )
            + "; it must set all of its state itself, and use no clock, random numbers or other "
            "sources that change from run to run"
        )


class Tally:
    """Adds up what the executions of a search gave."""

    def __init__(self, shared: frozenset[str], extra: frozenset[str]) -> None:
        """Start with nothing; `extra` are the switch points a schedule has to name."""
        self.shared = shared
        self.extra = extra
        self.outcomes: dict[Hashable, Outcome] = {}
        self.failures: dict[str, Outcome] = {}
        self.deadlocks: dict[Hashable, Deadlock] = {}
        self.executions = 0
        self.interleavings: int | None = 0
        self.redundant = 0
        self.doubt: str | None = None

    def add(self, execution: Execution, result: Any, stands_for: int | None) -> None:
        """Count one execution."""
        self.executions += 1
        self.doubt = self.doubt or execution.objects.doubt
        self.interleavings = _sum(self.interleavings, stands_for)
        if execution.stuck:
            found = describe(execution, "")._replace(interleavings=stands_for, executions=1)
            self.count(self.deadlocks, found.key, found, execution)
        else:
            self.count(self.outcomes, result, Outcome(stands_for, 1, ""), execution)
        for task in execution.tasks:
            if task.failure is not None:
                text = f"{type(task.failure).__name__}: {task.failure}"
                once = Outcome(stands_for, 1, "")
                self.count(self.failures, f"{task.name}: {text}", once, execution)

    def count(
        self, table: dict[Any, Counted], key: Any, found: Counted, execution: Execution
    ) -> None:
        try:
            is_new = key not in table
        except TypeError:
            raise TypeError(
                f"the program returned {key!r}, which is not hashable; return a number, a string "
                "or a tuple of such"
            ) from None
        if is_new:
            found = found._replace(witness=self.witness(execution))
        _add_up(table, {key: found})

    def witness(self, execution: Execution) -> str:
        return encode([step.task.index for step in execution.trace], self.extra)

    def exploration(
        self, bound: str | None, shard: tuple[int, int] | None, manner: Manner
    ) -> Exploration:
        """Return the sum."""
        part, parts = shard or (0, 1)
        bound = bound or self.doubt
        if bound is None and parts > 1:
            bound = f"shard=({part}, {parts})"
        return Exploration(
            outcomes=self.outcomes,
            executions=self.executions,
            interleavings=self.interleavings,
            complete=bound is None,
            bound=bound,
            deadlocks=tuple(self.deadlocks.values()),
            failures=self.failures,
            shared=self.shared,
            redundant=self.redundant,
            shards=(frozenset([part]), parts),
            manner=manner,
        )


def merge(explorations: Iterable[Exploration]) -> Exploration:
    """Add up the explorations of the shards of one program; all of them make it complete.

    What turned out to be shared in one shard alone is a switch point of the whole program, so the
    shards that did not know of it are explored again here, with it.
    """
    given = _agreeing(list(explorations))
    if not given:
        raise ValueError("nothing to merge: give the explorations of the shards")
    first = given[0]
    parts = first.shards[1]
    seen: set[int] = set()
    outcomes: dict[Any, Outcome] = {}
    failures: dict[Any, Outcome] = {}
    deadlocks: dict[Hashable, Deadlock] = {}
    interleavings: int | None = 0
    for each in given:
        if each.shards[1] != parts:
            raise ValueError(f"shards of {parts} and of {each.shards[1]} parts do not add up")
        if each.shards[0] & seen:
            raise ValueError(f"shard {min(each.shards[0] & seen)} of {parts} is there twice")
        seen |= each.shards[0]
        interleavings = _sum(interleavings, each.interleavings)
        _add_up(outcomes, each.outcomes)
        _add_up(failures, each.failures)
        _add_up(deadlocks, {deadlock.key: deadlock for deadlock in each.deadlocks})
    bounds = [each.bound for each in given if each.bound and not each.bound.startswith("shard=")]
    if len(seen) < parts:
        bounds.append(f"shard={tuple(sorted(seen))} of {parts}")
    return Exploration(
        outcomes=outcomes,
        executions=sum(each.executions for each in given),
        interleavings=interleavings,
        complete=not bounds,
        bound=bounds[0] if bounds else None,
        deadlocks=tuple(deadlocks.values()),
        failures=failures,
        shared=first.shared,
        redundant=sum(each.redundant for each in given),
        shards=(frozenset(seen), parts),
        manner=first.manner,
    )


def _agreeing(given: list[Exploration]) -> list[Exploration]:
    """Explore again what was explored with fewer switch points than the others."""
    shared: frozenset[str] = frozenset().union(*(each.shared for each in given))
    agreeing: list[Exploration] = []
    for each in given:
        if each.shared == shared:
            agreeing.append(each)
        elif each.manner is None:
            lacking = ", ".join(sorted(shared - each.shared))
            raise ValueError(
                f"the shards took different accesses for shared ({lacking} not in all), and a "
                "program that is no function of a module cannot be explored again after pickling; "
                "explore each shard with shared= the union of their `shared`"
            )
        else:
            parts, count = each.shards
            agreeing += [each.manner.again((part, count), shared) for part in sorted(parts)]
    if any(each.shared != shared for each in agreeing):
        return _agreeing(agreeing)
    return agreeing


def _add_up(table: dict[Any, Counted], more: Mapping[Any, Counted]) -> None:
    """Add what was counted to what is known; the first witness stays."""
    for key, found in more.items():
        known = table.get(key)
        if known is not None:
            found = known._replace(  # noqa: PLW2901
                interleavings=_sum(known.interleavings, found.interleavings),
                executions=known.executions + found.executions,
            )
        table[key] = found


def _sum(one: int | None, other: int | None) -> int | None:
    return None if one is None or other is None else one + other


def _count(outcome: Outcome) -> str:
    if outcome.interleavings is None:
        return f"{outcome.executions:,} executions"
    return f"{outcome.interleavings:,} interleavings"


def _unequal(one: object, other: object) -> bool:
    try:
        return bool(one != other) and not (one != one and other != other)  # noqa: PLR0124 - nan
    except Exception:  # noqa: BLE001 - the program's own comparison
        return False


def _first_difference(steps: list[Operation], its: list[Operation]) -> str:
    for number, (one, other) in enumerate(zip(steps, its), 1):
        if not one.same_as(other):
            return f"took different steps: step {number} was {one}, then {other}"
    return f"took {len(steps)} steps and {len(its)}"


def _check_arguments(
    program: object,
    preemption_bound: int | None,
    time_budget: float | None,
    shard: tuple[int, int] | None,
) -> None:
    if not callable(program):
        raise TypeError(f"a program is a function without arguments, not {program!r}")
    if preemption_bound is not None and preemption_bound < 0:
        raise ValueError(f"preemption_bound must not be negative: {preemption_bound}")
    if time_budget is not None and time_budget <= 0:
        raise ValueError(f"time_budget must be positive: {time_budget}")
    if shard is not None and not 0 <= shard[0] < shard[1]:
        raise ValueError(f"shard=(i, n) needs 0 <= i < n, not {shard}")
