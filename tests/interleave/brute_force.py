"""Small random programs, as source text for the explorer and as a model for brute force.

The model shares nothing with the explorer: it steps through generators, runs every interleaving
from the start, and tells two of them apart by the order of their conflicting steps.
"""

import random

VARIABLES = ("x", "y")
LOCKS = ("a", "b")


def generate(seed):
    """Return the bodies of two or three threads, each a list of statements."""
    chance = random.Random(seed)
    threads = chance.choice((2, 2, 2, 3))
    most = 4 if threads == 2 else 2
    variables = VARIABLES[: chance.choice((1, 2, 2))]
    locks = chance.choice((0, 0, 1, 2))
    return [body(chance, chance.randint(1, most), variables, locks) for _ in range(threads)]


def body(chance, accesses, variables, locks):
    statements = []
    while accesses > 0:
        kind = chance.choice(("read", "write", "add", "add", "if"))
        variable = chance.choice(variables)
        number = chance.randint(1, 9)
        if kind == "add" and accesses < 2:
            kind = "write"
        if kind == "if":
            if accesses < 2:
                kind = "read"
            else:
                inner = [("write", chance.choice(variables), number)]
                statements.append(("if", variable, chance.randint(0, 2), inner))
                accesses -= 2
                continue
        statements.append((kind, variable, number))
        accesses -= 2 if kind == "add" else 1
    if locks and chance.random() < 0.8:
        at = chance.randrange(len(statements))
        lock = LOCKS[chance.randrange(locks)]
        statements[at:] = [("with", lock, statements[at:])]
        if locks == 2 and chance.random() < 0.6:
            other = LOCKS[1 - LOCKS.index(lock)]
            inner = statements[at][2]
            cut = chance.randrange(len(inner))
            inner[cut:] = [("with", other, inner[cut:])]
    return statements


def source(threads):
    """Return the program's text."""
    lines = ["import threading", "a = threading.Lock()", "b = threading.Lock()"]
    for number, statements in enumerate(threads):
        lines += [f"def thread{number}():", "    global x, y", "    r = 0"]
        lines += written(statements, "    ")
        lines += [f"    results[{number}] = r"]
    lines += [
        "def program():",
        "    global x, y, results",
        "    x = y = 0",
        f"    results = [0] * {len(threads)}",
        "    threads = [threading.Thread(target=each) for each in "
        f"({', '.join(f'thread{n}' for n in range(len(threads)))},)]",
        "    for thread in threads: thread.start()",
        "    for thread in threads: thread.join()",
        "    return (x, y, *results)",
    ]
    return "\n".join(lines) + "\n"


def written(statements, indent):
    lines = []
    for kind, name, *rest in statements:
        if kind == "read":
            lines.append(f"{indent}r = r * 10 + {name}")
        elif kind == "write":
            lines.append(f"{indent}{name} = {rest[0]}")
        elif kind == "add":
            lines.append(f"{indent}{name} = {name} + {rest[0]}")
        elif kind == "if":
            lines.append(f"{indent}if {name} == {rest[0]}:")
            lines += written(rest[1], indent + "    ")
        else:
            lines.append(f"{indent}with {name}:")
            lines += written(rest[0], indent + "    ")
    return lines


class World:
    def __init__(self, threads, shared):
        self.values = dict.fromkeys(VARIABLES, 0)
        self.held = dict.fromkeys(LOCKS)
        self.results = [0] * len(threads)
        self.shared = shared
        self.runs = [self.thread(number, each) for number, each in enumerate(threads)]
        self.next = [next(run, None) for run in self.runs]

    def thread(self, number, statements):
        local = [0]
        yield from self.block(number, statements, local)
        self.results[number] = local[0]

    def block(self, number, statements, local):
        for kind, name, *rest in statements:
            if kind == "with":
                yield ("acquire", name)
                self.held[name] = number
                yield from self.block(number, rest[0], local)
                yield ("release", name)
                self.held[name] = None
                continue
            if kind != "write":
                if name in self.shared:
                    yield ("read", name)
                value = self.values[name]
                if kind == "read":
                    local[0] = local[0] * 10 + value
                elif kind == "if" and value == rest[0]:
                    yield from self.block(number, rest[1], local)
            if kind in ("write", "add"):
                if name in self.shared:
                    yield ("write", name)
                self.values[name] = rest[0] + (value if kind == "add" else 0)

    def enabled(self):
        return [
            number
            for number, step in enumerate(self.next)
            if step is not None and not (step[0] == "acquire" and self.held[step[1]] is not None)
        ]

    def go(self, number):
        step = self.next[number]
        self.next[number] = next(self.runs[number], None)
        return (number, *step)

    def outcome(self):
        if any(step is not None for step in self.next):
            return "deadlock"
        return (self.values["x"], self.values["y"], *self.results)


def conflict(one, other):
    if one[0] == other[0]:
        return True
    return one[2] == other[2] and not (one[1] == other[1] == "read")


def class_of(trace):
    """Return what all interleavings of a class have in common: the order of conflicting steps."""
    counts = {}
    named = []
    for step in trace:
        counts[step[0]] = counts.get(step[0], 0) + 1
        named.append((step[0], counts[step[0]]))
    return frozenset(
        (named[i], named[j])
        for j in range(len(trace))
        for i in range(j)
        if conflict(trace[i], trace[j])
    ) | frozenset(named)


def touched(statements):
    for kind, name, *rest in statements:
        if kind == "with":
            yield from touched(rest[0])
        else:
            yield name, kind in ("write", "add")
            if kind == "if":
                yield from touched(rest[1])


def conditional(statements):
    return any(
        each[0] == "if" or (each[0] == "with" and conditional(each[2])) for each in statements
    )


def shared_variables(threads):
    found = set()
    for variable in VARIABLES:
        users = [
            [write for name, write in touched(statements) if name == variable]
            for statements in threads
        ]
        if sum(map(bool, users)) > 1 and any(map(any, users)):
            found.add(variable)
    return found


def brute_force(threads, most):
    """Return the histogram of outcomes and the set of classes; None above `most` interleavings."""
    shared = shared_variables(threads)
    histogram = {}
    classes = set()
    path = []  # of lists of the threads still to be tried at each depth
    count = 0
    while True:
        world = World(threads, shared)
        trace = []
        depth = 0
        while True:
            enabled = world.enabled()
            if not enabled:
                break
            if depth == len(path):
                path.append(enabled)
            trace.append(world.go(path[depth][0]))
            depth += 1
        outcome = world.outcome()
        histogram[outcome] = histogram.get(outcome, 0) + 1
        classes.add(class_of(trace))
        count += 1
        if count > most:
            return None
        while path:
            path[-1] = path[-1][1:]
            if path[-1]:
                break
            path.pop()
        if not path:
            return histogram, classes
