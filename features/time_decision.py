"""Decide how a column writes its times, by all of its values at once.

Whether 3/4/2024 is in March or in April, and what a bare number counts, follows from all cells of
the column, else from its name, the other columns and the file.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Literal

from features.column_name import ID_WORDS, PHONE_WORDS, TIME_WORDS, name_words
from features.written_cells import (
    FEW_MONTHS,
    LEAST_SHARE,
    NO_HINTS,
    TOLERATED,
    Hints,
    are_too_many,
    bare,
    count_present,
    left_over,
    spread,
)
from schemas.time_reading import PLAIN_TIMES, TimeReading, Unit, day_and_month, read_time

__all__ = ["TimeDecision", "decide_times", "time_share"]

TWO_DIGIT_YEAR = re.compile(
    r"(?P<a>\d{1,2})(?P<mark>[-/.])(?P<b>\d{1,2})(?P=mark)(?P<year>\d{2})(?!\d).*"
)
LEAST_YEARS = 5
"""Fewer different years of two digits say nothing."""
YEAR_1990, YEAR_2035 = 7_305, 23_741
"""In days since 1970: within them a bare number of a column may be a time."""
EXCEL_SHIFT = 25_569
SPANS: Mapping[Unit, tuple[float, float]] = {
    "s": (YEAR_1990 * 86_400.0, YEAR_2035 * 86_400.0),
    "ms": (YEAR_1990 * 86_400e3, YEAR_2035 * 86_400e3),
    "us": (YEAR_1990 * 86_400e6, YEAR_2035 * 86_400e6),
    "ns": (YEAR_1990 * 86_400e9, YEAR_2035 * 86_400e9),
    "days": (YEAR_1990, YEAR_2035),
    "excel": (YEAR_1990 + EXCEL_SHIFT, YEAR_2035 + EXCEL_SHIFT),
}
ONLY_WHERE_NAMED = ("ns", "days", "excel")
"""Units whose numbers are too common to be times unless the column's name says so."""
WHOLE = re.compile(r"\d+(?:\.0+)?")
FRACTION = re.compile(r"\d+(?:\.\d+)?")
DAY_DIGITS, SECOND_DIGITS = 8, 14
MONTH = re.compile(r"(?:199\d|20[0-3]\d)(?:0[1-9]|1[0-2])(?:\.0+)?")
"""A month of 1990 to 2039, such as 202405."""


@dataclass(frozen=True, slots=True)
class TimeDecision:
    """How a column writes its times; attributes as of ``NumberDecision``.

    Attributes
    ----------
    example
        A cell whose last two digits were read as a year but may be none; None where all is plain.
    """

    reading: TimeReading
    words: Mapping[str, int]
    misfits: Mapping[str, int]
    is_open: bool = False
    example: str | None = None


def decide_times(
    cells: Mapping[str, int],
    name: str = "",
    hints: Hints = NO_HINTS,
    missing: Collection[str] = (),
    tolerated: float = TOLERATED,
    known: TimeReading | None = None,
) -> TimeDecision | None:
    """Decide how a column writes its times.

    Parameters
    ----------
    cells
        Each different cell that is not empty, and how often it occurs.
    name
        The column's name: some numbers are times only where the name says so.
    hints, missing, tolerated
        As of ``decide_numbers``.
    known
        How a model's training data write them: the unit of bare numbers is not decided again, and
        what comes first in a date only where these cells show that it is another.

    Returns
    -------
    TimeDecision or None
        None where the column is not one of times.
    """
    if known is not None:
        missing = {*missing, *known.missing}
    words = tuple(sorted(missing))
    sample = spread(cells)
    present = count_present(sample, missing)
    numbers = {bare(cell): n for cell, n in sample.items() if FRACTION.fullmatch(bare(cell))}
    base = (known or PLAIN_TIMES).model_copy(update={"missing": words})
    if present and sum(numbers.values()) >= (1 - tolerated) * present:
        if known is not None:
            return _held_to(cells, base, tolerated)
        unit = _unit(numbers, name_words(name))
        if unit is None:
            return None
        reading = base.model_copy(update={"unit": None if unit == "compact" else unit})
        return _held_to(cells, reading, tolerated)
    first, is_open = _order(sample, hints, known)
    reading = base.model_copy(update={"first": first})
    read = sum(n for cell, n in sample.items() if _is_time(cell, reading))
    if present and read < min(LEAST_SHARE, 1 - tolerated) * present:
        return None
    return _held_to(cells, reading, tolerated, is_open)


def time_share(
    cells: Mapping[str, int], hints: Hints = NO_HINTS, missing: Collection[str] = ()
) -> float:
    """Return the share of the cells that are written times, those that miss left out."""
    sample = spread(cells)
    present = count_present(sample, missing)
    reading = TimeReading(first=_order(sample, hints, None)[0])
    read = sum(n for cell, n in sample.items() if _is_time(cell, reading))
    return read / present if present else 0.0


def _is_time(cell: str, reading: TimeReading) -> bool:
    value = read_time(cell, reading)
    return value is not None and value == value


def _held_to(
    cells: Mapping[str, int], reading: TimeReading, tolerated: float, is_open: bool = False
) -> TimeDecision | None:
    words, misfits = left_over(cells, lambda cell: read_time(cell, reading))
    if are_too_many(cells, words, misfits, tolerated):
        return None
    return TimeDecision(reading, words, misfits, is_open, _doubtful_year(cells))


def _doubtful_year(cells: Collection[str]) -> str | None:
    """Return a cell of dates whose two digits for the year may be none.

    Years differ less than days do; where it is otherwise, they are days, or parts of a version.
    """
    short = [match for cell in cells if (match := TWO_DIGIT_YEAR.fullmatch(cell.strip()))]
    if 2 * len(short) < len(cells):
        return None
    parts = ({match[name] for match in short} for name in ("a", "b", "year"))
    first, second, years = map(len, parts)
    return short[0][0] if years >= max(first, second, LEAST_YEARS) else None


def _order(
    cells: Mapping[str, int], hints: Hints, known: TimeReading | None
) -> tuple[Literal["day", "month"] | None, bool]:
    """Return what comes first in a column's dates, and whether its values leave that open."""
    pairs = Counter[tuple[int, int]]()
    for cell, times in cells.items():
        pair = day_and_month(cell)
        if pair is not None:
            pairs[pair] += times
    before = None if known is None else known.first
    if not pairs:
        return before, False
    if hints.is_first_given:
        return hints.first, False
    day = sum(n for (a, _), n in pairs.items() if a > 12)
    month = sum(n for (_, b), n in pairs.items() if b > 12)
    if day or month:
        return ("day" if day > month else "month"), False
    if known is not None:
        return before, False
    return hints.first or "month", True


def _unit(numbers: Mapping[str, int], words: Collection[str]) -> Unit | Literal["compact"] | None:
    whole = [cell for cell in numbers if WHOLE.fullmatch(cell)]
    if len(whole) == len(numbers) and all(
        len(cell) in (DAY_DIGITS, SECOND_DIGITS) and read_time(cell) is not None for cell in whole
    ):
        return "compact"
    is_named = not TIME_WORDS.isdisjoint(words)
    if len(numbers) >= FEW_MONTHS and all(map(MONTH.fullmatch, numbers)):
        return "months"
    if not is_named and not (ID_WORDS | PHONE_WORDS).isdisjoint(words):
        return None
    values = [float(cell) for cell in numbers]
    for unit, (low, high) in SPANS.items():
        if unit in ONLY_WHERE_NAMED and not is_named:
            continue
        if values and all(low <= value < high for value in values):
            return unit
    return None
