"""Lines 64-82 of the notes: four workers share five tasks of random length.

The optional arguments are the longest pause in seconds (3), and the number of workers (4; line
114 has 5).
"""

import multiprocessing
import os
import random
import sys
import time

LONGEST = float(sys.argv[1]) if len(sys.argv) > 1 else 3.0
SIZE = int(sys.argv[2]) if len(sys.argv) > 2 else 4


def long_task(number):
    print(f"task {number} starts in {os.getpid()}")
    start = time.time()
    time.sleep(random.random() * LONGEST)
    end = time.time()
    print(f"task {number} took {end - start:.2f} s")


if __name__ == "__main__":
    print(f"parent {os.getpid()}")
    pool = multiprocessing.Pool(SIZE)
    for number in range(5):
        pool.apply_async(long_task, args=(number,))
    print("waiting for all tasks")
    pool.close()
    pool.join()
    print("all tasks are done")
