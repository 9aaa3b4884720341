"""A small catalogue in parts."""

import re

NOTES = """
lines = 10
[[section]]
id = "1"
en = "First"
zh = "第一节"
[[section]]
id = "2"
en = "Second"
zh = "第二节"
"""

SETTINGS = """
[pytest]
addopts = --import-mode=importlib --strict-markers --strict-config
pythonpath = .
testpaths = specs
xfail_strict = true
filterwarnings =
    error
    ignore:Benchmarks are automatically disabled
"""

SHORT_BOUND = """
pytest_plugins = ["concspec.plugin"]
import concspec.server
concspec.server.BOUND = 1.0
"""

SHORT_GRACE = """
pytest_plugins = ["concspec.plugin"]
import concspec.guard
concspec.guard.GRACE = 0.1
"""

INTERRUPTIBLE = """
import signal, sys, pytest

signal.signal(signal.SIGINT, signal.default_int_handler)  # a background job starts without it
sys.exit(pytest.main(sys.argv[1:]))
"""
"""A pytest that an interrupt reaches, as it does at a terminal."""


def claim_table(slug, *more, section="1", lines="1"):
    """Give the TOML of a claim; ``more`` are further lines of it."""
    head = [
        "[[claim]]",
        f'slug = "{slug}"',
        f'section = "{section}"',
        f'lines = "{lines}"',
        f'en = "Text of {slug}."',
        f'zh = "{slug} 的说明。"',
    ]
    return "\n".join([*head, *more, ""])


REFUTED = """[[claim.refuted]]
en = "Because of this."
zh = "原因如此。"
since = "CPython 3.2"
reference = "https://example.org/why"
"""

NOT_APPLICABLE = """[[claim.not_applicable]]
where = "version >= (3, 0)"
en = "There is none here."
zh = "这里没有。"
"""

EXPECTED_TO_HOLD = {
    "verdict": "holds",
    "where": "True",
    "reason": None,
    "since": None,
    "reference": None,
    "corrected_by": None,
}
"""What a results file says of a claim that makes no exceptions."""


def falsified(specs):
    """Name some falsifier wherever a spec names none: most tests are not about those."""
    falsifier = ', falsified_by="fork.pid-in-child")'
    return re.sub(r"(@claim\((?![^)]*falsified_by)[^)]+)\)", rf"\1{falsifier}", specs)
