"""Which times of leads are refused."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from schemas.errors import ErrorCode
from schemas.number_reading import NumberReading
from schemas.plausible_times import PlausibleTimes
from schemas.readings import Reading
from schemas.time_reading import TimeReading

NOW = 1_760_000_000_000
DAY = 86_400_000
YEAR = 365 * DAY


def refused(
    created: Sequence[float],
    dates: Sequence[float] | None = None,
    reading: Reading | None = None,
    came_at: int = NOW,
    **options: Any,
) -> list[int]:
    times = PlausibleTimes({} if reading is None else {"d": reading}, **options)
    n = len(created)
    verdicts = times.verdicts(
        {"d": np.array(dates or [np.nan] * n)}, np.full(n, came_at), np.array(created)
    )
    assert all(verdict.code is ErrorCode.TIME for verdict in verdicts.values())
    return sorted(verdicts)


def test_a_creation_from_1990_to_a_day_after_the_lead_came() -> None:
    assert refused([NOW / 1000, 0, NOW - 30 * YEAR, NOW, NOW + DAY, NOW + DAY + 1]) == [0, 1, 5]


def test_a_creation_that_is_not_known_is_not_judged() -> None:
    assert refused([np.nan, NOW / 1000, np.nan]) == [1]


def test_the_bounds_are_settings() -> None:
    assert refused([0, NOW + 2 * DAY], earliest_ms=0, ahead_ms=3 * DAY) == []


def test_a_record_without_a_time_bounds_nothing_but_2100() -> None:
    assert refused([NOW + YEAR, NOW * 1000], came_at=-1) == [1]


def test_a_date_is_judged_as_the_training_data_have_it() -> None:
    dates = [NOW / 1000, NOW, np.nan, NOW + YEAR]
    created = [NOW] * 4
    assert refused(created, dates, TimeReading()) == [0, 3]
    recent = TimeReading(earliest=NOW - YEAR, latest=NOW - DAY)
    assert refused(created, dates, recent) == [0, 3]
    ahead = TimeReading(earliest=NOW - YEAR, latest=NOW + YEAR)
    assert refused(created, dates, ahead) == [0]
    births = TimeReading(earliest=-30 * YEAR, latest=30 * YEAR)
    assert refused(created, [-40 * YEAR, 0, np.nan, 10 * YEAR], births) == []


def test_numbers_and_dates_of_which_nothing_is_known_are_not_judged() -> None:
    assert refused([NOW], [5.0], NumberReading()) == []
    assert refused([NOW], [5.0]) == []


def test_the_verdict_says_what_is_expected_and_not_what_came() -> None:
    verdicts = PlausibleTimes({}).verdicts({}, np.array([NOW]), np.array([1_704_270_060]))
    assert "created_at: expected a time from 1990 on, at most 1 day" in verdicts[0].message
    assert "LEADSCORE_EARLIEST_YEAR" in verdicts[0].message
    assert "1704270060" not in verdicts[0].message
