"""Amounts that leads brought, and the business figure in money: that of the best-scored tenth."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["LeadValues", "value_of_best", "values_of"]

LEAST_SHARE = 0.5
"""Share of the conversions that must have an amount in one currency."""
BEST_SHARE = 0.1


@dataclass(frozen=True, slots=True)
class LeadValues:
    """Amounts that n leads brought.

    Attributes
    ----------
    amounts
        float64, shape (n,): in units of the currency; 0 for a lead that did not convert.
    currency
        Three letters (ISO 4217); empty: not known.
    """

    amounts: NDArray[np.float64]
    currency: str


def values_of(
    converted: NDArray[np.bool_], amounts: NDArray[np.float64], currencies: Sequence[str | None]
) -> LeadValues | None:
    """Return what leads brought, if most of their conversions have an amount in one currency.

    Amounts in different currencies can't be added, so the most frequent one counts. A conversion
    without an amount in it counts with the mean of those that have one.

    Parameters
    ----------
    converted
        bool, shape (n,).
    amounts
        float64, shape (n,): NaN where none is known.
    currencies
        Currencies of the n amounts; empty or None: not known.

    Returns
    -------
    LeadValues or None
        None where fewer conversions have an amount in one currency, or where they brought nothing.
    """
    has_amount = converted & ~np.isnan(amounts)
    used = Counter(currencies[row] or "" for row in np.flatnonzero(has_amount).tolist())
    if not used:
        return None
    currency, count = min(used.items(), key=lambda item: (-item[1], item[0]))
    is_used = has_amount & np.array([(each or "") == currency for each in currencies], dtype=bool)
    mean = float(amounts[is_used].mean())
    if count < LEAST_SHARE * int(converted.sum()) or mean <= 0:
        return None
    return LeadValues(np.where(is_used, amounts, np.where(converted, mean, 0.0)), currency)


def value_of_best(
    amounts: NDArray[np.floating], scores: NDArray[np.floating], share: float = BEST_SHARE
) -> float:
    """Return the mean amount of the best-scored leads.

    Examples
    --------
    >>> import numpy as np
    >>> value_of_best(np.array([0.0, 900.0, 0.0, 100.0]), np.array([0.1, 0.9, 0.2, 0.8]), 0.5)
    500.0
    """
    best = np.argsort(-scores, kind="stable")[: max(1, round(len(scores) * share))]
    return float(amounts[best].mean())
