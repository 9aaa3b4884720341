"""What the specs of this chapter run in other processes, where it must be importable."""

import os

balance = 0


def square(number, results):
    """Send the number, its square and the process that computed it."""
    results.send((number, number * number, os.getpid()))


def change_balance(orders, results):
    """On order, add to the balance; send it as this process finds it, and as it leaves it."""
    global balance
    amount = orders.recv()
    found = balance
    balance = balance + amount
    results.send((found, balance))
