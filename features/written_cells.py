"""The cells of a column as they are written, for deciding on its numbers and its times."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Literal, TypeVar

from schemas.number_reading import MINUS, PLAIN_NUMBERS, SPACES, read_number

__all__ = [
    "FEW_MONTHS",
    "LEAST_SHARE",
    "NO_HINTS",
    "PHONE",
    "SAMPLE",
    "TOLERATED",
    "Hints",
    "are_too_many",
    "bare",
    "count_present",
    "left_over",
    "spread",
]

TOLERATED = 0.02
"""Share of a column's cells that may be no number or time: they count as missing and are listed."""
SAMPLE = 5_000
"""Different cells by which a reading is chosen; all cells are held to it."""
LEAST_SHARE = 0.5
"""Share of the sample that must be read for the rest to be looked at."""
FEW_MONTHS = 3
"""Different months, from which on numbers such as 202405 are no coincidence."""
PHONE = re.compile(r"\+\d[\d\s()/.-]{6,}|00[1-9]\d{7,}")
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Hints:
    """Hints on how numbers and dates are written, from other columns, the file, or an option.

    Attributes
    ----------
    decimal
        The decimal separator that is likely, by other columns or the file's own separator.
    first
        What comes first in dates such as 3/4/2024, by other columns; None where they leave it open.
    is_decimal_given, is_first_given
        Whether an option says so: then it decides.
    """

    decimal: Literal[".", ","] = "."
    first: Literal["day", "month"] | None = None
    is_decimal_given: bool = False
    is_first_given: bool = False


NO_HINTS = Hints()


def spread(cells: Mapping[str, T]) -> dict[str, T]:
    """Return a sample of the cells, evenly taken: a sorted file begins with small numbers."""
    step = -(-len(cells) // SAMPLE)
    if step <= 1:
        return dict(cells)
    return {cell: n for i, (cell, n) in enumerate(cells.items()) if i % step == 0}


def bare(cell: str) -> str:
    """Return a cell with plain spaces and minus signs, and none of them around it."""
    return SPACES.sub(" ", cell.translate(MINUS)).strip()


def count_present(cells: Mapping[str, int], missing: Collection[str]) -> int:
    """Return how many cells do not mean missing."""
    return sum(n for cell, n in cells.items() if not _is_missing(cell, missing))


def _is_missing(cell: str, missing: Collection[str]) -> bool:
    value = read_number(cell, PLAIN_NUMBERS)
    if value is None:
        return bool(missing) and bare(cell).casefold() in missing
    return value != value


def left_over(
    cells: Mapping[str, int], read: Callable[[str], float | None]
) -> tuple[Counter[str], Counter[str]]:
    """Return the cells that mean missing, and those that can't be read."""
    words, misfits = Counter[str](), Counter[str]()
    for cell, times in cells.items():
        value = read(cell.strip())
        if value is None:
            misfits[cell.strip()] += times
        elif value != value:
            words[cell.strip()] += times
    return words, misfits


def are_too_many(
    cells: Mapping[str, int],
    words: Mapping[str, int],
    misfits: Mapping[str, int],
    tolerated: float,
) -> bool:
    """Return whether more cells can't be read than a column of that kind may have."""
    known = sum(cells.values()) - sum(words.values())
    wrong = sum(misfits.values())
    return wrong > 0 and (wrong >= known or wrong > tolerated * known)
