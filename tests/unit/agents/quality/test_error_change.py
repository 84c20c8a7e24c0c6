import pytest

from agents.quality.error_change import QualityChange


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (
            QualityChange("bias", "adwin", 0.01, 0.125, True),
            "Conversion of the latest leads is 12.5 points above what their scores promised"
            " (before: +1.0).",
        ),
        (
            QualityChange("bias", "adwin", None, -0.05, True),
            "Conversion of the latest leads is 5.0 points below what their scores promised.",
        ),
        (
            QualityChange("calibration", "adwin", 0.001, 0.08, True),
            "The latest scores fit their outcomes worse than right scores would: Brier score"
            " +0.080 (before: +0.001).",
        ),
        (
            QualityChange("label", "hddm", 0.1, 0.25, True),
            "25.0% of the latest labels were wrong (before: 10.0%).",
        ),
    ],
)
def test_a_change_has_a_sentence(change: QualityChange, sentence: str) -> None:
    assert change.sentence == sentence


def test_only_errors_that_leads_alone_cannot_change_are_concept_drift() -> None:
    assert QualityChange("bias", "adwin", 0.0, 0.1, True).is_concept_drift
    assert QualityChange("calibration", "adwin", 0.0, 0.1, True).is_concept_drift
    assert not QualityChange("label", "hddm", 0.0, 0.1, True).is_concept_drift
    assert not QualityChange("bias", "adwin", 0.1, 0.0, False).is_concept_drift
