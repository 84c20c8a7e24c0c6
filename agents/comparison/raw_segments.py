"""Segments of a field that the candidate has no bins of: by its values, or by quintiles."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from agents.comparison.segments import MOST_SEGMENTS, SegmentedField
from agents.lead_segments import range_labels

__all__ = ["segments_of_numbers", "segments_of_texts"]

MISSING = "missing"
PARTS = 5
"""Number of ranges of a number with many values."""


def segments_of_texts(field: str, values: Sequence[str | None]) -> SegmentedField:
    """Return the segments of texts, the most frequent value first; None is missing."""
    named = [MISSING if value is None else value for value in values]
    labels = [label for label, _ in Counter(named).most_common()]
    place = {label: i for i, label in enumerate(labels)}
    return SegmentedField(field, np.array([place[name] for name in named], dtype=np.int64), labels)


def segments_of_numbers(field: str, values: NDArray[np.float64]) -> SegmentedField:
    """Return the segments of numbers in ascending order: each value, or ranges if there are many.

    Parameters
    ----------
    field
        Name of the field.
    values
        float64, shape (n,); NaN is missing.
    """
    is_missing = np.isnan(values)
    known = values[~is_missing]
    distinct = np.unique(known)
    if len(distinct) < MOST_SEGMENTS:
        labels = [f"{value:g}" for value in distinct]
        codes = np.searchsorted(distinct, values)
    else:
        edges = np.unique(np.quantile(known, np.linspace(0, 1, PARTS + 1)[1:-1]))
        labels = range_labels(edges.tolist())
        codes = np.searchsorted(edges, values, side="right")
    return SegmentedField(
        field, np.where(is_missing, len(labels), codes).astype(np.int64), [*labels, MISSING]
    )
