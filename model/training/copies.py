"""Rows that are alike in every field: copies of one lead, or different leads that look the same."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from features.levels import level_codes
from model.training.specify import Leads
from schemas.fields import FieldKind

__all__ = ["AlikeRows", "find_alike"]

MANY = 0.05
"""A set with more than this share of the rows is no lead that was copied."""
MIXED = 0.5
"""Share of the sets' mixed outcomes that independent leads have, from which on they are these."""

Codes = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class AlikeRows:
    """Rows that are alike in every field.

    Attributes
    ----------
    sets
        int64, shape (n,): rows with the same number are alike in every field.
    is_repeated
        bool, shape (n,): whether a row is alike to another one; not in sets of very many rows.
    rows, distinct
        Number of rows that are like another one in the outcome, too, and how many different ones
        these are; of copies, sets of very many rows are not counted.
    are_copies
        Whether the alike rows are copies; False where there are none.
    """

    sets: Codes
    is_repeated: NDArray[np.bool_]
    rows: int
    distinct: int
    are_copies: bool


def find_alike(leads: Leads, apart: Collection[str] = ()) -> AlikeRows:
    """Find rows that are alike, and decide whether they are copies.

    Where fields have few values, different leads are alike by chance. Their outcomes differ as
    those of any leads do, while copies of a row have its outcome. So alike rows are taken for
    copies unless sets of both outcomes hold half as many rows as they would if every outcome were
    drawn alone. Sets of more than 5 % of the rows have no part in it: these are values that
    many leads have, such as nothing at all.

    Parameters
    ----------
    leads
        The labelled leads.
    apart
        Fields in which copies may differ: the time.
    """
    sets = np.zeros(len(leads), dtype=np.int64)
    for name, kind in leads.kinds.items():
        if name not in apart:
            codes = _codes(leads.columns[name], kind)
            sets = _numbered(sets * (int(codes.max()) + 1) + codes)
    sizes = np.bincount(sets)
    is_copied = (sizes > 1) & (sizes <= max(2.0, MANY * len(leads)))
    are_copies = bool(is_copied.any()) and _are_copies(
        sizes[is_copied], np.bincount(sets[leads.labels], minlength=len(sizes))[is_copied]
    )
    is_repeated = is_copied[sets]
    sets_by_outcome = 2 * sets + leads.labels
    with_outcome = np.bincount(sets_by_outcome[is_repeated] if are_copies else sets_by_outcome)
    return AlikeRows(
        sets=sets,
        is_repeated=is_repeated,
        rows=int(with_outcome[with_outcome > 1].sum()),
        distinct=int((with_outcome > 1).sum()),
        are_copies=are_copies,
    )


def _are_copies(sizes: NDArray[np.intp], positives: NDArray[np.intp]) -> bool:
    """Compare the rows in sets of both outcomes with those that chance would put there."""
    rate = positives.sum() / sizes.sum()
    is_mixed = (positives > 0) & (positives < sizes)
    by_chance = (sizes * (1 - rate**sizes - (1 - rate) ** sizes)).sum()
    return bool(sizes[is_mixed].sum() <= MIXED * by_chance)


def _codes(values: NDArray[Any], kind: FieldKind) -> Codes:
    """Return a number for each different value of a column; missing is one of them."""
    if kind in (FieldKind.NUMBER, FieldKind.DATE):
        return _numbered(values)
    cells = values.tolist()
    if kind is FieldKind.CATEGORY:
        return level_codes(cells)
    numbers: dict[str | None, int] = {}
    return np.array([numbers.setdefault(cell, len(numbers)) for cell in cells], dtype=np.int64)


def _numbered(values: NDArray[Any]) -> Codes:
    return np.unique(values, return_inverse=True)[1].astype(np.int64)
