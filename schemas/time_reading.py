"""Parsing of times: the same rule for files and events.

A reading is decided once from all values of a column of the training data
(``features.time_decision``) and kept in the model's spec. Files and events are then parsed by it.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Literal

from pydantic import BaseModel, ConfigDict

from schemas.number_reading import CODE, MINUS, MISSING_NUMBERS, SPACES
from schemas.times import EARLIEST_MS, LATEST_MS, iso_ms
from schemas.written_dates import month_of, rewritten

__all__ = [
    "FIRST_MS",
    "PLAIN_TIMES",
    "UNTIL_MS",
    "TimeReading",
    "Unit",
    "day_and_month",
    "plausible_span",
    "read_time",
    "time_of_number",
    "unit_of",
]

Unit = Literal["s", "ms", "us", "ns", "days", "excel", "months"]


class TimeReading(BaseModel):
    """Format of a column's times.

    Parameters
    ----------
    first
        What comes first in a date such as 3/4/2024: the day or the month. None: the training data
        have no such date, and none is read.
    unit
        What a bare number counts: seconds, milliseconds, microseconds or nanoseconds since 1970,
        days since 1970, days as Excel counts them, or months as 202405. A number that is no time
        from 1990 on by this unit is read as with None: by the one of the first four that makes it a
        time between 1990 and 2100; their ranges do not overlap.
    earliest, latest
        Milliseconds since 1970: the first and the last time of the training data. None: not known.
    missing
        Words that mean missing, besides ``MISSING_NUMBERS``; case-folded.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    first: Literal["day", "month"] | None = None
    unit: Unit | None = None
    earliest: float | None = None
    latest: float | None = None
    missing: tuple[str, ...] = ()


PLAIN_TIMES = TimeReading()
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
EXCEL_EPOCH_DAYS = -25_569
"""Day 0 of Excel (1899-12-30), in days since 1970."""
DAY_MS = 86_400_000
FROM_YEAR, UNTIL_YEAR = 631_152_000.0, 4_102_444_800.0
"""1990 and 2100, in seconds since 1970."""
FIRST_MS, UNTIL_MS = FROM_YEAR * 1000, UNTIL_YEAR * 1000
"""1990 and 2100, in milliseconds since 1970."""
MS_OF_UNIT: dict[Unit, float] = {"s": 1e3, "ms": 1.0, "us": 1e-3, "ns": 1e-6, "days": DAY_MS}
BARE_TIME = re.compile(r"[+-]?\d+(?:\.\d+)?(?:[eE][+]?\d+)?")
COMPACT = re.compile(r"((?:19|20)\d{2})(\d{2})(\d{2})(?:[T ]?(\d{2})(\d{2})(\d{2})?(Z)?)?")
DOTNET = re.compile(r"/Date\((-?\d+)(?:[+-]\d{4})?\)/")
CLOCK = (
    r"(?:,? *[T ] *(?P<hour>\d{1,2})[:.](?P<minute>\d{2})(?:[:.](?P<second>\d{2})(?:[.,]\d+)?)?"
    r" *(?P<half>[AaPp]\.?[Mm]\.?)? *(?P<zone>Z|UTC|GMT|[+-]\d{2}:?\d{2})?)?"
)
NUMERIC_DATE = re.compile(
    rf"(?P<a>\d{{1,4}})(?P<separator>[-/.])(?P<b>\d{{1,2}})(?P=separator)(?P<c>\d{{1,4}}){CLOCK}"
)
NAMED_DATE = re.compile(
    r"(?:[^\W\d_]{2,12}\.?, *)?"
    r"(?:(?P<day>\d{1,2})(?:st|nd|rd|th|er|\.)?[ -]*(?P<name>[^\W\d_]{3,12})\.?,?[ -]*"
    r"|(?P<name2>[^\W\d_]{3,12})\.?[ -]*(?P<day2>\d{1,2})(?:st|nd|rd|th)?(?:\.?,[ -]*|\.?[ -]+))"
    rf"(?P<year>\d{{4}}|\d{{2}}){CLOCK}"
)
ZERO_DATE = re.compile(r"0{1,4}([-/.])0{1,2}\1(?:00|0000)(?:[T ]00:00(?::00(?:\.0+)?)?Z?)?")
"""Placeholders of MySQL and others for no date."""
LONGEST_DATE = 80
"""Letters of a text up to which it may be a date."""
TWO_DIGIT_CENTURY = 70
"""Pivot of two-digit years: 70 to 99 are 19xx, 0 to 69 are 20xx, as in POSIX."""


