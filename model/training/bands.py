"""Bands from data: from which score on a lead is High or Medium, and what each band is worth."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from model.metadata import Thresholds
from schemas.errors import InputError

__all__ = ["HIGH", "MEDIUM", "Band", "BandRule", "Bands", "choose_bands"]

LEAST_LEADS = 20
"""Minimum leads of a band by lift: the conversion of fewer is mostly chance."""
TOLERANCE = 0.2
"""Difference of the share reached from the share wanted, relative to it, that is a warning."""
DIGITS = 17
"""Significant digits that distinguish any two float64."""


@dataclass(frozen=True, slots=True)
class BandRule:
    """How large a band is to be.

    Attributes
    ----------
    by
        ``score``: from a score on. ``share``: as near as possible to a share of all leads.
        ``capacity``: at most a share of all leads. ``lift``: as many leads as convert, together,
        at least ``value`` times as often as all leads.
    value
        The score or the share, 0 to 1, or the lift.
    text
        The rule as people write it: ``0.7``, ``10%``, ``30/400``, ``2.5x``.
    """

    by: Literal["score", "share", "capacity", "lift"]
    value: float
    text: str


HIGH, MEDIUM = BandRule("share", 0.1, "10%"), BandRule("share", 0.2, "20%")
"""By default: the best tenth of the leads, and the next two tenths."""


@dataclass(frozen=True, slots=True)
class Band:
    """One band, on leads that the model has not seen.

    Attributes
    ----------
    threshold
        The lowest score of the band.
    leads
        Number of leads in it.
    share
        Their share of all leads.
    conversion
        Share of positives among them; None without leads.
    lift
        ``conversion`` over the share of positives among all leads.
    """

    threshold: float
    leads: int
    share: float
    conversion: float | None
    lift: float | None


@dataclass(frozen=True, slots=True)
class Bands:
    """The three bands, and what is surprising about them."""

    high: Band
    medium: Band
    low: Band
    warnings: tuple[str, ...]

    @property
    def thresholds(self) -> Thresholds:
        """Thresholds of the model."""
        return Thresholds(high=self.high.threshold, medium=self.medium.threshold)

    @property
    def named(self) -> dict[str, Band]:
        """Bands by category, the best first."""
        return {"High": self.high, "Medium": self.medium, "Low": self.low}

    def as_metrics(self) -> dict[str, Any]:
        """Return each band's figures as a group of metrics, for JSON."""
        return {f"band_{name.lower()}": asdict(band) for name, band in self.named.items()}


def choose_bands(
    scores: NDArray[np.float64], labels: NDArray[np.bool_], high: BandRule, medium: BandRule
) -> Bands:
    """Choose the thresholds of High and Medium.

    A threshold lies between two scores that occur: leads with the same score are never parted, so
    a share is reached as nearly as ties allow.

    Parameters
    ----------
    scores
        float64, shape (n,), 0 to 1: each by trees that have not seen the lead, calibrated as the
        model is. Scores of the trees' own training rows would be too sure, and High too small.
    labels
        bool, shape (n,), of both kinds.
    high, medium
        The rules; Medium's size is that of the band alone, below High.

    Raises
    ------
    InputError
        Medium's score is above High's threshold.
    """
    ladder = _Ladder.of(scores, labels)
    at_high = ladder.reach(high, 0)
    from_high = high.value if high.by == "score" else ladder.threshold(at_high)
    if medium.by == "score" and medium.value > from_high:
        raise InputError(
            f"--medium {medium.text} is above High's threshold, {from_high:g} "
            f"(--high {high.text}): give a lower score, or a share such as {MEDIUM.text}"
        )
    at_medium = ladder.reach(medium, at_high)
    from_medium = medium.value if medium.by == "score" else ladder.threshold(at_medium)
    from_medium = min(from_medium, from_high)
    is_high, is_low = scores >= from_high, scores < from_medium
    highest = float(scores.max())
    bands = {
        "high": _band(from_high, is_high, labels),
        "medium": _band(from_medium, ~(is_high | is_low), labels),
        "low": _band(0.0, is_low, labels),
    }
    warnings = (
        *_warnings("High", bands["high"], high, highest),
        *_warnings("Medium", bands["medium"], medium, highest),
    )
    return Bands(**bands, warnings=warnings)


