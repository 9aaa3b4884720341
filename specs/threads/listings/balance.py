"""Lines 289-310 of the notes: two threads change one balance, and nothing protects it.

Usage: balance.py [ROUNDS]   a million, as in the notes, if not given
"""

import sys
import threading

rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
balance = 0


def change_it(n):
    global balance
    balance = balance + n
    balance = balance - n


def run_thread(n):
    for _ in range(rounds):
        change_it(n)


t1 = threading.Thread(target=run_thread, args=(5,))
t2 = threading.Thread(target=run_thread, args=(8,))
t1.start()
t2.start()
t1.join()
t2.join()
print(balance)
