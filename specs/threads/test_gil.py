"""Notes, lines 372-380: the GIL, and how many cores threads can use.

How many cores some work had is CPU time by wall time, which another program on the machine can
only make smaller. So a low figure counts only beside a high one of a control, the same work known
to run in parallel; ``concspec.measure`` says when. Where the GIL must stop another thread,
the switch interval is set so long that nobody asks for the GIL while the spec looks.
"""

import ctypes
import functools
import gc
import hashlib
import math
import multiprocessing
import os
import random
import re
import shutil
import subprocess
import sys
import sysconfig
import threading
import time
import zlib
from pathlib import Path

import pytest

from concspec import claim, inconclusive
from concspec.interpreter import gil_is_on
from concspec.measure import (
    BUDGET,
    ROUND,
    Processes,
    Program,
    Side,
    Threads,
    fills_cores,
    reaches_mark,
    spin,
    uses_several_cores,
    workers,
)
from concspec.threads import BOUND, in_threads, join, wait_for
from specs.threads.races import switch_interval

NATIVE = Path(__file__).parent / "native"

# What is measured, as the pictures name it.
THREADS = {"en": "threads", "zh": "线程"}
PROCESSES = {"en": "processes", "zh": "进程"}
C_THREADS = {"en": "threads in C code", "zh": "执行 C 代码的线程"}
SUBINTERPRETERS = {"en": "subinterpreters", "zh": "子解释器"}


@claim("busy-threads-one-core", falsified_by="cpu_time.as-without-or-with-gil")
def test_busy_threads_use_one_core(evidence):
    """As many busy threads as cores, against as many busy processes."""
    with Processes([spin] * workers()) as control, Threads([spin] * workers()) as subject:
        assert not uses_several_cores((THREADS, subject), (PROCESSES, control), evidence)


@claim("errata-102-percent-listing")
def test_the_program_behind_the_102_percent_is_in_the_notes():
    """Look for a loop without end among those that threads of the notes run, by their lines."""
    rounds = {250: 5, 301: 1_000_000, 362: 100_000}
    assert math.inf in rounds.values()


def tool(name, package):
    """The path of a program, which Debian has in ``package``."""
    path = shutil.which(name)
    if path is None:
        inconclusive(
            f"{name} is missing: install Debian's {package}",
            f"缺少 {name}：请安装 Debian 的 {package}",
        )
    return path


def compile_by(command, program):
    """Run a compiler, unless it has made the program already, for another spec of this run."""
    if program.exists():
        return
    scratch = {**os.environ, "TMPDIR": str(program.parent)}  # a killed compiler does not clean up
    try:
        subprocess.run(command, check=True, timeout=2 * BOUND, env=scratch)
    except subprocess.TimeoutExpired:
        inconclusive(
            f"too busy a machine: {command[0]} takes more than {2 * BOUND:.0f} s",
            f"机器太忙：{command[0]} 运行超过 {2 * BOUND:.0f} 秒",
        )


def compiled(source, compiler, folder):
    """Compile a source; give the command that runs it. Debian's package has the compiler's name."""
    workers()  # nothing needs to be compiled where nothing can be measured
    program = folder / f"{source}.loop"
    command = [tool(compiler, compiler), "-O1", "-pthread", NATIVE / source, "-o", program]
    compile_by(command, program)
    return [program]


def compiled_java(folder):
    """Compile the loop in Java; give the command that runs it."""
    workers()
    javac, java = [tool(name, "default-jdk-headless") for name in ("javac", "java")]
    compile_by([javac, "-d", folder, NATIVE / "Loop.java"], folder / "Loop.class")
    return [java, "-cp", folder, "Loop"]


def program_fills_cores(name, command, evidence):
    """Whether the threads of a program fill all cores, as processes of Python do."""
    with Processes([spin] * workers()) as control, Program([*command, str(workers())]) as program:
        return fills_cores((name, program), (PROCESSES, control), evidence)


@claim("c-loop-fills-cores", falsified_by="gil.one-thread-for-programs")
def test_the_loop_in_c_fills_all_cores(run_folder, evidence):
    """Compile the loop, and run it in as many threads as cores."""
    assert program_fills_cores("C", compiled("loop.c", "gcc", run_folder), evidence)


