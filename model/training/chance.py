"""Refuse models without signal to the registry and to workers."""

from __future__ import annotations

from dataclasses import dataclass

from model.metadata import BundleError, BundleMetadata, Calibration
from model.training.intervals import auc_margin_of_noise

__all__ = ["FORCE", "NoSignalError", "Ranking", "ranking_of", "require_signal"]

FORCE = "--force"
"""The option that lets such a model be published and serve."""
FLAT_SLOPE = 0.2
"""Below it, calibration leaves a fifth or less of what the trees say on the logit."""


class NoSignalError(BundleError):
    """A model without signal, to be published or to serve without the option that allows it."""


@dataclass(frozen=True, slots=True)
class Ranking:
    """How well a model ranks leads that it has not seen, with the error of the measurement.

    For models that were trained before the verdict was kept (``model.training.verdict``).

    Parameters
    ----------
    auc
        Area under the ROC curve, the mean of five folds.
    positives, negatives
        Number of leads of each kind, one or more.
    """

    auc: float
    positives: int
    negatives: int

    @property
    def margin(self) -> float:
        """Half of the 95 % interval that the AUC has around 0.5 without signal."""
        return auc_margin_of_noise(self.positives, self.negatives)

    @property
    def is_better_than_chance(self) -> bool:
        """Whether 0.5 is below the interval around the AUC."""
        return self.auc - self.margin > 0.5

    def sentence(self, calibration: Calibration) -> str:
        """Return the sentence that the model is no better than chance.

        Parameters
        ----------
        calibration
            Calibration of the model.
        """
        text = f"no better than chance: AUC {self.auc:.2f} ± {self.margin:.2f} (95 %)"
        if calibration.method == "platt" and (slope := calibration.slope) < FLAT_SLOPE:
            text += (
                f"; Platt's slope is {slope:.2f} where trees that are as sure as they should be "
                "have 1, so every score is near the share of positives"
            )
        return text


def ranking_of(metadata: BundleMetadata) -> Ranking | None:
    """Return the cross-validated ranking that a model was published with; None without one."""
    measured = metadata.metrics.get("cross_validated")
    auc = measured.get("auc") if isinstance(measured, dict) else None
    positives = metadata.training.positives
    negatives = metadata.training.rows - positives
    if not isinstance(auc, float) or positives < 1 or negatives < 1:
        return None
    return Ranking(auc, positives, negatives)


def require_signal(metadata: BundleMetadata, consequence: str) -> None:
    """Refuse a model without signal. One of which it is not known passes.

    Parameters
    ----------
    metadata
        The model's.
    consequence
        What would be done with it, or that it was not done, as a sentence without its stop.

    Raises
    ------
    NoSignalError
        It is no better than giving every lead the base rate.
    """
    sentence = _no_signal(metadata)
    if sentence is not None:
        raise NoSignalError(
            f"{sentence} {consequence}: nothing was changed. Check the target, add fields that "
            f"tell leads apart or more leads, or give {FORCE}."
        )


def _no_signal(metadata: BundleMetadata) -> str | None:
    """Return the sentence on a model without signal; None where it has one, or it is not known."""
    verdict = metadata.metrics.get("verdict")
    if isinstance(verdict, dict):
        return str(verdict["sentence"]) if verdict["has_signal"] is False else None
    ranking = ranking_of(metadata)
    if ranking is None or ranking.is_better_than_chance:
        return None
    return f"The model is {ranking.sentence(metadata.calibration)}."
