"""Recognise categories whose levels look like numbers or times that are not read as such."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping

from schemas.written_dates import month_of

__all__ = ["resembles"]

MOST = 0.8
"""Share of the values that must look alike."""
ENOUGH = 20
"""Different numbers, from which on they count something rather than name it."""
FEW_FORMS = 5
"""Forms of the words beside a number, the most frequent ones."""
YEAR = re.compile(r"(?<!\d)(?:19|20)\d{2}(?!\d)")
DATE = re.compile(r"(?<!\d)\d{1,2}[-/. ]\d{1,2}[-/. ]\d{2,4}(?!\d)")
COMPACT_DATE = re.compile(r"(?:[0-2]\d|3[01])(?:[0-2]\d|3[01])(?:19|20)\d{2}|(?:19|20)\d{6}")
SERIAL = re.compile(r"[34]\d{4}(?:\.\d+)?")
"""A day of the years 1982 to 2036 as Excel counts them."""
WORD = re.compile(r"[^\W\d_]{3,}")
LETTERS = re.compile(r"[^\W\d_]+")
COUNTED = re.compile(
    r"(?P<before>(?:[~<>≈=≤≥±'$€£¥-]|ca\.?|approx\.?|about|over)* ?)"
    r"(?P<number>(?!0\d)\d[\d.,' ]*)(?P<behind>\D*)"
)
RANGE = re.compile(r"\d+ ?[-–] ?\d+\+?|\d+\+")
SPOILT = re.compile(
    r"(?P<day>\d{1,2})-(?P<month>[A-Za-z]{3})|(?P<month2>[A-Za-z]{3})-(?P<year>\d{2})"
)

PERIODS = frozenset(
    {"fy", "cy", "gj", "cw", "kw", "wk", "week", "w", "hy", "h", "q", "quarter", "quartal"}
)
"""Words of fiscal years, weeks, halves and quarters."""
OF_A_SHORT_YEAR = PERIODS - {"h", "hy"}
"""Words beside which a year may have two digits; "2 h 30" is a duration."""
OF_A_YEAR = frozenset({"fy", "cy", "gj"})
UNNAMED_PERIOD = re.compile(r"20\d{2}[/-](?:20)?\d{2}|(?:0[1-9]|1[0-2])\.(?:19|20)\d{2}")
"""A fiscal year, 2023/24, or a month, 05.2024."""
FEW_PERIODS = 3
"""Different periods, from which on they are no coincidence."""


def resembles(cells: Mapping[str, int]) -> str | None:
    """Return what a category's values look like, and what to do; None where they are plain levels.

    Parameters
    ----------
    cells
        Each different cell that is not empty, and how often it occurs.

    Examples
    --------
    >>> resembles({f"{n} km": 1 for n in range(30)})
    "its values look like numbers with words ('0 km'): write the number alone to have it read"
    >>> resembles({"web": 3, "fair": 2}) is None
    True
    """
    total = sum(cells.values())
    spoilt = next((cell for cell in cells if _is_spoilt(cell)), None)
    if spoilt is not None and any(map(RANGE.fullmatch, cells)):
        return (
            f"some of its levels are ranges that a spreadsheet has made dates ({spoilt!r}): format"
            " the column as text there, and export it again"
        )
    periods = [cell for cell in cells if _is_period(cell)]
    if len(periods) >= FEW_PERIODS and sum(map(cells.__getitem__, periods)) >= MOST * total:
        return (
            f"its values look like periods of time, or days without a year ({periods[0]!r}), and"
            " those to come are unseen levels: write full dates, such as 2024-05-01 for the first"
            " day, to have their age, or leave the column out (--as COLUMN=ignore)"
        )
    dates = [cell for cell in cells if _is_date(cell)]
    others = sum(cells[cell] for cell in cells if SERIAL.fullmatch(cell.strip()))
    if len(dates) >= ENOUGH and sum(map(cells.__getitem__, dates)) + others >= MOST * total:
        return (
            f"its values look like dates in a form that is not read, or in several ({dates[0]!r}):"
            " write all of them as 2024-05-31"
        )
    return _counted(cells, total)


def _is_spoilt(cell: str) -> bool:
    match = SPOILT.fullmatch(cell.strip())
    return match is not None and month_of(match["month"] or match["month2"]) is not None


def _is_period(cell: str) -> bool:
    """Return whether a cell is a part of a year (W23 2024, Q2/24, FY24, 2023/24, May-24)."""
    words, numbers = {*map(str.casefold, LETTERS.findall(cell))}, re.findall(r"\d+", cell)
    if not words:
        return UNNAMED_PERIOD.fullmatch(cell.strip()) is not None
    if len(words) == len(numbers) == 1 and len(numbers[0]) <= 2 and month_of(*words) is not None:
        return True
    if not words <= PERIODS or not 1 <= len(numbers) <= 3:
        return False
    has_short_year = len(numbers) > 1 and words <= OF_A_SHORT_YEAR
    return has_short_year or bool(words & OF_A_YEAR) or YEAR.search(cell) is not None


def _is_date(cell: str) -> bool:
    if COMPACT_DATE.fullmatch(cell.strip()) or DATE.search(cell):
        return True
    has_month = any(month_of(word) is not None for word in WORD.findall(cell))
    digits = len(re.findall(r"\d+", cell))
    return (has_month and digits > 0) or (YEAR.search(cell) is not None and digits > 1)


def _counted(cells: Mapping[str, int], total: int) -> str | None:
    matches = {cell: match for cell in cells if (match := COUNTED.fullmatch(cell.strip()))}
    dressed = [cell for cell, match in matches.items() if match["before"] or match["behind"]]
    forms = Counter[tuple[str, str]]()
    for cell, match in matches.items():
        forms[(match["before"].strip(), match["behind"].strip())] += cells[cell]
    usual = sum(times for _, times in forms.most_common(FEW_FORMS))
    if not dressed or usual < MOST * total or len({m["number"] for m in matches.values()}) < ENOUGH:
        return None
    return (
        f"its values look like numbers with words ({dressed[0]!r}): write the number alone to have"
        " it read"
    )
