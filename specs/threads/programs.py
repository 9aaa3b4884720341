"""Small programs of two threads, for the explorer to go through all that they can do.

The notes' own, on their balance, comes first; then what goes wrong in the same way elsewhere.
"""

import threading

balance = 0


def change_it(n):
    """Deposit and withdraw."""
    global balance
    balance = balance + n
    balance = balance - n


def in_two_threads(run_thread, start=0):
    """Call the function with 5 in one thread and with 8 in another; give the balance they leave."""
    global balance
    balance = start
    t1 = threading.Thread(target=run_thread, args=(5,))
    t2 = threading.Thread(target=run_thread, args=(8,))
    t1.start()
    t2.start()
    t1.join()
    t2.join()
    return balance


def unlocked():
    """One round of the notes' program in each thread, as it stands."""
    return in_two_threads(change_it)


def locked():
    """The same round with the lock around it."""
    lock = threading.Lock()

    def run_thread(n):
        lock.acquire()
        try:
            change_it(n)
        finally:
            lock.release()

    return in_two_threads(run_thread)


def without_finally():
    """The locked round without finally: it fails before the lock is released."""
    lock = threading.Lock()

    def run_thread(n):
        lock.acquire()
        change_it(n)
        raise ArithmeticError

    return in_two_threads(run_thread)


def two_locks(order_of_t1, order_of_t2):
    """Make a program of which each thread takes two locks, in an order of its own."""

    def program():
        locks = threading.Lock(), threading.Lock()

        def run_thread(n):
            outer, inner = order_of_t1 if n == 5 else order_of_t2
            with locks[outer], locks[inner]:
                change_it(n)

        return in_two_threads(run_thread)

    return program


def check_then_act():
    """Each thread pays if the balance is enough for it: 10 is, for 5 or for 8, but not for both."""

    def pay(n):
        global balance
        if balance >= n:
            balance = balance - n

    return in_two_threads(pay, start=10)


class Account:
    """What has a balance as its attribute."""

    balance = 0


def deposit_in_attribute():
    """Both threads deposit into an attribute."""
    account = Account()

    def deposit(n):
        account.balance += n

    in_two_threads(deposit)
    return account.balance


def deposit_in_item(accounts, key):
    """Make a program of which both threads deposit into an item of a list or a dict."""

    def program():
        accounts[key] = 0

        def deposit(n):
            accounts[key] += n

        in_two_threads(deposit)
        return accounts[key]

    return program
