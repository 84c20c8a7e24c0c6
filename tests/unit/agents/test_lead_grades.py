"""Grades of leads in headers of their scored events."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from agents.lead_grades import LeadGrades, grade_in
from agents.sales.grade import grade_of
from agents.sales.rules import Rules
from schemas.headers import GRADE
from schemas.record_reader import RecordReader
from schemas.store import SchemaStore

DAY_MS = 86_400_000
RULES = Rules.model_validate(
    {
        "fit": {
            "least": [70, 40, 20],
            "points": [{"field": "employees", "at_least": 200, "points": 50}],
        },
        "engagement": {
            "least": [60, 30, 10],
            "points": [
                {
                    "field": "visits",
                    "at_least": 5,
                    "points": 80,
                    "decay": {"since": "created_at", "half_life_days": 1},
                }
            ],
        },
    }
)
CREATED_AT = 1_790_000_000_000


def value(**fields: Any) -> bytes:
    return orjson.dumps({"lead_id": "a", "created_at": CREATED_AT, **fields})


@pytest.fixture
def grades() -> LeadGrades:
    return LeadGrades(RULES, RecordReader(SchemaStore.load()).read)


def test_a_grade_follows_from_the_fields_and_the_time_of_the_record(grades: LeadGrades) -> None:
    lead = value(employees=900, visits=9)
    times = [CREATED_AT, CREATED_AT + DAY_MS, CREATED_AT + 2 * DAY_MS, CREATED_AT + 4 * DAY_MS]
    found = grades.headers_of([lead] * 4, times)
    assert [grade_in(headers) for headers in found] == ["B1", "B2", "B3", "B4"]
    assert [grade_in(headers) for headers in found] == [
        str(grade_of(orjson.loads(lead), RULES, at)) for at in times
    ]


def test_a_lead_that_can_not_be_read_has_a_header_without_a_grade(grades: LeadGrades) -> None:
    broken, without = grades.headers_of([b"\xc3\x01broken", value()], [CREATED_AT] * 2)
    assert broken == [(GRADE, b"")]
    assert grade_in(broken) is None
    assert grade_in(without) == "D4"


@pytest.mark.parametrize(
    "headers", [[], [("ce_type", b"B2")], [(GRADE, None)], [(GRADE, b"E9")], [(GRADE, b"\xff")]]
)
def test_other_values_are_no_grade(headers: list[tuple[str, bytes | None]]) -> None:
    assert grade_in(headers) is None


@pytest.mark.parametrize("grade", ["A", "4", "D4"])
def test_a_part_alone_is_a_grade(grade: str) -> None:
    assert grade_in([(GRADE, grade.encode())]) == grade
