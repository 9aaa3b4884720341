"""Lines 36-49 of the notes without line 43: the ``__main__`` guard is left out.

The optional argument is the start method; without it, Python takes its default.
"""

import multiprocessing
import os
import sys


def run(name):
    print(f"child {name} runs as {os.getpid()}")


if len(sys.argv) > 1:
    multiprocessing.set_start_method(sys.argv[1], force=True)  # a child comes by here, too
print(f"parent {os.getpid()}")
child = multiprocessing.Process(target=run, args=("test",))
print("child is about to start")
child.start()
child.join()
print("child has ended")
