"""Which thread goes next, so that every interleaving that matters is run once.

`EveryClass` is the optimal dynamic partial-order reduction of Abdulla, Aronis, Jonsson and Sagonas
("Source Sets: A Foundation for Optimal Dynamic Partial Order Reduction", J. ACM 64(4), 2017,
algorithm 2): source sets, sleep sets and wakeup trees.  It runs one execution of each Mazurkiewicz
class: of all the interleavings that differ only in the order of independent steps.  A sleeping
thread covers only what could begin with its step, not all that this is independent of; now and then
an execution is given up for that, since all that could go on sleeps.  For steps that
wait (a lock, say), a race is reversed from the step that took what is waited for, as that paper's
section on blocking and its implementations do.

`EveryInterleaving` goes through all of them, and knows a bound on the preemptions.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from concspec.interleave.errors import NotDeterministic, ScheduleError
from concspec.interleave.operations import Operation, dependent
from concspec.interleave.schedule import spell
from concspec.interleave.scheduler import Cut, Execution, Task

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence


MOST_STATES = 100_000


class Branch:
    """One step of a wakeup tree, with what is to follow it.

    `names` is how many of the objects it may touch bear the same names in the execution that
    planned it and in the one that will run it.
    """

    __slots__ = ("branches", "names", "operation", "task")

    def __init__(self, task: int, operation: Operation, names: int) -> None:
        """Plan `operation` of `task`."""
        self.task = task
        self.operation = operation
        self.names = names
        self.branches: list[Branch] = []


class Node:
    """A state on the path to the current execution, and the step taken from it.

    `event` is that step once it was run, `before` what happened before its task came here, `races`
    are the depths of the steps this one could have come before.  `sleep` has the tasks whose next
    step was run from here, or from above, already.
    """

    __slots__ = ("before", "branches", "event", "names", "races", "sleep", "task")

    def __init__(self, task: int, sleep: set[int], branches: list[Branch], names: int) -> None:
        """Stand before a step of `task`."""
        self.task = task
        self.sleep = sleep
        self.branches = branches
        self.names = names
        self.event: Event | None = None
        self.before = 0
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
        self.doubt: str | None = None

    def begin(self) -> None:
        """Start the next execution."""
        self.depth = self.redundant = 0

    def mine(self) -> bool:
        """Tell whether a finished execution belongs to this shard."""
        return self.deal.mine(len(self.nodes))

    def stands_for(self) -> int | None:
        """Return how many interleavings the finished execution stands for."""
        return linear_extensions(self.events(), MOST_STATES)

    def events(self) -> list[Event]:
        """Return the steps that were run."""
        return [node.event for node in self.nodes if node.event is not None]

    def choose(self, execution: Execution, enabled: list[Task]) -> Task:
        """Follow the path, then the plan, then the thread that went last."""
        depth = self.depth
        self.depth += 1
        if depth == len(self.nodes):
            self.extend(execution, enabled)
        node = self.nodes[depth]
        event = node.event
        expected = node.branches[0].operation if event is None else event.operation
        task = execution.by_index.get(node.task)
        operation = None if task is None else task.pending
        if (
            task is None
            or operation is None
            or task not in enabled
            # The state is that for which it was planned only as far as that is seen.
            or (event is None and not (operation.is_at(expected) or self.doubted(execution)))
            or (event is not None and not operation.same_as(expected))
        ):
            raise not_repeated(expected, execution, node.task)
        if event is None:
            node.before = task.past
            node.races, past = self.races(task.past, operation, depth)
            event = node.event = Event(task.index, operation, depth, past)
            # Where it was planned it may have touched less, as a key that was there already.
            node.branches[0].operation = operation
        else:
            # Its availability is noted when it runs; the object that runs has to be kept.
            event.operation = operation
        task.past = event.past
        return task

    def doubted(self, execution: Execution) -> bool:
        """Tell whether executions depend on what is not seen."""
        return (self.doubt or execution.objects.doubt) is not None

    def extend(self, execution: Execution, enabled: list[Task]) -> None:
        """Add the node for a state not seen before."""
        nodes = self.nodes
        self.deal.reach(len(nodes))
        sleep: set[int] = set()
        if nodes:
            above = nodes[-1]
            done = above.event
            assert done is not None
            for index in above.sleep:
                waiting = execution.by_index[index].pending
                if (
                    waiting is not None
                    and index != above.task
                    and not dependent(done.operation, waiting)
                ):
                    sleep.add(index)
        branches = self.planned
        names = len(execution.objects.kept)
        if branches:
            self.planned = branches[0].branches
            if branches[0].task in sleep:  # its step touches less than where this was planned
                self.redundant = 1
                raise Cut
        else:
            awake = [task for task in enabled if task.index not in sleep]
            if not awake:
                self.redundant = 1
                raise Cut
            task = execution.previous if execution.previous in awake else awake[0]
            assert task is not None
            assert task.pending is not None
            branches = [Branch(task.index, task.pending, names)]
            if len(nodes) < self.deal.depth:
                branches += [
                    Branch(each.index, each.pending, names)
                    for each in awake
                    if each is not task and each.pending is not None
                ]
        nodes.append(Node(branches[0].task, sleep, branches, names))

    def races(self, past: int, operation: Operation, depth: int) -> tuple[list[int], int]:
        """Return the depths of the steps `operation` races with, and what happens before it.

        Its task has come to it with `past`.
        """
        races = []
        later = 0
        waiter = operation.waiter
        since = -1 if waiter is None else waiter.since
        unordered = ((1 << depth) - 1) & ~past
        while unordered:
            position = unordered.bit_length() - 1  # the last one first
            unordered ^= 1 << position
            event = self.nodes[position].event
            assert event is not None
            if not dependent(operation, event.operation):
                continue
            if position > since:
                if operation.ready is not None and not event.operation.available:
                    later |= event.past
                    continue
                races.append(position)
            past |= event.past
            unordered &= ~past
        return races, past | later

    def finish(self, execution: Execution) -> bool:
        """Plan what the races of an execution call for; go to the next, if there is one.

        One that was given up because all that could go on sleeps counts too: below the first levels
        of a shard the sleeping threads come from above, and no plan has seen to it that they wake.
        """
        self.doubt = self.doubt or execution.objects.doubt
        self.plan(execution)
        nodes = self.nodes
        while nodes:
            node = nodes[-1]
            node.sleep.add(node.task)
            del node.branches[0]
            if node.branches:
                node.task = node.branches[0].task
                node.event = None
                self.planned = node.branches[0].branches
                self.reversed = min(self.reversed, len(nodes) - 1)
                return True
            nodes.pop()
        return False

    def plan(self, execution: Execution) -> None:
        """Insert, for each race, the sequence that reverses it into the wakeup tree."""
        nodes = self.nodes
        events = self.events()
        for depth in range(self.reversed, len(nodes)):
            for position in nodes[depth].races:
                if position >= self.deal.depth:  # above, every thread has its turn anyway
                    self.reverse(events, position, events[depth], nodes[depth].before)
        self.reversed = len(nodes)
        for task in execution.left:
            operation = task.pending
            if operation is None or (operation.waiter and not operation.waiter.notified):
                continue  # what waits for a signal that never came could not have gone earlier
            races, past = self.races(task.past, operation, len(nodes))
            last = Event(task.index, operation, len(nodes), past)
            for position in races:
                if position >= self.deal.depth:
                    self.reverse(events, position, last, task.past)

    def reverse(
        self,
        events: list[Event],
        position: int,
        last: Event,
        before: int,
    ) -> None:
        """Plan to run `last` (whose task came to it with the past `before`) before a step."""
        node = self.nodes[position]
        first = 1 << position
        sequence = [event for event in events[position + 1 :] if not event.past & first]
        # What happened before `last` may have done so only by way of the step now taken out, such
        # as the critical section that `last` had to wait for.
        past = before
        for event in sequence:
            if dependent(event.operation, last.operation):
                past |= event.past
        sequence.append(Event(last.task, last.operation, last.position, past))
        # A task that sleeps and has no part in the sequence does not cover it, though its next step
        # is independent of all of it: a later step may conflict with that, and come before it.
        if all(initial(index, sequence) is None for index in node.sleep):
            insert(sequence, node)


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
    """A step of an execution with its place in the happens-before order.

    `past` has a bit for the position of each step that happens before it, and for its own.
    """

    __slots__ = ("operation", "past", "position", "task")

    def __init__(self, task: int, operation: Operation, position: int, past: int) -> None:
        """Record a step of `task`, before which that of `past` happens."""
        self.task = task
        self.operation = operation
        self.position = position
        self.past = past | 1 << position

    def is_after(self, other: Event) -> int:
        """Tell whether `other` happens before this step."""
        return self.past >> other.position & 1


def initial(task: int, sequence: list[Event]) -> int | None:
    """Return the place of the step of `task` with which `sequence` could as well begin, if any."""
    for place, event in enumerate(sequence):
        if event.task == task and not any(event.is_after(each) for each in sequence[:place]):
            return place
    return None


def insert(sequence: list[Event], node: Node) -> None:
    """Insert `sequence` into the wakeup tree at `node`, unless something there covers it."""
    branches = node.branches
    rest = sequence
    while rest:
        for branch in branches:
            remaining = without(branch, rest)
            if remaining is not None:
                if not branch.branches:
                    return
                rest = remaining
                branches = branch.branches
                break
        else:
            for event in rest:
                branch = Branch(event.task, event.operation, node.names)
                branches.append(branch)
                branches = branch.branches
            return


def without(branch: Branch, sequence: list[Event]) -> list[Event] | None:
    """Return what is left of `sequence` after `branch`, or None if it cannot begin with it.

    Objects that were met later may bear other names in the execution that planned the branch: each
    can be any other.
    """
    place = initial(branch.task, sequence)
    if place is not None:
        return sequence[:place] + sequence[place + 1 :]
    if any(event.task == branch.task for event in sequence):
        return None
    operation = branch.operation
    others = [event.operation for event in sequence]
    if touches_new(branch):
        operation, *others = (_with_one_name(each, branch.names) for each in (operation, *others))
    if any(dependent(operation, other) for other in others):
        return None
    return sequence


def touches_new(branch: Branch) -> bool:
    """Tell whether a branch touches what was met after the common prefix."""
    places = branch.operation.places
    return any(owner is not None and owner >= branch.names for owner, _ in places)


def _with_one_name(operation: Operation, names: int) -> Operation:
    """Return the operation with the same name for all objects but the first `names`."""
    places = tuple(
        [
            (owner if owner is None else min(owner, names), field)
            for owner, field in operation.places
        ]
    )
    return Operation(operation.kind, operation.label, places, write=operation.write)


class EveryInterleaving:
    """Depth first through all interleavings, or those with at most so many preemptions."""

    redundant = 0

    def __init__(
        self, preemptions: int | None = None, shard: tuple[int, int] | None = None
    ) -> None:
        """Start at the root."""
        self.deal = Deal(shard)
        self.limit = preemptions
        self.choices: list[list[tuple[int, Operation]]] = []
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
            ordered = sorted(enabled, key=lambda task: task is not previous)
            if self.limit is not None and previous in enabled and self.used >= self.limit:
                if len(ordered) > 1:
                    self.bound = f"preemption_bound={self.limit}"
                ordered = ordered[:1]
            self.choices.append(
                [(task.index, task.pending) for task in ordered if task.pending is not None]
            )
        index, operation = self.choices[depth][0]
        task = execution.by_index.get(index)
        if (
            task is None
            or task.pending is None
            or task not in enabled
            or not operation.same_as(task.pending)
        ):
            raise not_repeated(operation, execution, index)
        if self.limit is not None and previous is not task and previous in enabled:
            self.used += 1
        return task

    def finish(self, _execution: Execution) -> bool:
        """Go to the next interleaving, if there is one."""
        choices = self.choices
        while choices:
            del choices[-1][0]
            if choices[-1]:
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

    def __init__(self, steps: Sequence[int]) -> None:
        """Follow `steps`."""
        self.steps = steps
        self.depth = 0

    def choose(self, execution: Execution, enabled: list[Task]) -> Task:
        """Take the next step of the schedule, or tell that it does not fit."""
        depth = self.depth
        self.depth += 1
        if depth >= len(self.steps):
            raise ScheduleError(
                f"the schedule ends after step {depth}, but the program goes on; it could "
                f"continue with {_possible(enabled)}"
            )
        task = execution.by_index.get(self.steps[depth])
        if task is None or task not in enabled:
            reason = (
                "has not been started"
                if task is None
                else "has ended"
                if task.finished
                else "waits"
            )
            raise ScheduleError(
                f"the schedule stops fitting at step {depth + 1}: thread "
                f"{spell(self.steps[depth])} {reason} there; possible are {_possible(enabled)}"
            )
        return task


def _possible(enabled: Iterable[Task]) -> str:
    return ", ".join(f"{spell(task.index)} ({task.pending})" for task in enabled)


def not_repeated(expected: Operation, execution: Execution, index: int) -> NotDeterministic:
    """Return the error for a program that did something else under the same schedule."""
    task = execution.by_index.get(index)
    if task is None:
        now = "does not exist"
    elif task.pending is not None:
        now = f"is about to {task.pending}"
    else:
        now = "has ended" if task.finished else "waits for another thread"
    return NotDeterministic(
        f"the program is not deterministic: under the same schedule, step "
        f"{len(execution.trace) + 1}, of thread {spell(index)}, was {expected} before, and now the "
        f"thread {now}; the program must set all of its state itself, and use no clock, random "
        "numbers or other sources that change from run to run"
    )


def linear_extensions(events: Sequence[Event], most: int) -> int | None:
    """Count the interleavings that respect the happens-before order of one execution.

    The count goes through the sets of steps that can have been done at some moment; None when there
    can be more than `most`.
    """
    chains: dict[int, int] = {}  # the steps of each task
    needed: dict[int, int] = {}  # by the bit of a step, those that happen before it
    for event in events:
        bit = 1 << event.position
        chains[event.task] = chains.get(event.task, 0) | bit
        needed[bit] = event.past ^ bit
    size = 1
    for chain in chains.values():
        size *= bin(chain).count("1") + 1
        if size > most:
            return None
    needed[0] = -1  # where a task has no more steps, nothing is enough
    of_each = list(chains.values())
    ways = {0: 1}  # to have done these steps and no others
    todo = [0]  # with fewer steps first, so that a count is whole when its turn comes
    for done in todo:
        count = ways[done]
        missing = ~done
        for chain in of_each:
            left = chain & missing
            bit = left & -left  # the next step
            if not needed[bit] & missing:
                reached = done | bit
                if reached not in ways:
                    ways[reached] = 0
                    todo.append(reached)
                ways[reached] += count
    return count
