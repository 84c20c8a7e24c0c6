"""How far the scores of the same leads are from each other."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from agents.comparison.scored_pair import ScoredPair
from monitoring.drift.statistics import ks_test

__all__ = ["QUANTILES", "Histogram", "ScoreShift", "histogram", "score_shift"]

QUANTILES = (0.01, 0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99)
HISTOGRAM_BINS = 40
WIDEST = 0.995
"""The histogram ends at this quantile, rounded up: the few scores beyond are in its last bin."""


@dataclass(frozen=True, slots=True)
class ScoreShift:
    """Difference of two scores of the same leads.

    Attributes
    ----------
    mean_before, mean_after
        Mean scores.
    quantiles_before, quantiles_after
        The scores' quantiles at ``QUANTILES``.
    change_quantiles
        Quantiles of score after minus score before, at ``QUANTILES``.
    mean_absolute_change
        Mean size of a lead's change.
    changed
        Share of the leads whose score differs at all.
    ks
        Kolmogorov-Smirnov distance of the two distributions, 0 to 1. It has no p-value: the test
        needs independent samples, these are the same leads.
    """

    mean_before: float
    mean_after: float
    quantiles_before: tuple[float, ...]
    quantiles_after: tuple[float, ...]
    change_quantiles: tuple[float, ...]
    mean_absolute_change: float
    changed: float
    ks: float

    def as_dict(self) -> dict[str, Any]:
        """Return the figures by name, quantiles by their share, for JSON."""
        shares = [f"{share:g}" for share in QUANTILES]
        return {
            name: dict(zip(shares, figure, strict=True)) if isinstance(figure, tuple) else figure
            for name, figure in asdict(self).items()
        }


def score_shift(pair: ScoredPair) -> ScoreShift:
    """Compute the shift of one or more leads."""
    before, after, change = pair.before.scores, pair.after.scores, pair.change
    return ScoreShift(
        mean_before=float(before.mean()),
        mean_after=float(after.mean()),
        quantiles_before=_quantiles(before),
        quantiles_after=_quantiles(after),
        change_quantiles=_quantiles(change),
        mean_absolute_change=float(np.abs(change).mean()),
        changed=float((change != 0).mean()),
        ks=_ks(before, after),
    )


@dataclass(frozen=True, slots=True)
class Histogram:
    """Counts of both scores in bins of equal width.

    Attributes
    ----------
    edges
        float64, shape (bins + 1,), from 0 on; larger scores are counted in the last bin.
    before, after
        int64, shape (bins,).
    """

    edges: NDArray[np.float64]
    before: NDArray[np.int64]
    after: NDArray[np.int64]


def histogram(pair: ScoredPair, bins: int = HISTOGRAM_BINS) -> Histogram:
    """Count both scores in bins of equal width."""
    both = np.concatenate((pair.before.scores, pair.after.scores))
    highest = float(np.quantile(both, WIDEST))
    edges = np.linspace(0.0, min(max(np.ceil(highest * 20) / 20, 0.05), 1.0), bins + 1)

    def counted(scores: NDArray[np.float64]) -> NDArray[np.int64]:
        return np.histogram(np.minimum(scores, edges[-1]), edges)[0].astype(np.int64)

    return Histogram(edges, counted(pair.before.scores), counted(pair.after.scores))


def _quantiles(values: NDArray[np.float64]) -> tuple[float, ...]:
    return tuple(np.quantile(values, QUANTILES).tolist())


def _ks(before: NDArray[np.float64], after: NDArray[np.float64]) -> float:
    """Compute the distance exactly: each distinct score is a bin."""
    values, codes = np.unique(np.concatenate((before, after)), return_inverse=True)
    counts = (
        np.bincount(part, minlength=len(values))
        for part in (codes[: len(before)], codes[len(before) :])
    )
    return ks_test(*counts).statistic or 0.0
