import json

import numpy as np
import pytest
from sklearn import metrics

from monitoring.quality.counts import QualityCounts
from monitoring.quality.fairness import OTHER, fairness_table
from monitoring.quality.scored_outcomes import ScoredOutcomes
from tests.unit.monitoring.quality.drawn_leads import drawn, labels_of

LEADS = drawn(30_000, unknown=0.1)
OUTCOMES = np.random.default_rng(3).permutation(LEADS.outcomes)
SEGMENTS = {
    "web": QualityCounts.count(LEADS.take(np.arange(20_000))),
    "phone": QualityCounts.count(LEADS.take(np.arange(20_000, 30_000))),
}


def shuffled() -> QualityCounts:
    """Return leads whose scores say nothing of their outcomes."""
    rows = np.arange(5000)
    return QualityCounts.count(ScoredOutcomes(LEADS.scores[rows], OUTCOMES[rows]))


def test_the_largest_segment_comes_first() -> None:
    assert [row.segment for row in fairness_table(SEGMENTS)] == ["web", "phone"]


def test_rates_and_auc_are_those_of_the_segments_own_leads() -> None:
    phone = fairness_table(SEGMENTS)[1]
    leads = LEADS.take(np.arange(20_000, 30_000))
    labels, scores = labels_of(leads)
    high = np.array(leads.bands) == "High"
    known = high[leads.outcomes != -1]
    assert phone.selected.value == pytest.approx(high.mean())
    assert phone.true_positive_rate.value == pytest.approx(metrics.recall_score(labels, known))
    assert phone.false_positive_rate.value == pytest.approx(known[~labels].mean())
    assert phone.auc.value == pytest.approx(metrics.roc_auc_score(labels, scores), abs=1e-4)


def test_segments_that_are_scored_alike_have_no_gap_beyond_noise() -> None:
    for row in fairness_table(SEGMENTS):
        assert not row.is_worse
        assert not row.is_miscalibrated
        assert row.auc_gap.low < 0 < row.auc_gap.high


def test_a_segment_that_is_ranked_worse_is_marked() -> None:
    *others, row = fairness_table(SEGMENTS | {"partner": shuffled()})
    assert row.segment == "partner"
    assert row.is_worse
    assert row.auc_gap.value < -0.2
    assert not any(other.is_worse for other in others)


def test_a_segment_whose_scores_promise_too_much_is_marked() -> None:
    table = fairness_table(SEGMENTS | {"partner": QualityCounts.count(drawn(5000, power=0.7))})
    row = table[-1]
    assert row.is_miscalibrated
    assert row.calibration_gap.value > 0.03


def test_a_single_segment_has_nothing_to_compare_with() -> None:
    [row] = fairness_table({"web": SEGMENTS["web"]})
    assert (row.auc_gap, row.calibration_gap) == (None, None)
    assert not row.is_worse
    assert not row.is_miscalibrated
    json.dumps(row.as_dict())


def test_the_bias_is_mean_score_minus_conversion_with_its_interval() -> None:
    for row in fairness_table(SEGMENTS):
        assert row.bias.value == pytest.approx(row.mean_score - row.conversion.value)
        assert row.bias.low < 0 < row.bias.high


def test_the_smallest_segments_are_counted_together_if_there_are_many() -> None:
    part = {f"v{n:02}": QualityCounts.count(LEADS.take(np.arange(60 + n))) for n in range(14)}
    table = {row.segment: row for row in fairness_table(part | {OTHER: SEGMENTS["phone"]})}
    assert set(table) == {OTHER, *(f"v{n:02}" for n in range(3, 14))}
    together = (part["v00"], part["v01"], part["v02"], SEGMENTS["phone"])
    assert table[OTHER].leads == sum(counts.known for counts in together)


def test_a_segment_without_known_outcomes_has_only_its_share_of_the_best_band() -> None:
    rows = fairness_table(SEGMENTS | {"new": QualityCounts.count(drawn(50, unknown=1.0))})
    assert (rows[-1].segment, rows[-1].leads, rows[-1].auc) == ("new", 0, None)
    assert rows[-1].selected is not None
