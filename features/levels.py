"""Levels of training data: what a cell of a category says, unless it means missing."""

from __future__ import annotations

from collections.abc import Collection, Iterable

import numpy as np
from numpy.typing import NDArray

from features.field_spec import MISSING_WORDS, normalise_level

__all__ = ["known_level", "level_codes"]


def known_level(cell: str | None, missing: Collection[str] = ()) -> str | None:
    """Return the level of a cell of training data; None where it is empty or means missing.

    Parameters
    ----------
    cell
        As it stands in the file.
    missing
        Words that mean missing in this file, case-folded, besides the usual ones.

    Examples
    --------
    >>> known_level(" Trade  Fair "), known_level("<NA>"), known_level("tba", {"tba"})
    ('trade fair', None, None)
    """
    level = None if cell is None else normalise_level(cell)
    return None if level in MISSING_WORDS or level in missing else level


def level_codes(cells: Iterable[str | None]) -> NDArray[np.int64]:
    """Return a number for each different level, from 0 on; missing is one of them.

    Parameters
    ----------
    cells
        The cells of a category, n of them.

    Returns
    -------
    ndarray of int64, shape (n,)

    Examples
    --------
    >>> level_codes(["Web", None, "web ", "n/a"])
    array([0, 1, 0, 1])
    """
    cells = list(cells)
    numbers: dict[str | None, int] = {}
    code_of = {
        cell: numbers.setdefault(known_level(cell), len(numbers)) for cell in dict.fromkeys(cells)
    }
    return np.array([code_of[cell] for cell in cells], dtype=np.int64)
