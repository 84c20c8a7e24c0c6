"""All figures of a comparison, and what they say in a few sentences."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from agents.comparison.bands import (
    BandMatrix,
    BandSize,
    Population,
    band_matrix,
    capacity,
    capacity_as_dict,
)
from agents.comparison.movers import Mover
from agents.comparison.outcomes import Outcomes
from agents.comparison.quality import PairedQuality, paired_quality
from agents.comparison.score_shift import Histogram, ScoreShift, histogram, score_shift
from agents.comparison.scored_pair import ScoredPair
from agents.comparison.segments import SegmentedField, Segments, segmented

__all__ = ["Comparison", "Counts", "Subject", "compare"]

SHOWN_FIELDS = 3
"""Number of segmented fields where none is asked for: those whose segments differ most."""


@dataclass(frozen=True, slots=True)
class Subject:
    """Names of the sides and of the leads of a comparison.

    Attributes
    ----------
    before, after
        Names of the models; ``before`` may be the live scores.
    leads
        Where the leads come from, in words.
    """

    before: str
    after: str
    leads: str


@dataclass(frozen=True, slots=True)
class Counts:
    """How many leads are compared, and why not the others.

    Attributes
    ----------
    found
        Records or rows of the range or file.
    sampled
        Those that were scored: all, or a uniform sample.
    compared
        Those that have both scores.
    only_before, only_after
        Those that have one score: the other model refuses them, or no live score was found.
    neither
        Those that have none.
    """

    found: int
    sampled: int
    compared: int
    only_before: int
    only_after: int
    neither: int

    @property
    def is_sample(self) -> bool:
        """Whether not all leads were scored."""
        return self.sampled < self.found

    @property
    def population(self) -> float:
        """Estimated number of leads of the range that have both scores."""
        return self.found * self.compared / self.sampled


@dataclass(frozen=True, slots=True)
class Comparison:
    """The result of a comparison.

    Attributes
    ----------
    subject, counts, population
        What is compared.
    shift, histogram, matrix, capacity
        Scores and bands.
    movers
        The leads whose score changes most.
    segments
        By field.
    quality
        None where outcomes are unknown.
    notes
        Sentences that limit what the figures say.
    """

    subject: Subject
    counts: Counts
    population: Population
    shift: ScoreShift
    histogram: Histogram
    matrix: BandMatrix
    capacity: Mapping[str, BandSize]
    movers: Sequence[Mover]
    segments: Sequence[Segments]
    quality: PairedQuality | None
    notes: Sequence[str] = ()

    @property
    def is_unchanged(self) -> bool:
        """Whether every lead has the same score and band."""
        return self.shift.changed == 0 and self.matrix.moved_share == 0

    @property
    def compared_leads(self) -> str:
        """How many leads are compared, and where they come from."""
        count, leads = self.counts.compared, self.subject.leads
        return f"{count:,} {leads.replace('leads', 'lead', 1) if count == 1 else leads}"

    @property
    def capacity_sentence(self) -> str:
        """How many leads the sales team would get as High."""
        high = self.capacity["High"]
        if high.before == high.after:
            return f"High would be {self._amount(high.after)}, as before."
        margin = f" (±{high.margin:,.0f})" if high.margin >= 0.5 else ""
        return (
            f"High would be {self._amount(high.after)} instead of {_number(high.before)}{margin}."
        )

    @property
    def sentences(self) -> tuple[str, ...]:
        """The answer to "would it change anything?", most important first."""
        if self.is_unchanged:
            return ("Nothing would change: every lead has the same score and band.",)
        matrix, shift = self.matrix, self.shift
        return (
            self.capacity_sentence,
            f"{matrix.moved_share:.1%} of the leads would change their band: "
            f"{_of(matrix.moved_up, self.counts.compared)} to a better one, "
            f"{_of(matrix.moved_down, self.counts.compared)} to a worse one.",
            f"The mean score would be {shift.mean_after:.1%} instead of {shift.mean_before:.1%}; "
            f"a lead's score changes by {shift.mean_absolute_change * 100:.1f} points on average.",
            *(self.quality.sentences if self.quality else ()),
        )

    def as_dict(self) -> dict[str, Any]:
        """Return all figures by name, for JSON."""
        return {
            **asdict(self.subject),
            "counts": asdict(self.counts),
            "sentences": list(self.sentences),
            "notes": list(self.notes),
            "is_unchanged": self.is_unchanged,
            "score_shift": self.shift.as_dict(),
            "histogram": {
                "edges": self.histogram.edges.tolist(),
                "before": self.histogram.before.tolist(),
                "after": self.histogram.after.tolist(),
            },
            "bands": self.matrix.as_dict(),
            "capacity": capacity_as_dict(self.capacity, self.population),
            "movers": [mover.as_dict() for mover in self.movers],
            "segments": [field.as_dict() for field in self.segments],
            "quality": self.quality.as_dict() if self.quality else None,
        }

    def _amount(self, leads: float) -> str:
        if self.population.days is not None:
            return f"{_number(leads)} a day"
        noun = "lead" if self.population.leads == 1 else "leads"
        return f"{_number(leads)} of {self.population.leads:,.0f} {noun}"


def compare(
    subject: Subject,
    counts: Counts,
    days: float | None,
    pair: ScoredPair,
    movers: Sequence[Mover],
    fields: Sequence[SegmentedField],
    *,
    outcomes: Outcomes | None = None,
    is_chosen: bool = False,
    notes: Sequence[str] = (),
) -> Comparison:
    """Compute all figures.

    Parameters
    ----------
    subject, counts
        What is compared.
    days
        Length of the leads' range in days; None where it is unknown or less than a day.
    pair
        One or more leads with both scores.
    movers
        Those of them whose score changes most.
    fields
        Fields to segment them by.
    outcomes
        Their outcomes; None: unknown.
    is_chosen
        Whether somebody has named the fields; else those are kept whose segments differ most.
    notes
        Sentences that limit what the figures say.
    """
    population = Population(counts.population, days)
    shown = fields if is_chosen else _strongest(pair, fields)
    return Comparison(
        subject=subject,
        counts=counts,
        population=population,
        shift=score_shift(pair),
        histogram=histogram(pair),
        matrix=band_matrix(pair),
        capacity=capacity(pair, population),
        movers=movers,
        segments=[segmented(pair, field, outcomes) for field in shown],
        quality=paired_quality(pair, outcomes) if outcomes else None,
        notes=notes,
    )


def _strongest(pair: ScoredPair, fields: Sequence[SegmentedField]) -> list[SegmentedField]:
    """Return the fields whose segments differ most; the bootstrap of the others would be wasted."""
    spreads = [segmented(pair, field).spread for field in fields]
    ranks = np.argsort([-spread for spread in spreads], kind="stable")
    return [fields[i] for i in ranks[:SHOWN_FIELDS] if spreads[i] > 0]


def _number(leads: float) -> str:
    return f"{leads:,.0f}" if leads >= 10 or leads == int(leads) else f"{leads:.1f}"


def _of(part: int, whole: int) -> str:
    return f"{part / whole:.1%}"
