"""The detector of an increase finds what river's HDDM_A finds."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from river.drift.binary import HDDMA

from monitoring.drift.mean_changes import Detector
from monitoring.quality.mean_increase import MeanIncrease


def found_by_river(values: NDArray[np.float64], confidence: float) -> list[int]:
    detector = HDDMA(drift_confidence=confidence)  # type: ignore[no-untyped-call]
    return rows_of(detector, values)


def found(values: NDArray[np.float64], confidence: float) -> list[int]:
    return rows_of(MeanIncrease(confidence), values)


def rows_of(detector: Detector, values: NDArray[np.float64]) -> list[int]:
    rows = []
    for row, value in enumerate(values.tolist()):
        detector.update(value)
        if detector.drift_detected:
            rows.append(row)
    return rows


@settings(max_examples=30, deadline=None)
@given(
    st.integers(0, 2**32 - 1),
    st.lists(st.floats(0, 1), min_size=1, max_size=4),
    st.sampled_from([0.1, 0.01, 0.001]),
)
def test_changes_are_those_of_river(seed: int, rates: list[float], confidence: float) -> None:
    random = np.random.default_rng(seed)
    values = np.concatenate([random.random(400) < rate for rate in rates]).astype(np.float64)
    assert found(values, confidence) == found_by_river(values, confidence)


def test_an_increase_is_found_soon_and_a_decrease_never() -> None:
    random = np.random.default_rng(7)
    low, high = random.random(2000) < 0.05, random.random(2000) < 0.3
    [row] = found(np.concatenate([low, high]).astype(np.float64), 0.001)
    assert 2000 <= row < 2200
    assert found(np.concatenate([high, low]).astype(np.float64), 0.001) == []


@pytest.mark.parametrize("value", [0.0, 1.0])
def test_equal_values_are_no_change(value: float) -> None:
    assert found(np.full(500, value), 0.001) == []
