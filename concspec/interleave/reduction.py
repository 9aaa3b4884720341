"""Which thread goes next, so that every interleaving that matters is run once.

`EveryClass` is the optimal dynamic partial-order reduction of Abdulla, Aronis, Jonsson and Sagonas
("Source Sets: A Foundation for Optimal Dynamic Partial Order Reduction", J. ACM 64(4), 2017,
algorithm 2): source sets, sleep sets and wakeup trees.  It runs one execution of each Mazurkiewicz
class: of all the interleavings that differ only in the order of independent steps.  For steps that
wait (a lock, say), a race is reversed from the step that took what is waited for, as that paper's
section on blocking and its implementations do.

`EveryInterleaving` goes through all of them, and knows a bound on the preemptions.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from concspec.interleave.errors import NotDeterministic, ScheduleError
from concspec.interleave.operations import Operation, dependent
from concspec.interleave.scheduler import Cut, Execution, Task, merged

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


MOST_STATES = 100_000


class Branch:
    """One step of a wakeup tree, with what is to follow it."""

    __slots__ = ("branches", "operation", "task")

    def __init__(self, task: int, operation: Operation) -> None:
        """Plan `operation` of `task`."""
        self.task = task
        self.operation = operation
        self.branches: list[Branch] = []


class Node:
    """A state on the path to the current execution, and the step taken from it.

    `number` counts the steps of the task, `clock` has for each task how many of its steps happen
    before or are this one, `races` are the depths of the steps this one could have come before.
    `sleep` has the tasks whose next step was run from here, or from above, already; `outside` those
    of them that sleep because of a step above the subtrees that are dealt out to shards.
    """

    __slots__ = (
        "before",
        "branches",
        "clock",
        "names",
        "number",
        "operation",
        "outside",
        "races",
        "sleep",
        "task",
    )

    def __init__(
        self, task: int, sleep: set[int], outside: set[int], branches: list[Branch], names: int
    ) -> None:
        """Stand before a step of `task`."""
        self.task = task
        self.sleep = sleep
        self.outside = outside
        self.branches = branches
        self.names = names
        self.operation: Operation | None = None
        self.before: tuple[int, ...] = ()  # the clock of the task when it came here
        self.clock: tuple[int, ...] = ()
        self.number = 0
        self.races: list[int] = []


class EveryClass:
    """Depth first through one execution of each class."""

    def __init__(self, shard: tuple[int, int] | None = None) -> None:
        """Start at the root.

        For a shard, the first levels of the tree are gone through in full, with sleep sets alone,
        and the subtrees below are dealt out in turn; each is then reduced by itself.
        """
        self.bound: str | None = None
        self.nodes: list[Node] = []
        self.depth = 0
        self.planned: list[Branch] = []
        self.reversed = 0  # the races of so many nodes have been reversed by executions before
        self.deal = Deal(shard)
        self.redundant = 0

    def begin(self) -> None:
        """Start the next execution."""
        self.depth = self.redundant = 0

    def mine(self) -> bool:
        """Tell whether a finished execution belongs to this shard."""
        return self.deal.mine(len(self.nodes))

    def stands_for(self) -> int | None:
        """Return how many interleavings the finished execution stands for."""
        return linear_extensions([(node.task, node.clock) for node in self.nodes], MOST_STATES)

    def choose(self, execution: Execution, enabled: list[Task]) -> Task:
        """Follow the path, then the plan, then the thread that went last."""
        depth = self.depth
        self.depth += 1
        if depth == len(self.nodes):
            self.extend(execution, enabled)
        node = self.nodes[depth]
        task = execution.by_index.get(node.task)
        if task is None or task not in enabled:
            raise not_repeated(node.operation, execution, node.task)
        operation = task.pending
        assert operation is not None
        if node.operation is None:
            node.operation = operation
            node.number = task.steps + 1
            node.before = task.clock
            node.races, clock = self.races(task, operation, depth)
            node.clock = with_entry(clock, task.index, node.number)
        elif not node.operation.same_as(operation):
            raise not_repeated(node.operation, execution, node.task)
        else:
            # Its availability is noted when it runs; the object that runs has to be kept.
            node.operation = operation
        task.clock = node.clock
        return task

    def extend(self, execution: Execution, enabled: list[Task]) -> None:
        """Add the node for a state not seen before."""
        nodes = self.nodes
        self.deal.reach(len(nodes))
        sleep: set[int] = set()
        if nodes:
            above = nodes[-1]
            done = above.operation
            assert done is not None
            for index in above.sleep:
                waiting = execution.by_index[index].pending
                if waiting is not None and index != above.task and not dependent(done, waiting):
                    sleep.add(index)
        branches = self.planned
        if branches:
            self.planned = branches[0].branches
        else:
            awake = [task for task in enabled if task.index not in sleep]
            if not awake:
                self.redundant = 1
                raise Cut
            task = execution.previous if execution.previous in awake else awake[0]
            assert task is not None
            assert task.pending is not None
            branches = [Branch(task.index, task.pending)]
            if len(nodes) < self.deal.depth:
                branches += [
                    Branch(each.index, each.pending)
                    for each in awake
                    if each is not task and each.pending is not None
                ]
        outside = sleep & nodes[-1].outside if len(nodes) > self.deal.depth else set(sleep)
        nodes.append(Node(branches[0].task, sleep, outside, branches, len(execution.observer.kept)))

    def races(
        self, task: Task, operation: Operation, depth: int
    ) -> tuple[list[int], tuple[int, ...]]:
        """Return the depths of the steps `operation` races with, and what happens before it."""
        races = []
        clock = task.clock
        later: tuple[int, ...] = ()
        waiter = operation.waiter
        since = -1 if waiter is None else waiter.since
        index = task.index
        for position in range(depth - 1, -1, -1):
            node = self.nodes[position]
            its = node.task
            if its == index or (its < len(clock) and clock[its] >= node.number):
                continue
            assert node.operation is not None
            if not dependent(operation, node.operation):
                continue
            if position <= since:
                clock = merged(clock, node.clock)
            elif operation.ready is None or node.operation.available:
                races.append(position)
                clock = merged(clock, node.clock)
            else:
                later = merged(later, node.clock)
        return races, merged(clock, later)

    def finish(self, execution: Execution) -> bool:
        """Plan what the races of an execution call for; go to the next, if there is one.

        One that was given up because all that could go on sleeps counts too: below the first levels
        of a shard the sleeping threads come from above, and no plan has seen to it that they wake.
        """
        self.plan(execution)
        nodes = self.nodes
        while nodes:
            node = nodes[-1]
            node.sleep.add(node.task)
            del node.branches[0]
            if node.branches:
                node.task = node.branches[0].task
                node.operation = None
                self.planned = node.branches[0].branches
                self.reversed = min(self.reversed, len(nodes) - 1)
                return True
            nodes.pop()
        return False

    def plan(self, execution: Execution) -> None:
        """Insert, for each race, the sequence that reverses it into the wakeup tree."""
        nodes = self.nodes
        events = [
            Event(node.task, node.operation, node.clock, node.number)
            for node in nodes
            if node.operation is not None
        ]
        for depth in range(self.reversed, len(nodes)):
            for position in nodes[depth].races:
                if position >= self.deal.depth:  # above, every thread has its turn anyway
                    self.reverse(execution, events, position, events[depth], nodes[depth].before)
        self.reversed = len(nodes)
        for task in execution.stuck:
            operation = task.pending
            if operation is None or (operation.waiter and not operation.waiter.notified):
                continue  # what waits for a signal that never came could not have gone earlier
            races, clock = self.races(task, operation, len(nodes))
            last = Event(task.index, operation, clock, task.steps + 1)
            for position in races:
                if position >= self.deal.depth:
                    self.reverse(execution, events, position, last, task.clock)

    def reverse(
        self,
        execution: Execution,
        events: list[Event],
        position: int,
        last: Event,
        before: tuple[int, ...],
    ) -> None:
        """Plan to run `last` (which came to its state with the clock `before`) before a step."""
        first = events[position]
        node = self.nodes[position]
        sequence = [event for event in events[position + 1 :] if not first.happens_before(event)]
        # What happened before `last` may have done so only by way of the step now taken out, such
        # as the critical section that `last` had to wait for.
        clock = before
        for event in sequence:
            if dependent(event.operation, last.operation):
                clock = merged(clock, event.clock)
        clock = with_entry(clock, last.task, last.number)
        sequence.append(Event(last.task, last.operation, clock, last.number))
        for index in node.sleep:
            if self.covers(index, execution, events, position, sequence):
                return
        insert(sequence, node)

    def covers(
        self,
        index: int,
        execution: Execution,
        events: list[Event],
        position: int,
        sequence: list[Event],
    ) -> bool:
        """Tell whether what was run for the sleeping task `index` covers `sequence`.

        It does where the sequence could as well begin with that task, and where the task has no
        part in it: what would go before the task after all is a race with its step, and reversed.
        Above the subtrees of shards no races are reversed, so this goes for the others only.
        """
        for place, event in enumerate(sequence):
            if event.task == index:
                return not any(before.happens_before(event) for before in sequence[:place])
        if index in self.nodes[position].outside:
            return False
        for event in events[position:]:
            if event.task == index:
                operation: Operation | None = event.operation
                break
        else:
            operation = execution.by_index[index].pending
        return operation is not None and not any(
            dependent(operation, event.operation) for event in sequence
        )


class Deal:
    """Deals the subtrees at one depth out to shards, in turn.

    Above that depth every shard goes through the same states in the same order, so all of them
    count alike.
    """

    def __init__(self, shard: tuple[int, int] | None) -> None:
        """Take part `shard[0]` of `shard[1]`."""
        self.part, self.parts = shard or (0, 1)
        self.depth = 0 if self.parts == 1 else 2 + (self.parts - 1).bit_length()
        self.count = 0

    def reach(self, depth: int) -> None:
        """Come to a new state at `depth`; give it up if the subtree is another shard's."""
        if depth == self.depth and self.parts > 1:
            self.count += 1
            if self.count % self.parts != self.part:
                raise Cut

    def mine(self, depth: int) -> bool:
        """Tell whether an execution of `depth` steps belongs to this shard."""
        if depth > self.depth or self.parts == 1:
            return True
        self.count += 1
        return self.count % self.parts == self.part


