"""A file of rules is read, or refused with its place."""

from __future__ import annotations

from pathlib import Path

import pytest

from agents.sales.rules import read_rules
from schemas.errors import StartupError

FILE = """
[fit]
least = [70, 40, 20]
points = [
    { field = "employees", at_least = 200, points = 40 },
    { field = "industry", one_of = ["software", 7, true], points = 30 },
]

[account]
field = "email"
by_domain = true
"""


def test_a_file_has_the_parts_that_it_declares(tmp_path: Path) -> None:
    file = tmp_path / "sales.toml"
    file.write_text(FILE)
    rules = read_rules(file)
    assert rules.fit is not None
    assert rules.fit.points[1].one_of == ("software", 7, True)
    assert rules.account is not None
    assert "gmail.com" in rules.account.ignore
    assert rules.engagement is None


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", r"expected \[fit\]"),
        ("[fit", "expected TOML"),
        ("[fitt]\n", "fitt"),
        ('[fit]\nleast = [1, 2, 3]\npoints = [{field="a", at_least=1, points=1}]', "fit.least"),
        ('[fit]\nleast = [3, 2, 1]\npoints = [{field="a", points=1}]', "expected at_least"),
        ("[fit]\nleast = [3, 2, 1]\npoints = []", "fit.points"),
        ("[account]", "account.field"),
    ],
)
def test_a_file_that_is_not_valid_is_refused_with_the_place(
    tmp_path: Path, text: str, sentence: str
) -> None:
    file = tmp_path / "sales.toml"
    file.write_text(text)
    with pytest.raises(StartupError, match=sentence):
        read_rules(file)


def test_a_file_that_is_missing_is_named(tmp_path: Path) -> None:
    with pytest.raises(StartupError, match="No such file"):
        read_rules(tmp_path / "none.toml")
