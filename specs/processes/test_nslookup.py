"""Notes 1.3b and 1.4, lines 123-179: nslookup as a child, called and talked to.

It asks a name server that runs in a thread of the spec, knows the names recorded in the notes,
and listens on a free port of loopback. Where nslookup must ask the server that the system is
configured with, it does so in a network of its own, in which there is nothing but loopback.
"""

import os
import select
import shutil
import socket
import subprocess
import sys
from pathlib import Path
from subprocess import PIPE

import pytest

from concspec import claim, inconclusive
from concspec.children import BOUND, interpreter_options, pseudo_terminal, run_program
from specs.processes import nameserver

CALL = Path(__file__).parent / "listings" / "call.py"
COMMUNICATE = Path(__file__).parent / "listings" / "communicate.py"

ADDRESS_RECORDED = [
    "Non-authoritative answer:",
    "www.python.org\tcanonical name = dualstack.python.map.fastly.net.",
    "Name:\tdualstack.python.map.fastly.net",
    "Address: 151.101.228.223",
]
MAIL_RECORDED = [
    "Non-authoritative answer:",
    "python.org\tmail exchanger = 50 mail.python.org.",
    "Authoritative answers can be found from:",
    "mail.python.org\tinternet address = 82.94.164.166",
    "mail.python.org\thas AAAA address 2001:888:2000:d::a6",
]


def need(tool, package):
    if shutil.which(tool) is None:
        inconclusive(f"{tool} is missing: install {package}", f"缺少 {tool}：请安装 {package}")


@pytest.fixture(autouse=True)
def nslookup_is_there():
    if os.name == "nt":
        inconclusive(
            "the nslookup of Windows is not BIND's: run this on Linux or macOS",
            "Windows 的 nslookup 不是 BIND 的那一个：请在 Linux 或 macOS 上运行",
        )
    need("nslookup", "bind9-dnsutils")


@pytest.fixture
def port():
    """Serve the notes' names, and give the port to ask."""
    with nameserver.serve() as port:
        yield port


def call(port, name):
    return subprocess.call(["nslookup", f"-port={port}", name, nameserver.ADDRESS])


def server(port):
    """What nslookup writes of the server that it has asked."""
    return [f"Server:\t\t{nameserver.ADDRESS}", f"Address:\t{nameserver.ADDRESS}#{port}"]


def text(lines):
    """The lines that are not empty."""
    return [line for line in lines if line]


@claim("nslookup-exit-zero", falsified_by=("nameserver.refuses", "programs.another-is-run"))
def test_nslookup_of_an_existing_name_exits_with_zero(port):
    """Call it for the notes' name."""
    assert call(port, "www.python.org") == 0


@claim(
    "nslookup-prints-record",
    falsified_by=("nameserver.hides-aliases", "nameserver.claims-authority"),
)
def test_nslookup_prints_the_recorded_answer(port):
    """Run the listing and compare all that nslookup wrote, the server's address apart."""
    arguments = [f"-port={port}", "www.python.org", nameserver.ADDRESS]
    printed = text(run_program(CALL, *arguments, terminal=True).lines)
    assert printed[1:-1] == [*server(port), *ADDRESS_RECORDED]
    assert printed[-1] == "exit status 0"


@claim("nslookup-heading-first", falsified_by="stdout.block-by-block")
def test_the_heading_comes_first(port):
    """Run the listing on a pseudo-terminal, where Python writes line by line."""
    ended = run_program(CALL, f"-port={port}", "python.org", nameserver.ADDRESS, terminal=True)
    assert ended.lines[0].startswith("$ nslookup")


@claim("nslookup-heading-first-in-a-pipe", falsified_by="stdout.line-by-line")
def test_the_heading_comes_first_in_a_pipe(port):
    """Run the listing with its output in a pipe, as Python buffers it by default."""
    ended = run_program(CALL, f"-port={port}", "python.org", nameserver.ADDRESS)
    assert ended.lines[0].startswith("$ nslookup")


@claim(
    "nslookup-failure-code", falsified_by=("nameserver.knows-every-name", "programs.exit-code-zero")
)
def test_nslookup_of_an_unknown_name_fails(port):
    """Ask the server for a name that it does not have."""
    assert call(port, "nosuch.python.org") != 0