class Event:
    """A step of an execution with its place in the happens-before order."""

    __slots__ = ("clock", "number", "operation", "task")

    def __init__(
        self, task: int, operation: Operation, clock: tuple[int, ...], number: int
    ) -> None:
        """Record step `number` of `task`."""
        self.task = task
        self.operation = operation
        self.clock = clock
        self.number = number

    def happens_before(self, other: Event) -> bool:
        """Tell whether this step happens before `other`."""
        return self.task < len(other.clock) and other.clock[self.task] >= self.number


def insert(sequence: list[Event], node: Node) -> None:
    """Insert `sequence` into the wakeup tree at `node`, unless something there covers it."""
    branches = node.branches
    rest = sequence
    while rest:
        for branch in branches:
            remaining = without(branch, rest, node.names)
            if remaining is not None:
                if not branch.branches:
                    return
                rest = remaining
                branches = branch.branches
                break
        else:
            for event in rest:
                branch = Branch(event.task, event.operation)
                branches.append(branch)
                branches = branch.branches
            return


def without(branch: Branch, sequence: list[Event], names: int) -> list[Event] | None:
    """Return what is left of `sequence` after `branch`, or None if it cannot begin with it.

    Objects met after the common prefix may bear other names in the execution that planned the
    branch; what touches one of those is not taken for independent.
    """
    for place, event in enumerate(sequence):
        if event.task == branch.task:
            if any(before.happens_before(event) for before in sequence[:place]):
                return None
            return sequence[:place] + sequence[place + 1 :]
    operation = branch.operation
    if any(owner is not None and owner >= names for owner, _ in operation.places):
        return None
    if any(dependent(operation, event.operation) for event in sequence):
        return None
    return sequence


