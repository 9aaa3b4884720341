"""Planted faults: specs, and what is around them, do their worst. Each fault gives its own error,
all else is graded, and nothing stays behind."""

import os
import re
import select
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.samples import INTERRUPTIBLE, SHORT_BOUND, SHORT_GRACE, claim_table

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="needs /proc and subreapers")

BOUND = 30.0
"""Seconds that a run may take, and that what it started may outlive it."""

HELD = f"""{SHORT_BOUND}{SHORT_GRACE}
import os
concspec.server._GRACE = 0.3
os.open(__file__ + ".held", os.O_WRONLY)
"""
"""Has each process of the run, and each that a spec forks, hold a pipe open: its end is theirs."""

PATIENT = HELD.replace("BOUND = 1.0", "BOUND = 1000.0")
"""The same, for what has to end without a bound, or to hold however busy the machine is."""

HEAD = """
import ctypes, multiprocessing, signal, subprocess, sys, threading
from pathlib import Path

def parent_of(pid):
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])

def fork(body):
    pid = os.fork()
    if pid == 0:
        try:
            body()
        finally:
            os._exit(0)
    return pid

def linger():
    for number in signal.SIGTERM, signal.SIGHUP, signal.SIGABRT:
        signal.signal(number, signal.SIG_IGN)
    signal.pause()
"""


class Faulty:
    """A suite in which specs do their worst, and one is good."""

    def __init__(self, suite):
        self.suite = suite
        suite.write("conftest.py", HELD)
        os.mkfifo(suite.path / "conftest.py.held")
        self._held = os.open(suite.path / "conftest.py.held", os.O_RDONLY | os.O_NONBLOCK)
        self._temporary = suite.path / "temporary"
        self._temporary.mkdir()
        self.environment = {**os.environ, "TMPDIR": str(self._temporary)}

    def plant(self, *bodies):
        """Write a spec of each of these bodies, and a good one."""
        slugs = [re.search(r"def test_(\w+)", body)[1].replace("_", "-") for body in bodies]
        specs = [
            body.replace("def test_", f"@claim({slug!r})\ndef test_")
            for slug, body in zip(slugs, bodies)
        ]
        good = "@claim('good')\ndef test_good(): assert os.environ\n"
        self.suite.claims(*map(claim_table, [*slugs, "good"]))
        self.suite.specs("\n".join([HEAD, *specs, good]))

    def start(self, *arguments, before=()):
        """Start pytest, with its output in a pipe."""
        command = [*before, sys.executable, "-m", "pytest", "-p", "no:randomly"]
        return subprocess.Popen(
            [*command, "--results=results.json", *arguments],
            cwd=self.suite.path,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )

    def run(self, *arguments, before=()):
        """Run pytest to the end of its output; give its exit status and the output."""
        with self.start(*arguments, before=before) as run:
            try:
                output = run.communicate(timeout=BOUND)[0].decode()
            finally:
                run.kill()
        return run.returncode, output

    def graded(self):
        """Give what the results file says of each claim: its verdict, and what was seen."""
        claims = self.suite.read("results.json")["claims"]
        return {c["slug"]: (c["verdict"], c["outcomes"][0]["seen"]) for c in claims}

    def assert_nothing_is_left(self):
        """Every process ends, and its temporary files are gone."""
        assert select.select([self._held], [], [], BOUND)[0], "a process is left"
        assert os.read(self._held, 1) == b""
        assert list(self._temporary.glob("concspec-*")) == []

    def assert_no_semaphore_is_left(self):
        """The one that a spec has named in a file has been unlinked."""
        semaphore = (self.suite.path / "semaphore").read_text()
        assert not Path(f"/dev/shm/sem.{semaphore.lstrip('/')}").exists()


@pytest.fixture
def faulty(suite):
    """A suite for planted faults."""
    return Faulty(suite)


BLOCKS_IN_C = """
PROGRAM = '''
def in_program():
    print("begun", flush=True)
    input()
in_program()
'''

def in_child(): signal.pause()

def in_thread(begun):
    begun.set()
    threading.Event().wait()

def test_blocks_in_c():
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    semaphore = multiprocessing.get_context("spawn").Semaphore()
    Path("semaphore").write_text(semaphore._semlock.name)
    fork(in_child)
    pipe = subprocess.PIPE
    with subprocess.Popen([sys.executable, "-c", PROGRAM], stdin=pipe, stdout=pipe) as program:
        program.stdout.readline()
        begun = threading.Event()
        threading.Thread(target=in_thread, args=[begun], daemon=True).start()
        begun.wait()
        getattr(ctypes, "PyDLL", ctypes.CDLL)(None).pause()  # on PyPy, nothing in C holds the GIL
"""


