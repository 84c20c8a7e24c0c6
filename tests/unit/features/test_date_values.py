"""Parts and ages of dates, by the calendar."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from features.date_values import ages_in_days, date_part, is_date
from features.field_spec import DAY_MS, DatePart

NAN = float("nan")


@given(st.datetimes(datetime(1000, 1, 1), datetime(4000, 1, 1), timezones=st.just(UTC)))
@settings(deadline=None)
def test_date_parts_are_those_of_datetime(moment: datetime) -> None:
    times = np.array([np.floor(moment.timestamp() * 1000)])
    expected = datetime.fromtimestamp(times[0] / 1000, UTC)
    parts = (DatePart.HOUR, DatePart.WEEKDAY, DatePart.DAY, DatePart.MONTH)
    assert [date_part(times, part)[0] for part in parts] == [
        *(expected.hour, expected.weekday(), expected.day, expected.month)
    ]


def test_a_time_far_from_1970_is_no_date() -> None:
    assert is_date(np.array([0, 1e14, -1e14, 1.1e14, NAN])).tolist() == [
        *(True, True, True, False, False)
    ]


def test_an_age_in_whole_days_ignores_the_clock() -> None:
    created = DAY_MS * np.array([20.99, 20.0, 20.01, -3.5])
    dates = DAY_MS * np.array([19.0, 19.99, 20.99, -4.0])
    assert ages_in_days(dates, created, whole_days=True).tolist() == [1, 1, 0, 0]


def test_a_local_midnight_is_the_day_that_begins() -> None:
    """22:00 UTC is the next day in a zone two hours ahead."""
    dates, created = DAY_MS * np.array([19 + 22 / 24]), DAY_MS * np.array([20.5])
    assert ages_in_days(dates, created, whole_days=True).tolist() == [1]
    shifted = ages_in_days(dates, created, whole_days=True, shifts=(2 * DAY_MS // 24, 0))
    assert shifted.tolist() == [0]


def test_an_age_needs_both_dates() -> None:
    ages = ages_in_days(np.array([NAN, 0.0]), np.array([0.0, NAN]), whole_days=False)
    assert np.isnan(ages).all()
