"""Which of two scores is better, on leads whose outcome is known."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from agents.comparison.outcomes import Outcomes
from agents.comparison.scored_pair import ScoredPair
from model.training.evaluate import (
    CALIBRATION_BINS,
    Quality,
    brier,
    calibration_error,
    evaluate,
    lift,
    roc_auc,
)
from model.training.paired_bootstrap import PairedEstimate, paired_bootstrap

__all__ = ["CalibrationPoint", "PairedQuality", "calibration_curve", "paired_quality"]

DRAWS = 1000
SEED = 20_080_501
FIGURES = {
    "auc": roc_auc,
    "lift": lift,
    "calibration_error": calibration_error,
    "brier": brier,
}


@dataclass(frozen=True, slots=True)
class CalibrationPoint:
    """Leads of similar scores.

    Attributes
    ----------
    score
        Their mean score.
    rate
        The share of them that converted.
    leads
        Their number.
    """

    score: float
    rate: float
    leads: int


@dataclass(frozen=True, slots=True)
class PairedQuality:
    """Quality of both scores on the same leads with known outcomes.

    Attributes
    ----------
    before, after
        Quality of each score.
    estimates
        AUC, lift, calibration error and Brier score of both, and their differences, with paired
        bootstrap intervals; by name.
    curve_before, curve_after
        Mean score and conversion of tenths of the leads, by ascending score.
    draws
        Number of resamples.
    """

    before: Quality
    after: Quality
    estimates: dict[str, PairedEstimate]
    curve_before: tuple[CalibrationPoint, ...]
    curve_after: tuple[CalibrationPoint, ...]
    draws: int

    @property
    def sentences(self) -> tuple[str, ...]:
        """Which score ranks better, and which is better calibrated if they clearly differ."""
        error = self.estimates["calibration_error"]
        if not error.is_clear:
            return (self.sentence,)
        change = "better" if error.difference.value < 0 else "worse"
        before, after = error.before.value, error.after.value
        said = f"Its scores fit what converts {change}: calibration error {after:.3f}"
        return self.sentence, f"{said} instead of {before:.3f}."

    @property
    def sentence(self) -> str:
        """Which score ranks better, in one sentence."""
        auc = self.estimates["auc"]
        gain = auc.difference
        interval = f"95 % interval of the difference {gain.low:+.3f} to {gain.high:+.3f}"
        if not auc.is_clear:
            return f"Both rank the leads equally well within the noise ({interval})."
        better = "better" if gain.value > 0 else "worse"
        return f"The candidate ranks the leads {better}: AUC {gain.value:+.3f} ({interval})."

    def as_dict(self) -> dict[str, Any]:
        """Return the figures by name, for JSON."""
        figures: dict[str, Any] = {}
        for name, estimate in self.estimates.items():
            figures |= estimate.as_dict(name)
        return {
            "sentence": self.sentence,
            "draws": self.draws,
            **figures,
            "before": self.before.as_dict(),
            "after": self.after.as_dict(),
            "calibration_before": [asdict(point) for point in self.curve_before],
            "calibration_after": [asdict(point) for point in self.curve_after],
        }


def paired_quality(
    pair: ScoredPair, outcomes: Outcomes, *, draws: int = DRAWS, seed: int = SEED
) -> PairedQuality | None:
    """Compare both scores with the outcomes.

    Parameters
    ----------
    pair
        The leads.
    outcomes
        Their outcomes; leads whose outcome is unknown are left out.
    draws, seed
        Resamples and seed of the bootstrap.

    Returns
    -------
    PairedQuality or None
        None where outcomes of both kinds are not known.
    """
    if not outcomes.has_both_kinds:
        return None
    known, labels = pair.take(outcomes.known), outcomes.positive[outcomes.known]
    before, after = known.before.scores, known.after.scores
    return PairedQuality(
        before=evaluate(labels, before),
        after=evaluate(labels, after),
        estimates=paired_bootstrap(labels, before, after, FIGURES, draws=draws, seed=seed),
        curve_before=calibration_curve(labels, before),
        curve_after=calibration_curve(labels, after),
        draws=draws,
    )


def calibration_curve(
    labels: NDArray[np.bool_], scores: NDArray[np.float64], bins: int = CALIBRATION_BINS
) -> tuple[CalibrationPoint, ...]:
    """Compute mean score and conversion of bins of equal size, by ascending score."""
    order = np.argsort(scores, kind="stable")
    parts = np.array_split(order, min(bins, len(order)))
    return tuple(
        CalibrationPoint(float(scores[part].mean()), float(labels[part].mean()), len(part))
        for part in parts
    )
