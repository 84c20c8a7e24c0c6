import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from sklearn import metrics

from model.training import evaluate, intervals
from monitoring.quality import ranking
from monitoring.quality.counts import QualityCounts
from monitoring.quality.score_bins import MIDDLES
from tests.unit.monitoring.quality.drawn_leads import drawn, labels_of

Table = tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]


def table(count: int, seed: int = 0) -> Table:
    counts = QualityCounts.count(drawn(count, seed=seed))
    return counts.table[:, 0], counts.table[:, 1], MIDDLES[counts.codes]


def rounded(count: int, seed: int = 0) -> tuple[NDArray[np.bool_], NDArray[np.float64]]:
    """Return outcomes and scores rounded to bins."""
    positives, negatives, scores = table(count, seed)
    labels = np.repeat([True, False], (positives.sum(), negatives.sum()))
    return labels, np.concatenate((np.repeat(scores, positives), np.repeat(scores, negatives)))


@given(count=st.integers(20, 400), seed=st.integers(0, 10**6))
def test_auc_and_average_precision_are_those_of_scikit_learn(count: int, seed: int) -> None:
    labels, scores = rounded(count, seed)
    positives, negatives, _ = table(count, seed)
    if 0 < labels.sum() < len(labels):
        auc = ranking.auc(positives, negatives)
        assert auc.value == pytest.approx(metrics.roc_auc_score(labels, scores))
        precision = ranking.average_precision(positives, negatives)
        expected = metrics.average_precision_score(labels, scores)
        assert precision.value == pytest.approx(expected)
        assert precision.low <= precision.value <= precision.high


@pytest.mark.parametrize("seed", range(3))
def test_bins_move_the_auc_of_the_scores_by_less_than_the_bound(seed: int) -> None:
    positives, negatives, _ = table(20_000, seed)
    exact = metrics.roc_auc_score(*labels_of(drawn(20_000, seed=seed)))
    moved = abs(ranking.auc(positives, negatives).value - exact)
    assert moved < 1e-4 < ranking.auc_bound(positives, negatives) < 2e-3


def test_the_interval_of_the_auc_is_that_of_single_leads() -> None:
    labels, scores = rounded(3000)
    influence = intervals.auc_influence(labels, scores)
    expected = math.sqrt(float(np.square(influence).sum()))
    positives, negatives, _ = table(3000)
    assert ranking.auc_error(positives, negatives) == pytest.approx(expected, rel=0.003)


def test_the_interval_of_the_auc_holds_the_truth_as_often_as_it_says() -> None:
    truth = ranking.auc(*table(400_000)[:2]).value
    found = [ranking.auc(*table(400, seed)[:2]) for seed in range(1, 301)]
    held = sum(figure.low <= truth <= figure.high for figure in found)
    assert 0.91 < held / 300 < 0.985


@pytest.mark.parametrize("figure", [ranking.lift, ranking.average_precision])
def test_bootstrap_intervals_hold_the_truth_as_often_as_they_say(figure: object) -> None:
    assert callable(figure)
    truth = figure(*table(400_000)[:2]).value
    found = [figure(*table(1500, seed)[:2]) for seed in range(1, 101)]
    held = sum(part.low <= truth <= part.high for part in found)
    assert held >= 86


def test_lift_is_that_of_single_leads() -> None:
    labels, scores = rounded(20_000)
    positives, negatives, _ = table(20_000)
    found = ranking.lift(positives, negatives)
    assert found.value == pytest.approx(evaluate.lift(labels, scores), rel=0.01)


def test_tenths_add_to_all_leads_the_best_first() -> None:
    positives, negatives, scores = table(997)
    tenths = ranking.tenths(positives, negatives, scores)
    assert len(tenths) == 10
    assert {round(tenth.leads, 6) for tenth in tenths} == {99.7}
    assert sum(tenth.positives for tenth in tenths) == pytest.approx(positives.sum())
    means = [tenth.mean_score for tenth in tenths]
    assert means == sorted(means, reverse=True)
    average = positives.sum() / 997
    assert tenths[0].rate.value / average == pytest.approx(ranking.lift(positives, negatives).value)


def test_a_single_score_ranks_nothing() -> None:
    positives, negatives = np.array([30]), np.array([70])
    assert ranking.auc(positives, negatives).value == 0.5
    assert ranking.average_precision(positives, negatives).value == pytest.approx(0.3)
    assert ranking.lift(positives, negatives).value == pytest.approx(1.0)
    assert ranking.auc_bound(positives, negatives) == 0.5


def test_one_kind_of_outcome_has_no_auc() -> None:
    nobody = np.array([0, 0])
    assert ranking.auc(nobody, np.array([3, 4])) is None
    assert ranking.auc(np.array([3, 4]), nobody) is None
    assert ranking.average_precision(nobody, np.array([3, 4])) is None
    assert ranking.lift(nobody, np.array([3, 4])) is None
    assert ranking.tenths(nobody, nobody, np.array([0.1, 0.2])) == ()


def test_a_single_positive_leaves_the_auc_open() -> None:
    figure = ranking.auc(np.array([0, 1]), np.array([5, 3]))
    assert (figure.low, figure.high) == (0.0, 1.0)
