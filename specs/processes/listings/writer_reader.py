"""Lines 185-212 of the notes: one child writes into a queue, another reads from it.

As in the notes, the reader never ends by itself and is terminated. The first argument is the
longest pause behind each put, in seconds; the second one is the start method.
"""

import multiprocessing
import os
import random
import sys
import time
from multiprocessing import Process, Queue

PAUSE = float(sys.argv[1]) if len(sys.argv) > 1 else 1.0


def write(queue):
    print(f"writer {os.getpid()}")
    for value in ["A", "B", "C"]:
        print(f"put {value}")
        queue.put(value)
        time.sleep(random.random() * PAUSE)


def read(queue):
    print(f"reader {os.getpid()}")
    while True:
        value = queue.get(True)
        print(f"got {value}")


if __name__ == "__main__":
    if len(sys.argv) > 2:
        multiprocessing.set_start_method(sys.argv[2])
    queue = Queue()
    writer = Process(target=write, args=(queue,))
    reader = Process(target=read, args=(queue,))
    writer.start()
    reader.start()
    writer.join()
    reader.terminate()