def test_a_spec_that_blocks_in_c_with_the_gil_is_killed(faulty):
    faulty.plant(BLOCKS_IN_C)
    time_to_start = "concspec.server.BOUND = 4.0\nconcspec.server._GRACE = 3.0"
    faulty.suite.write("conftest.py", f"{HELD}\n{time_to_start}")
    status, output = faulty.run()
    assert status == pytest.ExitCode.TESTS_FAILED
    graded = faulty.graded()
    assert graded["good"][0] == "holds"
    verdict, seen = graded["blocks-in-c"]
    assert verdict == "error"
    assert seen.startswith("killed, because it did not end within 4 s\n  process ")
    functions = {"test_blocks_in_c", "in_thread", "in_child", "in_program"}
    if sys.implementation.name == "pypy":  # it writes the stack of the main thread alone
        functions.remove("in_thread")
    for function in functions:
        assert re.search(rf"File .*, line \d+ in {function}\n", seen), seen
    assert seen in output
    faulty.assert_nothing_is_left()
    faulty.assert_no_semaphore_is_left()


ENDED_BY_SIGKILL = r"its process was ended by SIGKILL"
WITHIN_BOUND = r"killed, because it did not end within 1 s(\n  process \d+ \(.*\)){2}"
LEFT = r"Failed: left behind: process \d+ \(.*\)"
FAULTS = {
    "def test_grandchild_at_the_exit(): os.waitpid(fork(lambda: fork(linger)), 0)": LEFT,
    "def test_grandchild_at_the_bound(): fork(lambda: fork(linger)), signal.pause()": WITHIN_BOUND,
    "def test_new_session(): fork(lambda: os.setsid() or linger()), signal.pause()": WITHIN_BOUND,
    "def test_new_group(): fork(lambda: os.setpgid(0, 0) or linger()), linger()": WITHIN_BOUND,
    "def test_kills_its_group(): fork(linger), os.killpg(0, signal.SIGKILL)": ENDED_BY_SIGKILL,
    "def test_real_time_signal(): os.kill(os.getpid(), 40)": "its process was ended by signal 40",
    """def test_leader_killed_by_a_child():
        fork(lambda: os.kill(os.getpgrp(), signal.SIGKILL) or linger())
        signal.pause()""": ENDED_BY_SIGKILL,
    """def test_leader_killed_from_outside_of_its_group():
        fork(lambda: os.setsid() or os.kill(os.getppid(), signal.SIGKILL) or linger())
        signal.pause()""": ENDED_BY_SIGKILL,
    """def test_kills_its_server():
        os.kill(os.getppid(), signal.SIGKILL)
        signal.pause()""": "the spec server died under it",
    """def test_kills_its_server_beside_a_child():
        fork(linger), os.kill(os.getppid(), signal.SIGKILL)
        linger()""": "the spec server died under it",
}


def test_a_family_that_does_not_end_holds_up_nobody(faulty):
    """Without capture, the specs' output is that of pytest, which ends with the last of them."""
    faulty.plant(*FAULTS)
    status, _ = faulty.run("--capture=no")
    assert status == pytest.ExitCode.TESTS_FAILED
    graded = list(faulty.graded().values())
    assert [verdict for verdict, _ in graded] == ["error"] * len(FAULTS) + ["holds"]
    for (_, seen), wanted in zip(graded, FAULTS.values()):
        assert re.match(wanted, seen)
    faulty.assert_nothing_is_left()


STOPS_ITS_TRACKER = """
def test_stops_its_tracker():
    semaphore = multiprocessing.get_context("spawn").Semaphore()
    Path("semaphore").write_text(semaphore._semlock.name)
    tracker = multiprocessing.resource_tracker._resource_tracker._pid
    while b"multiprocessing.resource_tracker" not in Path(f"/proc/{tracker}/cmdline").read_bytes():
        pass  # on PyPy it may still be a copy of this process
    os.kill(tracker, signal.SIGSTOP)
    signal.pause()
"""


