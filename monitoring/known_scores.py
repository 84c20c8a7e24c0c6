"""Scores whose outcomes are known, as a snapshot shows them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from monitoring.quality.counts import QualityCounts
from monitoring.quality.score_bins import MIDDLES

__all__ = ["MOST_LEADS", "KnownScores", "known_leads"]

MOST_LEADS = 50_000
"""Leads that are drawn of those with a known outcome."""
SEED = 20_080_501


@dataclass(frozen=True, slots=True)
class KnownScores:
    """Scores of a model whose outcomes are known.

    Attributes
    ----------
    latest, before
        Counts of the latest weeks, and of those before.
    latest_weeks, before_weeks
        Names of these weeks.
    high
        Score from which on a lead is in the band High.
    """

    latest: QualityCounts
    latest_weeks: str
    before: QualityCounts
    before_weeks: str
    high: float


def known_leads(
    counts: QualityCounts, most: int = MOST_LEADS
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Return scores and outcomes of the known leads of counts; of many, a random sample.

    Returns
    -------
    scores, converted
        float64 and bool, shape (n,). A score is the middle of its bin.
    """
    cells = np.concatenate((counts.table[:, 0], counts.table[:, 1])).astype(np.int64)
    if counts.known > most:
        random = np.random.default_rng(SEED)
        cells = random.multivariate_hypergeometric(cells, most, method="marginals")
    scores = np.tile(MIDDLES[counts.codes], 2)
    converted = np.repeat([True, False], len(counts.codes))
    return np.repeat(scores, cells), np.repeat(converted, cells)
