"""The gate: whether a candidate is better than the model in production, on leads neither has seen.

Both score the same leads, the latest ones. A gain counts where it is as large as the rules ask for
and its paired bootstrap interval excludes 0. A loss blocks where its interval is all beyond what
the rules allow: on few leads every figure moves.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from agents.comparison.outcomes import Outcomes
from agents.comparison.quality import DRAWS, PairedQuality, paired_quality
from agents.comparison.scored_pair import ScoredPair
from agents.comparison.segment_quality import SegmentQuality
from agents.comparison.segments import SegmentedField, Segments, segmented
from model.training.paired_bootstrap import PairedEstimate

__all__ = ["GateRules", "GateVerdict", "judge_candidate"]

LEAST_OF_A_KIND = 20
"""Leads of each kind that a segment needs to block: dozens of segments are looked at, and among few
leads the interval of one excludes 0 by chance."""


@dataclass(frozen=True, slots=True)
class GateRules:
    """Limits of the gate.

    Attributes
    ----------
    min_auc_gain
        Least relative gain of the AUC: 0.02 asks for 2 %.
    min_business_gain
        Least relative gain of the business figure, which is an alternative to that of the AUC: the
        conversions among the best-scored tenth.
    max_segment_loss
        Largest loss of AUC of a segment that has enough leads of each kind.
    """

    min_auc_gain: float = 0.02
    min_business_gain: float = 0.05
    max_segment_loss: float = 0.05


@dataclass(frozen=True, slots=True)
class GateVerdict:
    """The decision, and the figures behind it.

    Attributes
    ----------
    is_passed
        Whether the candidate may replace the model in production.
    reasons
        Why: a sentence for each rule that failed, or for the gain that passed.
    quality
        Both models on the hold-out; None where its outcomes are of one kind.
    segments
        By field, both models on the leads of each segment.
    """

    is_passed: bool
    reasons: tuple[str, ...]
    quality: PairedQuality | None
    segments: tuple[Segments, ...] = ()

    @property
    def sentence(self) -> str:
        """The decision in one line."""
        return f"{'passed' if self.is_passed else 'rejected'}: {' '.join(self.reasons)}"

    def as_dict(self) -> dict[str, Any]:
        """Return decision and figures by name, for JSON."""
        return {
            "is_passed": self.is_passed,
            "reasons": list(self.reasons),
            "quality": self.quality.as_dict() if self.quality else None,
            "segments": [field.as_dict() for field in self.segments],
        }


def judge_candidate(
    pair: ScoredPair,
    outcomes: Outcomes,
    fields: Sequence[SegmentedField],
    rules: GateRules,
    *,
    draws: int = DRAWS,
) -> GateVerdict:
    """Compare a candidate with the model in production.

    Parameters
    ----------
    pair
        Scores of the hold-out: ``before`` by the model in production, ``after`` by the candidate.
    outcomes
        Of the same leads.
    fields
        The segments in which the candidate must not be worse.
    rules
        The limits.
    draws
        Number of resamples of the bootstrap.
    """
    quality = paired_quality(pair, outcomes, draws=draws)
    if quality is None:
        return GateVerdict(
            False, ("The latest leads all have the same outcome: nothing can be compared.",), None
        )
    segments = tuple(segmented(pair, field, outcomes) for field in fields)
    losses = (*_calibration_loss(quality), *_segment_losses(segments, rules))
    gains, missing = _gains(quality, rules)
    is_passed = bool(gains) and not losses
    reasons = gains if is_passed else (*(() if gains else missing), *losses)
    return GateVerdict(is_passed, tuple(reasons), quality, segments)


def _gains(quality: PairedQuality, rules: GateRules) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return a sentence for each gain that is large enough, and for each that is not."""
    asked = (("auc", "AUC", rules.min_auc_gain), ("lift", "Lift", rules.min_business_gain))
    gains, missing = [], []
    for key, name, least in asked:
        estimate = quality.estimates[key]
        figures = f"{name} {estimate.before.value:.3f} to {estimate.after.value:.3f}"
        interval = (
            f"{_relative_gain(estimate):+.1%}, 95 % interval of the difference "
            f"{estimate.difference.low:+.3f} to {estimate.difference.high:+.3f}"
        )
        is_gain = _relative_gain(estimate) >= least and estimate.difference.low > 0
        if is_gain:
            gains.append(f"{figures} ({interval}).")
        else:
            missing.append(f"{figures} ({interval}): expected {least:+.0%} beyond noise.")
    return tuple(gains), tuple(missing)


def _relative_gain(estimate: PairedEstimate) -> float:
    """Return the gain as a share of the figure before; infinite where that is 0."""
    if not estimate.before.value:
        return float("inf") if estimate.after.value > 0 else 0.0
    return estimate.after.value / estimate.before.value - 1


def _calibration_loss(quality: PairedQuality) -> tuple[str, ...]:
    error = quality.estimates["calibration_error"]
    if error.difference.low <= 0:
        return ()
    return (
        f"Calibration error {error.before.value:.3f} to {error.after.value:.3f}: worse by more "
        f"than noise (95 % interval of the difference {error.difference.low:+.3f} to "
        f"{error.difference.high:+.3f}).",
    )


def _segment_losses(segments: Sequence[Segments], rules: GateRules) -> list[str]:
    losses = []
    for field in segments:
        for segment in field.segments:
            found = segment.quality
            if found is None or not _has_enough(found):
                continue
            auc = found.estimates["auc"]
            if auc.difference.high < -rules.max_segment_loss:
                losses.append(
                    f"AUC of {field.field} = {segment.name} ({found.leads:,} leads) "
                    f"{auc.before.value:.3f} to {auc.after.value:.3f} (95 % interval of the "
                    f"difference {auc.difference.low:+.3f} to {auc.difference.high:+.3f}): at most "
                    f"{rules.max_segment_loss:g} may be lost."
                )
    return losses


def _has_enough(found: SegmentQuality) -> bool:
    positives = round(found.leads * found.rate)
    return min(positives, found.leads - positives) >= LEAST_OF_A_KIND
