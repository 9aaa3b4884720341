"""What specs leave behind: it is named, it is their error, and nobody else finds it."""

import re
import sys
from pathlib import Path

import pytest

from concspec import guard
from tests.samples import SHORT_GRACE, claim_table

linux = pytest.mark.skipif(sys.platform != "linux", reason="needs /proc and subreapers")

LEAKS = """
import ctypes, gc, multiprocessing, signal, subprocess, sys, tempfile, threading, time, warnings
from multiprocessing import shared_memory
from pathlib import Path
from concspec.guard import end_multiprocessing
kept = []

def child():
    pid = os.fork()
    if pid == 0:
        os._exit(signal.pause())
    return pid

@claim("child")
def test_child(): child()

@claim("zombie")
def test_zombie():
    pid = os.fork()
    if pid == 0:
        os._exit(0)
    while ") Z " not in Path(f"/proc/{pid}/stat").read_text():
        pass

@claim("orphan")
def test_orphan():
    pid = os.fork()
    if pid == 0:
        os.setsid()
        child()
        os._exit(0)
    os.waitpid(pid, 0)

@claim("program")
def test_program(): kept.append(subprocess.Popen(["sleep", "1000"], start_new_session=True))

@claim("thread")
def test_thread(): threading.Thread(target=threading.Event().wait, name="left", daemon=True).start()

@claim("raw-thread")
def test_raw_thread():
    import _thread
    held, begun = _thread.allocate_lock(), _thread.allocate_lock()
    held.acquire()
    begun.acquire()
    _thread.start_new_thread(lambda: begun.release() or held.acquire(), ())
    begun.acquire()  # before it has run, a thread is not seen

@claim("descriptor")
def test_descriptor(): os.open(os.devnull, os.O_RDONLY)

@claim("handler")
def test_handler(): signal.signal(signal.SIGUSR1, signal.SIG_IGN)

@claim("variable")
def test_variable(): os.environ["LEFT"] = "behind"

@claim("variable-of-words")
def test_variable_of_words(): os.environ["LEFT IN WORDS"] = "behind"

@claim("removed-variable")
def test_removed_variable(): del os.environ["PATH"]

@claim("directory")
def test_directory(): os.chdir("/")

@claim("semaphore")
def test_semaphore(): kept.append(multiprocessing.get_context("spawn").Semaphore())

@claim("memory")
def test_memory(): shared_memory.SharedMemory(create=True, size=10).close()

@claim("forkserver")
def test_forkserver():
    process = multiprocessing.get_context("forkserver").Process(target=int)
    process.start()
    process.join()

@claim("forkserver-child")
def test_forkserver_child():
    multiprocessing.get_context("forkserver").Process(target=signal.pause).start()
    end_multiprocessing()  # which the child keeps from its end

@claim("trace")
def test_trace(): sys.settrace(lambda *_: None)

@claim("trace-of-threads")
def test_trace_of_threads(): threading.settrace(lambda *_: None)

@claim("profile")
def test_profile(): sys.setprofile(lambda *_: None)

@claim("profile-of-threads")
def test_profile_of_threads(): threading.setprofile(lambda *_: None)

@claim("interval")
def test_interval(): sys.setswitchinterval(1)

@claim("filters")
def test_filters(): warnings.simplefilter("ignore")

@claim("file")
def test_file(): tempfile.mkstemp()

@claim("folder")
def test_folder(): __import__("shutil").rmtree(tempfile.gettempdir())

@claim("tool")
def test_tool():
    if sys.version_info < (3, 12): os.environ["no"] = "tools here"
    else: sys.monitoring.use_tool_id(3, "left")
"""
NAMED = {
    "child": r"process \d+ \(.*py.*\)",
    "zombie": r"process \d+ \(.+, ended and not waited for\)",
    "orphan": r"process \d+ \(.*\)",
    "program": r"process \d+ \(sleep 1000\)",
    "thread": r"thread left, at .*threading.py:\d+",
    "raw-thread": r"thread \d+, at .*test_chapter.py:\d+",
    "descriptor": r"descriptor \d+, open on /dev/null",
    "handler": r"handler of signal \d+: .*SIG_IGN.*, was .*SIG_DFL",
    "variable": r"environment variable LEFT: 'behind', was None",
    "variable-of-words": r"environment variable LEFT IN WORDS: 'behind', was None",
    "removed-variable": r"environment variable PATH: None, was '.*'",
    "directory": r"working directory: '/', was '/.+'",
    "semaphore": r"semaphore /mp-.*; .*resource tracker, process \d+",
    "memory": r"shared memory /psm_.*; .*resource tracker, process \d+",
    "forkserver": r"multiprocessing's forkserver, process \d+",
    "forkserver-child": r"process \d+ .*multiprocessing's forkserver",
    "trace": r"sys.settrace: <function .*>, was None",
    "trace-of-threads": r"threading.settrace: <function .*>, was None",
    "profile": r"sys.setprofile: <function .*>, was None",
    "profile-of-threads": r"threading.setprofile: <function .*>, was None",
    "interval": r"switch interval: 1.0, was 0.005",
    "filters": r"warnings filters: \[\('ignore', .*\], was .*",
    "file": r"temporary file .*",
    "folder": r"folder of temporary files: None, was '.*'",
    "tool": r"sys.monitoring tool 3: 'left', was None|variable no: 'tools here'",
}


