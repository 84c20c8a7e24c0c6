import numpy as np
import pytest

from model.training import evaluate
from monitoring.quality.calibration import Calibration, calibration
from monitoring.quality.counts import QualityCounts
from monitoring.quality.score_bins import MIDDLES
from tests.unit.monitoring.quality.drawn_leads import drawn, labels_of


def of_counts(counts: QualityCounts) -> Calibration | None:
    return calibration(counts.table[:, 0], counts.table[:, 1], MIDDLES[counts.codes])


@pytest.mark.parametrize("power", [1.0, 0.7, 1.5])
def test_the_error_is_that_of_single_leads(power: float) -> None:
    leads = drawn(20_000, power=power)
    found = of_counts(QualityCounts.count(leads))
    labels, scores = labels_of(leads)
    assert found.error == pytest.approx(evaluate.calibration_error(labels, scores), abs=5e-4)
    assert found.bias == pytest.approx(scores.mean() - labels.mean(), abs=2e-4)


@pytest.mark.parametrize("leads", [200, 5000])
def test_the_noise_floor_is_what_draws_from_right_scores_show(leads: int) -> None:
    found = of_counts(QualityCounts.count(drawn(leads)))
    _, scores = labels_of(drawn(leads))
    assert found.noise == pytest.approx(evaluate.calibration_noise(scores), rel=0.08)


def test_right_scores_are_rarely_off() -> None:
    found = [of_counts(QualityCounts.count(drawn(1000, seed=seed))) for seed in range(200)]
    assert sum(part.is_off for part in found) <= 4
    errors = np.array([part.error - part.noise for part in found])
    assert errors.mean() == pytest.approx(0, abs=0.001)
    assert errors.std() == pytest.approx(found[0].deviation, rel=0.2)


def test_scores_that_promise_too_much_are_off_and_biased() -> None:
    found = of_counts(QualityCounts.count(drawn(5000, power=0.7)))
    assert found.is_off
    assert found.excess == pytest.approx(found.error - found.noise)
    assert found.bias > 5 * found.bias_deviation


def test_an_error_below_the_noise_floor_has_no_excess() -> None:
    assert Calibration(0.01, 0.02, 0.004, 0.0, 0.01).excess == 0.0


def test_no_leads_have_no_calibration() -> None:
    assert of_counts(QualityCounts()) is None
