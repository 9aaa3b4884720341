"""Notes 1.3b, lines 118-145: a child process that runs an external program.

The programs here are a shell and what it brings along; ``test_nslookup.py`` runs the one of the
notes. Where something must be seen to wait, it waits in a thread, for an input that is held back.
"""

import contextlib
import io
import os
import subprocess
import threading

from concspec import claim
from concspec.children import BOUND


@claim(
    "subprocess-external-program",
    falsified_by=("programs.another-is-run", "programs.run-by-a-grandchild"),
)
def test_a_child_can_be_an_external_program():
    """A shell that was started as a child writes its process id, and the id of its parent."""
    shell = subprocess.Popen(["sh", "-c", "echo $$ $PPID"], stdout=subprocess.PIPE)
    output, _ = shell.communicate()
    assert output.split() == [b"%d" % shell.pid, b"%d" % os.getpid()]


@claim(
    "subprocess-controls-io",
    falsified_by=("programs.input-is-empty", "programs.output-is-discarded"),
)
def test_the_parent_controls_input_and_output():
    """Talk with a child: it must have answered each line before it is sent the next."""
    answering = ["sh", "-c", 'while read line; do echo "heard $line"; done']
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen(answering, **pipes, bufsize=1, text=True) as child:
        for line in ("one", "two", "three"):
            print(line, file=child.stdin)
            assert child.stdout.readline() == f"heard {line}\n"


@claim(
    "subprocess-call-waits-returns-code",
    falsified_by=("programs.wait-returns-at-once", "programs.exit-code-zero"),
)
def test_call_waits_and_returns_the_exit_code():
    """A child with exit code 7 does not end before its input does; call() is there until then."""
    held, release = os.pipe()
    codes = []
    waiting = threading.Thread(
        target=lambda: codes.append(subprocess.call(["sh", "-c", "read line; exit 7"], stdin=held))
    )
    waiting.start()
    waiting.join(0.05)
    assert waiting.is_alive()
    os.close(release)
    waiting.join(BOUND)
    os.close(held)
    assert codes == [7]


@claim(
    "subprocess-call-inherits-stdout",
    falsified_by=("programs.output-through-python", "programs.output-is-discarded"),
)
def test_call_writes_to_the_descriptor(capfd):
    """Put another object in the place of sys.stdout: the child's line goes past it."""
    with contextlib.redirect_stdout(io.StringIO()) as replaced:
        subprocess.call(["echo", "from the child"])
    assert replaced.getvalue() == ""
    assert capfd.readouterr().out == "from the child\n"


@claim("errata-two-networks")
def test_both_records_show_one_address():
    """Compare the servers' addresses, as recorded on these lines of the notes."""
    servers = {132: "192.168.31.1", 134: "192.168.31.1", 165: "192.168.19.4", 167: "192.168.19.4"}
    assert len(set(servers.values())) == 1


@claim("errata-section-numbers")
def test_the_section_numbers_agree():
    """Compare the numbers on these lines: the table of contents with the headings it announces."""
    contents = {2: "1.1", 3: "1.2", 4: "1.3", 5: "1.4", 6: "1.5"}
    headings = {9: "1.1", 35: "1.2", 62: "1.3", 120: "1.3", 148: "1.4", 182: "1.5"}
    assert list(headings.values()) == list(contents.values())
