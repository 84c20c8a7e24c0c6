"""CONTRIBUTING's table *where to change what*: its files exist, and no change touches many."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
MOST = 3
"""Places that one change touches at most."""
PATH = re.compile(r"`((?:\w+/)+[\w.-]*)`")
OR = re.compile(r"\bor `(?:\w+/)+[\w.-]*`")
"""One place instead of another, which counts once."""


def rows() -> dict[str, str]:
    """Return what each row says, by what is to be added."""
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    section = text.split("### Where to change what", 1)[1].split("\n## ", 1)[0]
    cells = re.findall(r"^\| (.+?) \| (.+) \|$", section, re.MULTILINE)
    return {what: where for what, where in cells if what != "to add"}


def places(where: str) -> int:
    return len(PATH.findall(where)) - len(OR.findall(where))


@pytest.mark.parametrize("what", rows())
def test_each_change_has_places_that_exist_and_at_most_three(what: str) -> None:
    where = rows()[what]
    missing = [path for path in PATH.findall(where) if not (ROOT / path).exists()]
    assert missing == []
    assert 1 <= places(where) <= MOST, where


def test_the_changes_that_newcomers_ask_for_are_listed() -> None:
    assert {
        *("a field of the scored event", "an error code", "a metric", "a setting", "a command"),
        *("a drift statistic", "a wire format", "an engine", "a trainer", "a topic", "an alert"),
        "a sink",
    } <= set(rows())


def test_one_place_instead_of_another_counts_once() -> None:
    assert places("`schemas/a.py`, `schemas/b.py` (x); then `agents/c.py` (y) or `model/d/`") == 3