def test_a_resource_tracker_that_was_stopped_does_its_work(faulty):
    faulty.plant(STOPS_ITS_TRACKER)
    faulty.suite.write("conftest.py", f"{HELD}\nconcspec.server._GRACE = 5.0")
    faulty.run()
    verdict, seen = faulty.graded()["stops-its-tracker"]
    assert verdict == "error"
    assert re.match(WITHIN_BOUND, seen)
    faulty.assert_nothing_is_left()
    faulty.assert_no_semaphore_is_left()


ONLY_TO_LEADERS = """
import concspec.server

def signal_group(group, number, killpg=os.killpg):
    try: os.kill(group, 0)
    except ProcessLookupError: os.close(os.open("reused", os.O_CREAT))
    killpg(group, number)

os.killpg = signal_group
"""


def test_no_signal_goes_to_a_group_whose_number_may_be_anothers(faulty):
    faulty.plant("def test_one(): pass", "def test_two(): fork(linger)")
    faulty.suite.write("conftest.py", PATIENT + ONLY_TO_LEADERS)
    faulty.run()
    assert faulty.graded()["good"] == ("holds", "")
    assert not (faulty.suite.path / "reused").exists()


SHORT_OF_TIME = """
import concspec.isolation
concspec.isolation._GRACE = 1.0
started = concspec.isolation.SpecServer.start

def start(self):
    concspec.isolation.BOUND = 20.0
    started(self)
    concspec.isolation.BOUND = 3.0

concspec.isolation.SpecServer.start = start
"""

STOPS_ITS_SERVER = """
def test_stops_its_server():
    semaphore = multiprocessing.get_context("spawn").Semaphore()
    Path("semaphore").write_text(semaphore._semlock.name)
    fork(lambda: os.setsid() or linger())
    os.kill(os.getppid(), signal.SIGSTOP)
    linger()
"""


def test_a_server_that_does_not_answer_is_replaced(faulty):
    faulty.plant(STOPS_ITS_SERVER)
    faulty.suite.write("conftest.py", PATIENT + SHORT_OF_TIME)
    status, output = faulty.run()
    assert status == pytest.ExitCode.TESTS_FAILED
    assert faulty.graded() == {
        "stops-its-server": ("error", "the spec server did not answer within 3 s"),
        "good": ("holds", ""),
    }
    assert "the spec server was killed: no end within 1 s" in output
    faulty.assert_nothing_is_left()
    faulty.assert_no_semaphore_is_left()


NEVER_ENDS = """
import signal

def pytest_sessionfinish(session):
    if session.config.pluginmanager.has_plugin("concspec.server"): signal.pause()
"""


def test_a_server_that_does_not_end_is_killed(faulty):
    faulty.plant("def test_one(): pass")
    faulty.suite.write("conftest.py", PATIENT + SHORT_OF_TIME + NEVER_ENDS)
    status, output = faulty.run()
    assert status == pytest.ExitCode.OK
    assert faulty.graded() == {"one": ("holds", ""), "good": ("holds", "")}
    assert "the spec server was killed: no end within 1 s" in output
    faulty.assert_nothing_is_left()


NEVER_COLLECTS = """
import concspec.isolation, signal
concspec.isolation._GRACE = concspec.isolation.BOUND = 1.0

def pytest_collection(session):
    if session.config.pluginmanager.has_plugin("concspec.server"):
        os.write(2, b"the server's words")
        signal.pause()
"""


def test_a_server_that_does_not_start_ends_the_run(faulty):
    faulty.plant("def test_one(): pass")
    faulty.suite.write("conftest.py", HELD + NEVER_COLLECTS)
    status, output = faulty.run()
    assert status == pytest.ExitCode.USAGE_ERROR
    assert "the spec server did not start:\n" in output
    faulty.assert_nothing_is_left()


CANNOT_START_AGAIN = """
def test_cannot_start_again():
    Path(__file__).write_text("no program")
    os.kill(os.getppid(), signal.SIGKILL)
"""


