"""The range in which a model's mean score is healthy, from the scores of its training leads."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from model.metadata import Engagement

__all__ = ["healthy_range"]

ODDS = 2.0
"""Half to twice the odds: 21 to 51 % at a mean of 34 %, 2.6 to 9.5 % at one of 5 %."""
PARTS = 10
LEAST_LEADS = 100
"""Minimum leads of a part for its mean to count."""
STEPS = 10_000
"""The ends are rounded outwards, to 0.01 %."""


def healthy_range(scores: NDArray[np.float64], *, is_ordered: bool) -> Engagement:
    """Return the range of the mean score that training calls normal.

    It reaches from half to twice the odds of the mean score. Where the leads are in the order of
    time, it also holds the mean of each tenth of them: what the training data went through is no
    alarm.

    Parameters
    ----------
    scores
        float64, shape (n,), 0 to 1: as in the score's reference bins.
    is_ordered
        Whether the leads are in the order of time.
    """
    mean = float(scores.mean())
    means = [_with_odds(mean, 1 / ODDS), _with_odds(mean, ODDS)]
    if is_ordered and len(scores) >= PARTS * LEAST_LEADS:
        means += [float(part.mean()) for part in np.array_split(scores, PARTS)]
    return Engagement(
        low=math.floor(min(means) * STEPS) / STEPS,
        high=math.ceil(max(means) * STEPS) / STEPS,
    )


def _with_odds(probability: float, factor: float) -> float:
    return factor * probability / (1 - probability + factor * probability)
