"""The logistic regression that a model is compared with."""

from __future__ import annotations

import numpy as np

from model.training.baseline import logistic_scores
from tests.unit.model.training.test_verdict import leads


def test_the_baseline_reads_missing_values_and_survives_an_outlier() -> None:
    made = leads(600, 1.5)
    made.columns["noise"][3] = 1e30
    scores = logistic_scores(made, np.arange(600) % 5, 42)
    assert np.isfinite(scores).all()
    assert ((scores > 0) & (scores < 1)).all()
    assert (scores == logistic_scores(made, np.arange(600) % 5, 42)).all()