def test_what_was_graded_is_kept_when_no_server_starts_again(faulty):
    faulty.plant(CANNOT_START_AGAIN)
    faulty.suite.write("conftest.py", PATIENT)
    status, output = faulty.run()
    assert status == pytest.ExitCode.USAGE_ERROR
    assert re.search("the spec server did not start:(.*\n)+.*1 mistake in the catalogue", output)
    results = faulty.suite.read("results.json")
    assert [claim["verdict"] for claim in results["claims"]] == ["error", "not run"]
    assert results["partial"]
    faulty.assert_nothing_is_left()


SLOW_TO_START = """
import concspec.isolation, threading
started = concspec.isolation.SpecServer.start

def start(self):
    started(self)
    if server_was_killed(): threading.Event().wait(4)

def server_was_killed(): return os.path.exists("killed")

concspec.isolation.SpecServer.start = start
"""

KILLS_ITS_SERVER = """
def test_kills_its_server():
    open("killed", "w").close()
    os.kill(os.getppid(), signal.SIGKILL)
"""


def test_a_new_server_may_take_longer_than_the_user_gives_a_spec(faulty):
    faulty.plant(KILLS_ITS_SERVER)
    faulty.suite.write("conftest.py", PATIENT + SLOW_TO_START)
    status, _ = faulty.run("--timeout=3")
    assert status == pytest.ExitCode.TESTS_FAILED
    assert list(faulty.graded().values()) == [
        ("error", "the spec server died under it"),
        ("holds", ""),
    ]


BREAKS_OFF = {
    "def test_interrupt(): os.kill(os.getpid(), signal.SIGINT), linger()": "KeyboardInterrupt",
    "def test_exit(): __import__('pytest').exit('enough')": "Exit: enough",
    """def test_full_disk(record_property):
        class Full:
            def __reduce__(self): raise OSError(28, "No space left on device")
        record_property("full", Full())""": "No space left on device",
}


def test_why_a_spec_gave_no_report_is_told(faulty):
    faulty.plant(*BREAKS_OFF)
    faulty.suite.write("conftest.py", PATIENT)
    faulty.run()
    graded = list(faulty.graded().values())
    assert [verdict for verdict, _ in graded] == ["error"] * len(BREAKS_OFF) + ["holds"]
    for (_, seen), wanted in zip(graded, BREAKS_OFF.values()):
        assert re.match(rf"its process ended with exit status 1\n(.*\n)+.*{wanted}", seen)


ANOTHER_NAME = """
def test_another_name(n): pass
test_another_name = pytest.mark.parametrize("n", [os.getpid()])(test_another_name)
"""


def test_a_spec_that_the_server_does_not_find_is_an_error(faulty):
    faulty.plant(ANOTHER_NAME)
    faulty.suite.write("conftest.py", PATIENT)
    _, output = faulty.run()
    assert faulty.graded() == {
        "another-name": (
            "error",
            "collected anew, it is not there: is its name always the same?",
        ),
        "good": ("holds", ""),
    }
    assert "INTERNALERROR" not in output


KILLS_ITS_WORKER = """
def test_kills_its_worker():
    os.kill(parent_of(os.getppid()), signal.SIGKILL)
    linger()
"""


def test_a_killed_worker_is_replaced(faulty):
    faulty.plant("def test_one(): pass", KILLS_ITS_WORKER, "def test_two(): pass")
    faulty.suite.write("conftest.py", PATIENT)
    status, output = faulty.run("-n1")
    assert status == pytest.ExitCode.TESTS_FAILED
    graded = faulty.graded()
    verdict, seen = graded.pop("kills-its-worker")
    assert verdict == "error"
    assert re.fullmatch(r"worker 'gw\d' crashed while running '.*::test_kills_its_worker'", seen)
    assert seen in output
    assert dict.fromkeys(graded, ("holds", "")) == graded
    assert not faulty.suite.read("results.json")["partial"]
    faulty.assert_nothing_is_left()


HANGS = """
def test_hangs():
    fork(lambda: os.setsid() or linger())
    with open("begun", "w") as begun: begun.write("begun")
    linger()
"""


