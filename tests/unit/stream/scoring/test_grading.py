"""Grading of leads as they are scored, if the settings name rules."""

from __future__ import annotations

from pathlib import Path

import pytest

from agents.lead_grades import grade_in
from schemas.errors import StartupError
from schemas.store import SchemaStore
from stream.scoring.grading import grades_of
from stream.settings import load_settings

FIT = """
[fit]
least = [70, 40, 20]
points = [{ field = "employees", at_least = 200, points = 50 }]
"""
LEAD = b'{"lead_id": "a", "created_at": 1790000000000, "employees": 900}'
STORE = SchemaStore.load()


def test_leads_are_graded_by_the_rules_of_the_start_until_the_end(tmp_path: Path) -> None:
    file = tmp_path / "sales.toml"
    file.write_text(FIT)
    settings = load_settings(grade_rules=file)
    for _ in range(2):
        grades = grades_of(settings, STORE, None)
        assert grades is not None
        [headers] = grades.headers_of([LEAD], [0])
        assert grade_in(headers) == "B"
        file.write_text("[fit]\nleast = [3, 2, 1]")  # another model is loaded, the rules stay


def test_without_rules_nothing_is_graded() -> None:
    assert grades_of(load_settings(), STORE, None) is None


@pytest.mark.parametrize(
    ("rules", "sentence"),
    [
        ('[account]\nfield = "email"', r"expected \[fit\] or \[engagement\]"),
        ("[fit]", "expected valid rules"),
        (None, "expected rules of sales"),
    ],
)
def test_rules_that_give_no_grade_stop_the_start(
    tmp_path: Path, rules: str | None, sentence: str
) -> None:
    file = tmp_path / "sales.toml"
    if rules is not None:
        file.write_text(rules)
    with pytest.raises(StartupError, match=sentence):
        grades_of(load_settings(grade_rules=file), STORE, None)
