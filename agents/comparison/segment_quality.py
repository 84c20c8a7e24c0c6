"""Which of two scores is better on the leads of one segment, where their outcomes are known."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from agents.comparison.outcomes import Outcomes
from agents.comparison.scored_pair import ScoredPair
from model.training.evaluate import calibration_error, lift, roc_auc
from model.training.paired_bootstrap import PairedEstimate, paired_bootstrap

__all__ = ["SegmentQuality", "segment_quality"]

DRAWS = 200
"""Fewer than for all leads, as there are up to twelve segments of each field."""
SEED = 20_080_501
FIGURES = {"auc": roc_auc, "lift": lift, "calibration_error": calibration_error}
NAMES = {"auc": "AUC", "lift": "lift", "calibration_error": "calibration"}
LESS_IS_BETTER = frozenset({"calibration_error"})


@dataclass(frozen=True, slots=True)
class SegmentQuality:
    """Quality of both scores on the leads of a segment with a known outcome.

    Attributes
    ----------
    leads
        Number of these leads.
    rate
        The share of them that converted.
    mean_before, mean_after
        Their mean scores: what the scores say of the rate.
    estimates
        AUC, lift of the best tenth and calibration error of both, and their differences, with
        paired bootstrap intervals; by name.
    """

    leads: int
    rate: float
    mean_before: float
    mean_after: float
    estimates: dict[str, PairedEstimate]

    @property
    def verdict(self) -> str:
        """Figures whose difference is more than noise, such as `AUC better, lift worse`."""
        said = []
        for name, estimate in self.estimates.items():
            if estimate.is_clear:
                is_better = (estimate.difference.value > 0) is (name not in LESS_IS_BETTER)
                said.append(f"{NAMES[name]} {'better' if is_better else 'worse'}")
        return ", ".join(said) or "within the noise"

    def as_dict(self) -> dict[str, Any]:
        """Return the figures by name, for JSON."""
        figures: dict[str, Any] = {}
        for name, estimate in self.estimates.items():
            figures |= estimate.as_dict(name)
        return {
            "leads": self.leads,
            "rate": self.rate,
            "mean_before": self.mean_before,
            "mean_after": self.mean_after,
            "verdict": self.verdict,
            "draws": DRAWS,
            **figures,
        }


def segment_quality(pair: ScoredPair, outcomes: Outcomes) -> SegmentQuality | None:
    """Compare both scores of a segment's leads with their outcomes.

    Parameters
    ----------
    pair
        The leads of the segment.
    outcomes
        Their outcomes; leads whose outcome is unknown are left out.

    Returns
    -------
    SegmentQuality or None
        None where outcomes of both kinds are not known.
    """
    if not outcomes.has_both_kinds:
        return None
    known, labels = pair.take(outcomes.known), outcomes.positive[outcomes.known]
    before, after = known.before.scores, known.after.scores
    return SegmentQuality(
        leads=len(known),
        rate=float(labels.mean()),
        mean_before=float(before.mean()),
        mean_after=float(after.mean()),
        estimates=paired_bootstrap(labels, before, after, FIGURES, draws=DRAWS, seed=SEED),
    )
