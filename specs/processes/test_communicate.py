"""Notes 1.4, lines 147-161: communicate() feeds a child its input and collects its output.

The child is ``cat`` or a shell, with its streams in pipes as in the notes; ``test_nslookup.py``
has the notes' own dialogue.
"""

import os
import subprocess
import threading
from subprocess import PIPE

from concspec import claim
from concspec.children import BOUND


def communicate(process, data=None):
    """Feed a child and collect its output. Raises TimeoutExpired if it does not end."""
    try:
        return process.communicate(data, timeout=BOUND)
    except subprocess.TimeoutExpired:
        with process:  # closes the pipes, and reaps it
            process.kill()
        raise


@claim(
    "communicate-feeds-stdin",
    falsified_by=("communicating.loses-input", "communicating.leaves-input-open"),
)
def test_communicate_feeds_and_closes_the_childs_input():
    """``cat`` gives back all it reads, and ends when its input does."""
    data = b"x" * 1_000_000  # more than a pipe holds: fed while the output is collected
    cat = subprocess.Popen(["cat"], stdin=PIPE, stdout=PIPE, stderr=PIPE)
    try:
        output, _ = communicate(cat, data)
    except subprocess.TimeoutExpired:
        raise AssertionError("cat has not come to the end of its input") from None
    assert output == data
    assert cat.stdin.closed


@claim(
    "communicate-returns-pair",
    falsified_by=(
        "programs.wait-returns-at-once",
        "communicating.swaps-outputs",
        "communicating.loses-last-line-of-output",
    ),
)
def test_communicate_returns_both_outputs_when_the_child_has_ended():
    """The child closes its outputs and goes on until its input ends: so does communicate()."""
    held, release = os.pipe()
    script = "echo out; echo err >&2; exec >&- 2>&-; read line; exit 7"
    child = subprocess.Popen(["sh", "-c", script], stdin=held, stdout=PIPE, stderr=PIPE)
    seen = []
    waiting = threading.Thread(target=lambda: seen.append((child.communicate(), child.returncode)))
    waiting.start()
    waiting.join(0.05)
    assert waiting.is_alive()
    os.close(release)
    waiting.join(BOUND)
    os.close(held)
    assert seen == [((b"out\n", b"err\n"), 7)]


def is_refused(text):
    """Whether communicate() raises TypeError for such an input."""
    with subprocess.Popen(["cat"], stdin=PIPE, stdout=PIPE, stderr=PIPE) as cat:
        try:
            cat.communicate(text)
        except TypeError:
            cat.kill()
            return True
    return False


@claim("communicate-bytes", falsified_by=("communicating.returns-text", "communicating.takes-text"))
def test_communicate_takes_and_returns_bytes():
    """Send text as bytes and get bytes back; send text as it is."""
    cat = subprocess.Popen(["cat"], stdin=PIPE, stdout=PIPE, stderr=PIPE)
    output, errors = communicate(cat, "进程".encode())
    assert (type(output), type(errors)) == (bytes, bytes)
    assert output.decode("utf-8") == "进程"
    assert is_refused("进程")


@claim(
    "communicate-sets-returncode",
    falsified_by=("programs.wait-returns-at-once", "programs.exit-code-zero"),
)
def test_communicate_sets_the_exit_code():
    """Compare returncode before and after, for a child that succeeds and one that does not."""
    for code in (0, 7):
        child = subprocess.Popen(["sh", "-c", f"read line; exit {code}"], stdin=PIPE)
        assert child.returncode is None
        communicate(child, b"go\n")
        assert child.returncode == code


def compiles(source):
    try:
        compile(source, "<listing>", "exec")
    except SyntaxError:
        return False
    return True


@claim("errata-listing-not-python", falsified_by="errata.compiles-dialogues")
def test_the_listing_as_printed_is_a_program():
    """Compile a block built like the notes': first its code alone, then with the lines to type."""
    code = """\
import subprocess
nslookup = subprocess.Popen(["nslookup"], stdin=subprocess.PIPE)
nslookup.communicate(b"set q=mx\\npython.org\\nexit\\n")
"""
    typed = "set q=mx\npython.org\nexit\n"
    assert compiles(code)
    assert compiles(code + typed)
