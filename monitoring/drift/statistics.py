"""Distances between two binned samples, and significance tests.

Every function takes int64 arrays of the same shape (bins,): the counts of the window and those of
the reference. A bin that is empty in both is ignored. Logarithms are natural, except in
``jensen_shannon``.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import erfc, exp, lgamma, log, pi, sqrt

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = [
    "SMOOTHING",
    "TestResult",
    "benjamini_hochberg",
    "chi2_survival",
    "chi2_test",
    "jensen_shannon",
    "kl_divergence",
    "kolmogorov_survival",
    "ks_test",
    "occupied",
    "psi",
    "psi_noise",
]

Counts = NDArray[np.int64]

SMOOTHING = 0.5
"""Added to every count before a logarithm (Krichevsky and Trofimov, 1981)."""
EXPECTED = 1.0
"""Least expected count of a bin in the chi² test (Cochran, 1954); rarer bins are pooled."""
THETA_SWITCH = 1.0
"""Below it the second series of Kolmogorov's distribution converges faster."""
CERTAIN = 0.1
"""Below it Kolmogorov's distribution is within 1e-50 of 1."""
TERMS = 8
"""Terms of either series: the next one is below 1e-50."""


@dataclass(frozen=True, slots=True)
class TestResult:
    """Result of a test of the hypothesis that both samples come from one distribution.

    Attributes
    ----------
    statistic
        The distance: the largest difference of the cumulative shares, or chi². None if only the
        p-value is known.
    p_value
        Probability of a distance at least as large if the hypothesis holds, 0 to 1.
    """

    # pytest would collect it by its name.
    __test__ = False

    statistic: float | None
    p_value: float


def psi(window: Counts, reference: Counts) -> float:
    """Compute the population stability index: the symmetric Kullback-Leibler divergence.

    Half a lead is added to every bin, so that an empty bin gives a large but finite value.

    Returns
    -------
    float
        At least 0. By custom, below 0.1 is stable and above 0.25 a shift; but see ``psi_noise``.

    References
    ----------
    N. Siddiqi, "Credit Risk Scorecards", 2006; as a divergence: H. Jeffreys, "An invariant form
    for the prior probability in estimation problems", 1946.

    Examples
    --------
    >>> round(psi(np.array([700, 300]), np.array([5000, 5000])), 3)
    0.169
    """
    p, q = _smoothed(window, reference)
    return float(((p - q) * np.log(p / q)).sum())


def psi_noise(bins: int, window: int, reference: int) -> float:
    """Compute the expected PSI of two samples without drift.

    Without drift PSI is about (1/n + 1/m) times a chi² variable of bins - 1 degrees of freedom;
    this is its mean. It overestimates the noise if many bins hold only a few leads.

    Parameters
    ----------
    bins
        Number of bins that are not empty in both samples (``occupied``).
    window, reference
        Leads of the two samples, n and m, each above 0.

    References
    ----------
    B. Yurdakul and J. Naranjo, "Statistical properties of the population stability index", Journal
    of Risk Model Validation 14 (4), 2020.

    Examples
    --------
    >>> round(psi_noise(21, 1000, 20_000), 3)
    0.021
    """
    return max(bins - 1, 0) * (1 / window + 1 / reference)


def occupied(window: Counts, reference: Counts) -> int:
    """Count the bins that are not empty in both samples."""
    return int(np.count_nonzero(window + reference))


def kl_divergence(window: Counts, reference: Counts) -> float:
    """Compute the Kullback-Leibler divergence of the window from the reference, in nats.

    The counts are smoothed as in ``psi``.

    Returns
    -------
    float
        At least 0.

    References
    ----------
    S. Kullback and R. Leibler, "On information and sufficiency", Annals of Mathematical Statistics
    22, 1951.
    """
    p, q = _smoothed(window, reference)
    # Rounding may leave it just below 0.
    return max(float((p * np.log(p / q)).sum()), 0.0)


def jensen_shannon(window: Counts, reference: Counts) -> float:
    """Compute the Jensen-Shannon divergence in bits (not its square root, the distance).

    Parameters
    ----------
    window, reference
        int64, shape (bins,), neither of them all 0.

    Returns
    -------
    float
        0 for equal shares, 1 for samples that have no bin in common. The counts are not smoothed,
        as the divergence is finite for empty bins.

    References
    ----------
    J. Lin, "Divergence measures based on the Shannon entropy", IEEE Transactions on Information
    Theory 37 (1), 1991.
    """
    p, q = window / window.sum(), reference / reference.sum()
    middle = (p + q) / 2
    bits = (_relative_entropy(p, middle) + _relative_entropy(q, middle)) / 2 / log(2)
    return min(max(bits, 0.0), 1.0)


