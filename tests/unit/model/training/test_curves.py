from __future__ import annotations

import numpy as np
import pytest

from features.binning import unmeasured_reference
from model.training.curves import segment_figures, tenths
from tests.unit.small_booster import SPEC

REFERENCE = unmeasured_reference(SPEC)
FIELDS = [field.name for field in REFERENCE.fields]


def test_tenths_go_from_the_best_scored_down_and_hold_every_lead() -> None:
    scores = np.linspace(0, 1, 101)
    labels = scores > 0.5
    found = tenths(labels, scores)
    assert [one["leads"] for one in found] == [11, *[10] * 9]
    assert found[0]["rate"] == 1.0
    assert found[-1]["rate"] == 0.0
    assert found[0]["mean_score"] == pytest.approx(0.95)
    assert sum(one["rate"] * one["leads"] for one in found) == pytest.approx(labels.sum(), abs=1e-4)


def test_a_few_leads_have_fewer_tenths() -> None:
    assert len(tenths(np.array([True, False, True]), np.array([0.5, 0.2, 0.5]))) == 3


def codes_of(field: str, codes: np.ndarray) -> np.ndarray:
    table = np.zeros((len(codes), len(FIELDS)), dtype=np.int16)
    table[:, FIELDS.index(field)] = codes
    return table


def test_segments_are_the_bins_of_the_most_important_fields() -> None:
    codes = codes_of("industry", np.repeat([0, 1], 50))
    labels = np.arange(100) % 2 == 0
    scores = np.where(labels, 0.9, 0.1)
    found = segment_figures(labels, scores, REFERENCE, codes, {"industry": 1.0}, FIELDS)
    assert [(one["field"], one["segment"], one["leads"]) for one in found[:2]] == [
        ("industry", "health", 50),
        ("industry", "retail", 50),
    ]
    assert (found[0]["rate"], found[0]["mean_score"], found[0]["auc"]) == (0.5, 0.5, 1.0)


def test_a_segment_of_few_leads_is_left_out() -> None:
    codes = codes_of("industry", np.array([0] * 29 + [1] * 71))
    labels = np.arange(100) % 2 == 0
    found = segment_figures(labels, labels * 0.5, REFERENCE, codes, {"industry": 1.0}, FIELDS)
    assert [one["segment"] for one in found if one["field"] == "industry"] == ["retail"]


def test_a_segment_with_one_kind_of_label_has_no_auc() -> None:
    codes = codes_of("industry", np.zeros(50, dtype=int))
    labels, scores = np.ones(50, dtype=bool), np.full(50, 0.5)
    found = segment_figures(labels, scores, REFERENCE, codes, {"industry": 1.0}, FIELDS)
    assert found[0]["auc"] is None
