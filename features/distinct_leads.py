"""Count leads rather than rows: a lead may have several."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

__all__ = ["leads_by_value"]

V = TypeVar("V")


def leads_by_value(values: Iterable[V], leads: NDArray[np.int64] | None) -> Counter[V]:
    """Count the different leads that have each value.

    Parameters
    ----------
    values
        The value of each row, length n.
    leads
        int64, shape (n,): rows with the same number are of one lead. None: each row is a lead.

    Returns
    -------
    Counter
        In the order in which the values occur.

    Examples
    --------
    >>> leads_by_value(["web", "web", "fair"], np.array([0, 0, 1]))
    Counter({'web': 1, 'fair': 1})
    """
    if leads is None:
        return Counter(values)
    return Counter(value for value, _ in dict.fromkeys(zip(values, leads.tolist(), strict=True)))