def ks_test(window: Counts, reference: Counts) -> TestResult:
    """Compute the two-sample Kolmogorov-Smirnov test from counts in ordered bins.

    The test is conservative: within a bin the samples may be further apart than at its edges. The
    p-value is asymptotic, accurate from a few hundred leads on.

    Parameters
    ----------
    window, reference
        int64, shape (bins,), in ascending order of the numbers, neither of them all 0; without
        missing values.

    References
    ----------
    N. Smirnov, "Table for estimating the goodness of fit of empirical distributions", Annals of
    Mathematical Statistics 19, 1948. The effective size is n·m/(n + m).
    """
    n, m = float(window.sum()), float(reference.sum())
    distance = float(np.abs(np.cumsum(window) / n - np.cumsum(reference) / m).max())
    return TestResult(distance, kolmogorov_survival(distance * sqrt(n * m / (n + m))))


def chi2_test(window: Counts, reference: Counts) -> TestResult:
    """Compute Pearson's chi² test of homogeneity of two samples of categories.

    Bins with less than one expected lead in the smaller sample are pooled; if the pool is still too
    small, it is merged with the rarest other bin. The chi² approximation fails for such bins: a
    single lead of a level that is not in the reference would be significant.

    Parameters
    ----------
    window, reference
        int64, shape (bins,), neither of them all 0.

    References
    ----------
    K. Pearson, "On the probability that two independent distributions of frequency are really
    samples from the same population", Biometrika 8, 1911; for the pooling W. Cochran, "Some
    methods for strengthening the common chi² tests", Biometrics 10, 1954.
    """
    table = _pooled(np.stack((window, reference)).astype(np.float64))
    expected = table.sum(axis=1, keepdims=True) * table.sum(axis=0) / table.sum()
    statistic = float(((table - expected) ** 2 / expected).sum())
    return TestResult(statistic, chi2_survival(statistic, table.shape[1] - 1))


def benjamini_hochberg(p_values: ArrayLike) -> NDArray[np.float64]:
    """Adjust p-values of several tests to control the false discovery rate.

    Parameters
    ----------
    p_values
        Floats 0 to 1, shape (tests,), in any order.

    Returns
    -------
    ndarray of float64, shape (tests,)
        Adjusted p-values in the same order, none below its p-value. Of the tests whose adjusted
        value is below a, at most the share a is expected to be false alarms.

    References
    ----------
    Y. Benjamini and Y. Hochberg, "Controlling the false discovery rate", Journal of the Royal
    Statistical Society B 57, 1995.

    Examples
    --------
    >>> benjamini_hochberg([0.01, 0.04, 0.03]).tolist()
    [0.03, 0.04, 0.04]
    """
    p = np.asarray(p_values, dtype=np.float64)
    falling = np.argsort(-p, kind="stable")
    ranks = np.arange(len(p), 0, -1)
    adjusted = np.empty_like(p)
    adjusted[falling] = np.minimum.accumulate(np.minimum(p[falling] * (len(p) / ranks), 1.0))
    return adjusted


def kolmogorov_survival(x: float) -> float:
    """Compute the survival function of Kolmogorov's distribution at ``x``.

    References
    ----------
    A. Kolmogorov, "Sulla determinazione empirica di una legge di distribuzione", 1933: the two
    series of the theta function.
    """
    if x < CERTAIN:
        return 1.0
    terms = range(1, TERMS + 1)
    if x < THETA_SWITCH:
        below = sum(exp(-(((2 * k - 1) * pi / x) ** 2) / 8) for k in terms)
        return 1.0 - sqrt(2 * pi) / x * below
    return 2 * sum((1 if k % 2 else -1) * exp(-2 * (k * x) ** 2) for k in terms)


def chi2_survival(x: float, degrees: int) -> float:
    """Compute the survival function of the chi² distribution at ``x``.

    For an integer number of degrees of freedom it is a finite sum.

    Parameters
    ----------
    x
        At least 0.
    degrees
        Degrees of freedom; with 0 the variable is always 0.

    References
    ----------
    M. Abramowitz and I. Stegun, "Handbook of Mathematical Functions", 1964, 26.4.4 and 26.4.5.
    """
    half = x / 2
    # Also true for the smallest float above 0, half of which rounds to 0.
    if half <= 0:
        return 1.0
    odd = degrees % 2
    # In logarithms, as numerator and denominator overflow long before the quotient does.
    powers = (k + odd / 2 for k in range(degrees // 2))
    tail = sum(exp(power * log(half) - half - lgamma(power + 1)) for power in powers)
    return min(tail + (erfc(sqrt(half)) if odd else 0.0), 1.0)


def _smoothed(window: Counts, reference: Counts) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    there = window + reference > 0
    p, q = window[there] + SMOOTHING, reference[there] + SMOOTHING
    return p / p.sum(), q / q.sum()


def _relative_entropy(p: NDArray[np.float64], q: NDArray[np.float64]) -> float:
    there = p > 0
    return float((p[there] * np.log(p[there] / q[there])).sum())


def _pooled(table: NDArray[np.float64]) -> NDArray[np.float64]:
    """Pool the columns of a 2-row table whose expected count is too small."""
    totals = table.sum(axis=0)
    expected = totals * (table.sum(axis=1).min() / table.sum())
    few = expected < EXPECTED
    kept, pool = table[:, ~few], table[:, few].sum(axis=1)
    if not kept.size or expected[few].sum() >= EXPECTED:
        return np.column_stack((kept, pool))
    kept[:, np.argmin(kept.sum(axis=0))] += pool
    return kept
