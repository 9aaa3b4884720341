"""What the children of ``test_queue.py`` do: the notes' writer and reader, made to wait for us.

Under spawn and forkserver a child imports the module of its target, so this one imports little.
"""

import multiprocessing
import threading

BOUND = 10.0
"""Seconds that anybody is waited for: a spec that waits twice in vain still ends by assertion."""


class Log:
    """What several processes tell, in the order in which they tell it.

    One that is terminated when it has just told something can still have the lock, and keep it.
    """

    def __init__(self):
        """Open a pipe that all share."""
        self._told, self._tell = multiprocessing.Pipe(duplex=False)
        self._lock = multiprocessing.Lock()  # the end of a pipe is for one process at a time

    def tell(self, event):
        """Add an event."""
        with self._lock:
            self._tell.send(event)

    def next(self, bound=BOUND):
        """Wait for the next event; None if none comes within the bound."""
        return self._told.recv() if self._told.poll(bound) else None


def write(queue, log, begin, turns):
    """Put A, B and C once it may ``begin``; take a turn where the notes' writer sleeps."""
    begin.acquire()
    log.tell("writer")
    for value in ["A", "B", "C"]:
        log.tell(f"put {value}")
        queue.put(value)
        turns.acquire()


def read(queue, log, begin, turns):
    """Get values for ever once it may ``begin``; give a turn after each."""
    begin.acquire()
    log.tell("reader")
    while True:
        value = queue.get(True)
        log.tell(f"got {value}")
        turns.release()


def wait_outside_get(_, log):
    """Tell, and wait for ever."""
    log.tell("outside")
    threading.Event().wait()


def wait_inside_get(queue, log):
    """Tell when get() is about to read from the pipe, for which it has locked the queue."""
    receive = queue._recv_bytes

    def tell_and_receive():
        log.tell("inside")
        return receive()

    queue._recv_bytes = tell_and_receive
    queue.get(True)


def put_and_tell(queue, value, log):
    """Tell when put() has returned."""
    queue.put(value)
    log.tell("put has returned")


def answer(receive, send):
    """Send back what comes, with a word more."""
    send(f"{receive()} received")
