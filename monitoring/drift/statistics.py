"""How far two samples are apart, from their counts by bin.

Every function takes int64 arrays of the same shape (bins,): what was counted, and the reference. A
bin that is empty in both says nothing and is left out. Logarithms are natural, but for
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
"""Leads that a bin is expected to have for the chi² test (Cochran, 1954); rarer ones are pooled."""
THETA_SWITCH = 1.0
"""Below it the second series of Kolmogorov's distribution converges faster."""
CERTAIN = 0.1
"""Below it Kolmogorov's distribution is within 1e-50 of 1."""
TERMS = 8
"""Of either series: the next is below 1e-50."""


@dataclass(frozen=True, slots=True)
class TestResult:
    """Of a test of the hypothesis that both samples come from one distribution.

    Attributes
    ----------
    statistic
        The distance: the largest difference of the cumulated shares, or chi². None where only the
        p-value is known.
    p_value
        How likely a distance at least as large is where the hypothesis holds, 0 to 1.
    """

    # Not a test of pytest's, whatever its name.
    __test__ = False

    statistic: float | None
    p_value: float


def psi(window: Counts, reference: Counts) -> float:
    """Compute the population stability index: the symmetric Kullback-Leibler divergence.

    Half a lead is added to every bin, so that an empty one gives a large number and no infinite
    one.

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
    """Compute what PSI is expected to be where nothing has drifted.

    Without drift PSI is about (1/n + 1/m) times a chi² variable of bins - 1 degrees of freedom;
    this is its mean. It is more than what is found where many bins hold only a few leads.

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

    Smoothed as ``psi`` is.

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
    # Rounding may leave it a hair below 0.
    return max(float((p * np.log(p / q)).sum()), 0.0)


def jensen_shannon(window: Counts, reference: Counts) -> float:
    """Compute the Jensen-Shannon divergence in bits; not its square root, which is a distance.

    Parameters
    ----------
    window, reference
        int64, shape (bins,), neither of them all 0.

    Returns
    -------
    float
        0 for the same shares, 1 for samples that have no bin in common. Not smoothed: an empty bin
        is no difficulty to it.

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
    """Test two samples of numbers as Kolmogorov and Smirnov do, from counts in ordered bins.

    Conservative: between the edges of the bins the samples may be further apart than at them. The
    p-value is the asymptotic one, good from some hundred leads on.

    Parameters
    ----------
    window, reference
        int64, shape (bins,), in the order of the numbers, neither of them all 0; missing values
        are in none of the bins.

    References
    ----------
    N. Smirnov, "Table for estimating the goodness of fit of empirical distributions", Annals of
    Mathematical Statistics 19, 1948. The effective size is n·m/(n + m).
    """
    n, m = float(window.sum()), float(reference.sum())
    distance = float(np.abs(np.cumsum(window) / n - np.cumsum(reference) / m).max())
    return TestResult(distance, kolmogorov_survival(distance * sqrt(n * m / (n + m))))


def chi2_test(window: Counts, reference: Counts) -> TestResult:
    """Test two samples of categories for homogeneity, by Pearson's chi².

    Bins in which less than one lead is expected in the smaller sample are pooled, with the rarest
    other bin where they are too few together: the chi² distribution is no guide to them, and a
    single lead of a level that is not in the reference would look like proof.

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
    """Adjust p-values of several tests for the share of false discoveries.

    Parameters
    ----------
    p_values
        Floats 0 to 1, shape (tests,), in any order.

    Returns
    -------
    ndarray of float64, shape (tests,)
        In the same order, none below its p-value. Of the tests whose adjusted value is below a, at
        most the share a is expected to be false alarms.

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
    """Compute how likely a variable of Kolmogorov's distribution is above ``x``.

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
    """Compute how likely a chi² variable is above ``x``: a finite sum for whole degrees of freedom.

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
    # Also where half of the least number is 0.
    if half <= 0:
        return 1.0
    odd = degrees % 2
    # In logarithms, as the parts overflow long before their quotient does.
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
    """Pool the columns of a table of two rows in which too few are expected."""
    totals = table.sum(axis=0)
    expected = totals * (table.sum(axis=1).min() / table.sum())
    few = expected < EXPECTED
    kept, pool = table[:, ~few], table[:, few].sum(axis=1)
    if not kept.size or expected[few].sum() >= EXPECTED:
        return np.column_stack((kept, pool))
    kept[:, np.argmin(kept.sum(axis=0))] += pool
    return kept
