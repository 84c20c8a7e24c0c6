"""Dates as numbers: which times are dates, their parts, and their ages."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from features.field_spec import DAY_MS, DatePart
from features.reference import WEEKDAYS

__all__ = ["HOUR_MS", "ages_in_days", "date_part", "is_date"]

HOUR_MS = 3_600_000
LATEST_DATE_MS = 1e14
"""A date further than 3,000 years from 1970 counts as missing."""
FIRST_WEEKDAY = 3
"""1970-01-01 was a Thursday; Monday is 0."""


def is_date(values: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Return which times in ms since 1970 are dates; NaN, and what is too far off, is missing."""
    known: NDArray[np.bool_] = np.abs(values) <= LATEST_DATE_MS
    return known


def ages_in_days(
    values: NDArray[np.float64],
    created_at: NDArray[np.float64],
    *,
    whole_days: bool,
    shifts: tuple[int, int] = (0, 0),
) -> NDArray[np.float64]:
    """Return how old dates were when their leads were created.

    As float32, in which the model reads them, ages of up to 45 years are exact to three minutes,
    of up to 3 years to ten seconds.

    Parameters
    ----------
    values, created_at
        float64, shape (n,): milliseconds since 1970, UTC; NaN is missing.
    whole_days
        Whether the clock does not count: the days from one date to the other.
    shifts
        Added to dates and creations before their day is taken, in ms.

    Returns
    -------
    ndarray of float64, shape (n,)
        Days; negative where the date is later than the creation, NaN where one of them is missing.
    """
    known = is_date(values) & is_date(created_at)
    earlier, later = np.where(known, values, np.nan), np.where(known, created_at, np.nan)
    if whole_days:
        of_date, of_creation = shifts
        return np.floor((later + of_creation) / DAY_MS) - np.floor((earlier + of_date) / DAY_MS)
    return (later - earlier) / DAY_MS


def date_part(times: NDArray[np.float64], part: DatePart) -> NDArray[np.int64]:
    """Return a part of times in ms since 1970 UTC, none of them missing; not for ages."""
    ms = times.astype(np.int64)
    days: NDArray[np.int64] = ms // DAY_MS
    if part is DatePart.HOUR:
        return (ms - days * DAY_MS) // HOUR_MS
    if part is DatePart.WEEKDAY:
        return (days + FIRST_WEEKDAY) % len(WEEKDAYS)
    months = days.astype("datetime64[D]").astype("datetime64[M]")
    first: NDArray[np.int64] = months.astype("datetime64[D]").astype(np.int64)
    if part is DatePart.DAY:
        return days - first + 1
    month: NDArray[np.int64] = months.astype(np.int64) % 12 + 1
    return month
