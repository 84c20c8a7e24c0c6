"""Exact test of PSI for samples too small for the asymptotic tests."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from monitoring.drift.statistics import SMOOTHING, psi

__all__ = ["permutation_p_value"]

Counts = NDArray[np.int64]

ENOUGH_AS_FAR = 20
"""Sampling stops after this many permutations that are at least as far apart as the samples."""
BATCH = 250
"""Permutations drawn at once."""
ROUNDING = 1e-9
"""Relative difference below which two PSI are equal."""


def permutation_p_value(
    window: Counts, reference: Counts, *, draws: int, random: np.random.Generator
) -> float:
    """Compute the p-value of PSI under random exchange of leads between the two samples.

    The test is exact for any sample size: it draws the window's leads from both samples together,
    without replacement. Sampling stops early where the p-value is clearly large, so fields without
    drift are cheap.

    Parameters
    ----------
    window, reference
        int64, shape (bins,), neither of them all 0; together below 10^9 leads.
    draws
        Permutations at most; the smallest p-value is 1 / (draws + 1).
    random
        Source of the permutations; with the same seed the p-value is the same.

    Returns
    -------
    float
        Above 0, at most 1.

    References
    ----------
    J. Besag and P. Clifford, "Sequential Monte Carlo p-values", Biometrika 78, 1991.
    """
    pooled = window + reference
    occupied = pooled > 0
    pooled, n = pooled[occupied], int(window.sum())
    least = psi(window, reference) * (1 - ROUNDING)
    drawn = far = 0
    while drawn < draws:
        size = min(BATCH, draws - drawn)
        windows = random.multivariate_hypergeometric(pooled, n, size=size, method="marginals")
        is_far = _psi_of_rows(windows, pooled - windows) >= least
        so_far = far + np.cumsum(is_far)
        if so_far[-1] >= ENOUGH_AS_FAR:
            return ENOUGH_AS_FAR / (drawn + int(np.argmax(so_far >= ENOUGH_AS_FAR)) + 1)
        far, drawn = int(so_far[-1]), drawn + size
    return (far + 1) / (draws + 1)


def _psi_of_rows(windows: Counts, references: Counts) -> NDArray[np.float64]:
    p, q = windows + SMOOTHING, references + SMOOTHING
    p, q = p / p.sum(axis=1, keepdims=True), q / q.sum(axis=1, keepdims=True)
    distances: NDArray[np.float64] = ((p - q) * np.log(p / q)).sum(axis=1)
    return distances