class EveryInterleaving:
    """Depth first through all interleavings, or those with at most so many preemptions."""

    redundant = 0

    def __init__(
        self, preemptions: int | None = None, shard: tuple[int, int] | None = None
    ) -> None:
        """Start at the root."""
        self.deal = Deal(shard)
        self.limit = preemptions
        self.choices: list[tuple[list[int], list[Operation]]] = []
        self.depth = 0
        self.used = 0
        self.bound: str | None = None

    def begin(self) -> None:
        """Start the next execution."""
        self.depth = self.used = 0

    def mine(self) -> bool:
        """Tell whether a finished execution belongs to this shard."""
        return self.deal.mine(len(self.choices))

    def stands_for(self) -> int | None:
        """Return how many interleavings the finished execution stands for: itself."""
        return 1

    def choose(self, execution: Execution, enabled: list[Task]) -> Task:
        """Follow the path, then the thread that went last."""
        depth = self.depth
        self.depth += 1
        previous = execution.previous
        if depth == len(self.choices):
            self.deal.reach(depth)
            ordered = sorted(enabled, key=lambda task: (task is not previous, task.index))
            if self.limit is not None and previous in enabled and self.used >= self.limit:
                if len(ordered) > 1:
                    self.bound = f"preemption_bound={self.limit}"
                ordered = ordered[:1]
            operations = [task.pending for task in ordered if task.pending is not None]
            self.choices.append(([task.index for task in ordered], operations))
        indices, operations = self.choices[depth]
        task = execution.by_index.get(indices[0])
        if (
            task is None
            or task not in enabled
            or task.pending is None
            or not operations[0].same_as(task.pending)
        ):
            raise not_repeated(operations[0], execution, indices[0])
        if previous is not task and previous in enabled:
            self.used += 1
        return task

    def finish(self, _execution: Execution) -> bool:
        """Go to the next interleaving, if there is one."""
        choices = self.choices
        while choices:
            indices, operations = choices[-1]
            del indices[0], operations[0]
            if indices:
                return True
            choices.pop()
        return False


