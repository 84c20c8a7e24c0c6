"""Reference bins: their edges, their counts, their labels."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from features.binning import LEVEL_BINS, build_reference, quantile_edges
from features.field_spec import CategoryField, DateField, NumberField, TextField
from features.matrix import FeatureEncoder
from features.reference import Reference
from features.spec import FeatureSpec

NO_SCORES = np.empty(0)


def reference_of_numbers(values: list[float]) -> Reference:
    spec = FeatureSpec(fields=(NumberField(name="x"),))
    return build_reference(spec, {"x": np.array(values)}, len(values), NO_SCORES)


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), max_size=200))
@settings(deadline=None)
def test_edges_increase_and_leave_no_bin_empty(values: list[float]) -> None:
    edges = quantile_edges(np.array(values, dtype=np.float64))
    assert all(a < b for a, b in pairwise(edges))
    assert set(edges) <= set(values)
    if values:
        assert 0 not in reference_of_numbers(values).fields[0].counts[:-2]
        assert (len(edges) == 0) == (len(set(values)) == 1)


def test_many_different_values_make_twenty_bins_of_a_size() -> None:
    field = reference_of_numbers([i / 7 for i in range(2000)]).fields[0]
    assert field.size == 20
    assert max(field.counts[:20]) - min(field.counts[:20]) <= 2


def test_a_rare_value_is_not_in_the_bin_of_a_very_frequent_one() -> None:
    field = reference_of_numbers([0.0] * 999 + [3.0]).fields[0]
    assert field.edges == (3.0,)
    assert field.counts == (999, 1, 0, 0)


def test_a_field_without_any_value_works() -> None:
    spec = FeatureSpec(
        fields=(
            NumberField(name="x"),
            TextField(name="t"),
            DateField(name="d"),
            CategoryField(name="c", encoding="target", levels=(), prior=0.1),
        )
    )
    columns: dict[str, Any] = {
        "x": np.full(3, np.nan),
        "t": [None] * 3,
        "d": np.full(3, np.nan),
        "c": [None] * 3,
    }
    reference = build_reference(spec, columns, 3, NO_SCORES)
    features = FeatureEncoder(spec, reference).encode(columns, 3)
    assert np.isnan(features.matrix).all()
    assert features.coverage.tolist() == [0, 0, 0]
    for field in reference.fields:
        assert field.counts[field.missing] == 3
    later = FeatureEncoder(spec, reference).encode(
        {"x": np.array([4.0]), "t": ["hello"], "d": np.array([0.0]), "c": ["new"]}, 1
    )
    assert later.bins.tolist() == [[0, 0, 3, 0]]
    assert later.coverage.tolist() == [1]


@pytest.mark.parametrize(
    ("values", "labels"),
    [
        ([30, 30, 35, 36], ("under 35", "35", "36 or more")),
        ([18, 30, 30, 35, 35, 60], ("under 30", "30-34", "35-59", "60 or more")),
        ([-1.8, -0.1, 1.1, 1.4], ("under -0.1", "-0.1 to 1.1", "1.1-1.4", "1.4 or more")),
        ([-9, -5, -1], ("under -5", "-5 to -2", "-1 or more")),
        ([4963.6, 5017.5, 5099.1], ("under 5018", "5018-5099", "5099 or more")),
        ([0, 250_000, 1_000_000], ("under 250k", "250k-1M", "1M or more")),
        ([1.0001, 1.0002, 1.0003], ("under 1.0002", "1.0002-1.0003", "1.0003 or more")),
        ([7, 7], ("any",)),
    ],
)
def test_bins_of_numbers_are_labelled_with_their_edges(
    values: list[float], labels: tuple[str, ...]
) -> None:
    assert reference_of_numbers(values).labels("x") == (*labels, "other", "missing")


def test_a_level_called_other_or_missing_differs_from_these_codes() -> None:
    spec = FeatureSpec(
        fields=(CategoryField(name="c", encoding="one_hot", levels=("missing", "other")),)
    )
    reference = build_reference(spec, {"c": ["other", "missing"]}, 2, NO_SCORES)
    assert reference.labels("c") == ("missing", "other", "any other", "no value")


def test_only_the_most_frequent_levels_have_a_bin() -> None:
    levels = tuple(sorted(f"level {i}" for i in range(LEVEL_BINS + 50)))
    spec = FeatureSpec(
        fields=(
            CategoryField(name="c", encoding="target", levels=levels, values=(0.5,) * len(levels)),
        )
    )
    values = [*levels, *[level.upper() for level in levels[50:]]]
    field = build_reference(spec, {"c": values}, len(values), NO_SCORES).fields[0]
    assert set(field.levels) == set(levels[50:])
    assert field.counts[field.other] == 50


def test_text_is_binned_by_its_length() -> None:
    spec = FeatureSpec(fields=(TextField(name="t"),))
    field = build_reference(spec, {"t": ["a", "abc", "", None]}, 4, NO_SCORES).fields[0]
    assert field.labels[:2] == ("under 3 characters", "3 or more characters")
    assert field.counts == (1, 1, 0, 2)


def test_scores_are_binned_and_counted() -> None:
    spec = FeatureSpec(fields=(NumberField(name="x"),))
    scores = np.linspace(0, 1, 1000)
    reference = build_reference(spec, {"x": np.zeros(1000)}, 1000, scores)
    assert reference.score.size == 20
    assert sum(reference.score.counts) == 1000
    assert reference.score.codes_of(np.array([-1.0, 2.0, np.nan])).tolist() == [0, 19, 21]


def test_a_number_of_one_lead_with_many_rows_is_not_kept_exactly() -> None:
    spec = FeatureSpec(fields=(NumberField(name="x"),))
    values = {"x": np.array([7.0] * 10 + [8.0] * 10)}
    leads = np.array([0] * 10 + [*range(1, 11)])
    assert build_reference(spec, values, 20, NO_SCORES).fields[0].exact == (7.0, 8.0)
    assert build_reference(spec, values, 20, NO_SCORES, leads).fields[0].exact == (8.0,)
