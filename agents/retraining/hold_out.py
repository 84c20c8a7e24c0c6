"""The hold-out of a retraining: its rows, and the scores of models on it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from agents.comparison.scored_pair import Side
from agents.comparison.segments import SegmentedField
from agents.offline import OfflineScorer
from features.matrix import Columns, FeatureEncoder
from features.table import Table
from model.bundle import Bundle
from model.serving.predictor import open_predictor
from schemas.errors import InputError

__all__ = [
    "SideScorer",
    "Split",
    "columns_of",
    "joined_segments",
    "joined_sides",
    "segments_of",
    "side_of",
    "split_by_time",
]

LATEST_SHARE = 0.2
LEAST_OF_A_KIND = 40
SHOWN_FIELDS = 3
"""Number of segmented fields where none is asked for."""


@dataclass(frozen=True, slots=True)
class Split:
    """Rows of a data set that is in the order of time.

    Attributes
    ----------
    earlier
        Number of rows, from the first on, that the measured candidate learns from.
    start
        First row of the hold-out, which goes to the end.
    """

    earlier: int
    start: int


def split_by_time(
    times: NDArray[np.int64], known_after_ms: int, converted: NDArray[np.bool_]
) -> Split:
    """Split off the latest 20 %, and what a model could have learnt from when they began.

    A lead's outcome is known some time after the lead. A model that scores the hold-out could not
    know the outcomes of the leads just before it, so these are left out of its training.

    Parameters
    ----------
    times
        int64, shape (n,): ascending, milliseconds since 1970.
    known_after_ms
        Time from a lead to its outcome being known.
    converted
        bool, shape (n,).

    Raises
    ------
    InputError
        A part has too few leads of a kind.
    """
    start = int(len(times) * (1 - LATEST_SHARE))
    earlier = int(np.searchsorted(times, times[start] - known_after_ms, side="right"))
    split = Split(min(earlier, start), start)
    for part, what in (
        (converted[: split.earlier], "before the hold-out"),
        (converted[start:], "in the hold-out"),
    ):
        positives = int(part.sum())
        if min(positives, len(part) - positives) < LEAST_OF_A_KIND:
            raise InputError(
                f"expected at least {LEAST_OF_A_KIND} leads of each kind {what}, there are"
                f" {positives:,} that converted and {len(part) - positives:,} that did not: wait"
                " for more, or lengthen LEADSCORE_RETRAIN_WINDOW_DAYS"
            )
    return split


def columns_of(bundle: Bundle, table: Table) -> Columns:
    """Return the fields of a model from a data set, whose values are decoded already."""
    spec = bundle.metadata.spec
    return table.columns_for(spec.kinds, spec.file_readings)


class SideScorer:
    """Scores leads as a worker does, with their bands.

    Parameters
    ----------
    bundle
        The model.
    """

    def __init__(self, bundle: Bundle) -> None:
        self._thresholds = bundle.metadata.thresholds
        self._scorer = OfflineScorer(bundle, open_predictor(bundle))

    def side_of(self, columns: Columns, n: int) -> Side:
        """Score ``n`` leads."""
        parts = [scores.probability for scores in self._scorer.scores(columns, n)]
        scores = np.concatenate(parts).astype(np.float64)
        limits = self._thresholds
        bands = (scores >= limits.medium).astype(np.int8) + (scores >= limits.high)
        return Side(scores, bands.astype(np.int8))


def side_of(bundle: Bundle, columns: Columns, n: int) -> Side:
    """Score ``n`` leads as a worker does, with their bands."""
    return SideScorer(bundle).side_of(columns, n)


def joined_sides(parts: Sequence[Side]) -> Side:
    """Return the scores of several parts of the leads as one."""
    return Side(
        np.concatenate([part.scores for part in parts]),
        np.concatenate([part.bands for part in parts]),
    )


def joined_segments(parts: Sequence[Sequence[SegmentedField]]) -> list[SegmentedField]:
    """Return the segments of several parts of the leads, by the same fields of a model, as one."""
    return [
        replace(same[0], codes=np.concatenate([part.codes for part in same]))
        for same in zip(*parts, strict=True)
    ]


def segments_of(
    bundle: Bundle, columns: Columns, n: int, wanted: Sequence[str] = ()
) -> list[SegmentedField]:
    """Return the segments of leads by the bins of a model.

    Parameters
    ----------
    bundle
        The model.
    columns, n
        Its fields, and the number of leads.
    wanted
        Names of fields; none: those on which the model depends most.

    Raises
    ------
    InputError
        The model has no field of such a name.
    """
    metadata = bundle.metadata
    encoder = FeatureEncoder(metadata.spec, metadata.reference)
    bins = encoder.counted_bins(encoder.encode(columns, n))
    shown = [field.name for field in metadata.shown_reference.fields]
    names = {name: i for i, name in enumerate(shown)} | {
        name: i for i, name in enumerate(metadata.spec.kinds)
    }
    missing = [name for name in wanted if name not in names]
    if missing:
        raise InputError(
            f"expected fields of the model in LEADSCORE_RETRAIN_SEGMENTS, but it has no"
            f" {', '.join(missing)}: its fields are {', '.join(shown)}"
        )
    by_importance = sorted(metadata.importance, key=lambda name: -metadata.importance[name])
    chosen = wanted or [name for name in by_importance if name in names][:SHOWN_FIELDS]
    fields = metadata.shown_reference.fields
    return [
        SegmentedField(fields[i].name, bins[:, i], fields[i].labels)
        for i in (names[name] for name in chosen)
    ]
