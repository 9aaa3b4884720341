"""Conditions: what they may say, and what they answer."""

import pytest

from concspec.condition import ConditionError, holds

FACTS = {
    "cpython": True,
    "pypy": False,
    "version": (3, 14),
    "gil": True,
    "start_method": "forkserver",
    "cpus": 2,
}


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("cpython", True),
        ("pypy", False),
        ("not pypy", True),
        ("version >= (3, 10)", True),
        ("version < (3, 10)", False),
        ("(3, 9) <= version < (3, 13)", False),
        ("start_method == 'forkserver'", True),
        ("cpython and version >= (3, 14) and not gil", False),
        ("pypy or (cpus > 1 and gil)", True),
        ("True", True),
        ("start_method in ('spawn', 'forkserver')", True),
        ("start_method not in ('spawn', 'forkserver')", False),
        ("version in ((3, 13), (3, 14))", True),
        ("gil != pypy", True),
    ],
)
def test_a_condition_is_evaluated_over_the_facts(text, answer):
    assert holds(text, FACTS) is answer


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("cpython and", "does not parse"),
        ("", "does not parse"),
        ("jython", "names 'jython', which is none of cpus, cpython, gil"),
        ("version >= '3.10'", "cannot be compared"),
        ("pypy and version >= '3.10'", "cannot be compared"),
        ("__import__('os')", "has a Call"),
        ("version[0] == 3", "has a Subscript"),
        ("version.real", "has a Attribute"),
        ("(lambda: 1)", "has a Lambda"),
        ("[x for x in version]", "has a ListComp"),
        ("version is (3, 14)", "has a Is, "),
        ("version == '3.14'", "cannot be compared"),
        ("version == 3.14", "cannot be compared"),
        ("version == (3, 13, 0)", "cannot be compared"),
        ("version == (3, '13')", "cannot be compared"),
        ("(3, 9) < version < 4", "cannot be compared"),
        ("gil == 'yes'", "cannot be compared"),
        ("gil == 1", "cannot be compared"),
        ("cpus in (1, '2')", "cannot be compared: 2, '2'"),
        ("pypy and 'fork' in start_method", "looks into 'forkserver', which is no tuple"),
        ("start_method == 'forkservr'", "names 'forkservr', which is none of fork, "),
        ("'x' == start_method", "names 'x', which is none of fork, forkserver, spawn"),
        ("start_method in ('spawn', 'fork ')", "names 'fork ', which is none of"),
        ("cpus", "has cpus, which is neither true nor false"),
        ("'x'", "has 'x', which is neither true nor false"),
        ("pypy and cpus", "has cpus, which is neither true nor false"),
        ("not cpus", "has cpus, which is neither true nor false"),
    ],
)
def test_all_else_is_refused_with_what_is_wrong(text, complaint):
    with pytest.raises(ConditionError, match=complaint.replace("(", r"\(")):
        holds(text, FACTS)
