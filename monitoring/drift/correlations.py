"""Change of the correlation between two fields, from training leads to recent ones.

Each field may be as it was while two of them no longer go together: a form that fills the country
in from the language, say. No drift of a single field shows that.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm, rankdata

from monitoring.drift.statistics import benjamini_hochberg

__all__ = ["CorrelationChange", "correlation_changes"]

SampleColumns = Mapping[str, NDArray[np.float64] | list[str | None]]
"""Numbers as float64, NaN missing; levels as text, None missing."""

LEAST_LEADS = 50
"""Minimum leads with both fields, in both samples: of fewer the normal distribution of Fisher's z
is a rough one."""
SIGNIFICANCE = 0.01
LEAST_CHANGE = 0.1
"""Smallest change of a correlation that matters: with many leads, any change is significant."""
LARGEST = 0.999999
"""Fisher's z of a correlation of 1 is infinite."""


@dataclass(frozen=True, slots=True)
class CorrelationChange:
    """Correlation of two fields before and now.

    Attributes
    ----------
    field, other
        Their names.
    before, now
        Spearman's rank correlation, -1 to 1.
    leads
        Number of recent leads that have both.
    p_adjusted
        P-value of the difference, adjusted over all pairs of fields (Benjamini-Hochberg).
    """

    field: str
    other: str
    before: float
    now: float
    leads: int
    p_adjusted: float

    @property
    def size(self) -> float:
        """Absolute difference."""
        return abs(self.now - self.before)

    @property
    def is_changed(self) -> bool:
        """Whether it is significant at 1 %, and at least 0.1."""
        return self.p_adjusted < SIGNIFICANCE and self.size >= LEAST_CHANGE


def correlation_changes(
    fields: Collection[str], now: SampleColumns, before: SampleColumns, score: str
) -> list[CorrelationChange]:
    """Compare the correlation of each two fields in two samples of leads.

    A level of a category counts as the mean score of the training leads that have it, so that
    levels have an order. Leads without one of the two fields do not count. The difference of two
    correlations is tested by Fisher's z, with the variance of Bonett and Wright (2000, "Sample size
    requirements for estimating Pearson, Kendall and Spearman correlations", Psychometrika 65) for
    ranks. Ranks are those among all leads that have the field.

    Parameters
    ----------
    fields
        Names of the columns to compare.
    now, before
        Recent leads and training leads: the same columns of the same types.
    score
        Name of the column with the scores.

    Returns
    -------
    list of CorrelationChange
        Those that have changed, the largest first; then the others, the largest first. A field
        that has one value only in a sample has no correlation.
    """
    names = [name for name in fields if name != score]
    samples = [_ranks(names, columns, before, score) for columns in (now, before)]
    found = [_correlations(ranks) for ranks in samples]
    (r_now, n_now), (r_before, n_before) = found
    pairs = np.triu(np.ones_like(r_now, np.bool_), 1)
    pairs &= np.isfinite(r_now) & np.isfinite(r_before)
    pairs &= (n_now >= LEAST_LEADS) & (n_before >= LEAST_LEADS)
    rows, columns = np.nonzero(pairs)
    if not len(rows):
        return []
    p_values = _p_values(r_now[pairs], r_before[pairs], n_now[pairs], n_before[pairs])
    changes = [
        CorrelationChange(
            field=names[row],
            other=names[column],
            before=float(r_before[row, column]),
            now=float(r_now[row, column]),
            leads=int(n_now[row, column]),
            p_adjusted=float(p),
        )
        for row, column, p in zip(rows, columns, benjamini_hochberg(p_values), strict=True)
    ]
    return sorted(changes, key=lambda change: (not change.is_changed, -change.size))


def _ranks(
    names: Sequence[str], columns: SampleColumns, reference: SampleColumns, score: str
) -> NDArray[np.float64]:
    """Return ranks from 0 to 1, NaN where missing: float64, shape (n, names)."""
    return np.stack(
        [_ranked(_numbers(columns[name], reference[name], reference[score])) for name in names]
        or [np.empty(0)],
        axis=1,
    )


def _numbers(
    values: NDArray[np.float64] | list[str | None],
    reference: NDArray[np.float64] | list[str | None],
    scores: NDArray[np.float64] | list[str | None],
) -> NDArray[np.float64]:
    """Return numbers as they are, and of levels the mean score of the reference's leads."""
    if not isinstance(values, list):
        return values
    assert isinstance(reference, list)
    sums: dict[str, list[float]] = {}
    for level, value in zip(reference, scores, strict=True):
        if level is not None:
            sums.setdefault(level, []).append(float(value))
    means = {level: float(np.mean(found)) for level, found in sums.items()}
    # A level that no training lead has has no place in the order.
    return np.array([means.get(level, np.nan) if level else np.nan for level in values])


def _ranked(values: NDArray[np.float64]) -> NDArray[np.float64]:
    found = np.full(len(values), np.nan)
    known = np.isfinite(values)
    if known.any():
        found[known] = rankdata(values[known]) / known.sum()
    return found


def _correlations(
    ranks: NDArray[np.float64],
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Return the correlations of all pairs, and how many leads have both: shape (names, names)."""
    known = np.isfinite(ranks)
    # Around the middle, as sums of squares lose digits far from it.
    values, has = np.where(known, ranks - 0.5, 0.0), known.astype(np.float64)
    n = has.T @ has
    with np.errstate(divide="ignore", invalid="ignore"):
        means = values.T @ has / n
        squares = (values**2).T @ has / n - means**2
        products = values.T @ values / n - means * means.T
        found = products / np.sqrt(squares * squares.T)
    found[(squares < 1e-12) | (squares.T < 1e-12)] = np.nan
    return np.clip(found, -1, 1), n.astype(np.int64)


def _p_values(
    now: NDArray[np.float64],
    before: NDArray[np.float64],
    n_now: NDArray[np.int64],
    n_before: NDArray[np.int64],
) -> NDArray[np.float64]:
    z = [np.arctanh(np.clip(r, -LARGEST, LARGEST)) for r in (now, before)]
    variance = sum((1 + r**2 / 2) / (n - 3) for r, n in ((now, n_now), (before, n_before)))
    found: NDArray[np.float64] = 2 * norm.sf(np.abs(z[0] - z[1]) / np.sqrt(variance))
    return found