@claim("nslookup-failure-code", falsified_by="programs.exit-code-zero")
def test_nslookup_without_a_server_fails():
    """Ask a port that refuses: its one socket is connected, and hears nobody but its peer."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as deaf:
        deaf.bind((nameserver.ADDRESS, 0))
        deaf.connect(deaf.getsockname())
        assert call(deaf.getsockname()[1], "www.python.org") != 0


def run_in_own_network(listing, folder):
    """Run a listing where the only name server is ours, on loopback, and nothing else is there.

    Its mounts are its own too, so that it has another /etc/resolv.conf than everybody else.
    """
    need("unshare", "util-linux")
    configuration = folder / "resolv.conf"
    configuration.write_text(f"nameserver {nameserver.ADDRESS}\n")
    replaced = 'mount --bind "$0" /etc/resolv.conf && exec "$@"'
    as_root = [] if os.geteuid() == 0 else ["--map-root-user"]
    prefix = ["unshare", "--mount", "--net", *as_root, "sh", "-c", replaced, str(configuration)]
    allowed = subprocess.run([*prefix, "true"], stderr=PIPE, text=True, check=False)
    if allowed.returncode:
        inconclusive(
            f"namespaces need root and CAP_SYS_ADMIN here: {allowed.stderr.strip()}",
            f"此处创建命名空间需要 root 和 CAP_SYS_ADMIN：{allowed.stderr.strip()}",
        )
    python = [sys.executable, *interpreter_options()]
    command = [*prefix, *python, nameserver.__file__, *python, "-u", str(listing)]
    return text(subprocess.run(command, stdout=PIPE, text=True, check=True).stdout.splitlines())


@claim(
    "nslookup-listing-verbatim",
    falsified_by=("nameserver.another-port", "nameserver.reverses-addresses"),
)
def test_the_notes_command_finds_its_server(tmp_path):
    """Run the listing as it is, with its own resolver configuration and network."""
    printed = run_in_own_network(CALL, tmp_path)
    heading = "$ nslookup www.python.org"
    assert printed == [heading, *server(53), *ADDRESS_RECORDED, "exit status 0"]


@claim("nslookup-dialogue", falsified_by=("communicating.loses-input", "nameserver.adds-nothing"))
def test_nslookup_answers_what_it_is_fed(port):
    """Run the listing and compare all that nslookup wrote, the server's address apart."""
    printed = text(run_program(COMMUNICATE, f"-port={port}", "-", nameserver.ADDRESS).lines)
    assert printed[1:] == [*server(port), *MAIL_RECORDED, "exit status 0"]


@claim(
    "dialogue-listing-verbatim",
    falsified_by=("nameserver.another-port", "communicating.loses-last-line-of-output"),
)
def test_the_notes_dialogue_finds_its_server(tmp_path):
    """Run the listing as it is, with its own resolver configuration and network."""
    printed = run_in_own_network(COMMUNICATE, tmp_path)
    assert printed == ["$ nslookup", *server(53), *MAIL_RECORDED, "exit status 0"]


def feed(port, *lines):
    """Feed nslookup these lines and the end of input; give what it wrote and its exit code.

    The code is None if it did not end.
    """
    command = ["nslookup", f"-port={port}", "-", nameserver.ADDRESS]
    nslookup = subprocess.Popen(command, stdin=PIPE, stdout=PIPE, text=True)
    try:
        output, _ = nslookup.communicate("".join(f"{line}\n" for line in lines), timeout=BOUND)
    except subprocess.TimeoutExpired:
        with nslookup:  # closes the pipes, and reaps it
            nslookup.kill()
        return [], None
    return text(output.splitlines()), nslookup.returncode


def type_in(port, *lines):
    """Type these lines on a terminal, each at a prompt; give what was written between them.

    The terminal does not echo: when a line comes before nslookup's line editor has taken the
    terminal over, both would.
    """
    command = ["nslookup", f"-port={port}", "-", nameserver.ADDRESS]
    master, slave = pseudo_terminal(echo=False)
    output = b""
    with (
        subprocess.Popen(command, stdin=slave, stdout=slave, stderr=slave) as nslookup,
        open(master, "rb", buffering=0),
        open(slave, "rb", buffering=0),  # both close before the wait: who still reads ends then
    ):
        for line in lines:
            while not output.endswith(b"> "):
                assert select.select([master], [], [], BOUND)[0]
                output += os.read(master, 4096)
            output = output[: -len(b"> ")]
            os.write(master, line.encode() + b"\n")
        code = nslookup.wait(BOUND)
    return text(output.decode().splitlines()), code


@claim(
    "dialogue-same-as-typed", falsified_by=("communicating.loses-input", "nameserver.answers-once")
)
def test_feeding_is_the_same_as_typing(port):
    """Feed the notes' lines, and type them into a pseudo-terminal: compare answers and codes."""
    dialogue = ("set q=mx", "python.org", "exit")
    answers = [*server(port), *MAIL_RECORDED]
    assert feed(port, *dialogue) == (answers, 0)
    assert type_in(port, *dialogue) == (answers, 0)


@claim("dialogue-exit-needed", falsified_by="communicating.leaves-input-open")
def test_nslookup_goes_on_without_exit(port):
    """Feed it no ``exit`` and see whether it has ended."""
    _, code = feed(port, "set q=mx", "python.org")
    assert code is None


@claim(
    "dialogue-end-of-input-ends",
    falsified_by=("communicating.leaves-input-open", "communicating.loses-last-line-of-input"),
)
def test_the_end_of_input_ends_nslookup(port):
    """Compare what it does without ``exit`` with what it does at ``exit``."""
    dialogue = ("set q=mx", "python.org")
    assert feed(port, *dialogue) == feed(port, *dialogue, "exit") != ([], None)
