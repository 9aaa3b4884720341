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
    ],
)
def test_all_else_is_refused_with_what_is_wrong(text, complaint):
    with pytest.raises(ConditionError, match=complaint.replace("(", r"\(")):
        holds(text, FACTS)