LOOKED_AT = (
    SHORT_GRACE
    + """
import os, pytest
from concspec.guard import Guard, kinds
from concspec.isolation import SURROUNDINGS

def pytest_runtest_setup(item):
    seen = [kind.look() for kind in kinds(**item.config.stash[SURROUNDINGS])]
    with open("seen", "a") as file: file.write(f"{os.getppid()} {seen!r}\\n")

leftovers = Guard.leftovers
Guard.leftovers = lambda self: leftovers(self) + [f"still {left}" for left in leftovers(self)]
"""
)
"""Has each spec say what it finds, and has the guard look again when it has cleaned up."""


@linux
def test_every_leftover_is_named_and_cleaned_up(suite):
    suite.claims(*map(claim_table, NAMED), claim_table("clean"))
    suite.specs(LEAKS + "\n@claim('clean')\ndef test_clean(): pass")
    suite.write("conftest.py", LOOKED_AT)
    run = suite.pytest("--results=results.json", "-n2")
    claims = {claim["slug"]: claim for claim in suite.read("results.json")["claims"]}
    run.assert_outcomes(passed=len(NAMED) + 1, errors=len(NAMED))
    verdicts = {slug: claim["verdict"] for slug, claim in claims.items()}
    assert verdicts == {**dict.fromkeys(NAMED, "error"), "clean": "holds"}
    seen = {slug: claim["outcomes"][0]["seen"] for slug, claim in claims.items()}
    unnamed = [s for s, words in NAMED.items() if not re.search(f"left behind: .*{words}", seen[s])]
    assert not unnamed
    assert {slug for slug in NAMED if "still " in seen[slug]} == {"thread", "raw-thread"}
    shared = re.findall(
        r"left behind: (?:semaphore|shared memory) /(\S+);", "\n".join(seen.values())
    )
    assert len(shared) == 2
    assert not [file for name in shared for file in Path("/dev/shm").glob(f"*{name}")]
    lines = set((suite.path / "seen").read_text().splitlines())
    servers, starts = zip(*(line.split(" ", 1) for line in lines))
    assert len(starts) == len(set(servers)) == 2  # those of a server are all alike


def test_what_goes_by_itself_may_take_several_collections(monkeypatch):
    monkeypatch.setattr(guard, "GRACE", 0)
    looks = iter([{"pipe": "a pipe"}] * (guard.LOOKS - 1) + [{}])
    assert not [*guard.Things(lambda: next(looks), pytest.fail).restore({})]


def test_what_cannot_be_ended_or_put_back_is_named_all_the_same():
    def refuse(*_):
        raise LookupError("there is none")

    things = guard.Things(lambda: {"a": "thing a", "b": "thing b"}, refuse)
    settings = guard.Settings(lambda: {"c": 2}, refuse)
    assert [*things.restore({"b": ""})] == ["thing a"]
    assert [*settings.restore({"c": 1})] == ["c: 2, was 1"]