@dataclass(frozen=True, slots=True)
class _Ladder:
    """The distinct scores, from the highest; a step takes all leads of one score.

    Attributes
    ----------
    bounds
        float64, shape (k + 2,): 1, the k distinct scores downwards, 0.
    leads, positives
        int64, shape (k + 1,): how many are taken after 0 to k steps.
    """

    bounds: NDArray[np.float64]
    leads: NDArray[np.int64]
    positives: NDArray[np.int64]

    @classmethod
    def of(cls, scores: NDArray[np.float64], labels: NDArray[np.bool_]) -> _Ladder:
        values, step, counts = np.unique(-scores, return_inverse=True, return_counts=True)
        hits = np.bincount(step[labels], minlength=len(values))
        return cls(
            bounds=np.concatenate([[1.0], -values, [0.0]]),
            leads=np.concatenate([[0], np.cumsum(counts)]).astype(np.int64),
            positives=np.concatenate([[0], np.cumsum(hits)]).astype(np.int64),
        )

    def reach(self, rule: BandRule, start: int) -> int:
        """Return the step that a band ends with, of one that begins after step ``start``."""
        leads, total = self.leads[start:] - self.leads[start], int(self.leads[-1])
        match rule.by:
            case "score":
                inside = self.bounds[1:-1] >= rule.value
                return max(start, int(inside.sum()))
            case "share":
                return start + int(np.abs(leads - rule.value * total).argmin())
            case "capacity":
                # The product of a quotient may miss a whole number by a rounding error.
                most = int(rule.value * total + 1e-6)
                return start + int(np.flatnonzero(leads <= most)[-1])
            case "lift":
                positives = self.positives[start:] - self.positives[start]
                wanted = rule.value * self.positives[-1] / total * leads
                suits = (positives >= wanted) & (leads >= LEAST_LEADS)
                return start + int(np.flatnonzero(suits)[-1]) if suits.any() else start

    def threshold(self, step: int) -> float:
        """Return a short number above the score of the next step, up to that of the step."""
        upper, lower = float(self.bounds[step]), float(self.bounds[step + 1])
        middle = (upper + lower) / 2
        for digits in range(2, DIGITS):
            shortened = round(middle, digits)
            if lower < shortened <= upper:
                return shortened
        return upper


def _band(threshold: float, inside: NDArray[np.bool_], labels: NDArray[np.bool_]) -> Band:
    leads, rate = int(inside.sum()), float(labels.mean())
    conversion = float(labels[inside].mean()) if leads else None
    return Band(
        threshold=threshold,
        leads=leads,
        share=leads / len(labels),
        conversion=conversion,
        lift=conversion / rate if conversion is not None and rate else None,
    )


def _warnings(name: str, band: Band, rule: BandRule, highest: float) -> list[str]:
    option = f"--{name.lower()} {rule.text}"
    if not band.leads:
        why = {
            "score": f"the highest score of a lead that the model has not seen is {highest:.3g}",
            "share": "more leads than that share one score, and a model can't part them",
            "capacity": "more leads than that share one score, and a model can't part them",
            "lift": f"no {LEAST_LEADS} leads or more from its upper end convert so often",
        }[rule.by]
        advice = "Give a share, such as 10%, or train on fields that tell leads apart."
        return [f"{name} has no leads with {option}: {why}. {advice}"]
    if rule.by == "share" and abs(band.share - rule.value) > TOLERANCE * rule.value:
        return [
            f"{name} has {band.share:.1%} of the leads, {option} asks for {rule.value:.1%}: leads "
            "with equal scores can't be parted, and no threshold comes nearer."
        ]
    return []
