"""Kinds of drift, and advice for each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

__all__ = ["ADVICE", "Advice", "Diagnosis", "diagnose"]


class Diagnosis(StrEnum):
    """Kind of drift that the statistics of a horizon show."""

    TOO_FEW = "too_few"
    STABLE = "stable"
    COVARIATE = "covariate"
    PREDICTION = "prediction"
    COVARIATE_AND_PREDICTION = "covariate_and_prediction"
    DATA_QUALITY = "data_quality"


@dataclass(frozen=True, slots=True)
class Advice:
    """Advice for a diagnosis.

    Attributes
    ----------
    sentence
        Meaning and action in one sentence.
    section
        Anchor of the section in docs/runbook.md.
    """

    sentence: str
    section: str


ADVICE: Mapping[Diagnosis, Advice] = MappingProxyType(
    {
        Diagnosis.TOO_FEW: Advice(
            "Too few leads for a verdict: look at a longer horizon.", "too_few"
        ),
        Diagnosis.STABLE: Advice(
            "Leads and scores are like the training data: nothing to do.", "stable"
        ),
        Diagnosis.COVARIATE: Advice(
            "The leads differ from the training data, but the scores do not: find out what changed "
            "in the drifted fields, and compare scores with outcomes.",
            "covariate",
        ),
        Diagnosis.PREDICTION: Advice(
            "The scores have drifted, but no field has: check the latest deployment and "
            "combinations of fields, and compare scores with outcomes.",
            "prediction",
        ),
        Diagnosis.COVARIATE_AND_PREDICTION: Advice(
            "Leads and scores differ from the training data: compare scores with outcomes, and "
            "train the model on recent leads.",
            "covariate_and_prediction",
        ),
        Diagnosis.DATA_QUALITY: Advice(
            "Values are missing, or have levels that the model never saw: ask the sender to fix "
            "the named fields before you train again.",
            "data_quality",
        ),
    }
)
"""Advice by diagnosis."""


def diagnose(*, is_covariate: bool, is_prediction: bool, is_surge: bool) -> Diagnosis:
    """Return the diagnosis of a horizon.

    Data quality comes first: if values are missing, drifted scores say nothing about the leads.

    Parameters
    ----------
    is_covariate
        Whether a field has drifted that no surge explains.
    is_prediction
        Whether the score has drifted.
    is_surge
        Whether some field has far more missing or unseen values than the reference.
    """
    if is_surge and not is_covariate:
        return Diagnosis.DATA_QUALITY
    if is_covariate:
        return Diagnosis.COVARIATE_AND_PREDICTION if is_prediction else Diagnosis.COVARIATE
    return Diagnosis.PREDICTION if is_prediction else Diagnosis.STABLE
