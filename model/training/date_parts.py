"""Choose what dates give a model: of hour, weekday, month and age, what differs between leads."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from features.matrix import DAY_MS, ages_in_days, date_part, is_date
from features.spec import CREATED_AT, DatePart
from schemas.fields import FieldKind

__all__ = ["DateParts", "choose_date_parts", "differ_in_days", "later_share", "part_values"]

PARTS = (DatePart.HOUR, DatePart.WEEKDAY, DatePart.MONTH)
YEAR_DAYS = 350
"""Dates of a shorter time have no season: a month is then a stretch of calendar time, which never
comes again."""
MIDDLE = (0.01, 0.99)
"""The quantiles between which dates are that long: a few mistyped years don't make a season. Dates
that are one day between them are a constant for ages too."""


@dataclass(frozen=True, slots=True)
class DateParts:
    """What one date gives.

    Attributes
    ----------
    parts
        In the order of the columns; empty where nothing differs between leads.
    whole_days
        Whether ages are counted from day to day.
    """

    parts: tuple[DatePart, ...]
    whole_days: bool


def choose_date_parts(
    kinds: Mapping[str, FieldKind], columns: Mapping[str, NDArray[Any]]
) -> dict[str, DateParts]:
    """Choose the parts of each date by what training data hold; labels have no part in it.

    A part that is the same for all leads is none: the hour of dates without a clock, say. Where
    nothing differs but that some leads lack the date, the weekday is kept, which says so. The month
    is a part only where the dates are of about a year at least. The age counts from the field
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
    created_at = columns[CREATED_AT] if kinds.get(CREATED_AT) is FieldKind.DATE else None
    whole_days = created_at is not None and not _has_clock(created_at[is_date(created_at)])
    chosen = {}
    for name, kind in kinds.items():
        if kind is not FieldKind.DATE:
            continue
        times = columns[name]
        parts = _own_parts(times[is_date(times)])
        if created_at is not None and _has_age(times, created_at, whole_days=whole_days):
            parts = (*parts, DatePart.AGE)
        if not parts and 0 < np.count_nonzero(is_date(times)) < len(times):
            parts = (DatePart.WEEKDAY,)
        chosen[name] = DateParts(parts, whole_days)
    return chosen


def part_values(
    times: NDArray[np.float64],
    chosen: DateParts,
    created_at: NDArray[np.float64] | None,
) -> list[NDArray[np.float64]]:
    """Return what a date gives the model: an array for each part.

    Parameters
    ----------
    times, created_at
        float64, shape (n,): milliseconds since 1970, NaN where missing.
    chosen
        The date's parts; with an age, there is a ``created_at``.

    Returns
    -------
    list of ndarray of float64, shape (n,)
        NaN where missing.
    """
    known = is_date(times)
    safe = np.where(known, times, 0.0)
    return [
        ages_in_days(times, created_at, whole_days=chosen.whole_days)
        if part is DatePart.AGE and created_at is not None
        else np.where(known, date_part(safe, part), np.nan)
        for part in chosen.parts
    ]


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


def _own_parts(times: NDArray[np.float64]) -> tuple[DatePart, ...]:
    """Return the parts that differ, of times none of which is missing."""
    parts = tuple(part for part in PARTS if _differs(date_part(times, part)))
    if DatePart.MONTH not in parts:
        return parts
    first, last = np.quantile(times, MIDDLE)
    return parts if last - first >= YEAR_DAYS * DAY_MS else parts[:-1]


def _has_age(
    times: NDArray[np.float64], created_at: NDArray[np.float64], *, whole_days: bool
) -> bool:
    known = is_date(times) & is_date(created_at)
    times, created_at = times[known], created_at[known]
    return (
        differ_in_days(times)
        and differ_in_days(created_at)
        and _differs(ages_in_days(times, created_at, whole_days=whole_days))
    )


def _has_clock(times: NDArray[np.float64]) -> bool:
    return _differs(times % DAY_MS)


def _differs(values: NDArray[Any]) -> bool:
    return bool(len(values)) and bool((values != values[0]).any())
