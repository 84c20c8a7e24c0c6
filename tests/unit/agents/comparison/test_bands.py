"""Bands before and after, and what a team would get of each."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.comparison.bands import Population, band_matrix, capacity, capacity_as_dict
from tests.unit.agents.comparison.pairs import pair

CHANGED = pair([0.1, 0.1, 0.4, 0.7, 0.7], [0.1, 0.7, 0.7, 0.4, 0.9])


def test_the_matrix_has_the_band_before_in_rows_and_the_band_after_in_columns() -> None:
    matrix = band_matrix(CHANGED)
    assert matrix.counts.tolist() == [[1, 0, 1], [0, 0, 1], [0, 1, 1]]
    assert (matrix.moved_up, matrix.moved_down, matrix.moved_share) == (2, 1, 0.6)
    assert matrix.as_dict()["counts"]["Low"] == {"Low": 1, "Medium": 0, "High": 1}


@given(st.lists(st.floats(0, 1), min_size=1))
def test_a_score_against_itself_moves_nobody(scores: list[float]) -> None:
    same = pair(scores, scores)
    matrix = band_matrix(same)
    assert (matrix.moved_up, matrix.moved_down) == (0, 0)
    assert np.trace(matrix.counts) == len(scores)
    for size in capacity(same, Population(1000 * len(scores), 7)).values():
        assert (size.before, size.margin) == (size.after, 0)


def test_without_sampling_the_numbers_are_counts_a_day() -> None:
    sizes = capacity(CHANGED, Population(leads=5, days=2))
    assert (sizes["High"].before, sizes["High"].after, sizes["High"].margin) == (1, 1.5, 0)
    assert list(sizes) == ["High", "Medium", "Low"]
    assert sum(size.after for size in sizes.values()) == 2.5


def test_a_sample_is_extrapolated_with_its_error() -> None:
    sizes = capacity(CHANGED, Population(leads=500, days=None))
    assert (sizes["High"].before, sizes["High"].after) == (200, 300)
    gains = np.array([0, 1, 1, -1, 0])
    expected = 1.96 * np.sqrt(5 * gains.var() * 0.99) * 100
    assert sizes["High"].margin == pytest.approx(expected)


def test_the_margin_covers_the_truth_about_as_often_as_it_says() -> None:
    random = np.random.default_rng(3)
    before, after = random.random(5000), random.random(5000)
    whole = capacity(pair(before.tolist(), after.tolist()), Population(5000, None))["High"]
    hits = 0
    for _ in range(200):
        rows = random.choice(5000, 500, replace=False)
        drawn = pair(before[rows].tolist(), after[rows].tolist())
        size = capacity(drawn, Population(5000, None))["High"]
        hits += abs((size.after - size.before) - (whole.after - whole.before)) <= size.margin
    assert 180 <= hits <= 199


def test_json_says_what_the_numbers_are_counted_per() -> None:
    assert capacity_as_dict(capacity(CHANGED, Population(5, 2)), Population(5, 2))["per"] == "day"
    found = capacity_as_dict(capacity(CHANGED, Population(5, None)), Population(5, None))
    assert (found["per"], found["Low"]["before"]) == ("range", 2)
