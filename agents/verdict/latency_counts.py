"""Counts of latencies: they add up, and quantiles are exact to 2 %."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

__all__ = ["LatencyCounts"]

RATIO = 1.04
"""Ratio of the bounds of a bin: its middle is within 2 % of each value in it."""
BINS = 600
"""The last bin begins at half a year, in milliseconds."""


@dataclass(slots=True)
class LatencyCounts:
    """Counts of latencies in milliseconds, in bins whose bounds have a ratio of 1.04.

    Attributes
    ----------
    counts
        int64, shape (BINS,); the first bin is up to one millisecond.
    """

    counts: NDArray[np.int64] = field(default_factory=lambda: np.zeros(BINS, dtype=np.int64))

    def extend(self, milliseconds: NDArray[np.floating]) -> None:
        """Count latencies."""
        codes = np.ceil(np.log(np.maximum(milliseconds, 1.0)) / np.log(RATIO)).astype(np.int64)
        self.counts += np.bincount(np.minimum(codes, BINS - 1), minlength=BINS)

    def quantile(self, share: float) -> float:
        """Return a quantile in milliseconds; there must be a latency."""
        shares = np.cumsum(self.counts) / self.counts.sum()
        code = int(np.searchsorted(shares, share * (1 - 1e-12)))
        return float(RATIO ** (code - 0.5)) if code else 1.0
