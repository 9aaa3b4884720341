"""Lines 121-125 of the notes: a child process that is an external program.

Arguments go to nslookup in place of the notes' name, for instance to ask another name server.
"""

import subprocess
import sys

command = ["nslookup", *(sys.argv[1:] or ["www.python.org"])]
print("$", *command)
status = subprocess.call(command)
print(f"exit status {status}")
