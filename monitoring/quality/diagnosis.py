"""Kinds of drift, once outcomes are known, and advice for each."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType

from monitoring.drift.diagnosis import Diagnosis

__all__ = ["ADVICE", "DriftKind", "drift_kind"]

COVARIATE = frozenset({Diagnosis.COVARIATE, Diagnosis.COVARIATE_AND_PREDICTION})


class DriftKind(StrEnum):
    """Which of both has changed: the leads, or what makes them convert."""

    NONE = "none"
    COVARIATE = "covariate"
    CONCEPT = "concept"
    BOTH = "both"


ADVICE: Mapping[DriftKind, str] = MappingProxyType(
    {
        DriftKind.NONE: "Leads and outcomes are as the model learned them: nothing to do.",
        DriftKind.COVARIATE: (
            "The leads differ from the training data, but the scores are still right: find out "
            "what changed in the drifted fields; retraining is not urgent."
        ),
        DriftKind.CONCEPT: (
            "The leads are like the training data, but convert otherwise: look for a change of "
            "offer, price, season or sales process, and train on recent outcomes."
        ),
        DriftKind.BOTH: (
            "The leads differ from the training data, and the scores are no longer right: train "
            "on recent leads and outcomes."
        ),
    }
)
"""Meaning and action, by kind."""


def drift_kind(leads: Diagnosis | None, *, is_concept: bool) -> DriftKind:
    """Return which kind of drift there is.

    Parameters
    ----------
    leads
        Diagnosis of the leads by the latest drift report; None if there is none.
    is_concept
        Whether the errors of the scores have changed, or their calibration is off.
    """
    if leads in COVARIATE:
        return DriftKind.BOTH if is_concept else DriftKind.COVARIATE
    return DriftKind.CONCEPT if is_concept else DriftKind.NONE
