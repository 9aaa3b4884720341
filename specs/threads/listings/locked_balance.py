"""Lines 358-368 of the notes, with what they need from lines 289-310: a lock protects the balance.

Usage: locked_balance.py [ROUNDS]   100,000, as in the notes, if not given
"""

import sys
import threading

rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 100_000
balance = 0
lock = threading.Lock()


def change_it(n):
    global balance
    balance = balance + n
    balance = balance - n


def run_thread(n):
    for _ in range(rounds):
        lock.acquire()
        try:
            change_it(n)
        finally:
            lock.release()


t1 = threading.Thread(target=run_thread, args=(5,))
t2 = threading.Thread(target=run_thread, args=(8,))
t1.start()
t2.start()
t1.join()
t2.join()
print(balance)
