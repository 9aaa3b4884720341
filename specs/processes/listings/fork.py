"""Lines 14-22 of the notes: one process becomes two.

As in the notes, the first line names this process's parent, and nobody waits for the child.
"""

import os

print(f"process {os.getppid()} starts")
pid = os.fork()
if pid == 0:
    print(f"child {os.getpid()}, parent {os.getppid()}")
else:
    print(f"parent {os.getpid()}, child {pid}")
