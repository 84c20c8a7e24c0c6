"""Find columns that have values, or lack them, for one outcome only."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import exp, lgamma
from typing import Any

import numpy as np
from numpy.typing import NDArray

from features.drop_downs import is_unfilled
from features.levels import known_level
from model.training.specify import Leads
from schemas.fields import FieldKind
from schemas.number_reading import MISSING_NUMBERS

__all__ = ["FALSE_ALARMS", "LEAST_ROWS", "OneOutcome", "has_value", "one_outcome_columns"]

LEAST_ROWS = 20
"""Fewer rows are no evidence, however unlikely their outcomes."""
FALSE_ALARMS = 0.01
"""Highest probability that a file without any leak has a column that is found by chance."""


@dataclass(frozen=True, slots=True)
class OneOutcome:
    """The rows that have a value in a column, or those that have none: all of one outcome.

    Attributes
    ----------
    column
        The field.
    is_filled
        Whether they are the rows with a value.
    is_positive
        Their outcome.
    rows
        How many they are.
    """

    column: str
    is_filled: bool
    is_positive: bool
    rows: int

    @property
    def reason(self) -> str:
        """The suspicion in words."""
        state = "has a value" if self.is_filled else "is empty"
        outcome = "positives" if self.is_positive else "negatives"
        return f"it {state} in {self.rows:,} rows, and all of them are {outcome}"


@dataclass(frozen=True, slots=True)
class _Suspicion:
    """That the rows with, or without, a value all have one outcome."""

    found: OneOutcome
    is_true: bool
    chance: float
    """How probable it is where presence and outcome are independent."""


def one_outcome_columns(leads: Leads) -> list[OneOutcome]:
    """Find the columns whose presence, or absence, goes with one outcome only.

    A value that is entered after a deal is won is there for no other lead. Words that say that
    there is no value ("?", "not applicable", a drop-down's "Select") count as none. Values
    themselves are not looked at: a rare level of one outcome is an honest thing.

    If presence and outcome were independent, ``n`` of ``N`` rows would all be among the ``K``
    positives with the hypergeometric probability C(K, n) / C(N, n); likewise for the negatives.
    Looked at are the suspicions with the smallest probabilities, as many as have a sum of at most
    0.01: by the union bound, that is the probability of any false alarm, however many columns there
    are. So 20 rows without a positive are not named where nine in ten leads are negatives.

    Parameters
    ----------
    leads
        The training leads.

    Returns
    -------
    list of OneOutcome
        In the order of the columns; both parts of a column may be in it.
    """
    suspicions = [one for name in leads.kinds for one in _suspicions(leads, name)]
    chances = np.sort([one.chance for one in suspicions])
    # Suspicions of one probability are looked at together, or not at all.
    sums = np.cumsum(chances)[np.searchsorted(chances, chances, side="right") - 1]
    most = chances[sums <= FALSE_ALARMS].max(initial=-1.0)
    return [one.found for one in suspicions if one.is_true and one.chance <= most]


def has_value(values: NDArray[Any], kind: FieldKind) -> NDArray[np.bool_]:
    """Return which rows of a column have a value, bool, shape (n,).

    Parameters
    ----------
    values
        The column: float64, or object (str or None).
    kind
        What it is.
    """
    if kind in (FieldKind.NUMBER, FieldKind.DATE):
        return ~np.isnan(np.asarray(values, dtype=np.float64))
    cells = values.tolist()
    known = {cell: _is_value(cell) for cell in {*cells}}
    return np.array([known[cell] for cell in cells], dtype=bool)


def _is_value(cell: str | None) -> bool:
    level = known_level(cell)
    return level is not None and level not in MISSING_NUMBERS and not is_unfilled(level)


def _suspicions(leads: Leads, name: str) -> Iterator[_Suspicion]:
    """Yield what may be so of a column: of its rows with a value, and of those without."""
    filled = has_value(leads.columns[name], leads.kinds[name])
    total = len(leads)
    for is_filled, rows in ((True, filled), (False, ~filled)):
        n = int(rows.sum())
        if not LEAST_ROWS <= n < total:
            continue
        for is_positive, labels in ((True, leads.labels), (False, ~leads.labels)):
            yield _Suspicion(
                OneOutcome(name, is_filled, is_positive, n),
                is_true=bool(labels[rows].all()),
                chance=_all_of(int(labels.sum()), total, n),
            )


def _all_of(kind: int, total: int, n: int) -> float:
    """Return the probability that ``n`` rows out of ``total`` are all among ``kind`` of them."""
    if n > kind:
        return 0.0
    logs = lgamma(kind + 1) - lgamma(kind - n + 1) - lgamma(total + 1) + lgamma(total - n + 1)
    return exp(logs)
