"""Times of day, read and written."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.clock_times import read_clock, written_clock

MINUTE, HOUR = 60_000, 3_600_000


@pytest.mark.parametrize(
    ("text", "ms"),
    [
        ("14:30", 14 * HOUR + 30 * MINUTE),
        ("2:30 PM", 14 * HOUR + 30 * MINUTE),
        ("2.30 p.m.", 14 * HOUR + 30 * MINUTE),
        ("2 pm", 14 * HOUR),
        ("12:05 am", 5 * MINUTE),
        ("12:05 pm", 12 * HOUR + 5 * MINUTE),
        ("00:00:00", 0),
        ("23:59:59.999", 24 * HOUR - 1),
        ("09:00:00,5", 9 * HOUR + 500),
        ("09:00 UTC", 9 * HOUR),
        (" 09:00+00:00 ", 9 * HOUR),
    ],
)
def test_a_time_of_day_is_read_in_milliseconds_since_midnight(text: str, ms: float) -> None:
    assert read_clock(text) == ms


@pytest.mark.parametrize(
    "text",
    ["25:00", "24:00", "12:60", "12:00:60", "13:00 PM", "0:30 AM", "14.30", "7", "", "09:00+02:00"],
)
def test_other_text_is_no_time_of_day(text: str) -> None:
    assert read_clock(text) is None


@given(st.integers(0, 24 * 3600 - 1))
def test_a_time_of_day_that_is_written_is_read_back(second: int) -> None:
    assert read_clock(written_clock(second * 1000.0)) == second * 1000.0


def test_seconds_are_written_only_where_there_are_any() -> None:
    assert (written_clock(52_200_000.0), written_clock(52_201_000.0)) == ("14:30", "14:30:01")
