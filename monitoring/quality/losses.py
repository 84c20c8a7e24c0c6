"""Proper scoring rules from counts: Brier score and log loss, of the scores themselves."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from monitoring.quality.counts import SMALLEST, SUM_UNIT, QualityCounts
from monitoring.quality.figure import Figure
from monitoring.quality.score_bins import MIDDLES

__all__ = ["brier", "log_loss"]


def brier(counts: QualityCounts) -> Figure | None:
    """Compute the mean squared difference of score and outcome.

    Returns
    -------
    Figure or None
        The value is exact, from a sum over the leads; the interval is by bins. None where no
        outcome is known.
    """
    scores = MIDDLES[counts.codes]
    return _mean(counts, counts.squared_error_sum, (1 - scores) ** 2, scores**2)


def log_loss(counts: QualityCounts) -> Figure | None:
    """Compute the mean negative log-likelihood, in nats.

    Returns
    -------
    Figure or None
        As of ``brier``.
    """
    scores = np.clip(MIDDLES[counts.codes], SMALLEST, 1 - SMALLEST)
    return _mean(counts, counts.log_loss_sum, -np.log(scores), -np.log(1 - scores))


def _mean(
    counts: QualityCounts,
    total: int,
    of_positives: NDArray[np.float64],
    of_negatives: NDArray[np.float64],
) -> Figure | None:
    """Return the mean of a loss with its interval, from the loss of each bin's outcomes."""
    number = counts.known
    if not number:
        return None
    positives, negatives = counts.table[:, 0], counts.table[:, 1]
    mean = float((positives * of_positives + negatives * of_negatives).sum()) / number
    squares = positives * (of_positives - mean) ** 2 + negatives * (of_negatives - mean) ** 2
    error = math.sqrt(float(squares.sum())) / number
    return Figure.of_error(total / SUM_UNIT / number, error)