@claim("cpp-loop-fills-cores", falsified_by="gil.one-thread-for-programs")
def test_the_loop_in_cpp_fills_all_cores(run_folder, evidence):
    """Compile the loop, and run it in as many threads as cores."""
    assert program_fills_cores("C++", compiled("loop.cpp", "g++", run_folder), evidence)


@claim("java-loop-fills-cores", falsified_by="gil.one-thread-for-programs")
def test_the_loop_in_java_fills_all_cores(run_folder, evidence):
    """Compile the loop, and run it in as many threads as cores."""
    assert program_fills_cores("Java", compiled_java(run_folder), evidence)


NOBODY_ASKS = 60.0
"""A switch interval in seconds, at which no spec lives to see a thread being asked for the GIL."""


def runs_during(call):
    """Whether a thread that is let go runs before the call, made at once by this one, is over."""
    gate, ran = threading.Lock(), []

    def run():
        with gate:
            ran.append(True)

    thread = threading.Thread(target=run)
    with gate:
        thread.start()
    call()
    before_the_end = bool(ran)
    join(thread)
    return before_the_end


def others_run_during(call, control, evidence):
    """Whether other threads run during a call, as they do during the control."""
    gc.disable()  # PyPy hands the GIL over after each major collection, whatever the interval
    with switch_interval(NOBODY_ASKS):
        return reaches_mark(
            {"en": "another thread ran during the call", "zh": "调用期间有别的线程运行"},
            Side("GIL", lambda: float(runs_during(call)), 1.0),
            Side({"en": "GIL let go", "zh": "释放 GIL"}, lambda: float(runs_during(control)), 1.0),
            evidence,
        )


def hash_password(rounds=20_000):
    """Some 10 ms of C that let go of the GIL."""
    hashlib.pbkdf2_hmac("sha256", b"password", b"salt", rounds)


def backtrack():
    """Some 10 ms of C, or of PyPy's own code, that need the GIL: the pattern matches nowhere."""
    re.search("(x+x+)+y", "x" * 17)


@claim("thread-holds-gil-to-run", falsified_by="gil.not-kept-or-kept")
def test_a_thread_needs_the_gil_to_run(evidence):
    """No other thread runs during one long call that keeps the GIL; during one that lets go, it
    does."""
    assert not others_run_during(backtrack, hash_password, evidence)


@claim("gil-kept-in-pydll-call", falsified_by="gil.not-kept-or-kept")
def test_a_call_that_keeps_the_gil_stops_all_threads(evidence):
    """No other thread runs while the C library waits 10 ms, called by PyDLL; called by CDLL, it
    does."""
    waits = [library(None).poll for library in (ctypes.PyDLL, ctypes.CDLL)]
    keeps, lets_go = [functools.partial(poll, None, 0, 10) for poll in waits]
    assert not others_run_during(keeps, lets_go, evidence)


def turns(seconds):
    """Keep two threads busy; give how long each turn took, and how many steps.

    A turn begins after the other thread's last sign of life and ends before this thread is first
    seen to run again, so that it took no longer than what is given, whatever stopped the machine.
    The last turn is left out: it ends early, with its thread.
    """
    together = threading.Barrier(2)
    until = time.monotonic() + seconds
    alive, runs, log = [until, until], [None], []

    def run(me):
        steps = 0
        together.wait(BOUND)
        while alive[me] <= until:
            for _ in range(100):
                if runs[0] != me:
                    log.append((alive[1 - me], time.monotonic(), steps))
                    runs[0], steps = me, 0
                steps += 1
            alive[me] = time.monotonic()

    in_threads(lambda: run(0), lambda: run(1))
    return [
        (next_seen - begun, steps)
        for (begun, _, _), (_, next_seen, _), (_, _, steps) in zip(log, log[1:], log[2:])
        if begun < until and next_seen < until
    ]


ENOUGH = 100
"""So many turns are no accident."""


def turns_up_to(steps):
    """Measure turns until one of them has had more steps than that, or ENOUGH have not."""
    seen = []
    deadline = time.monotonic() + BUDGET
    while len(seen) < ENOUGH and not had_more_than(steps, seen):
        if time.monotonic() > deadline:
            too_busy_for(steps, seen)
        seen += turns(4 * ROUND)
    return seen


def had_more_than(steps, seen):
    return any(taken > steps for _, taken in seen)


def too_busy_for(steps, seen):
    inconclusive(
        f"too busy a machine to measure on: {len(seen)} turns, none of more than {steps} steps",
        f"机器太忙，无法测量：{len(seen)} 次轮换，没有一次超过 {steps} 步",
    )


