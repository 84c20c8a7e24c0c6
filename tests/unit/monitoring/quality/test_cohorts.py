import numpy as np

from monitoring.quality.cohorts import WEEK_MS, cohort_weeks, week_name

MONDAY = 1_798_416_000_000
"""2026-12-28, a Monday, 00:00 UTC."""


def test_a_week_begins_on_monday() -> None:
    times = np.array([MONDAY - 1, MONDAY, MONDAY + WEEK_MS - 1, MONDAY + WEEK_MS])
    expected = [MONDAY - WEEK_MS, MONDAY, MONDAY, MONDAY + WEEK_MS]
    assert cohort_weeks(times).tolist() == expected


def test_times_before_1970_are_in_weeks_too() -> None:
    assert cohort_weeks(np.array([0, -1])).tolist() == [-3 * 86_400_000] * 2


def test_weeks_at_the_turn_of_a_year_are_named_by_iso_8601() -> None:
    assert week_name(MONDAY) == "2026-W53"
    assert week_name(MONDAY + WEEK_MS) == "2027-W01"
