"""What specs have other processes do, importable under every start method.

A spawned process imports this module anew: it stays light, and pytest is kept out. A pipe cannot
travel with a pool's task, so ``share`` gives it to each worker at its start. Several workers may
write one pipe, since a message as short as theirs is a single write, and whole: pipe(7), PIPE_BUF.
"""

import os
import random

BOUND = 10.0
"""Seconds for which a process waits for another one."""

generator = random.Random()
mark = "as imported"
shared = ()


def answer(connection, *arguments):
    """Send this process's id and the arguments."""
    connection.send((os.getpid(), arguments))


def echo(connection):
    """Send back what comes in, or None when nothing comes."""
    connection.send(connection.recv() if connection.poll(BOUND) else None)


def send_mark(connection):
    """Send this process's copy of ``mark``."""
    connection.send(mark)


def share(log, gates):
    """At a worker's start, keep what its tasks need."""
    global shared  # noqa: PLW0603 - a worker has no other place for what is its tasks'
    shared = log, gates


def be_late(permits):
    """At a worker's start, wait for a permit."""
    permits.acquire(timeout=BOUND)


def play(number):
    """As a task, tell of the start, wait to be let go, tell of the end; give whether it came."""
    log, _ = shared
    log.send(("start", number, os.getpid()))
    came = passed_gate(number)
    log.send(("end", number, os.getpid()))
    return came


def enter(number):
    """As a task, wait to be let go, and tell of the start only then."""
    log, _ = shared
    passed_gate(number)
    log.send(("start", number, os.getpid()))


def passed_gate(number):
    """Wait until the gate of a task is opened; give whether it was."""
    _, gates = shared
    return gates[number].poll(BOUND) and gates[number].recv()


def draw(number):
    """As a task that keeps its worker busy, give a random number."""
    drawn = random.random()
    play(number)
    return drawn


def draw_from_own_generator(number):
    """Likewise, from this process's copy of ``generator``."""
    drawn = generator.random()
    play(number)
    return drawn
