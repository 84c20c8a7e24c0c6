"""Pairs of scores for tests."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from agents.comparison.scored_pair import ScoredPair, Side


def side(scores: Sequence[float], medium: float = 0.3, high: float = 0.6) -> Side:
    values = np.array(scores, dtype=np.float64)
    return Side(values, ((values >= medium).astype(np.int8) + (values >= high)).astype(np.int8))


def pair(before: Sequence[float], after: Sequence[float]) -> ScoredPair:
    return ScoredPair(side(before), side(after))