@pytest.mark.parametrize(
    ("number", "arguments"),
    [(signal.SIGTERM, ()), (signal.SIGKILL, ()), (signal.SIGTERM, ("-n1",))],
    ids=str,
)
def test_a_pytest_that_is_killed_leaves_nothing_running(faulty, number, arguments):
    faulty.plant(HANGS)
    faulty.suite.write("conftest.py", PATIENT)
    faulty.suite.write("results.json", "of the run before")
    os.mkfifo(faulty.suite.path / "begun")
    with faulty.start(*arguments) as run:
        assert (faulty.suite.path / "begun").read_text() == "begun"
        run.send_signal(number)
        run.communicate(timeout=BOUND)
    assert run.returncode == -number
    faulty.assert_nothing_is_left()
    assert (faulty.suite.path / "results.json").read_text() == "of the run before"


@pytest.mark.parametrize("arguments", [(), ("-n2",)], ids=str)
def test_an_interrupt_at_a_terminal_leaves_nothing_running(faulty, arguments):
    """A terminal interrupts all that runs in the foreground: pytest and its workers."""
    faulty.plant(HANGS)
    faulty.suite.write("conftest.py", PATIENT)
    os.mkfifo(faulty.suite.path / "begun")
    command = [sys.executable, "-c", INTERRUPTIBLE, "-p", "no:randomly", "--results=results.json"]
    with subprocess.Popen(
        [*command, *arguments],
        cwd=faulty.suite.path,
        env=faulty.environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    ) as run:
        assert (faulty.suite.path / "begun").read_text() == "begun"
        os.killpg(run.pid, signal.SIGINT)
        run.wait(BOUND)
    assert run.returncode == pytest.ExitCode.INTERRUPTED
    results = faulty.suite.read("results.json")
    assert results["partial"]
    assert results["claims"][0]["verdict"] == "not run"
    faulty.assert_nothing_is_left()


ALONE_WITH_MOUNTS = ("unshare", "--mount", "--map-root-user")
WITHOUT_PRIVILEGES = ("setpriv", "--bounding-set=-all", "--inh-caps=-all") * (os.geteuid() == 0)
CANNOT = {
    "Permission denied": (WITHOUT_PRIVILEGES, "", "os.chmod('out', 0o555)"),
    "Read-only file system": (
        ALONE_WITH_MOUNTS,
        "mount --bind out out",
        "subprocess.run(['mount', '-o', 'remount,bind,ro', 'out'], check=True)",
    ),
    "No space left on device": (
        ALONE_WITH_MOUNTS,
        "mount -t tmpfs -o size=8k tmpfs out && cp results.json out/",
        "None",
    ),
}
"""By error: what to run pytest in, what to do first there, and what a spec does."""


def surrounded(commands, first):
    """Give a command that runs what follows it in these surroundings, and shows what is left."""
    if subprocess.run([*commands, "true"], capture_output=True, check=False).returncode:
        pytest.skip(f"needs {commands[0]}, and leave to use it")
    script = f'{first or ":"} && "$@"; status=$?; echo left: $(grep -r . out); exit $status'
    return (*commands, "sh", "-c", script, "sh")


@pytest.mark.parametrize("error", CANNOT)
def test_nothing_but_the_file_is_lost_where_it_cannot_be_written(faulty, error):
    commands, first, harm = CANNOT[error]
    faulty.suite.write("conftest.py", PATIENT)
    faulty.plant("def test_one(): pass", f"def test_harm(): {harm}", "def test_two(): assert False")
    (faulty.suite.path / "out").mkdir()
    for folder in ("out/", ""):
        (faulty.suite.path / f"{folder}results.json").write_text("of the run before")
    status, output = faulty.run("--results=out/results.json", before=surrounded(commands, first))
    assert status == pytest.ExitCode.USAGE_ERROR
    assert f"--results out/results.json could not be written: {error}" in output
    assert re.search(r"total +3 +0 +0 +0 +1 +0\n", output)
    assert "left: out/results.json:of the run before\n" in output
    faulty.assert_nothing_is_left()


def test_a_folder_without_write_permission_is_refused_at_once(faulty):
    faulty.plant("def test_one(): open('ran', 'w')")
    (faulty.suite.path / "out").mkdir(mode=0o555)
    before = surrounded(WITHOUT_PRIVILEGES, "")
    status, output = faulty.run("--results=out/results.json", before=before)
    assert status == pytest.ExitCode.USAGE_ERROR
    assert "--results out/results.json: its folder cannot be written to" in output
    assert not (faulty.suite.path / "ran").exists()
