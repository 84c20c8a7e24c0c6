"""Which diagnosis a report gives, and the advice that goes with it."""

from __future__ import annotations

from pathlib import Path

import pytest

from monitoring.drift.diagnosis import ADVICE, Diagnosis, diagnose

RUNBOOK = Path(__file__).parents[4] / "docs" / "runbook.md"


@pytest.mark.parametrize(
    ("covariate", "prediction", "surge", "diagnosis"),
    [
        (False, False, False, "stable"),
        (True, False, False, "covariate"),
        (False, True, False, "prediction"),
        (True, True, False, "covariate_and_prediction"),
        (False, False, True, "data_quality"),
        (False, True, True, "data_quality"),
        (True, False, True, "covariate"),
        (True, True, True, "covariate_and_prediction"),
    ],
)
def test_the_diagnosis_follows_from_the_drift_of_leads_scores_and_rate(
    covariate: bool, prediction: bool, surge: bool, diagnosis: str
) -> None:
    found = diagnose(is_covariate=covariate, is_prediction=prediction, is_surge=surge)
    assert found == diagnosis


def test_there_is_advice_on_every_diagnosis_and_a_section_of_the_runbook() -> None:
    assert set(ADVICE) == set(Diagnosis)
    runbook = RUNBOOK.read_text().splitlines()
    for advice in ADVICE.values():
        assert advice.sentence.endswith(".")
        assert f"### {advice.section}" in runbook
