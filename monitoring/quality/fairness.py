"""Quality by segment: each segment of a field against the other leads."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from monitoring.quality.counts import QualityCounts
from monitoring.quality.figure import NORMAL_95, Figure, proportion
from monitoring.quality.ranking import auc, auc_error

__all__ = ["OTHER", "SegmentRow", "fairness_table"]

SELECTED = frozenset({"High"})
"""Bands whose leads are called first: the decision that may treat segments differently."""
MOST_SEGMENTS = 12
OTHER = "(other)"
"""Name of the segments that are counted together."""


@dataclass(frozen=True, slots=True)
class SegmentRow:
    """A segment, compared with the leads of all other segments.

    Attributes
    ----------
    segment
        The field's value, or its bin.
    leads, positives
        Number of its leads with a known outcome, and how many of them converted.
    conversion
        The share that converted.
    mean_score
        Mean score: above the conversion, the scores promise too much.
    selected
        Share of all its leads that are in the bands that are called first (demographic parity
        would be an equal share).
    true_positive_rate
        Share of the leads that converted which were in these bands (equal opportunity).
    false_positive_rate
        Share of those that did not convert which were in these bands.
    auc
        How well the scores rank the segment's own leads.
    bias
        Mean score minus conversion: above 0, the scores promise too much.
    auc_gap
        AUC minus that of all other segments, with its interval.
    calibration_gap
        The bias, less that of all other segments, with its interval.
    """

    segment: str
    leads: int
    positives: int
    conversion: Figure | None
    mean_score: float | None
    selected: Figure | None
    true_positive_rate: Figure | None
    false_positive_rate: Figure | None
    auc: Figure | None
    bias: Figure | None
    auc_gap: Figure | None
    calibration_gap: Figure | None

    @property
    def is_worse(self) -> bool:
        """Whether the scores rank the segment worse than other leads, beyond noise."""
        return self.auc_gap is not None and self.auc_gap.high < 0

    @property
    def is_miscalibrated(self) -> bool:
        """Whether its scores promise more or less than those of other leads, beyond noise."""
        gap = self.calibration_gap
        return gap is not None and (gap.low > 0 or gap.high < 0)

    def as_dict(self) -> dict[str, Any]:
        """Return the figures by name, for JSON."""
        return asdict(self) | {
            "is_worse": self.is_worse,
            "is_miscalibrated": self.is_miscalibrated,
        }


def fairness_table(
    segments: Mapping[str, QualityCounts], selected: frozenset[str] = SELECTED
) -> tuple[SegmentRow, ...]:
    """Compare the segments of a field.

    Parameters
    ----------
    segments
        Counts by segment; each lead is in one of them. Of more than ``MOST_SEGMENTS``, the largest
        are compared, and the others are one segment, with those that were counted together before.
    selected
        Names of the bands whose leads are called first.

    Returns
    -------
    tuple of SegmentRow
        The segment with the most known outcomes first.

    References
    ----------
    M. Hardt, E. Price, N. Srebro, "Equality of opportunity in supervised learning", NeurIPS 2016,
    for the rates; the intervals are those of independent samples, as no lead is in two segments.
    """
    total = QualityCounts.sum(segments.values())
    rows = [_row(name, own, total - own, selected) for name, own in _largest(segments).items()]
    return tuple(sorted(rows, key=lambda row: (-row.leads, row.segment)))


def _largest(segments: Mapping[str, QualityCounts]) -> dict[str, QualityCounts]:
    if len(segments) <= MOST_SEGMENTS:
        return dict(segments)
    names = [name for name in segments if name != OTHER]
    names.sort(key=lambda name: (-segments[name].known, -segments[name].leads, name))
    kept = {name: segments[name] for name in names[: MOST_SEGMENTS - 1]}
    return kept | {OTHER: QualityCounts.sum(segments[n] for n in segments if n not in kept)}


def _row(
    segment: str, own: QualityCounts, others: QualityCounts, selected: frozenset[str]
) -> SegmentRow:
    bands = [band for band in own.bands if band.band in selected]
    positives = sum(band.positives for band in bands)
    negatives = sum(band.negatives for band in bands)
    unknown = sum(band.unknown for band in bands)
    return SegmentRow(
        segment=segment,
        leads=own.known,
        positives=own.positives,
        conversion=proportion(own.positives, own.known),
        mean_score=own.mean_score,
        selected=proportion(positives + negatives + unknown, own.leads),
        true_positive_rate=proportion(positives, own.positives),
        false_positive_rate=proportion(negatives, own.negatives),
        auc=auc(own.table[:, 0], own.table[:, 1]),
        bias=_bias_figure(own),
        auc_gap=_auc_gap(own, others),
        calibration_gap=_calibration_gap(own, others),
    )


def _auc_gap(own: QualityCounts, others: QualityCounts) -> Figure | None:
    columns = [(part.table[:, 0], part.table[:, 1]) for part in (own, others)]
    found = [auc(*pair) for pair in columns]
    if found[0] is None or found[1] is None:
        return None
    error = math.hypot(*(auc_error(*pair) for pair in columns))
    return Figure.of_error(found[0].value - found[1].value, error, low=-1.0, high=1.0)


def _calibration_gap(own: QualityCounts, others: QualityCounts) -> Figure | None:
    biases = [_bias(own), _bias(others)]
    if biases[0] is None or biases[1] is None:
        return None
    (first, first_error), (second, second_error) = biases[0], biases[1]
    error = math.hypot(first_error, second_error)
    return Figure.of_error(first - second, error, low=-1.0, high=1.0)


def _bias_figure(counts: QualityCounts) -> Figure | None:
    found = _bias(counts)
    return None if found is None else Figure.of_error(*found, low=-1.0, high=1.0)


def _bias(counts: QualityCounts) -> tuple[float, float] | None:
    """Return mean score minus conversion, and its standard error."""
    rate, mean = proportion(counts.positives, counts.known), counts.mean_score
    if rate is None or mean is None:
        return None
    return mean - rate.value, (rate.high - rate.low) / (2 * NORMAL_95)
