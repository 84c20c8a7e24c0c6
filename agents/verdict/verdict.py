"""The verdict on a candidate: figures that add up over partitions, and what they say."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from agents.verdict.confidence_sequence import LEVEL, Differences, outcomes_needed
from agents.verdict.latency_counts import LatencyCounts
from agents.verdict.losses import LOSSES
from agents.verdict.partition_pairs import PairCounts, PartitionPairs
from agents.verdict.score_counts import ScoreCounts

__all__ = ["LATENCY_QUANTILES", "Decision", "Subject", "Verdict"]

LATENCY_QUANTILES = (0.5, 0.95, 0.99)
DECIDES = "brier"
"""The loss that decides: its bound is real, and it needs no clipping."""


class Decision(StrEnum):
    """Whether the candidate is better."""

    BETTER = "better"
    WORSE = "worse"
    UNDECIDED = "undecided"
    UNKNOWN = "unknown"
    """There is no outcome yet."""


@dataclass(frozen=True, slots=True)
class Subject:
    """Names and options of a verdict.

    Attributes
    ----------
    live, shadow
        Names of the models.
    where
        Where the leads come from, in words.
    difference
        Difference of the Brier score that would matter.
    horizon_days
        Days after a score in which an outcome counts.
    """

    live: str
    shadow: str
    where: str
    difference: float
    horizon_days: float


@dataclass(slots=True)
class Verdict:
    """The verdict on the pairs that were added.

    Attributes
    ----------
    subject
        What is compared.
    counts
        Leads by what each side made of them.
    scores
        The scores of pairs.
    latencies
        Latencies of the live side and of the shadow.
    coverage
        Sums of the feature coverage of pairs: live, shadow.
    gains
        By how much the shadow's loss is smaller, by the name of the loss.
    positives
        Number of successes among the known outcomes.
    waiting, next_known
        See ``PartitionPairs``.
    notes
        Sentences that limit what the figures say.
    """

    subject: Subject
    counts: PairCounts = field(default_factory=PairCounts)
    scores: ScoreCounts = field(default_factory=ScoreCounts)
    latencies: tuple[LatencyCounts, LatencyCounts] = field(
        default_factory=lambda: (LatencyCounts(), LatencyCounts())
    )
    coverage: list[float] = field(default_factory=lambda: [0.0, 0.0])
    gains: Mapping[str, Differences] = field(
        default_factory=lambda: {name: Differences(loss.bound) for name, loss in LOSSES.items()}
    )
    positives: int = 0
    waiting: int = 0
    next_known: int | None = None
    notes: list[str] = field(default_factory=list)

    def add(self, pairs: PartitionPairs) -> None:
        """Add the pairs of a partition."""
        self.counts.add(pairs.counts)
        self.waiting += pairs.waiting
        known_later = [at for at in (self.next_known, pairs.next_known) if at is not None]
        self.next_known = min(known_later, default=None)
        if not len(pairs.live):
            return
        self.scores.extend(pairs.pair)
        for side, rows in enumerate((pairs.live, pairs.shadow)):
            self.latencies[side].extend(rows["latency_ms"])
            self.coverage[side] += float(rows["coverage"].sum())
        live, shadow = (rows["score"][pairs.known] for rows in (pairs.live, pairs.shadow))
        positive = pairs.positive[pairs.known]
        self.positives += int(positive.sum())
        for name, loss in LOSSES.items():
            gains = Differences(loss.bound)  # each partition predicts by its own
            gains.extend(loss.gains(live, shadow, positive))
            self.gains[name].add(gains)

    @property
    def outcomes(self) -> int:
        """Number of pairs with a known outcome."""
        return self.gains[DECIDES].count

    @property
    def decision(self) -> Decision:
        """Whether the candidate is better."""
        if not self.positives:  # without any success, outcomes may just not arrive
            return Decision.UNKNOWN
        interval = self.gains[DECIDES].interval()
        if not interval.is_clear:
            return Decision.UNDECIDED
        return Decision.BETTER if interval.low > 0 else Decision.WORSE

    @property
    def more_needed(self) -> int | None:
        """Outcomes that are still needed to show the difference that matters.

        None where there is no outcome, or where a gain as large is already ruled out.
        """
        gains = self.gains[DECIDES]
        wanted = self.subject.difference
        if not gains.count or gains.interval().high < wanted:
            return None
        return max(outcomes_needed(gains.variance, gains.scale, wanted) - gains.count, 0)

    @property
    def sentences(self) -> Sequence[str]:
        """Sentences on the figures, the answer first."""
        return [self._answer(), self._power(), self._shift(), self._errors()]

    def _answer(self) -> str:
        level = f"{LEVEL:.0%}".replace("%", " %")
        if not self.outcomes:
            return f"Better with {level}: not known yet, as no pair has an outcome."
        if self.decision is Decision.UNKNOWN:
            return (
                f"Better with {level}: not known yet, as none of {self.outcomes:,} outcomes is a"
                " success."
            )
        interval = self.gains[DECIDES].interval()
        said = {Decision.BETTER: "yes", Decision.UNDECIDED: "no"}.get(
            self.decision, "no, it is worse"
        )
        return (
            f"Better with {level}: {said}. Its Brier score is {abs(interval.value):.4f}"
            f" {'better' if interval.value >= 0 else 'worse'} on {self.outcomes:,} outcomes"
            f" (interval of the gain {interval.low:+.4f} to {interval.high:+.4f})."
        )

    def _power(self) -> str:
        wanted = self.subject.difference
        if not self.outcomes:
            when = "" if self.next_known is None else f", the first on {_day(self.next_known)}"
            return (
                f"A pair has an outcome {self.subject.horizon_days:g} days after its score:"
                f" {self.waiting:,} wait{when}."
            )
        if self.decision is Decision.UNKNOWN:
            return "Check that outcomes arrive: a lead without one counts as a failure."
        if self.decision is not Decision.UNDECIDED:
            return "The interval holds at every look, so this may be read at any time."
        more = self.more_needed
        if more is None:
            return f"A gain of {wanted:g} is ruled out: more outcomes will not show one."
        if more == 0:
            return (
                f"There are enough outcomes to show a difference of {wanted:g} in 80 % of cases: it"
                " is probably smaller."
            )
        return f"{more:,} more outcomes needed for a difference of {wanted:g}."

    def _shift(self) -> str:
        if not self.scores.pairs:
            return "No lead has both scores."
        shift, matrix = self.scores.shift, self.scores.matrix
        return (
            f"The mean score goes from {shift.mean_before:.4f} to {shift.mean_after:.4f};"
            f" {matrix.moved_share:.1%} of {self.counts.both:,} leads change their band"
            f" ({matrix.moved_up:,} up, {matrix.moved_down:,} down)."
        )

    def _errors(self) -> str:
        counts = self.counts
        if not counts.only_live and not counts.only_shadow:
            return "Neither model refuses a lead that the other one scores."
        return (
            f"Leads with a live score that the candidate can't score: {counts.only_live:,}; the"
            f" other way round: {counts.only_shadow:,}."
        )

    def as_dict(self) -> dict[str, Any]:
        """Return the figures by name, for JSON."""
        return {
            **asdict(self.subject),
            "decision": str(self.decision),
            "sentences": list(self.sentences),
            "notes": list(self.notes),
            "counts": asdict(self.counts),
            "outcomes": {
                "known": self.outcomes,
                "positive": self.positives,
                "waiting": self.waiting,
                "next_known_at": self.next_known,
                "more_needed": self.more_needed,
            },
            "gains": {name: _gain(found) for name, found in self.gains.items()},
            **self._figures(),
        }

    def _figures(self) -> dict[str, Any]:
        if not self.scores.pairs:
            return {"scores": None, "bands": None, "latency_ms": None, "coverage": None}
        live, shadow = self.latencies
        return {
            "scores": self.scores.shift.as_dict() | {"psi": self.scores.psi},
            "bands": self.scores.matrix.as_dict(),
            "latency_ms": {"live": _quantiles(live), "shadow": _quantiles(shadow)},
            "coverage": {"live": self.mean_coverage[0], "shadow": self.mean_coverage[1]},
        }

    @property
    def mean_coverage(self) -> tuple[float, float]:
        """Mean feature coverage of the pairs: live, shadow; there must be a pair."""
        return self.coverage[0] / self.scores.pairs, self.coverage[1] / self.scores.pairs


def _gain(gains: Differences) -> dict[str, Any] | None:
    return asdict(gains.interval()) if gains.count else None


def _quantiles(counts: LatencyCounts) -> dict[str, float]:
    return {f"{share:g}": counts.quantile(share) for share in LATENCY_QUANTILES}


def _day(ms: int) -> str:
    return f"{datetime.fromtimestamp(ms / 1000, UTC):%Y-%m-%d}"
