"""Two scores of each lead: before and after a change of the model."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from schemas.scored_event import CATEGORIES

__all__ = ["HIGH", "ScoredPair", "Side"]

HIGH = CATEGORIES.index("High")


@dataclass(frozen=True, slots=True)
class Side:
    """The scores of n leads by one model, or as they were emitted.

    Attributes
    ----------
    scores
        float64, shape (n,): probabilities, 0 to 1.
    bands
        int8, shape (n,): the index of each lead's category in ``CATEGORIES``.
    """

    scores: NDArray[np.float64]
    bands: NDArray[np.int8]

    def take(self, rows: NDArray[np.integer] | NDArray[np.bool_]) -> Side:
        """Return the scores of some leads."""
        return Side(self.scores[rows], self.bands[rows])


@dataclass(frozen=True, slots=True)
class ScoredPair:
    """Both scores of n leads, in the same order."""

    before: Side
    after: Side

    def __len__(self) -> int:
        return len(self.before.scores)

    @property
    def change(self) -> NDArray[np.float64]:
        """Score after minus score before: float64, shape (n,)."""
        change: NDArray[np.float64] = self.after.scores - self.before.scores
        return change

    @property
    def is_moved(self) -> NDArray[np.bool_]:
        """Whether a lead's band differs: bool, shape (n,)."""
        moved: NDArray[np.bool_] = self.before.bands != self.after.bands
        return moved

    def take(self, rows: NDArray[np.integer] | NDArray[np.bool_]) -> ScoredPair:
        """Return some of the leads."""
        return ScoredPair(self.before.take(rows), self.after.take(rows))