class Serial:
    """One execution: each thread goes on as long as it can, the first started first."""

    def choose(self, execution: Execution, enabled: list[Task]) -> Task:
        """Stay with the thread that went last."""
        previous = execution.previous
        return previous if previous is not None and previous in enabled else enabled[0]


class Follow:
    """One execution along a schedule given as thread numbers."""

    def __init__(self, steps: Sequence[int], name: Callable[[int], str]) -> None:
        """Follow `steps`; `name` spells a thread the way the schedule does."""
        self.steps = steps
        self.name = name
        self.depth = 0

    def choose(self, execution: Execution, enabled: list[Task]) -> Task:
        """Take the next step of the schedule, or tell that it does not fit."""
        depth = self.depth
        self.depth += 1
        able = ", ".join(
            f"{self.name(task.index)} ({task.pending.kind} {task.pending.label} at "
            f"{task.pending.filename}:{task.pending.line})"
            for task in enabled
            if task.pending is not None
        )
        if depth >= len(self.steps):
            raise ScheduleError(
                f"the schedule ends after step {depth}, but the program goes on; it could "
                f"continue with {able}"
            )
        task = execution.by_index.get(self.steps[depth])
        if task is None or task not in enabled:
            spelled = self.name(self.steps[depth])
            reason = (
                "has not been started"
                if task is None
                else "has ended"
                if task.finished
                else "waits"
            )
            raise ScheduleError(
                f"the schedule stops fitting at step {depth + 1}: thread {spelled} {reason} "
                f"there; possible are {able}"
            )
        return task


def with_entry(clock: tuple[int, ...], index: int, number: int) -> tuple[int, ...]:
    """Return `clock` with the entry of one task set."""
    if index >= len(clock):
        return clock + (0,) * (index - len(clock)) + (number,)
    return (*clock[:index], number, *clock[index + 1 :])


def not_repeated(expected: Operation | None, execution: Execution, index: int) -> NotDeterministic:
    """Return the error for a program that did something else under the same schedule."""
    task = execution.by_index.get(index)
    before = (
        "another step"
        if expected is None
        else (f"{expected.kind} {expected.label} at {expected.filename}:{expected.line}")
    )
    if task is None:
        now = "does not exist"
    elif task.pending is not None:
        now = (
            f"is about to {task.pending.kind} {task.pending.label} at "
            f"{task.pending.filename}:{task.pending.line}"
        )
    else:
        now = "has ended" if task.finished else "waits for another thread"
    return NotDeterministic(
        f"the program is not deterministic: under the same schedule, step "
        f"{len(execution.trace) + 1} of thread {index} was {before} before, and now the thread "
        f"{now}; the program must set all of its state itself, and use no clock, random numbers "
        "or other sources that change from run to run"
    )


def linear_extensions(events: Sequence[tuple[int, tuple[int, ...]]], most: int) -> int | None:
    """Count the interleavings that respect the happens-before order of one execution.

    `events` are pairs of task and clock in the order of the execution.  The count goes through the
    sets of steps that can have been done at some moment; None when there are more than `most`.
    """
    chains: dict[int, list[tuple[int, ...]]] = {}
    for task, clock in events:
        chains.setdefault(task, []).append(clock)
    tasks = list(chains)
    size = 1
    for chain in chains.values():
        size *= len(chain) + 1
        if size > most:
            return None
    shift = {}
    start = 0
    for task in tasks:
        shift[task] = start
        start += len(chains[task])
    # A bit for each step; those of one task lie side by side, so the next one of it is found by
    # adding one.
    needed: dict[int, int] = {}
    for task in tasks:
        for position, clock in enumerate(chains[task]):
            mask = 0
            for other, done in enumerate(clock):
                if done and other != task and other in shift:
                    mask |= ((1 << done) - 1) << shift[other]
            needed[1 << (shift[task] + position)] = mask
    fields = [(shift[task], (1 << len(chains[task])) - 1) for task in tasks]
    ways = {0: 1}
    for _ in events:
        following: dict[int, int] = {}
        for done, count in ways.items():
            for low, full in fields:
                mine = (done >> low) & full
                if mine != full:
                    bit = (mine + 1) << low
                    if not needed[bit] & ~done:
                        reached = done | bit
                        following[reached] = following.get(reached, 0) + count
        ways = following
    return next(iter(ways.values()), 1)
