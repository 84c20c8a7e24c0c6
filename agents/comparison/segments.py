"""The comparison by segment: leads with the same value of a field."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from agents.comparison.outcomes import Outcomes
from agents.comparison.scored_pair import HIGH, ScoredPair
from agents.comparison.segment_quality import SegmentQuality, segment_quality

__all__ = ["Segment", "SegmentedField", "Segments", "segmented"]

MOST_SEGMENTS = 12
"""Number of segments of a field; the leads of the smaller ones are counted together."""


@dataclass(frozen=True, slots=True)
class SegmentedField:
    """The segment of each of n leads.

    Attributes
    ----------
    field
        Name of the field.
    codes
        Integers, shape (n,): index in ``labels``.
    labels
        What to call the segments; in their order where they have one.
    """

    field: str
    codes: NDArray[np.integer]
    labels: Sequence[str]


@dataclass(frozen=True, slots=True)
class Segment:
    """The comparison of the leads of one segment.

    Attributes
    ----------
    name
        The value, or the range of values.
    leads
        Number of leads.
    mean_before, mean_after
        Mean scores.
    high_before, high_after
        Shares of the leads in the band High.
    moved_share
        Share of the leads whose band differs.
    quality
        None where outcomes of both kinds are not known.
    """

    name: str
    leads: int
    mean_before: float
    mean_after: float
    high_before: float
    high_after: float
    moved_share: float
    quality: SegmentQuality | None = None

    def as_dict(self) -> dict[str, Any]:
        """Return the figures by name, for JSON."""
        figures = {field.name: getattr(self, field.name) for field in fields(self)}
        return figures | {"quality": self.quality.as_dict() if self.quality else None}


@dataclass(frozen=True, slots=True)
class Segments:
    """The segments of a field.

    Attributes
    ----------
    field
        Name of the field.
    segments
        One or more.
    """

    field: str
    segments: tuple[Segment, ...]

    @property
    def has_quality(self) -> bool:
        """Whether the quality of both scores is known in a segment."""
        return any(segment.quality for segment in self.segments)

    @property
    def spread(self) -> float:
        """Standard deviation of the segments' mean changes, weighted by their leads."""
        leads = np.array([segment.leads for segment in self.segments], dtype=np.float64)
        change = np.array([segment.mean_after - segment.mean_before for segment in self.segments])
        mean = np.average(change, weights=leads)
        return float(np.sqrt(np.average((change - mean) ** 2, weights=leads)))

    def as_dict(self) -> dict[str, Any]:
        """Return the segments by name, for JSON."""
        return {
            "field": self.field,
            "spread": self.spread,
            "segments": [segment.as_dict() for segment in self.segments],
        }


def segmented(
    pair: ScoredPair,
    by: SegmentedField,
    outcomes: Outcomes | None = None,
    most: int = MOST_SEGMENTS,
) -> Segments:
    """Compare the scores segment by segment.

    Parameters
    ----------
    pair
        One or more leads.
    by
        Their segments.
    outcomes
        Their outcomes; None: unknown.
    most
        Most segments. Of more, the largest are kept, and the others are one segment at the end.
    """
    leads = np.bincount(by.codes, minlength=len(by.labels))
    there = np.flatnonzero(leads)
    kept = there
    if len(there) > most:
        largest = there[np.argsort(-leads[there], kind="stable")[: most - 1]]
        kept = np.sort(largest)
    found = [_segment(by.labels[code], by.codes == code, pair, outcomes) for code in kept.tolist()]
    if rest := len(there) - len(kept):
        others = ~np.isin(by.codes, kept)
        found.append(_segment(f"({rest:,} others)", others, pair, outcomes))
    return Segments(by.field, tuple(found))


def _segment(
    name: str, rows: NDArray[np.bool_], pair: ScoredPair, outcomes: Outcomes | None
) -> Segment:
    chosen = pair.take(rows)
    return Segment(
        name=name,
        leads=len(chosen),
        mean_before=float(chosen.before.scores.mean()),
        mean_after=float(chosen.after.scores.mean()),
        high_before=float((chosen.before.bands == HIGH).mean()),
        high_after=float((chosen.after.bands == HIGH).mean()),
        moved_share=float(chosen.is_moved.mean()),
        quality=segment_quality(chosen, outcomes.take(rows)) if outcomes else None,
    )
