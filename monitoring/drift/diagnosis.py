"""What a drift is called, and what to do about it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

__all__ = ["ADVICE", "Advice", "Diagnosis", "diagnose"]


class Diagnosis(StrEnum):
    """What the statistics of a horizon amount to."""

    TOO_FEW = "too_few"
    STABLE = "stable"
    COVARIATE = "covariate"
    PREDICTION = "prediction"
    COVARIATE_AND_PREDICTION = "covariate_and_prediction"
    DATA_QUALITY = "data_quality"


@dataclass(frozen=True, slots=True)
class Advice:
    """What to do.

    Attributes
    ----------
    sentence
        For people, in one sentence.
    section
        Where docs/runbook.md says more: the anchor of its section.
    """

    sentence: str
    section: str


ADVICE: Mapping[Diagnosis, Advice] = MappingProxyType(
    {
        Diagnosis.TOO_FEW: Advice(
            "Too few leads to say anything: look at a longer horizon.", "too_few"
        ),
        Diagnosis.STABLE: Advice(
            "The leads and the scores are as the model learnt them: nothing to do.", "stable"
        ),
        Diagnosis.COVARIATE: Advice(
            "Other leads come than the model learnt, but its answers hold: find out what changed "
            "in the drifted fields, and watch the outcomes.",
            "covariate",
        ),
        Diagnosis.PREDICTION: Advice(
            "The scores have moved though no field has: look at how the fields go together and at "
            "what was deployed last, and check the scores against outcomes.",
            "prediction",
        ),
        Diagnosis.COVARIATE_AND_PREDICTION: Advice(
            "Other leads come and the scores follow: check them against outcomes, and train the "
            "model on recent leads.",
            "covariate_and_prediction",
        ),
        Diagnosis.DATA_QUALITY: Advice(
            "Values are missing, or have levels that the model never saw: have the source of the "
            "named fields mended before anything is trained.",
            "data_quality",
        ),
    }
)
"""By diagnosis."""


def diagnose(*, is_covariate: bool, is_prediction: bool, is_surge: bool) -> Diagnosis:
    """Name what the statistics amount to.

    Broken data come first: scores that follow missing values are no news of the leads.

    Parameters
    ----------
    is_covariate
        A field has drifted that no surge explains.
    is_prediction
        The score has drifted.
    is_surge
        In some field far more values are missing, or without a bin, than in the reference.
    """
    if is_surge and not is_covariate:
        return Diagnosis.DATA_QUALITY
    if is_covariate:
        return Diagnosis.COVARIATE_AND_PREDICTION if is_prediction else Diagnosis.COVARIATE
    return Diagnosis.PREDICTION if is_prediction else Diagnosis.STABLE
