"""Whole numbers that name something rather than count it: ids, codes, running numbers."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from features.column_name import ID_WORDS, PHONE_WORDS, name_words

__all__ = ["DISTINCT_SHARE", "KEY_WORDS", "why_a_code", "why_an_identifier"]

DISTINCT_SHARE = 0.95
"""Values of which at least this share is different may identify leads."""
INDEX = frozenset({"index", "unnamed"})
"""Words that name an identifier only where each number is different ("price index")."""
COUNT_WORDS = frozenset({"number", "nr", "no", "num"})
"""Words that name an identifier ("Order No") or a count ("No of calls", "num_employees")."""
KEY_WORDS = ID_WORDS - COUNT_WORDS - INDEX
"""Whole numbers of such a column name something, also where they repeat."""
POSTAL_WORDS = frozenset(
    {
        *("zip", "zipcode", "postal", "postcode", "plz", "postleitzahl", "postnummer", "cap"),
        *("cep", "pincode", "邮编", "郵便番号"),
    }
)
NAMED_DIGITS = 5
"""A "Customer No" whose numbers all have as many digits, and at least this, names customers."""
CODE_DIGITS = 8
"""Whole numbers that all have the same number of digits, and at least this, are codes."""
DENSE = 2
"""Whole numbers, each different, whose span is below this multiple of their count, count up."""
SAME_STEP = 0.5
"""Share of the steps from row to row that are the same where numbers count up with the file."""
WITH_TIME = 0.99
"""Rank correlation with a time from which on numbers count up with it."""
ENOUGH_ROWS = 100
"""Fewer numbers may follow a time by chance, or as amounts that grow."""


def why_an_identifier(
    numbers: NDArray[np.float64],
    column: str,
    times: Sequence[tuple[str, NDArray[np.float64]]] = (),
) -> str | None:
    """Return why a column of numbers identifies leads, None where it does not.

    Parameters
    ----------
    numbers
        float64, shape (n,): NaN is missing.
    column
        Its name in the file.
    times
        The table's columns of times, n values each, by their name in the file.
    """
    known = numbers[~np.isnan(numbers)]
    words = name_words(column)
    if (known % 1 != 0).any():
        return None
    if words & PHONE_WORDS and len(str(int(known.max()))) >= CODE_DIGITS:
        return "a phone number"
    if len(np.unique(known)) < DISTINCT_SHARE * len(known):
        return None
    if _is_named(known, words):
        return "whole numbers, almost each different, and the name says so"
    if known.max() - known.min() < DENSE * len(known):
        return "whole numbers, almost each different, that count up without gaps"
    if _has_same_steps(known):
        return "whole numbers, almost each different, that count up in the order of the file"
    for other, at in times:
        if other != column and _follows(numbers, at):
            return f"a running number: it grows with {other}"
    return None


def why_a_code(numbers: NDArray[np.float64], levels: int, column: str) -> str | None:
    """Return why whole numbers name something rather than count it, None where they don't.

    Parameters
    ----------
    numbers
        float64, shape (n,): NaN is missing.
    levels
        How many different ones there are as they are written.
    column
        Its name in the file.
    """
    known = np.unique(numbers[~np.isnan(numbers)])
    if (known % 1 != 0).any():
        return None
    if len(np.unique(known.astype(np.float32))) < DISTINCT_SHARE * levels:
        return "they are too long for the model's numbers to keep them apart"
    words = name_words(column)
    if words & POSTAL_WORDS:
        return "its name says that it is a postal code"
    if words & KEY_WORDS:
        return "its name says that it is a key"
    lengths = {len(str(int(abs(number)))) for number in known.tolist()}
    is_named = bool(words & COUNT_WORDS) and "of" not in words
    if len(lengths) == 1 and min(lengths) >= (NAMED_DIGITS if is_named else CODE_DIGITS):
        return f"all have {min(lengths)} digits"
    return None


def _is_named(known: NDArray[np.float64], words: set[str]) -> bool:
    if words & (ID_WORDS - COUNT_WORDS):
        return True
    if not words & COUNT_WORDS or "of" in words:
        return False
    digits = {len(str(int(abs(number)))) for number in (known.min(), known.max())}
    return len(digits) == 1


def _has_same_steps(known: NDArray[np.float64]) -> bool:
    steps = np.diff(known)
    if not len(steps) or not ((steps >= 0).all() or (steps <= 0).all()):
        return False
    _, counts = np.unique(steps, return_counts=True)
    return bool(counts.max() >= SAME_STEP * len(steps))


def _follows(numbers: NDArray[np.float64], times: NDArray[np.float64]) -> bool:
    """Return whether numbers rank as times do."""
    known = ~(np.isnan(numbers) | np.isnan(times))
    if known.sum() < ENOUGH_ROWS or len(np.unique(times[known])) < ENOUGH_ROWS:
        return False
    first, second = (np.argsort(np.argsort(values[known])) for values in (numbers, times))
    return bool(np.corrcoef(first, second)[0, 1] >= WITH_TIME)
