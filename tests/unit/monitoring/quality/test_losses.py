import numpy as np
import pytest
from sklearn import metrics

from monitoring.quality.counts import QualityCounts
from monitoring.quality.losses import brier, log_loss
from tests.unit.monitoring.quality.drawn_leads import drawn, labels_of

LEADS = drawn(4000, unknown=0.2)


def test_losses_are_those_of_scikit_learn_on_the_scores_themselves() -> None:
    labels, scores = labels_of(LEADS)
    counts = QualityCounts.count(LEADS)
    assert brier(counts).value == pytest.approx(metrics.brier_score_loss(labels, scores), abs=1e-9)
    assert log_loss(counts).value == pytest.approx(metrics.log_loss(labels, scores), abs=1e-9)


def test_intervals_are_those_of_a_mean_over_the_leads() -> None:
    labels, scores = labels_of(LEADS)
    losses = (scores - labels) ** 2
    found = brier(QualityCounts.count(LEADS))
    expected = 1.959964 * losses.std() / np.sqrt(len(losses))
    assert found.high - found.value == pytest.approx(expected, rel=0.01)
    likelihood = np.where(labels, scores, 1 - scores)
    expected = 1.959964 * np.log(likelihood).std() / np.sqrt(len(losses))
    found = log_loss(QualityCounts.count(LEADS))
    assert found.value - found.low == pytest.approx(expected, rel=0.02)


def test_unknown_outcomes_have_no_loss() -> None:
    counts = QualityCounts.count(drawn(10, unknown=1.0))
    assert brier(counts) is None
    assert log_loss(counts) is None
