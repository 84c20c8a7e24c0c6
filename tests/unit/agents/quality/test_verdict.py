import numpy as np
import pytest

from agents.quality.error_change import QualityChange
from agents.quality.verdict import QualityVerdict, quality_verdict
from monitoring.drift.diagnosis import Diagnosis
from monitoring.quality.assessment import assess
from monitoring.quality.counts import QualityCounts
from monitoring.quality.diagnosis import ADVICE, DriftKind
from monitoring.quality.scored_outcomes import ScoredOutcomes
from tests.unit.agents.quality.quality_reports import CHANGE
from tests.unit.monitoring.quality.drawn_leads import drawn

RIGHT = drawn(3000)


def verdict(
    leads: ScoredOutcomes, *changes: QualityChange, drift: Diagnosis | None = None
) -> QualityVerdict:
    return quality_verdict(assess(QualityCounts.count(leads)), changes, drift)


def test_right_scores_of_the_usual_leads_are_fine() -> None:
    found = verdict(RIGHT, drift=Diagnosis.STABLE)
    assert found == QualityVerdict(DriftKind.NONE, (), ADVICE[DriftKind.NONE])


def test_right_scores_of_other_leads_are_covariate_drift() -> None:
    assert verdict(RIGHT, drift=Diagnosis.COVARIATE).kind is DriftKind.COVARIATE


def test_a_change_of_the_errors_is_concept_drift() -> None:
    found = verdict(RIGHT, CHANGE)
    assert (found.kind, found.findings) == (DriftKind.CONCEPT, (CHANGE.sentence,))
    assert verdict(RIGHT, CHANGE, drift=Diagnosis.COVARIATE).kind is DriftKind.BOTH


def test_a_change_of_the_label_alone_is_none() -> None:
    label = QualityChange("label", "hddm", 0.1, 0.2, True)
    assert verdict(RIGHT, label).kind is DriftKind.NONE


def test_scores_that_promise_too_much_are_found() -> None:
    found = verdict(drawn(3000, power=0.7))
    assert found.kind is DriftKind.CONCEPT
    assert any("on average they promise too much (+" in finding for finding in found.findings)


def test_scores_that_no_longer_rank_are_found() -> None:
    outcomes = np.random.default_rng(0).permutation(RIGHT.outcomes)
    found = verdict(ScoredOutcomes(RIGHT.scores, outcomes))
    assert found.findings[0].startswith("The scores rank worse than they promise: AUC 0.")


@pytest.mark.parametrize("known", [0, 199])
def test_few_outcomes_give_no_verdict(known: int) -> None:
    found = verdict(drawn(known), CHANGE)
    assert (found.kind, found.findings) == (None, ())
    assert found.advice == f"Too few outcomes for a verdict: {known} are known, it takes 200."
