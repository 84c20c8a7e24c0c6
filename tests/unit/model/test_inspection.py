"""Leaks: what predicts too well alone, and what its name gives away."""

from __future__ import annotations

import numpy as np
import pytest

from model.inspection import find_leaks, single_column_auc
from model.specify import Leads
from schemas.fields import FieldKind

RNG = np.random.default_rng(11)
N = 2000
LABELS = RNG.random(N) < 0.2
NOISE = RNG.normal(size=N)


def auc(values: np.ndarray, kind: FieldKind = FieldKind.NUMBER) -> float:
    return single_column_auc(values, kind, LABELS, seed=1)


def test_a_column_that_is_the_answer():
    assert auc(LABELS.astype(float)) > 0.99
    assert auc(-LABELS.astype(float)) > 0.99


def test_a_column_that_says_nothing():
    assert abs(auc(NOISE) - 0.5) < 0.05


def test_shape_does_not_matter():
    assert auc(np.where(LABELS, RNG.choice([-3.0, 3.0], size=N), 0.0) + NOISE * 0.1) > 0.95


def test_missing_values_can_give_it_away():
    assert auc(np.where(LABELS, 1.0, np.nan)) > 0.99
    close_date = np.array(["2024" if label else None for label in LABELS], dtype=object)
    assert auc(close_date, FieldKind.CATEGORY) > 0.99
    assert auc(close_date, FieldKind.TEXT) > 0.99


def test_rare_levels_do_not_flatter():
    names = np.array([f"name {i}" for i in range(N)], dtype=object)
    assert abs(auc(names, FieldKind.CATEGORY) - 0.5) < 0.05


def test_what_is_told():
    kinds = {"late": FieldKind.NUMBER, "age": FieldKind.NUMBER, "call_duration": FieldKind.NUMBER}
    columns = {"late": LABELS + NOISE * 0.3, "age": NOISE, "call_duration": NOISE[::-1].copy()}
    originals = {"late": "Late!", "age": "age", "call_duration": "call.duration"}
    leaks = find_leaks(Leads.of(kinds, columns, LABELS), originals, seed=1)
    assert [leak.column for leak in leaks] == ["Late!", "call.duration"]
    assert leaks[0].auc == pytest.approx(auc(columns["late"]))
    assert "alone it predicts with an AUC of" in leaks[0].sentence
    assert "--exclude 'Late!'" in leaks[0].sentence
    assert "its name (duration)" in leaks[1].sentence
