"""How far a field has drifted, from its counts."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from features.reference import Bins
from monitoring.drift.field_drift import DriftState, DriftThresholds
from tests.unit.monitoring.drift.test_assessment import levels


def test_the_noise_of_psi_is_taken_off() -> None:
    random = np.random.default_rng(4)
    many = levels(
        *(np.bincount(random.integers(100, size=n), minlength=100).tolist() for n in (1000, 500))
    )
    drift = many.drift(many.test(), 0.5, DriftThresholds())
    assert drift.psi > 0.25
    assert drift.psi - drift.psi_noise < 0.1
    assert drift.state is DriftState.OK


def test_between_noise_and_warning_it_takes_divergence_and_significance() -> None:
    # PSI 0.18; Kullback-Leibler 0.07 one way and 0.10 the other.
    window, reference = [930, 70], [7900, 2100]
    part, reverse = levels(window, reference), levels(reference, window)
    thresholds = DriftThresholds()
    lower, higher = sorted((part, reverse), key=lambda p: p.drift(None, None, thresholds).kl or 0)
    assert higher.drift(higher.test(), 0.049, thresholds).is_drifted
    assert not higher.drift(higher.test(), 0.05, thresholds).is_drifted
    assert not higher.drift(None, None, thresholds).is_drifted
    assert not lower.drift(lower.test(), 0.049, thresholds).is_drifted
    strict = replace(thresholds, psi_notable=0.24)
    assert not higher.drift(higher.test(), 0.049, strict).is_drifted


def test_a_score_takes_significance_alone() -> None:
    # Its Kullback-Leibler divergence is not above 0.1.
    categories = levels([930, 70], [7900, 2100])
    bins = Bins.model_validate(
        categories.bins.model_dump() | {"by": "quantile", "edges": (0.5,), "levels": ()}
    )
    score = replace(categories, name="score", bins=bins, is_score=True)
    assert score.drift(None, None, DriftThresholds()).kl < 0.1
    test = score.test()
    assert test is not None
    thresholds = DriftThresholds()
    assert score.drift(replace(test, p_value=0.009), None, thresholds).is_drifted
    assert not score.drift(replace(test, p_value=0.01), None, thresholds).is_drifted


def test_a_far_psi_of_few_leads_is_no_drift_where_it_is_not_significant() -> None:
    few = levels([18, 12, 20], [400, 400, 200])
    test = few.test()
    assert test is not None
    far = few.drift(replace(test, p_value=0.5), 0.5, DriftThresholds(psi_warn=0.0))
    assert not far.is_drifted
    assert far.state is DriftState.OK
