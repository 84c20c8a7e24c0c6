"""The shift of two scores: known values, and the definition."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.comparison.score_shift import QUANTILES, histogram, score_shift
from tests.unit.agents.comparison.pairs import pair

SCORES = st.lists(st.floats(0, 1), min_size=1, max_size=40)


def test_known_shift() -> None:
    shift = score_shift(pair([0.1, 0.2, 0.3, 0.4], [0.2, 0.2, 0.4, 0.6]))
    assert (shift.mean_before, shift.mean_after) == pytest.approx((0.25, 0.35))
    assert shift.quantiles_before[QUANTILES.index(0.5)] == pytest.approx(0.25)
    assert shift.quantiles_after[QUANTILES.index(0.5)] == pytest.approx(0.3)
    assert shift.change_quantiles[QUANTILES.index(0.5)] == pytest.approx(0.1)
    assert (shift.mean_absolute_change, shift.changed) == pytest.approx((0.1, 0.75))
    assert shift.ks == 0.25


@given(SCORES)
def test_a_score_against_itself_has_no_shift(scores: list[float]) -> None:
    shift = score_shift(pair(scores, scores))
    assert (shift.ks, shift.changed, shift.mean_absolute_change) == (0, 0, 0)
    assert set(shift.change_quantiles) == {0.0}
    assert shift.quantiles_before == shift.quantiles_after


@given(st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1)), min_size=1, max_size=40))
def test_the_ks_distance_is_exact(scores: list[tuple[float, float]]) -> None:
    before, after = ([row[i] for row in scores] for i in (0, 1))
    edges = np.array(before + after)
    shares = [(np.array(side) <= edges[:, None]).mean(axis=1) for side in (before, after)]
    expected = np.abs(shares[0] - shares[1]).max()
    assert score_shift(pair(before, after)).ks == pytest.approx(expected, abs=1e-12)


@given(SCORES)
def test_the_histogram_counts_every_lead_on_both_sides(scores: list[float]) -> None:
    counted = histogram(pair(scores, list(reversed(scores))))
    assert counted.before.tolist() == counted.after.tolist()
    assert counted.before.sum() == len(scores)
    assert 0.05 <= counted.edges[-1] <= 1


def test_json_has_the_quantiles_by_their_share() -> None:
    found = score_shift(pair([0.5], [0.75])).as_dict()
    assert found["quantiles_after"]["0.95"] == 0.75
    assert np.isfinite(found["ks"])
