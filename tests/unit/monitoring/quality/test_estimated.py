import numpy as np
import pytest

from monitoring.quality.counts import QualityCounts
from monitoring.quality.estimated import estimated_quality
from monitoring.quality.ranking import auc
from monitoring.quality.scored_outcomes import ScoredOutcomes
from tests.unit.monitoring.quality.drawn_leads import drawn


def test_right_scores_have_the_auc_that_they_promise() -> None:
    counts = QualityCounts.count(drawn(50_000))
    found = estimated_quality(counts)
    true = auc(counts.table[:, 0], counts.table[:, 1])
    assert found.auc.low < true.value < found.auc.high
    assert found.auc.value == pytest.approx(true.value, abs=0.005)
    assert found.brier == pytest.approx(counts.squared_error_sum / 1e9 / 50_000, abs=0.002)
    assert found.conversion.low < counts.positives / 50_000 < found.conversion.high


def test_outcomes_are_not_needed() -> None:
    known, unknown = (QualityCounts.count(drawn(1000, unknown=share)) for share in (0.0, 1.0))
    assert estimated_quality(known) == estimated_quality(unknown)


def test_the_interval_is_that_of_the_auc_of_as_many_leads() -> None:
    expected = estimated_quality(QualityCounts.count(drawn(500))).auc
    found = []
    for seed in range(200):
        scores = drawn(500).scores
        outcomes = np.random.default_rng(seed).random(500) < scores
        table = QualityCounts.count(ScoredOutcomes(scores, outcomes.astype(np.int8))).table
        found.append(auc(table[:, 0], table[:, 1]).value)
    held = sum(expected.low <= value <= expected.high for value in found)
    assert 180 <= held <= 199


def test_a_change_of_concept_is_not_seen() -> None:
    scores = drawn(20_000).scores
    outcomes = np.random.default_rng(0).random(20_000) < 0.15  # whatever the score
    counts = QualityCounts.count(ScoredOutcomes(scores, outcomes.astype(np.int8)))
    assert auc(counts.table[:, 0], counts.table[:, 1]).value == pytest.approx(0.5, abs=0.02)
    assert estimated_quality(counts).auc.value > 0.7


def test_no_leads_promise_nothing() -> None:
    assert estimated_quality(QualityCounts()) is None


def test_leads_that_surely_convert_leave_the_auc_open() -> None:
    certain = ScoredOutcomes(np.array([1.0, 1.0]), np.array([-1, -1], dtype=np.int8))
    found = estimated_quality(QualityCounts.count(certain)).auc
    assert (found.low, found.high) == (0.0, 1.0)
