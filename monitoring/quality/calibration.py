"""Whether scores are right as probabilities, from counts by bin of score.

A lead's score is the middle of its bin, which is at most 1/1024 away, and less than 1 % of the
score or of its distance to 1: so are the errors of these figures.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from monitoring.quality.ranking import Counts, divided

__all__ = ["Calibration", "calibration"]

ALARM = 3.0
"""Standard deviations above the noise floor beyond which a calibration error is not by chance."""


@dataclass(frozen=True, slots=True)
class Calibration:
    """Calibration of scores.

    Attributes
    ----------
    error
        Expected calibration error over tenths of equal size by score: the mean difference of mean
        score and share of positives.
    noise
        What the error is expected to be if every score were right, with as many leads.
    deviation
        Standard deviation of the error if every score were right.
    bias
        Mean score minus share of positives: above 0, scores promise too much.
    bias_deviation
        Standard deviation of the bias if every score were right.
    """

    error: float
    noise: float
    deviation: float
    bias: float
    bias_deviation: float

    @property
    def excess(self) -> float:
        """The error above its noise floor; 0 at least."""
        return max(0.0, self.error - self.noise)

    @property
    def limit(self) -> float:
        """The error that right scores do not reach by chance."""
        return self.noise + ALARM * self.deviation

    @property
    def is_off(self) -> bool:
        """Whether the error is too large for chance."""
        return self.error > self.limit


def calibration(
    positives: Counts, negatives: Counts, scores: NDArray[np.float64]
) -> Calibration | None:
    """Compute the calibration error and what it would be by chance.

    Where scores are right, the difference in a tenth is about normal, with the variance of the
    tenth's outcomes; the mean of its absolute value is sqrt(2/pi) times its standard deviation.

    Parameters
    ----------
    positives, negatives
        int64, shape (k,).
    scores
        float64, shape (k,): the score of each bin.

    Returns
    -------
    Calibration or None
        None where there is no lead.

    References
    ----------
    M. Naeini, G. Cooper, M. Hauskrecht, "Obtaining well calibrated probabilities using Bayesian
    binning", AAAI 2015; for the noise floor J. Bröcker, L. Smith, "Increasing the reliability of
    reliability diagrams", Weather and Forecasting 22, 2007.
    """
    leads = positives + negatives
    number = int(leads.sum())
    if not number:
        return None
    gaps = divided(leads * scores - positives, leads)
    variances = divided(leads * scores * (1 - scores), leads)
    return Calibration(
        error=float(np.abs(gaps).sum()) / number,
        noise=math.sqrt(2 / math.pi) * float(np.sqrt(variances).sum()) / number,
        deviation=math.sqrt((1 - 2 / math.pi) * float(variances.sum())) / number,
        bias=float(gaps.sum()) / number,
        bias_deviation=math.sqrt(float(variances.sum())) / number,
    )