@claim("gil-released-every-100-bytecodes", falsified_by="gil.let-go-every-20-lines")
def test_a_turn_takes_100_bytecodes():
    """Count the steps of each turn: one is several bytecodes."""
    assert not had_more_than(100, turns_up_to(100))


@claim(
    "switch-interval-5ms", falsified_by=("gil.microsecond-interval", "gil.let-go-every-20-lines")
)
def test_a_turn_takes_5_ms(evidence):
    """Measure turns until one had thousands of steps; none is shorter than the interval."""
    assert sys.getswitchinterval() == 0.005
    seen = turns_up_to(10_000)
    evidence(turns=seen)
    assert min(seconds for seconds, _ in seen) >= 0.005
    if not had_more_than(10_000, seen):
        too_busy_for(10_000, seen)


@claim(
    "pypy-counts-bytecodes",
    falsified_by=("gil.interval-cannot-be-set", "gil.checked-every-100-bytecodes"),
)
def test_pypy_counts_bytecodes():
    """Look at the number of bytecodes behind the interval, before and after it is doubled."""
    assert sys.getswitchinterval() == 0.005
    assert sys.getcheckinterval() == 10_000
    with switch_interval(0.01):
        assert sys.getcheckinterval() == 20_000


@claim("busy-thread-gives-way", falsified_by="threads.one-after-the-other")
def test_a_busy_thread_gives_way():
    """A thread loops until this one, which needs the GIL for it, tells it to stop."""
    running = threading.Event()
    stop = False

    def loop():
        deadline = time.monotonic() + BOUND / 2
        running.set()
        while not stop:
            if time.monotonic() > deadline:
                return "never gave way"
        return "stopped"

    def tell_to_stop():
        nonlocal stop
        wait_for(running)
        stop = True

    assert in_threads(loop, tell_to_stop)[0] == "stopped"


def rally(cells, me, until):
    """Answer each change of the other cell by a change of the own one; give the number of them."""
    start = strokes = cells[me]
    while time.monotonic() < until:
        for _ in range(1000):
            if cells[1 - me] == (strokes + me) % 128:
                strokes += 1
                cells[me] = strokes % 128
    return strokes - start


def players():
    """Work for two: they answer each other through shared memory."""
    cells = multiprocessing.RawArray("B", 2)
    return [functools.partial(rally, cells, me) for me in (0, 1)]


@claim("threads-alternate", falsified_by="gil.answers-at-once-or-never")
def test_threads_only_take_turns(evidence):
    """Two threads that answer each other: taking turns, there is an answer a turn, 1 or 2
    in a round, or 6 on PyPy; at the same time there are hundreds, or thousands without PyPy's slow
    access to the memory, as between two processes."""
    workers()
    with Processes(players()) as control, Threads(players()) as subject:
        assert not reaches_mark(
            {"en": "answers in 10 ms", "zh": "10 毫秒内的应答次数"},
            Side(THREADS, lambda: min(subject().results), 100),
            Side(PROCESSES, lambda: min(control().results), 200),
            evidence,
        )


@claim("hundred-threads-one-core", falsified_by="cpu_time.as-without-or-with-gil")
def test_a_hundred_threads_use_one_core(evidence):
    """A hundred busy threads, against as many busy processes as cores."""
    with Processes([spin] * workers()) as control, Threads([spin] * 100) as subject:
        hundred = {"en": "100 threads", "zh": "100 个线程"}
        assert not uses_several_cores((hundred, subject), (PROCESSES, control), evidence)


@claim("cpython-has-gil", falsified_by="gil.not-kept-or-kept")
def test_this_interpreter_has_a_gil(evidence):
    """No other thread runs during a loop of Python code that nobody asks to give way."""
    built_without = bool(sysconfig.get_config_var("Py_GIL_DISABLED"))
    evidence(built_without_gil=built_without, gil_is_on=gil_is_on())
    assert not others_run_during(lambda: spin(time.monotonic() + 0.01), hash_password, evidence)


