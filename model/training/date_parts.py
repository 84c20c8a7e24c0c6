"""Choose the parts of dates that are features: hour, weekday, month and age where leads differ."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from features.date_values import HOUR_MS, ages_in_days, date_part, is_date
from features.field_spec import DAY_MS, DatePart
from features.spec import CREATED_AT
from schemas.fields import FieldKind

__all__ = ["DateParts", "choose_date_parts", "differ_in_days", "later_share"]

PARTS = (DatePart.HOUR, DatePart.WEEKDAY, DatePart.MONTH)
YEAR_DAYS = 350
"""Dates of a shorter time have no season: a month is then a stretch of calendar time, which never
comes again."""
MIDDLE = (0.01, 0.99)
"""The quantiles between which dates are that long: a few mistyped years don't make a season. Dates
that are one day between them are a constant for ages too."""
ZONE_STEP = HOUR_MS // 4
"""Zones differ from UTC by multiples of it."""
FARTHEST_BEHIND = 11 * HOUR_MS
"""Midnight of a zone behind UTC is earlier than this in UTC; later ones are of zones ahead."""
ENOUGH_MONTHS = 6
"""Different months, from which on it is no chance that all dates are the first of one."""
SEASON_DAYS = 150
"""Summer time and winter time last longer."""


@dataclass(frozen=True, slots=True)
class DateParts:
    """The parts of one date that are features.

    Attributes
    ----------
    parts
        In the order of the columns; empty where nothing differs between leads.
    whole_days
        Whether ages are counted from day to day.
    day_shift_ms
        Added to a time before its day is taken: of days at a local midnight.
    """

    parts: tuple[DatePart, ...]
    whole_days: bool
    day_shift_ms: int = 0


def choose_date_parts(
    kinds: Mapping[str, FieldKind], columns: Mapping[str, NDArray[Any]]
) -> dict[str, DateParts]:
    """Choose the parts of each date by the training data, without labels.

    A part that is the same for all leads is none: the hour of dates without a clock, say. Days at
    midnight of a zone with summer time have two clock times in UTC, and no hour either. Dates that
    are all the first of a month, of six months or more, stand for the month and have no weekday.
    Where nothing differs but that some leads lack the date, the weekday is kept, which says so. The
    month is a part only where the dates are of about a year at least. The age counts from the field
    ``created_at``, where there is one. Where either date is one and the same day for almost all
    leads there is no age, as it would be the calendar time of the other date. Absolute time never
    is a part: leads to come are all later than those of the training.

    Parameters
    ----------
    kinds
        The fields.
    columns
        A column for each: of dates, float64, milliseconds since 1970, NaN where missing.

    Returns
    -------
    dict of str to DateParts
        By field, for each date.
    """
    dates = [name for name, kind in kinds.items() if kind is FieldKind.DATE]
    shifts = {name: _day_shift(columns[name][is_date(columns[name])]) for name in dates}
    whole_days = shifts.get(CREATED_AT) is not None
    chosen = {}
    for name in dates:
        times, shift = columns[name], shifts[name] or 0
        parts = _own_parts(times[is_date(times)] + shift, has_clock=shifts[name] is None)
        if CREATED_AT in dates:
            created_at, created_shift = columns[CREATED_AT], shifts[CREATED_AT] or 0
            both = (shift, created_shift)
            if _has_age(times, created_at, whole_days=whole_days, shifts=both):
                parts = (*parts, DatePart.AGE)
        if not parts and 0 < np.count_nonzero(is_date(times)) < len(times):
            parts = (DatePart.WEEKDAY,)
        chosen[name] = DateParts(parts, whole_days, shift)
    return chosen


def later_share(times: NDArray[np.float64], created_at: NDArray[np.float64]) -> float:
    """Return the share of the dates that are later than their lead's creation, by a day and more.

    By less, the two may only differ in their clocks or time zones.

    Parameters
    ----------
    times, created_at
        float64, shape (n,): milliseconds since 1970, NaN where missing.
    """
    ages = ages_in_days(times, created_at, whole_days=False)
    ages = ages[~np.isnan(ages)]
    return float((ages <= -1).mean()) if len(ages) else 0.0


def differ_in_days(times: NDArray[np.float64]) -> bool:
    """Return whether dates are of several days (UTC), the first and the last 1 % left out.

    Parameters
    ----------
    times
        float64, shape (n,): milliseconds since 1970, NaN where missing.
    """
    days = np.floor(times[is_date(times)] / DAY_MS)
    if not len(days):
        return False
    first, last = np.quantile(days, MIDDLE, method="nearest")
    return bool(first != last)


def _own_parts(times: NDArray[np.float64], *, has_clock: bool) -> tuple[DatePart, ...]:
    """Return the parts that differ, of times none of which is missing."""
    unknown: tuple[DatePart, ...] = () if has_clock else (DatePart.HOUR,)
    if not has_clock and _are_months(times):
        unknown = (DatePart.HOUR, DatePart.WEEKDAY)
    parts = tuple(
        part for part in PARTS if part not in unknown and _differs(date_part(times, part))
    )
    if DatePart.MONTH not in parts:
        return parts
    first, last = np.quantile(times, MIDDLE)
    return parts if last - first >= YEAR_DAYS * DAY_MS else parts[:-1]


def _are_months(times: NDArray[np.float64]) -> bool:
    """Return whether all times are the first of a month, of enough months to be no chance."""
    days = np.unique(times.astype("datetime64[ms]").astype("datetime64[D]"))
    are_first = (days == days.astype("datetime64[M]").astype("datetime64[D]")).all()
    return len(days) >= ENOUGH_MONTHS and bool(are_first)


def _has_age(
    times: NDArray[np.float64],
    created_at: NDArray[np.float64],
    *,
    whole_days: bool,
    shifts: tuple[int, int],
) -> bool:
    known = is_date(times) & is_date(created_at)
    times, created_at = times[known], created_at[known]
    return (
        differ_in_days(times)
        and differ_in_days(created_at)
        and _differs(ages_in_days(times, created_at, whole_days=whole_days, shifts=shifts))
    )


def _day_shift(times: NDArray[np.float64]) -> int | None:
    """Return what turns days at a local midnight into days of UTC; None of times with a clock.

    Such times have one clock time in UTC, or, where the zone has summer time, two that are an hour
    apart and take turns with the seasons. Other days, such as those at noon, are not shifted.

    Parameters
    ----------
    times
        float64, shape (n,): milliseconds since 1970, none missing.
    """
    clocks = np.unique(times % DAY_MS)
    if len(clocks) > 2:
        return None
    if len(clocks) < 2:
        return _to_midnight(int(clocks[0])) if len(clocks) else 0
    early, late = clocks
    if late - early == DAY_MS - HOUR_MS:  # on both sides of midnight in UTC
        early, late = late, early
    elif late - early != HOUR_MS:
        return None
    return _to_midnight(int(early)) if _takes_turns(times, float(early)) else None


def _takes_turns(times: NDArray[np.float64], clock: float) -> bool:
    """Return whether times have a clock time for a season, then another one for a season."""
    ordered = np.sort(times)
    changes = np.count_nonzero(np.diff(ordered % DAY_MS == clock))
    seasons = (ordered[-1] - ordered[0]) // (SEASON_DAYS * DAY_MS)
    return bool(changes <= 1 + seasons)


def _to_midnight(clock: int) -> int:
    if clock % ZONE_STEP or clock == DAY_MS // 2:
        return 0
    return -clock if clock < FARTHEST_BEHIND else DAY_MS - clock


def _differs(values: NDArray[Any]) -> bool:
    return bool(len(values)) and bool((values != values[0]).any())
