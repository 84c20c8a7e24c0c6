"""Whether a model ranks leads better than chance does."""

from __future__ import annotations

import math
from dataclasses import dataclass

from model.metadata import BundleError, BundleMetadata, Calibration

__all__ = ["ACCEPTED", "NoSignalError", "Ranking", "ranking_of", "require_signal"]

ACCEPTED = "--accept-no-signal"
"""The option that lets such a model serve."""
NORMAL_95 = 1.96
"""Standard deviations of a normal distribution, to each side, that hold 95 %."""
REPEATED = 1.5
"""The folds' trees learn from the same leads: the mean of five folds' AUCs has a standard error
of sqrt(1 + 5/4) times that of independent measurements."""
FLAT_SLOPE = 0.2
"""Below it, calibration leaves a fifth or less of what the trees say on the logit."""


class NoSignalError(BundleError):
    """A model that is no better than chance, about to serve without the option that allows it."""


@dataclass(frozen=True, slots=True)
class Ranking:
    """How well a model ranks leads that it has not seen, with the error of the measurement.

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
        """Half of the 95 % interval that the cross-validated AUC has around 0.5 without signal.

        References
        ----------
        .. [1] H. Mann, D. Whitney, "On a test of whether one of two random variables is
           stochastically larger than the other", Annals of Mathematical Statistics 18, 1947.
        .. [2] C. Nadeau, Y. Bengio, "Inference for the generalization error", Machine Learning 52,
           2003.
        """
        leads = self.positives + self.negatives
        error = math.sqrt((leads + 1) / (12 * self.positives * self.negatives))
        return NORMAL_95 * REPEATED * error

    @property
    def is_better_than_chance(self) -> bool:
        """Whether 0.5 is below the interval around the AUC."""
        return self.auc - self.margin > 0.5

    def sentence(self, calibration: Calibration) -> str:
        """Say that the model is no better than chance.

        Parameters
        ----------
        calibration
            Of the model.
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


def require_signal(metadata: BundleMetadata, serves: str) -> None:
    """Refuse a model that is no better than chance. One whose AUC is not known passes.

    Parameters
    ----------
    metadata
        The model's.
    serves
        Which workers would load it, as a sentence without its stop.

    Raises
    ------
    NoSignalError
        It ranks no better than chance.
    """
    ranking = ranking_of(metadata)
    if ranking is None or ranking.is_better_than_chance:
        return
    raise NoSignalError(
        f"The model is {ranking.sentence(metadata.calibration)}. {serves}: nothing was changed. "
        "Check the target, add fields that tell leads apart or more leads, or give "
        f"{ACCEPTED}."
    )
