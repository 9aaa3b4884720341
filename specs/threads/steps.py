"""The notes' change_it() in steps, and two threads that take them in an order that a spec gives."""

import itertools
import threading

from concspec.threads import BOUND, join

balance = 0


def change_it(n):
    """Take the four steps that the notes' tables show, and yield what each one gives."""
    global balance
    x = balance + n
    yield x
    balance = x
    yield balance
    x = balance - n
    yield x
    balance = x
    yield balance


def in_order(order, *rounds):
    """Start at balance 0; have a thread for each of ``rounds`` take its steps; give what they gave.

    An order such as "12211122" says who takes the next step. Behind its end, those who still have
    steps to take do so in turn.
    """
    global balance
    balance = 0
    turns = [threading.Semaphore(0) for _ in rounds]
    done = threading.Semaphore(0)
    running = set(range(len(rounds)))
    gave = []

    def run_thread(who):
        turns[who].acquire(timeout=BOUND)
        for result in rounds[who]:
            gave.append(result)
            done.release()
            if not turns[who].acquire(timeout=BOUND):
                return
        running.remove(who)
        done.release()

    threads = [threading.Thread(target=run_thread, args=(who,)) for who in running]
    for thread in threads:
        thread.start()
    for who in itertools.chain((int(name) - 1 for name in order), itertools.cycle(tuple(running))):
        if who in running:
            turns[who].release()
            assert done.acquire(timeout=BOUND)
        elif not running:
            break
    join(*threads)
    return gave


ALL_ORDERS = [
    "".join("1" if step in of_t1 else "2" for step in range(8))
    for of_t1 in itertools.combinations(range(8), 4)
]
"""The 70 orders in which two threads can take four steps each."""
