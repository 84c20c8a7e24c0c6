"""An interval for a mean difference that may be looked at after every outcome.

A fixed-sample interval that is looked at daily excludes 0 sooner or later, even without any
difference. This one covers the mean difference at all times at once with its probability, so a
verdict may be read, and the comparison stopped, whenever somebody likes.

It is the empirical-Bernstein confidence sequence of [1]_: it assumes nothing of the leads but a
bound of each difference, so they may drift, and covers the mean over the leads so far. The boundary
is a mixture over a grid of exponential supermartingales ([2]_, section 3.5), which needs no guess
of how many outcomes there will be.

References
----------
.. [1] Y. J. Choe, A. Ramdas, "Comparing sequential forecasters", Operations Research 72 (4), 2024,
   theorem 2.
.. [2] S. Howard, A. Ramdas, J. McAuliffe, J. Sekhon, "Time-uniform, nonparametric, nonasymptotic
   confidence sequences", Annals of Statistics 49 (2), 2021.
.. [3] X. Fan, I. Grama, Q. Liu, "Exponential inequalities for martingales with applications",
   Electronic Journal of Probability 20, 2015: the inequality behind both.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import log, sqrt

import numpy as np
from numpy.typing import NDArray

__all__ = ["LEVEL", "Differences", "Interval", "boundary", "outcomes_needed"]

LEVEL = 0.95
POWER_80 = 0.8416
"""Quantile of the normal distribution at 80 %."""
CENTRE_SHARE = 0.125
"""A prediction of the next difference is at most this share of the bound away from 0. The smaller
it is, the tighter is the interval for few outcomes; mean differences are far smaller."""
MOST_OUTCOMES = 10**12

_STEEPEST, _STEPS = 0.9, 26
_SLOPES = _STEEPEST * sqrt(2.0) ** -np.arange(_STEPS)
"""Slopes of the mixed supermartingales, each of equal weight: for 1 to 10**9 outcomes."""
_COSTS = -np.log1p(-_SLOPES) - _SLOPES


@dataclass(frozen=True, slots=True)
class Interval:
    """An interval of a mean.

    Attributes
    ----------
    value
        The mean of the differences so far.
    low, high
        Its ends; they cover the mean at all times with the probability ``level``.
    level
        The probability.
    """

    value: float
    low: float
    high: float
    level: float = LEVEL

    @property
    def is_clear(self) -> bool:
        """Whether it excludes 0."""
        return self.low > 0 or self.high < 0


@dataclass(slots=True)
class Differences:
    """Sums over bounded differences of which each is predicted before it is seen.

    Sums of several partitions add up: each prediction is the mean of the earlier differences of its
    own partition, whatever came from the others.

    Attributes
    ----------
    bound
        No difference is larger than this, in either direction.
    count
        Number of differences.
    total
        Their sum.
    spread
        Sum of the squared errors of the predictions.
    """

    bound: float
    count: int = 0
    total: float = 0.0
    spread: float = 0.0

    def extend(self, differences: NDArray[np.float64]) -> None:
        """Add differences in the order in which they became known.

        Parameters
        ----------
        differences
            float64, shape (n,).

        Raises
        ------
        ValueError
            A difference is beyond the bound, or NaN.
        """
        if not np.all(np.abs(differences) <= self.bound * (1 + 1e-12)):
            raise ValueError(f"expected differences of at most {self.bound:g}")
        before = self.total + np.cumsum(differences) - differences
        seen = self.count + np.arange(len(differences))
        furthest = self.bound * CENTRE_SHARE
        predicted = np.clip(before / np.maximum(seen, 1), -furthest, furthest)
        self.spread += float(((differences - predicted) ** 2).sum())
        self.total += float(differences.sum())
        self.count += len(differences)

    def add(self, other: Differences) -> None:
        """Add the differences of another partition."""
        self.count += other.count
        self.total += other.total
        self.spread += other.spread

    @property
    def variance(self) -> float:
        """Variance of one difference; 0 without any."""
        return self.spread / self.count if self.count else 0.0

    @property
    def scale(self) -> float:
        """Largest error of a prediction."""
        return self.bound * (1 + CENTRE_SHARE)

    def interval(self, level: float = LEVEL) -> Interval:
        """Return the interval of the mean difference; without differences it is unlimited."""
        if not self.count:
            return Interval(0.0, -self.bound, self.bound, level)
        mean = self.total / self.count
        radius = boundary(self.spread, self.scale, level) / self.count
        return Interval(
            mean, max(mean - radius, -self.bound), min(mean + radius, self.bound), level
        )


def boundary(spread: float, scale: float, level: float = LEVEL) -> float:
    """Return what the sum of the differences from their means never exceeds, in either direction.

    Parameters
    ----------
    spread
        Sum of the squared errors of the predictions.
    scale
        Largest error of a prediction.
    level
        Probability with which the sum stays within the boundary at all times.
    """
    limit = log(2 / (1 - level)) + log(_STEPS)
    intrinsic = spread / scale**2

    def excess(total: float) -> float:
        powers = _SLOPES * total - _COSTS * intrinsic
        return float(np.logaddexp.reduce(powers)) - limit

    low, high = 0.0, 1.0
    while excess(high) < 0:
        high *= 2
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (low, middle) if excess(middle) > 0 else (middle, high)
    return high * scale


def outcomes_needed(variance: float, scale: float, gain: float, level: float = LEVEL) -> int:
    """Return the number of outcomes that show a difference with a probability of 80 %.

    Parameters
    ----------
    variance
        Variance of one difference.
    scale
        Largest error of a prediction.
    gain
        The true mean difference, above 0.
    level
        Level of the interval that is to exclude 0.
    """

    def shows(count: int) -> bool:
        # The mean of that number of differences is above this with a probability of 80 %.
        likely = gain - POWER_80 * sqrt(variance / count)
        return likely > boundary(variance * count, scale, level) / count

    low, high = 0, 1
    while not shows(high) and high < MOST_OUTCOMES:
        low, high = high, 2 * high
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if shows(middle) else (middle, high)
    return high
