"""Lines 244-260 of the notes: a thread counts, and the main thread waits for it.

Usage: loop.py [SECONDS]   the pause behind each number; 1, as in the notes, if not given
"""

import sys
import threading
import time

pause = float(sys.argv[1]) if len(sys.argv) > 1 else 1.0


def loop():
    print(f"{threading.current_thread().name} runs")
    n = 0
    while n < 5:
        n = n + 1
        print(f"{threading.current_thread().name} counts {n}")
        time.sleep(pause)
    print(f"{threading.current_thread().name} ends")


print(f"{threading.current_thread().name} runs")
t = threading.Thread(target=loop, name="LoopThread")
t.start()
t.join()
print(f"{threading.current_thread().name} ends")
