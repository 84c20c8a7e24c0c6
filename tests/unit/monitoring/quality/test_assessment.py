import json
import math

import numpy as np
import pytest

from model.training.evaluate import evaluate
from monitoring.quality.assessment import assess
from monitoring.quality.counts import QualityCounts
from monitoring.quality.scored_outcomes import ScoredOutcomes
from tests.unit.monitoring.quality.drawn_leads import drawn, labels_of


def test_the_figures_are_those_of_the_training_report() -> None:
    leads = drawn(20_000, unknown=0.1)
    found, expected = assess(QualityCounts.count(leads)), evaluate(*labels_of(leads))
    assert (found.leads, found.positives) == (expected.rows, expected.positives)
    assert found.conversion.value == pytest.approx(expected.rate)
    assert found.mean_score == pytest.approx(expected.mean_score)
    assert found.auc.value == pytest.approx(expected.auc, abs=1e-4)
    assert found.average_precision.value == pytest.approx(expected.average_precision, abs=2e-3)
    assert found.brier.value == pytest.approx(expected.brier, abs=1e-8)
    assert found.log_loss.value == pytest.approx(expected.log_loss, abs=1e-8)
    assert found.calibration.error == pytest.approx(expected.calibration_error, abs=1e-3)
    assert found.lift.value == pytest.approx(expected.lift, rel=0.02)
    assert found.unknown == 20_000 - expected.rows


def test_bands_come_best_first_with_conversion_and_money() -> None:
    leads = drawn(1000, unknown=0.1)
    found = assess(QualityCounts.count(leads))
    assert [band.band for band in found.bands] == ["High", "Medium", "Low"]
    assert sum(band.leads for band in found.bands) == found.leads
    rates = [band.conversion.value for band in found.bands]
    assert rates == sorted(rates, reverse=True)
    total = sum(sum(band.money.values()) for band in found.bands)
    assert total == pytest.approx(leads.amounts.sum() / 10_000)


def test_bands_of_other_names_follow() -> None:
    outcomes = np.zeros(3, dtype=np.int8)
    leads = ScoredOutcomes(np.array([0.1, 0.2, 0.3]), outcomes, ["Low", "A", "High"])
    found = assess(QualityCounts.count(leads)).bands
    assert [band.band for band in found] == ["High", "Low", "A"]


def test_without_known_outcomes_only_the_estimate_is_there() -> None:
    found = assess(QualityCounts.count(drawn(200, unknown=1.0)))
    assert (found.leads, found.unknown) == (0, 200)
    named = (found.conversion, found.mean_score, found.auc, found.brier, found.calibration)
    assert named == (None, None, None, None, None)
    assert found.estimated.leads == 200
    assert all(band.conversion is None for band in found.bands)


@pytest.mark.parametrize("leads", [0, 1, 2, 50])
def test_figures_of_few_leads_are_finite(leads: int) -> None:
    found = assess(QualityCounts.count(drawn(leads))).as_dict()

    def check(node: object) -> None:
        for part in node.values() if isinstance(node, dict) else node:  # type: ignore[attr-defined]
            if isinstance(part, dict | list | tuple):
                check(part)
            assert not isinstance(part, float) or math.isfinite(part)

    check(found)
    json.dumps(found)