def read_time(text: str, reading: TimeReading = PLAIN_TIMES) -> float | None:
    """Parse a time as milliseconds since 1970; UTC if it has no zone.

    ISO 8601 (also with a space, a zone without a colon or ``UTC``), 20240531, 2024/05/31,
    31.5.2024, 5/31/2024 1:05 PM, 31 May 2024, ``/Date(…)/``, a bare number, and what
    ``schemas.written_dates`` rewrites: month names of other languages, 2024年5月31日, weekdays. A
    month or a quarter (2024-05, 05/2024, May 2024, Q2 2024) is its first day.

    Parameters
    ----------
    text
        The text.
    reading
        Format of the column's times.

    Returns
    -------
    float or None
        NaN if the text means missing; None if it is not a time.

    Examples
    --------
    >>> read_time("1/2/1990 12:30 AM", TimeReading(first="month")) == read_time("1990-01-02T00:30Z")
    True
    >>> read_time("1/2/1990", TimeReading(first="day")) == read_time("1990-02-01")
    True
    >>> read_time("1/2/1990") is None and read_time("yesterday") is None
    True
    """
    if text[4:5] == "-":  # as most are
        iso = iso_ms(text)
        if iso is not None:
            return float(iso)
    text = text.strip()
    compact = COMPACT.fullmatch(text)
    if compact is None and BARE_TIME.fullmatch(text):
        return None if CODE.match(text) else time_of_number(float(text), reading)
    if compact is not None:
        year, month, day, hour, minute, second, _ = compact.groups()
        return _moment(year, month, day, hour, minute, second)
    iso = iso_ms(text)
    if iso is not None:
        return float(iso)
    text = SPACES.sub(" ", text.translate(MINUS)).strip()
    folded = text.casefold()
    if folded in MISSING_NUMBERS or folded in reading.missing or ZERO_DATE.fullmatch(text):
        return float("nan")
    if dotnet := DOTNET.fullmatch(text):
        return float(dotnet[1])
    at = _written(text, reading)
    if at is None and (other := _rewritten(text)) != text:
        iso = iso_ms(other)
        at = float(iso) if iso is not None else _written(other, reading)
    return at


def _written(text: str, reading: TimeReading) -> float | None:
    if numeric := NUMERIC_DATE.fullmatch(text):
        return _numeric(numeric, reading)
    if named := NAMED_DATE.fullmatch(text):
        return _named(named)
    return None


@lru_cache(maxsize=4096)
def _rewritten(text: str) -> str:
    """Return what else a text of usual length may stand for."""
    return rewritten(text) if len(text) <= LONGEST_DATE and any(map(str.isdecimal, text)) else text


def day_and_month(text: str) -> tuple[int, int] | None:
    """Return the two numbers of a date of which either may be the day; None if it is unambiguous.

    Parameters
    ----------
    text
        The text.

    Examples
    --------
    >>> day_and_month("3/14/2024 1:00 PM")
    (3, 14)
    >>> day_and_month("2024-03-14") is None
    True
    """
    text = SPACES.sub(" ", text.translate(MINUS)).strip()
    match = NUMERIC_DATE.fullmatch(text) or NUMERIC_DATE.fullmatch(_rewritten(text))
    if match is None or len(match["a"]) > 2 or match["separator"] == ".":
        return None
    return int(match["a"]), int(match["b"])


def time_of_number(value: float, reading: TimeReading = PLAIN_TIMES) -> float | None:
    """Convert a bare number to a time, in milliseconds since 1970.

    Parameters
    ----------
    value
        The number; NaN is missing.
    reading
        Its unit; None: the unit is found by the number's size.

    Returns
    -------
    float or None
        None if the unit is unknown, no unit makes it a time between 1990 and 2100, and its digits
        are no date such as 20240531.
    """
    if value != value:
        return value
    if reading.unit is not None:
        at = _in_ms(value, reading.unit)
        if at is not None and at >= plausible_span(reading)[0]:
            return at
    unit = unit_of(value)
    if unit is not None:
        return _in_ms(value, unit)
    compact = COMPACT.fullmatch(f"{value:.0f}") if value % 1 == 0 else None
    return None if compact is None else _moment(*compact.groups()[:6])


