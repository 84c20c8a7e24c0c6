"""Counts of the scores of the same leads by two models: they add up, so no lead is kept."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from agents.comparison.bands import BandMatrix, band_matrix
from agents.comparison.score_shift import QUANTILES, ScoreShift
from agents.comparison.scored_pair import ScoredPair
from monitoring.drift.statistics import ks_test, psi
from schemas.scored_event import CATEGORIES

__all__ = ["ScoreCounts"]

BINS = 2000
"""Bins of equal width of a score; quantiles are exact to half a bin."""
PSI_BINS = 10
"""Tenths of the live scores, between which the PSI is computed."""


def _counts(bins: int) -> NDArray[np.int64]:
    return np.zeros(bins, dtype=np.int64)


@dataclass(slots=True)
class ScoreCounts:
    """Counts of pairs of scores.

    Attributes
    ----------
    live, shadow
        int64, shape (BINS,): scores by bin.
    change
        int64, shape (2 * BINS + 1,): shadow minus live, from -1 to 1, around multiples of a bin.
    bands
        int64, shape (3, 3): rows are live bands, columns those of the shadow.
    pairs, changed
        Number of pairs, and of those whose scores differ.
    sum_live, sum_shadow, sum_absolute
        Sums of the scores and of the sizes of their differences.
    """

    live: NDArray[np.int64] = field(default_factory=lambda: _counts(BINS))
    shadow: NDArray[np.int64] = field(default_factory=lambda: _counts(BINS))
    change: NDArray[np.int64] = field(default_factory=lambda: _counts(2 * BINS + 1))
    bands: NDArray[np.int64] = field(
        default_factory=lambda: np.zeros((len(CATEGORIES),) * 2, dtype=np.int64)
    )
    pairs: int = 0
    changed: int = 0
    sum_live: float = 0.0
    sum_shadow: float = 0.0
    sum_absolute: float = 0.0

    def extend(self, pair: ScoredPair) -> None:
        """Count pairs: live scores before, those of the shadow after."""
        live, shadow, change = pair.before.scores, pair.after.scores, pair.change
        self.live += _binned(live, BINS)
        self.shadow += _binned(shadow, BINS)
        nearest = np.rint((change + 1) * BINS).astype(np.int64)
        self.change += np.bincount(nearest, minlength=len(self.change))
        self.bands += band_matrix(pair).counts
        self.pairs += len(pair)
        self.changed += int(np.count_nonzero(change))
        self.sum_live += float(live.sum())
        self.sum_shadow += float(shadow.sum())
        self.sum_absolute += float(np.abs(change).sum())

    @property
    def matrix(self) -> BandMatrix:
        """Leads by live band and by band of the shadow."""
        return BandMatrix(self.bands)

    @property
    def shift(self) -> ScoreShift:
        """The shift of the scores; there must be a pair."""
        return ScoreShift(
            mean_before=self.sum_live / self.pairs,
            mean_after=self.sum_shadow / self.pairs,
            quantiles_before=tuple(((_quantiles(self.live) + 0.5) / BINS).tolist()),
            quantiles_after=tuple(((_quantiles(self.shadow) + 0.5) / BINS).tolist()),
            change_quantiles=tuple((_quantiles(self.change) / BINS - 1).tolist()),
            mean_absolute_change=self.sum_absolute / self.pairs,
            changed=self.changed / self.pairs,
            ks=ks_test(self.live, self.shadow).statistic or 0.0,
        )

    @property
    def psi(self) -> float:
        """Population stability index of the shadow's scores against the live ones, in tenths."""
        shares = np.cumsum(self.live) / self.pairs
        tenth = np.minimum((shares * PSI_BINS * (1 - 1e-12)).astype(np.int64), PSI_BINS - 1)
        live, shadow = (
            np.bincount(tenth, weights=counts, minlength=PSI_BINS).astype(np.int64)
            for counts in (self.live, self.shadow)
        )
        return psi(shadow, live)


def _binned(shares: NDArray[np.float64], bins: int) -> NDArray[np.int64]:
    codes = np.minimum((shares * bins).astype(np.int64), bins - 1)
    return np.bincount(codes, minlength=bins)


def _quantiles(counts: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the bin that each quantile is in."""
    shares = np.cumsum(counts) / counts.sum()
    return np.searchsorted(shares, np.array(QUANTILES) * (1 - 1e-12))
