"""Figures from counts are those from the scores themselves."""

from __future__ import annotations

import numpy as np
import pytest

from agents.comparison.bands import band_matrix
from agents.comparison.score_shift import score_shift
from agents.comparison.scored_pair import ScoredPair, Side
from agents.verdict.score_counts import BINS, ScoreCounts


def pairs(n: int, seed: int = 1) -> ScoredPair:
    random = np.random.default_rng(seed)
    live = random.beta(2, 8, n)
    shadow = np.where(random.random(n) < 0.3, live, np.clip(live + random.normal(0, 0.1, n), 0, 1))
    return ScoredPair(
        *(Side(each, np.digitize(each, (0.2, 0.4)).astype(np.int8)) for each in (live, shadow))
    )


def counted(*parts: ScoredPair) -> ScoreCounts:
    counts = ScoreCounts()
    for part in parts:
        counts.extend(part)
    return counts


def test_the_shift_is_that_of_the_scores() -> None:
    pair = pairs(20_000)
    found, exact = counted(pair).shift.as_dict(), score_shift(pair).as_dict()
    for name, value in exact.items():
        if isinstance(value, dict):
            assert found[name] == pytest.approx(value, abs=1.5 / BINS), name
        else:
            assert found[name] == pytest.approx(value, abs=2e-3), name


def test_a_change_of_nothing_is_zero_and_not_half_a_bin() -> None:
    one = pairs(100)
    same = ScoredPair(one.before, one.before)
    shift = counted(same).shift
    assert set(shift.change_quantiles) == {0.0}
    assert (shift.changed, shift.mean_absolute_change, shift.ks) == (0, 0, 0)
    assert counted(same).psi < 1e-9


def test_parts_add_up_to_the_whole() -> None:
    whole = pairs(3000)
    parts = counted(*(whole.take(np.arange(i, 3000, 3)) for i in range(3)))
    assert parts.shift.change_quantiles == counted(whole).shift.change_quantiles
    assert parts.shift.mean_after == pytest.approx(counted(whole).shift.mean_after)
    assert (parts.bands == band_matrix(whole).counts).all()
    assert parts.psi == counted(whole).psi


def test_scores_of_0_and_1_are_counted() -> None:
    ends = np.array([0.0, 1.0])
    bands = np.array([0, 2], dtype=np.int8)
    counts = counted(ScoredPair(Side(ends, bands), Side(ends[::-1], bands[::-1])))
    assert counts.pairs == counts.live.sum() == counts.shadow.sum() == counts.change.sum() == 2
    assert counts.shift.change_quantiles[0] == -1.0


def test_the_psi_is_large_where_the_scores_are_elsewhere() -> None:
    one = pairs(5000)
    moved = Side(np.clip(one.before.scores + 0.3, 0, 1), one.before.bands)
    assert counted(ScoredPair(one.before, moved)).psi > 0.25
    assert counted(ScoredPair(one.before, pairs(5000, seed=2).before)).psi < 0.02
