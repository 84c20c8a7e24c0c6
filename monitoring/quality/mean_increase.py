"""HDDM's A-test for an increase of the mean, of values in 0 to 1.

It is river's ``HDDMA`` with its one-sided test, which finds the same changes. That one copies its
statistics at nearly every value, which takes 30 µs; this one takes less than 1 µs.

References
----------
I. Frías-Blanco et al., "Online and non-parametric drift detection methods based on Hoeffding's
bounds", IEEE Transactions on Knowledge and Data Engineering 27, 2015, section 3.1.
"""

from __future__ import annotations

from math import log, sqrt

__all__ = ["MeanIncrease"]


class MeanIncrease:
    """Compares the mean of all values with that of the first ones, at their lowest.

    Parameters
    ----------
    confidence
        Bound on the probability of a false alarm.

    Attributes
    ----------
    drift_detected
        Whether the latest value is that at which an increase was found; then the next one is the
        first of a new sequence.
    """

    def __init__(self, confidence: float) -> None:
        self._cut_term = log(1 / confidence) / 2
        self._test_term = log(2 / confidence) / 2
        self._begin()

    def _begin(self) -> None:
        self.drift_detected = False
        self._count, self._sum = 0, 0.0
        self._lowest_count, self._lowest_mean, self._lowest_bound = 0, 0.0, float("inf")

    def update(self, value: float) -> None:
        """Read the next value."""
        if self.drift_detected:
            self._begin()
        self._count += 1
        self._sum += value
        count, mean = self._count, self._sum / self._count
        # The cut is where the upper bound of the mean was lowest.
        bound = mean + sqrt(self._cut_term / count)
        if bound <= self._lowest_bound:
            self._lowest_count, self._lowest_mean, self._lowest_bound = count, mean, bound
            return
        share = (count - self._lowest_count) / (self._lowest_count * count)
        self.drift_detected = mean - self._lowest_mean >= sqrt(share * self._test_term)
