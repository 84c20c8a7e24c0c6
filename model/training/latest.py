"""Compare the latest leads with cross-validation: ranking and calibration, beyond noise."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from model.training.cross_validation import CrossValidated, Latest
from model.training.evaluate import Quality
from model.training.intervals import (
    CROSS_VALIDATED,
    HELD_OUT,
    Estimate,
    Influence,
    auc_influence,
    estimate,
    fold_auc_influence,
    mean_influence,
)
from model.training.specify import Leads

__all__ = ["LatestChange", "compare_latest"]

MISCALIBRATED = 0.05
"""Calibration error on the latest leads that is worth a warning where their mean is right."""


@dataclass(frozen=True, slots=True)
class LatestChange:
    """The figures of the latest leads minus those of cross-validation.

    Attributes
    ----------
    latest
        Figures on the latest leads, by a model of the earlier ones.
    cross_validated_auc
        Mean of the folds.
    auc
        Difference of the AUCs.
    bias
        Difference of what the mean score is above the share of positives.
    """

    latest: Quality
    cross_validated_auc: float
    auc: Estimate
    bias: Estimate

    @property
    def warnings(self) -> tuple[str, ...]:
        """Sentences on what is worse by more than noise."""
        return (*self._of_ranking(), *self._of_calibration())

    def _of_ranking(self) -> tuple[str, ...]:
        if self.auc.high >= 0:
            return ()
        return (
            f"The latest 20 % rank worse than cross-validation by more than noise: AUC "
            f"{self.latest.auc:.3f} instead of {self.cross_validated_auc:.3f}, a change of "
            f"{self.auc.value:+.3f} (95 % interval {self.auc.low:+.3f} to {self.auc.high:+.3f}). "
            "What tells leads apart changes with time: expect the latest figure in service, not "
            "the cross-validated one, and train often, on recent leads.",
        )

    def _of_calibration(self) -> tuple[str, ...]:
        latest, gap = self.latest, self.latest.mean_score - self.latest.rate
        # Worse is further from 0 than cross-validation's own bias.
        is_biased = self.bias.low > 0 or self.bias.high < 0
        if is_biased and abs(gap) > abs(gap - self.bias.value):
            what = (
                f"score {latest.mean_score:.1%} on average and {latest.rate:.1%} of them were "
                f"positives; the bias differs from cross-validation's by {self.bias.value:+.1%} "
                f"(95 % interval {self.bias.low:+.1%} to {self.bias.high:+.1%})"
            )
        elif latest.calibration_error > max(MISCALIBRATED, 2 * latest.calibration_noise):
            what = (
                f"have a calibration error of {latest.calibration_error:.1%}, where chance makes "
                f"{latest.calibration_noise:.1%}"
            )
        else:
            return ()
        return (
            f"The latest 20 % {what}: the world has changed, so take scores for a ranking, not "
            "for probabilities, and train often.",
        )

    def as_dict(self) -> dict[str, Any]:
        """Return the differences and their intervals by name, for JSON."""
        return {**self.auc.as_dict("auc"), **self.bias.as_dict("bias")}


def compare_latest(leads: Leads, validated: CrossValidated, latest: Latest) -> LatestChange:
    """Compare the latest leads with all leads in cross-validation.

    The latest leads are in both figures: their influences are subtracted, each widened by what its
    way of measuring asks for.

    Parameters
    ----------
    leads
        All of them, in the order of time.
    validated
        Their scores by folds.
    latest
        Those of them that are the latest.
    """
    labels, rows = leads.labels, latest.rows

    def change(value: float, of_latest: Influence, of_all: Influence) -> Estimate:
        influence = -CROSS_VALIDATED * of_all
        influence[rows] += HELD_OUT * of_latest
        return estimate(value, influence, widened=1.0, groups=leads.groups)

    biases, latest_biases = validated.scores - labels, latest.scores - labels[rows]
    return LatestChange(
        latest=latest.quality,
        cross_validated_auc=validated.auc,
        auc=change(
            latest.quality.auc - validated.auc,
            auc_influence(labels[rows], latest.margins),
            fold_auc_influence(labels, validated.margins, validated.folds),
        ),
        bias=change(
            float(latest_biases.mean() - biases.mean()),
            mean_influence(latest_biases),
            mean_influence(biases),
        ),
    )
