"""Lines 36-49 of the notes: a process is started and waited for.

The optional argument is the start method; without it, Python takes its default.
"""

import multiprocessing
import os
import sys


def run(name):
    print(f"child {name} runs as {os.getpid()}")


if __name__ == "__main__":
    if len(sys.argv) > 1:
        multiprocessing.set_start_method(sys.argv[1])
    print(f"parent {os.getpid()}")
    child = multiprocessing.Process(target=run, args=("test",))
    print("child is about to start")
    child.start()
    child.join()
    print("child has ended")
