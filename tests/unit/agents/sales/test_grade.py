"""Grades follow from the fields and the rules, and points grow old."""

from __future__ import annotations

from typing import Any

import pytest

from agents.sales.grade import Grade, grade_of, time_ms
from agents.sales.rules import Rules

DAY = 86_400_000
NOW = 1_790_000_000_000
RULES = Rules.model_validate(
    {
        "fit": {
            "least": [70, 40, 20],
            "points": [
                {"field": "employees", "at_least": 200, "at_most": 5000, "points": 40},
                {"field": "industry", "one_of": ["Software", "finance"], "points": 30},
                {"field": "phone", "is_known": True, "points": 10},
                {"field": "is_student", "one_of": [True], "points": -100},
            ],
        },
        "engagement": {
            "least": [60, 30, 10],
            "points": [
                {
                    "field": "visits",
                    "at_least": 5,
                    "points": 80,
                    "decay": {"since": "last_visit", "half_life_days": 7},
                }
            ],
        },
    }
)


@pytest.mark.parametrize(
    ("lead", "grade"),
    [
        ({}, "D4"),
        ({"employees": 200}, "B4"),
        ({"employees": "5000", "industry": " SOFTWARE "}, "A4"),
        ({"employees": 5001, "industry": "software"}, "C4"),
        ({"employees": True}, "D4"),
        ({"employees": "many"}, "D4"),
        ({"employees": 300, "phone": ""}, "B4"),
        ({"industry": "finance", "phone": "+49"}, "B4"),
        ({"employees": 300, "industry": "finance", "is_student": True}, "D4"),
        ({"visits": 9, "last_visit": NOW}, "D1"),
        ({"visits": 9, "last_visit": NOW - 7 * DAY}, "D2"),
        ({"visits": 9, "last_visit": NOW - 21 * DAY}, "D3"),
        ({"visits": 9, "last_visit": NOW - 60 * DAY}, "D4"),
        ({"visits": 9, "last_visit": "2026-09-21T14:13:20Z"}, "D1"),
        ({"visits": 9}, "D4"),
    ],
)
def test_the_grade_of_a_lead(lead: dict[str, Any], grade: str) -> None:
    assert str(grade_of(lead, RULES, NOW)) == grade


def test_a_grade_has_its_points() -> None:
    lead = {"employees": 300, "phone": "1", "visits": 9, "last_visit": NOW - 7 * DAY}
    assert grade_of(lead, RULES, NOW) == Grade("B", "2", 50.0, 40.0)


def test_without_rules_for_a_part_the_grade_lacks_it() -> None:
    fit = Rules(fit=RULES.fit)
    assert str(grade_of({"employees": 300}, fit, NOW)) == "B"


def test_a_time_ahead_of_the_record_does_not_add_points() -> None:
    lead = {"visits": 9, "last_visit": NOW + 30 * DAY}
    assert grade_of(lead, RULES, NOW).engagement_points == 80.0


@pytest.mark.parametrize("value", [None, "soon", float("nan"), float("inf"), 1e300, True, [1]])
def test_another_value_than_a_time_is_read_as_none(value: Any) -> None:
    assert time_ms(value) is None
