import pytest

from monitoring.drift.diagnosis import Diagnosis
from monitoring.quality.diagnosis import ADVICE, DriftKind, drift_kind


@pytest.mark.parametrize(
    ("leads", "is_concept", "kind"),
    [
        (Diagnosis.STABLE, False, DriftKind.NONE),
        (Diagnosis.PREDICTION, False, DriftKind.NONE),
        (Diagnosis.COVARIATE, False, DriftKind.COVARIATE),
        (Diagnosis.COVARIATE_AND_PREDICTION, False, DriftKind.COVARIATE),
        (Diagnosis.STABLE, True, DriftKind.CONCEPT),
        (None, True, DriftKind.CONCEPT),
        (Diagnosis.TOO_FEW, True, DriftKind.CONCEPT),
        (Diagnosis.COVARIATE, True, DriftKind.BOTH),
    ],
)
def test_leads_and_errors_give_the_kind(
    leads: Diagnosis | None, is_concept: bool, kind: DriftKind
) -> None:
    assert drift_kind(leads, is_concept=is_concept) is kind


def test_every_kind_has_advice() -> None:
    assert set(ADVICE) == set(DriftKind)
