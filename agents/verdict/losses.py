"""Losses of two scores of the same leads, lead by lead, and the bounds of their differences."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import log

import numpy as np
from numpy.typing import NDArray

from model.training.evaluate import log_losses

__all__ = ["CLIP", "LOSSES", "Loss"]

CLIP = 0.001
"""Scores below this, or above one minus this, count as this for the log loss: it has no bound, and
a single lead could decide otherwise."""

Scores = NDArray[np.floating]
Labels = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Loss:
    """A loss of a score, given the outcome.

    Attributes
    ----------
    title
        Its name for people.
    bound
        Largest difference of the losses of two scores.
    of
        Computes the losses of n leads from scores and outcomes, float64, shape (n,).
    """

    title: str
    bound: float
    of: Callable[[Scores, Labels], NDArray[np.float64]]

    def gains(self, live: Scores, shadow: Scores, positive: Labels) -> NDArray[np.float64]:
        """Compute by how much the shadow's loss is smaller, lead by lead.

        Parameters
        ----------
        live, shadow
            Floats, shape (n,): probabilities, 0 to 1.
        positive
            bool, shape (n,): whether the lead converted.

        Returns
        -------
        ndarray of float64
            Shape (n,); positive where the shadow is better.
        """
        return self.of(live, positive) - self.of(shadow, positive)


def _brier(scores: Scores, positive: Labels) -> NDArray[np.float64]:
    losses: NDArray[np.float64] = (scores.astype(np.float64) - positive) ** 2
    return losses


def _log_loss(scores: Scores, positive: Labels) -> NDArray[np.float64]:
    return log_losses(positive, np.clip(scores.astype(np.float64), CLIP, 1 - CLIP))


LOSSES: Mapping[str, Loss] = {
    "brier": Loss("Brier score", 1.0, _brier),
    "log_loss": Loss("log loss", log((1 - CLIP) / CLIP), _log_loss),
}
"""By name; the first one decides the verdict."""