def plausible_span(reading: TimeReading, earliest: float = FIRST_MS) -> tuple[float, float]:
    """Return the plausible range of a column's times, derived from the training data.

    Parameters
    ----------
    reading
        Has the first and the last time of the training data.
    earliest
        Milliseconds since 1970: later times are plausible in any column.

    Returns
    -------
    tuple of float
        Milliseconds since 1970. The range ends beyond the training data by as much as they span,
        since later leads may be somewhat outside them. It begins as much before them where they
        begin before ``earliest``, as dates of birth do. The end is ``-inf`` if the training data
        have no times.

    Examples
    --------
    >>> plausible_span(TimeReading(earliest=-30.0, latest=-10.0), 0.0)
    (-50.0, 10.0)
    >>> plausible_span(TimeReading(earliest=10.0, latest=30.0), 0.0)
    (0.0, 50.0)
    """
    if reading.earliest is None or reading.latest is None:
        return earliest, float("-inf")
    length = reading.latest - reading.earliest
    first = reading.earliest - length if reading.earliest < earliest else earliest
    return first, reading.latest + length


def _in_ms(value: float, unit: Unit) -> float | None:
    if unit == "months":
        if not 100_000 <= value < 1_000_000 or value % 1:
            return None
        return _moment(f"{value // 100:.0f}", f"{value % 100:.0f}", "1", None, None, None)
    at = (value + EXCEL_EPOCH_DAYS) * DAY_MS if unit == "excel" else value * MS_OF_UNIT[unit]
    return float(round(at)) if EARLIEST_MS <= at < LATEST_MS else None


def unit_of(value: float) -> Unit | None:
    """Return the unit in which a number is a time between 1990 and 2100.

    Seconds, milliseconds, microseconds and nanoseconds since 1970 differ in size.

    Examples
    --------
    >>> unit_of(1_704_270_060), unit_of(1_704_270_060_000), unit_of(12_500)
    ('s', 'ms', None)
    """
    for unit, per_second in (("s", 1.0), ("ms", 1e3), ("us", 1e6), ("ns", 1e9)):
        if FROM_YEAR * per_second <= value < UNTIL_YEAR * per_second:
            return unit  # type: ignore[return-value]
    return None


def _numeric(match: re.Match[str], reading: TimeReading) -> float | None:
    a, b, c, separator = match["a"], match["b"], match["c"], match["separator"]
    if len(a) == 4:
        year, month, day = a, b, c
    elif len(c) not in (2, 4) or len(a) > 2:
        return None
    elif separator == "." or reading.first == "day":
        day, month, year = a, b, c
    elif reading.first == "month":
        month, day, year = a, b, c
    else:
        return None
    return _with_clock(match, year, month, day)


def _named(match: re.Match[str]) -> float | None:
    month = month_of(match["name"] or match["name2"])
    if month is None:
        return None
    return _with_clock(match, match["year"], str(month), match["day"] or match["day2"])


def _with_clock(match: re.Match[str], year: str, month: str, day: str) -> float | None:
    hour, half = match["hour"], match["half"]
    if half is not None:
        if not 1 <= int(hour) <= 12:
            return None
        hour = str(int(hour) % 12 + (12 if half[0] in "pP" else 0))
    at = _moment(year, month, day, hour, match["minute"], match["second"])
    zone = match["zone"]
    if at is None or zone is None or zone[0] not in "+-":
        return at
    offset = timedelta(hours=int(zone[1:3]), minutes=int(zone[-2:])).total_seconds() * 1000
    return at - offset if zone[0] == "+" else at + offset


def _moment(
    year: str, month: str, day: str, hour: str | None, minute: str | None, second: str | None
) -> float | None:
    full = int(year)
    if len(year) == 2:
        full += 1900 if full >= TWO_DIGIT_CENTURY else 2000
    try:
        moment = datetime(
            *(full, int(month), int(day)),
            *(int(hour or 0), int(minute or 0), int(second or 0)),
            tzinfo=UTC,
        )
    except ValueError:
        return None
    at = (moment - EPOCH) / timedelta(milliseconds=1)
    return at if EARLIEST_MS <= at < LATEST_MS else None
