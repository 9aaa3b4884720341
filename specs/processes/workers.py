"""What specs have other processes do, importable under every start method.

A spawned process imports this module anew: it stays light, and pytest is kept out.
"""

import os

BOUND = 10.0
"""Seconds for which a process waits for another one."""

mark = "as imported"


def answer(connection, *arguments):
    """Send this process's id and the arguments."""
    connection.send((os.getpid(), arguments))


def echo(connection):
    """Send back what comes in, or None when nothing comes."""
    connection.send(connection.recv() if connection.poll(BOUND) else None)


def send_mark(connection):
    """Send this process's copy of ``mark``."""
    connection.send(mark)
