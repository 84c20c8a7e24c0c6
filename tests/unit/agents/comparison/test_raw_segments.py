"""Segments of fields that a model has no bins of."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from agents.comparison.raw_segments import segments_of_numbers, segments_of_texts


def test_segments_of_texts_are_ordered_by_frequency() -> None:
    found = segments_of_texts("owner", ["a", "b", None, "b"])
    assert (list(found.labels), found.codes.tolist()) == (["b", "a", "missing"], [1, 0, 2, 0])


def test_few_numbers_are_segments_of_their_own() -> None:
    found = segments_of_numbers("size", np.array([2.0, np.nan, 1.0, 2.0]))
    assert (list(found.labels), found.codes.tolist()) == (["1", "2", "missing"], [1, 2, 0, 1])


def test_many_numbers_are_ranges_of_as_many_leads() -> None:
    found = segments_of_numbers("size", np.append(np.arange(100.0), np.nan))
    assert found.labels[0] == "under 19.8"
    assert np.bincount(found.codes).tolist() == [20, 20, 20, 20, 20, 1]


@given(st.lists(st.one_of(st.floats(-1e9, 1e9), st.just(float("nan"))), min_size=1))
def test_every_number_has_a_segment(values: list[float]) -> None:
    found = segments_of_numbers("size", np.array(values))
    assert found.codes.max() < len(found.labels)
    is_missing = found.codes == len(found.labels) - 1
    assert is_missing.tolist() == np.isnan(values).tolist()
