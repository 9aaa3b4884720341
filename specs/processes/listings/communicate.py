"""Lines 150-156 of the notes: an external program that is fed its input.

Arguments go to nslookup, for instance to ask another name server. What the notes' input stands
for when typed by hand (lines 158-160) is ``set q=mx``, ``python.org`` and ``exit``.
"""

import subprocess
import sys
from subprocess import PIPE

command = ["nslookup", *sys.argv[1:]]
print("$", *command)
process = subprocess.Popen(command, stdin=PIPE, stdout=PIPE, stderr=PIPE)
output, errors = process.communicate(b"set q=mx\npython.org\nexit\n")
print(output.decode())
print(f"exit status {process.returncode}")
