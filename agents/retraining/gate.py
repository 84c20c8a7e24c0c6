"""The gate: whether a candidate is better than the model in production, on leads neither has seen.

Both score the same leads, the latest ones. A gain counts where it is as large as the rules ask for
and its paired bootstrap interval excludes 0. A loss blocks where its interval is all beyond what
the rules allow: on few leads every figure moves.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from agents.comparison.outcomes import Outcomes
from agents.comparison.quality import DRAWS, SEED, PairedQuality, paired_quality
from agents.comparison.scored_pair import ScoredPair
from agents.comparison.segment_quality import SegmentQuality
from agents.comparison.segments import SegmentedField, Segments, segmented
from agents.retraining.lead_values import LeadValues, value_of_best
from model.training.paired_bootstrap import PairedEstimate, paired_bootstrap

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
        Least relative gain of the business figure, which is an alternative to that of the AUC: what
        the best-scored tenth brought, in money, or without money its conversions.
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
    value
        Mean amount of the best-scored tenth; None where the amounts are not known.
    """

    is_passed: bool
    reasons: tuple[str, ...]
    quality: PairedQuality | None
    segments: tuple[Segments, ...] = ()
    value: PairedEstimate | None = None

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
            "value": self.value.as_dict("value") if self.value else None,
            "segments": [field.as_dict() for field in self.segments],
        }


def judge_candidate(
    pair: ScoredPair,
    outcomes: Outcomes,
    fields: Sequence[SegmentedField],
    rules: GateRules,
    *,
    values: LeadValues | None = None,
    draws: int = DRAWS,
) -> GateVerdict:
    """Compare a candidate with the model in production.

    Parameters
    ----------
    pair
        Scores of the hold-out: ``before`` by the model in production, ``after`` by the candidate.
    outcomes
        Outcomes of the same leads.
    fields
        The segments in which the candidate must not be worse.
    rules
        The limits.
    values
        What the leads brought; None: not known.
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
    value = None if values is None else _value(pair, values, draws)
    business = _conversions(quality) if value is None or values is None else _money(value, values)
    gains, missing = _gains((_area(quality), business), rules)
    is_passed = bool(gains) and not losses
    reasons = gains if is_passed else (*(() if gains else missing), *losses)
    return GateVerdict(is_passed, tuple(reasons), quality, segments, value)


class _Figure(NamedTuple):
    """A figure of both models that may pass a candidate."""

    name: str
    estimate: PairedEstimate
    digits: int
    unit: str = ""


def _value(pair: ScoredPair, values: LeadValues, draws: int) -> PairedEstimate:
    """Return the mean amount of the best-scored tenth, by each model."""
    figures = {"value": value_of_best}
    scores = pair.before.scores, pair.after.scores
    return paired_bootstrap(values.amounts, *scores, figures, draws=draws, seed=SEED)["value"]


def _area(quality: PairedQuality) -> _Figure:
    return _Figure("AUC", quality.estimates["auc"], 3)


def _conversions(quality: PairedQuality) -> _Figure:
    return _Figure("Lift", quality.estimates["lift"], 3)


def _money(value: PairedEstimate, values: LeadValues) -> _Figure:
    unit = f" {values.currency}" if values.currency else ""
    return _Figure("Value of a lead of the best tenth", value, 2, unit)


def _gains(
    figures: tuple[_Figure, _Figure], rules: GateRules
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return a sentence for each gain that is large enough, and for each that is not."""
    gains, missing = [], []
    for figure, least in zip(figures, (rules.min_auc_gain, rules.min_business_gain), strict=True):
        estimate, sentence = figure.estimate, _change(figure)
        if _relative_gain(estimate) >= least and estimate.difference.low > 0:
            gains.append(f"{sentence}.")
        else:
            missing.append(f"{sentence}: expected {least:+.0%} beyond noise.")
    return tuple(gains), tuple(missing)


def _change(figure: _Figure) -> str:
    estimate, digits = figure.estimate, figure.digits
    before, after = (f"{each.value:,.{digits}f}" for each in (estimate.before, estimate.after))
    low, high = (
        f"{end:+,.{digits}f}" for end in (estimate.difference.low, estimate.difference.high)
    )
    return (
        f"{figure.name} {before} to {after}{figure.unit} ({_relative_gain(estimate):+.1%}, 95 %"
        f" interval of the difference {low} to {high})"
    )


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
