"""Outcomes of leads: whether they are known, and whether the leads converted."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["Outcomes"]


@dataclass(frozen=True, slots=True)
class Outcomes:
    """Outcomes of n leads.

    Attributes
    ----------
    known
        bool, shape (n,): whether the outcome is known.
    positive
        bool, shape (n,): whether the lead converted.
    """

    known: NDArray[np.bool_]
    positive: NDArray[np.bool_]

    @property
    def has_both_kinds(self) -> bool:
        """Whether leads of both kinds are known."""
        positives = int((self.known & self.positive).sum())
        return 0 < positives < int(self.known.sum())

    def take(self, rows: NDArray[np.integer] | NDArray[np.bool_]) -> Outcomes:
        """Return the outcomes of some leads."""
        return Outcomes(self.known[rows], self.positive[rows])
