"""Judge a model: is it better than giving every lead the base rate, and by how much."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from model.training.cross_validation import CrossValidated
from model.training.evaluate import Quality, evaluate, fold_aucs, log_losses
from model.training.intervals import (
    CROSS_VALIDATED,
    DIGITS,
    Estimate,
    Influence,
    estimate,
    fold_auc_influence,
    mean_influence,
)

__all__ = ["Baseline", "Verdict", "judge"]


@dataclass(frozen=True, slots=True)
class Baseline:
    """Quality of a logistic regression on the same columns in the same folds.

    Attributes
    ----------
    quality
        Quality of its scores.
    auc
        Mean of the folds.
    auc_gain
        The trees' AUC minus the baseline's.
    """

    quality: Quality
    auc: float
    auc_gain: Estimate

    @property
    def sentence(self) -> str:
        """The baseline's figures, and how the trees compare."""
        gain = self.auc_gain
        if gain.low > 0:
            compared = f"{gain.value:.3f} higher"
        elif gain.high < 0:
            compared = f"{-gain.value:.3f} lower"
        else:
            compared = f"the same within the noise ({gain.value:+.3f})"
        return (
            f"A logistic regression in the same folds: AUC {self.auc:.3f}, Brier skill "
            f"{self.quality.brier_skill:.3f}, log loss {self.quality.log_loss:.4f}. The trees' AUC "
            f"is {compared}; 95 % interval of the difference {gain.low:+.3f} to {gain.high:+.3f}."
        )

    def as_dict(self) -> dict[str, Any]:
        """Return the figures by name, for JSON."""
        return {
            "sentence": self.sentence,
            "auc": round(self.auc, DIGITS),
            "brier_skill": round(self.quality.brier_skill, DIGITS),
            "log_loss": round(self.quality.log_loss, DIGITS),
            **self.auc_gain.as_dict("auc_gain"),
        }


@dataclass(frozen=True, slots=True)
class Verdict:
    """Comparison of a model with giving every lead the base rate, on leads that it has not seen.

    Attributes
    ----------
    base_rate
        The share of positives.
    auc
        Mean of the folds; the base rate has 0.5.
    brier_skill
        1 minus the Brier score over the base rate's; 0 is no better, 1 is perfect.
    log_loss
        In nats.
    log_loss_gain
        By how much it is below the base rate's.
    baseline
        A simpler model.
    rises
        Whether the scores of unseen leads rise with success at all.
    has_parted_copies
        Whether folds part copies of leads: the figures are then those of leads that the model has
        seen.
    """

    base_rate: float
    auc: Estimate
    brier_skill: Estimate
    log_loss: float
    log_loss_gain: Estimate
    baseline: Baseline
    rises: bool
    has_parted_copies: bool = False

    @property
    def has_signal(self) -> bool:
        """Whether the model is better: its AUC's interval is above 0.5, its Brier skill above 0.

        Figures of copies that folds part show nothing.
        """
        is_better = self.auc.low > 0.5 and self.brier_skill.value > 0 and self.rises
        return is_better and not self.has_parted_copies

    @property
    def sentence(self) -> str:
        """The verdict in one sentence."""
        auc, skill, gain = self.auc, self.brier_skill, self.log_loss_gain
        better = "Better" if self.has_signal else "No better"
        if self.has_parted_copies:
            better = "Not shown to be better"
        seen = "copies of leads are in several folds, so these figures are too good: "
        return (
            f"{better} than giving everyone the base rate ({self.base_rate:.1%}): "
            f"{seen if self.has_parted_copies else ''}AUC "
            f"{auc.value:.3f} (95 % interval {auc.low:.3f} to {auc.high:.3f}) instead of 0.5, "
            f"Brier skill {skill.value:.3f} ({skill.low:.3f} to {skill.high:.3f}), log loss "
            f"{self.log_loss:.4f} instead of {self.log_loss + gain.value:.4f} (gain "
            f"{gain.value:.4f}, {gain.low:.4f} to {gain.high:.4f})."
        )

    @property
    def consequence(self) -> str:
        """The scores that the model serves, in words."""
        if self.has_signal:
            return "The model serves the trees' scores."
        return f"Every lead scores the base rate, {self.base_rate:.1%}, without reasons."

    def as_dict(self) -> dict[str, Any]:
        """Return the verdict by name, for JSON."""
        return {
            "sentence": self.sentence,
            "has_signal": self.has_signal,
            "base_rate": round(self.base_rate, DIGITS),
            **self.auc.as_dict("auc"),
            **self.brier_skill.as_dict("brier_skill"),
            "log_loss": round(self.log_loss, DIGITS),
            **self.log_loss_gain.as_dict("log_loss_gain"),
            "baseline": self.baseline.as_dict(),
        }


def judge(
    labels: NDArray[np.bool_],
    validated: CrossValidated,
    baseline: NDArray[np.float64],
    groups: NDArray[np.integer] | None = None,
    *,
    has_parted_copies: bool = False,
) -> Verdict:
    """Compare a model with the base rate and with a baseline, on leads that it has not seen.

    Parameters
    ----------
    labels
        bool, shape (n,), of both kinds.
    validated
        The model's scores, by folds.
    baseline
        float64, shape (n,): the baseline's scores, in the same folds.
    groups
        Integers from 0 on, shape (n,): leads of one group depend on each other. None: none do.
    has_parted_copies
        Whether copies of a lead are in several folds.
    """
    folds, rate = validated.folds, float(labels.mean())

    def interval(value: float, influence: Influence) -> Estimate:
        return estimate(value, influence, widened=CROSS_VALIDATED, groups=groups)

    influence = fold_auc_influence(labels, validated.margins, folds)
    baseline_auc = float(np.mean(fold_aucs(labels, baseline, folds)))
    quality = validated.quality
    gains = log_losses(labels, np.full(len(labels), rate)) - log_losses(labels, validated.scores)
    return Verdict(
        base_rate=rate,
        auc=interval(validated.auc, influence).within(0.0, 1.0),
        brier_skill=interval(quality.brier_skill, _skill_influence(labels, validated.scores)),
        log_loss=quality.log_loss,
        log_loss_gain=interval(float(gains.mean()), mean_influence(gains)),
        baseline=Baseline(
            quality=evaluate(labels, baseline),
            auc=baseline_auc,
            auc_gain=interval(
                validated.auc - baseline_auc,
                influence - fold_auc_influence(labels, baseline, folds),
            ),
        ),
        rises=validated.calibration.slope > 0,
        has_parted_copies=has_parted_copies,
    )


def _skill_influence(labels: NDArray[np.bool_], scores: NDArray[np.float64]) -> Influence:
    rate = float(labels.mean())
    of_base = rate * (1 - rate)
    losses, base_losses = (scores - labels) ** 2, (rate - labels) ** 2
    ratio = float(losses.mean()) / of_base
    return (ratio * mean_influence(base_losses) - mean_influence(losses)) / of_base