@claim("gil-is-a-build-option", falsified_by=("gil.option-ignored", "gil.build-option-denied"))
def test_the_gil_can_be_left_out_when_building():
    """Start this interpreter with the GIL switched off: it obeys only if it was built for that."""
    program = "import sys; print(sys._is_gil_enabled())"
    command = [sys.executable, "-Xgil=0", "-c", program]
    ended = subprocess.run(command, capture_output=True, text=True, check=False, timeout=BOUND)
    runs_without_gil = ended.stdout.strip() == "False"
    assert runs_without_gil or "not supported by this build" in ended.stderr
    assert runs_without_gil == bool(sysconfig.get_config_var("Py_GIL_DISABLED"))


@claim(
    "no-gil-needs-other-interpreter",
    falsified_by=("cpu_time.of-other-threads", "cpu_time.of-hashing"),
)
def test_this_interpreter_cannot_use_several_cores(evidence):
    """As many busy processes of it as cores, against threads in C that let go of the GIL."""
    with Processes([spin] * workers()) as processes, hashing_threads() as control:
        assert not uses_several_cores((PROCESSES, processes), (C_THREADS, control), evidence)


@claim("processes-use-cores", falsified_by=("cpu_time.of-other-threads", "cpu_time.of-hashing"))
def test_processes_fill_all_cores(evidence):
    """As many busy processes as cores, against threads in C that let go of the GIL."""
    with Processes([spin] * workers()) as processes, hashing_threads() as control:
        assert fills_cores((PROCESSES, processes), (C_THREADS, control), evidence)


def spin_in(interpreter, until):
    """Busy in another interpreter of this process, in this thread."""
    interpreter.prepare_main(until=until)
    interpreter.exec(
        "import time\nwhile time.monotonic() < until:\n    for _ in range(10_000): pass"
    )


@claim("subinterpreters-use-cores", falsified_by="cpu_time.of-main-threads")
def test_subinterpreters_fill_all_cores(evidence):
    """A busy thread for each of as many interpreters as cores, against processes."""
    from concurrent import interpreters  # noqa: PLC0415 - new in 3.14

    with Processes([spin] * workers()) as control:
        team = [interpreters.create() for _ in range(workers())]
        with Threads([functools.partial(spin_in, interpreter) for interpreter in team]) as subject:
            filled = fills_cores((SUBINTERPRETERS, subject), (PROCESSES, control), evidence)
        for interpreter in team:
            interpreter.close()
        assert filled


@claim(
    "threads-overlap-waiting",
    falsified_by=("connection.recv-does-not-wait", "connection.one-waits-at-a-time"),
)
def test_threads_wait_at_the_same_time():
    """Ten threads wait for a message each; it comes when all wait, to the last one first."""
    pipes = [multiprocessing.Pipe() for _ in range(10)]
    order = []

    def wait(end):
        end.send("about to wait")
        order.append(end.recv())
        end.send("done")

    def let_them_go():
        for end, _ in pipes:
            assert end.poll(BOUND)
            assert end.recv() == "about to wait"
        for number, (end, _) in reversed(list(enumerate(pipes))):
            end.send(number)
            assert end.poll(BOUND)
            assert end.recv() == "done"

    in_threads(let_them_go, *[functools.partial(wait, end) for _, end in pipes])
    assert order == list(reversed(range(10)))


def hash_passwords(until):
    while time.monotonic() < until:
        hash_password(rounds=2_000)


HARD_TO_COMPRESS = bytes(random.Random(0).choices(b"abcd", k=3_000))
"""Takes zlib some 2 ms. A longer text as fast to compress keeps PyPy copying it, with the GIL."""


def compress(until):
    while time.monotonic() < until:
        zlib.compress(HARD_TO_COMPRESS, 9)


def hashing_threads():
    return Threads([hash_passwords] * workers())


@claim("c-extension-uses-cores", falsified_by="cpu_time.of-main-threads")
@pytest.mark.parametrize("work", [hash_passwords, compress])
def test_threads_fill_all_cores_inside_c(work, evidence):
    """As many threads in C that lets go of the GIL as cores, against processes."""
    with Processes([spin] * workers()) as control, Threads([work] * workers()) as subject:
        name = {key: f"{text}, {work.__name__}" for key, text in C_THREADS.items()}
        assert fills_cores((name, subject), (PROCESSES, control), evidence)


@claim("only-c-extension", falsified_by="cpu_time.as-without-or-with-gil")
def test_only_c_lets_threads_use_several_cores(evidence):
    """Threads in Python code, against threads in C that let go of the GIL."""
    with Threads([spin] * workers()) as subject, hashing_threads() as control:
        assert not uses_several_cores((THREADS, subject), (C_THREADS, control), evidence)
