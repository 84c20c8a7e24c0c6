"""Bands by capacity: thresholds out of the scores, and a model with them and the same trees."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from model.bundle import load_bundle
from model.metadata import Thresholds
from model.registry import Registry
from model.serving.native import NativePredictor
from model.serving.predictor import open_predictor
from model.training.capacity_bands import (
    CapacityBands,
    choose_capacity_bands,
    learned_at,
    same_trees,
    with_capacity_bands,
)
from schemas.errors import InputError
from tests.unit.small_model import NAME, SmallModel

BEFORE = Thresholds(high=0.7, medium=0.4, label=0.3)
EVEN = np.linspace(0, 1, 1001)


def test_high_has_as_many_leads_a_day_as_can_be_called() -> None:
    found = choose_capacity_bands(EVEN, 10, 5, 10, BEFORE)
    assert found.daily == {"High": 5, "Medium": 10, "Low": pytest.approx(85.1)}
    assert (found.thresholds.high, found.thresholds.medium) == (0.951, 0.851)
    assert found.thresholds.label == BEFORE.label
    assert found.daily_before["High"] == pytest.approx(30.1)
    assert not found.is_near(0.1)


def test_medium_stays_where_it_was_and_never_above_high() -> None:
    assert choose_capacity_bands(EVEN, 10, 5, None, BEFORE).thresholds.medium == 0.4
    found = choose_capacity_bands(EVEN, 10, 90, None, BEFORE).thresholds
    assert found.medium == found.high < 0.4


def test_a_capacity_above_all_leads_makes_all_of_them_high() -> None:
    found = choose_capacity_bands(EVEN, 10, 1e6, None, BEFORE)
    assert found.daily["High"] * found.days == len(EVEN)


@settings(max_examples=50, deadline=None)
@given(
    st.lists(st.integers(0, 19), min_size=200, max_size=220),
    st.floats(0.5, 60),
    st.floats(0.1, 100),
    st.floats(0.1, 100) | st.none(),
)
def test_no_band_is_ever_above_its_capacity(
    drawn: list[int], days: float, high: float, medium: float | None
) -> None:
    scores = np.array(drawn) / 20
    found = choose_capacity_bands(scores, days, high, medium, BEFORE)
    for band, most in found.wanted.items():
        assert found.daily[band] <= most * (1 + 1e-6) + 1e-6 / days
    assert sum(found.daily.values()) == pytest.approx(len(scores) / days)
    assert found.thresholds.medium <= found.thresholds.high


def test_bands_that_are_near_enough_are_seen() -> None:
    found = choose_capacity_bands(EVEN, 10, 31, None, BEFORE)
    assert found.is_near(0.05)
    assert not found.is_near(0.01)


def test_too_few_leads_are_refused() -> None:
    with pytest.raises(InputError, match="200 leads"):
        choose_capacity_bands(EVEN[:199], 10, 5, None, BEFORE)


@pytest.fixture
def bands(model: SmallModel) -> CapacityBands:
    return choose_capacity_bands(EVEN, 10, 5, 10, model.bundle.metadata.thresholds)


def test_the_model_with_them_has_the_same_scores_and_says_where_it_comes_from(
    model: SmallModel, bands: CapacityBands, tmp_path: object
) -> None:
    registry = Registry(str(tmp_path))
    version = registry.publish(NAME, with_capacity_bands(model.bundle, bands))
    changed = load_bundle(registry.resolve(f"{NAME}/{version}"), None)
    assert changed.metadata.thresholds == bands.thresholds
    assert changed.sha256 != model.bundle.sha256
    assert same_trees(changed) == {model.bundle.sha256, changed.sha256}
    assert learned_at(changed) == learned_at(model.bundle) == model.bundle.published
    rows = model.bundle.metadata.golden.matrix
    before, after = (
        open_predictor(bundle, threads=1, reasons=True, choice="onnxruntime").predict(rows)
        for bundle in (model.bundle, changed)
    )
    assert before.probability.tobytes() == after.probability.tobytes()
    native = NativePredictor(changed.files["model.ubj"])
    assert native.metadata == changed.metadata
    again = load_bundle(
        registry.resolve(f"{NAME}/{registry.publish(NAME, with_capacity_bands(changed, bands))}"),
        None,
    )
    assert {model.bundle.sha256, changed.sha256} < same_trees(again)
    assert learned_at(again) == model.bundle.published


def test_a_model_of_one_file_stays_one(model: SmallModel, bands: CapacityBands) -> None:
    files = {"model.onnx": model.bundle.files["model.onnx"]}
    assert with_capacity_bands(replace(model.bundle, files=files), bands).ubj is None
