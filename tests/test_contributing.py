"""CONTRIBUTING.md: what it quotes of the repository stands there."""

import re

import pytest

from tests.conftest import ROOT

QUOTED = re.findall(
    r"```(?:toml|python)\n(.*?)```",
    (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8"),
    re.DOTALL,
)
FILES = [
    "specs/processes/claims.toml",
    "specs/processes/test_fork.py",
    "concspec/sabotage/fork.py",
]


@pytest.mark.parametrize(("quoted", "file"), [*zip(QUOTED, FILES)])
def test_the_example_stands_in_the_repository(quoted, file):
    """Word by word, but for what silences the linter."""
    text = (ROOT / file).read_text(encoding="utf-8")
    assert quoted in re.sub(r"  # noqa: .*", "", text)


def test_there_are_three_quotations():
    assert len(QUOTED) == len(FILES)
