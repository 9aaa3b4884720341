"""CONTRIBUTING.md and README.md: what they quote of the repository stands there."""

import re
from textwrap import dedent

import pytest

from tests.conftest import ROOT


def blocks(text):
    """The blocks of code in a text, also those in its lists."""
    found = re.findall(r"^ *```(?:toml|python)\n(.*?)^ *```", text, re.DOTALL | re.MULTILINE)
    return [dedent(block) for block in found]


CONTRIBUTING = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
README = (ROOT / "README.md").read_text(encoding="utf-8")
[ADD_A_CLAIM] = re.findall(r"^## Add a claim\n(.*?)^## ", README, re.DOTALL | re.MULTILINE)
QUOTED = [*blocks(CONTRIBUTING), *blocks(ADD_A_CLAIM)]
FILES = [
    "specs/processes/claims.toml",
    "specs/processes/test_fork.py",
    "concspec/sabotage/fork.py",
    "specs/processes/claims.toml",
    "specs/processes/test_fork.py",
]


@pytest.mark.parametrize(("quoted", "file"), [*zip(QUOTED, FILES)])
def test_the_example_stands_in_the_repository(quoted, file):
    """Word by word, but for what silences the linter."""
    text = (ROOT / file).read_text(encoding="utf-8")
    assert quoted in re.sub(r"  # noqa: .*", "", text)


def test_there_are_as_many_quotations_as_files():
    assert len(QUOTED) == len(FILES)


@pytest.mark.parametrize("document", ["README.md", "README.zh.md", "CONTRIBUTING.md", "docs/ci.md"])
def test_options_of_pytest_have_an_equals_sign_before_a_path(document):
    """pytest takes a path that stands alone for one of tests, and for its root if it exists."""
    text = (ROOT / document).read_text(encoding="utf-8")
    assert re.findall(r"--(?:results|report|benchmark-json) .*", text) == []
