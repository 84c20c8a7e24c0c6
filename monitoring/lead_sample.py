"""Subject of a snapshot, and the columns of two lead samples that its report compares."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np
from numpy.typing import NDArray

from features.reference import FieldReference, Reference
from features.reference_sample import LeadSample
from features.spec import FeatureSpec
from schemas.fields import FieldKind

__all__ = ["SCORE", "ShownColumns", "Subject", "shown_columns"]

SCORE = "score"
"""Column of the score; no field of a model has this name in a drift report either."""

ShownColumns = Mapping[str, NDArray[np.float64] | list[str | None]]
"""Numbers as float64, NaN missing; categories as the labels of their bins, None missing."""


@dataclass(frozen=True, slots=True)
class Subject:
    """Model, topic and time range of a snapshot.

    Attributes
    ----------
    model
        Name and version, such as ``leads/3``.
    topic
        Topic of the leads.
    start, end
        Time range; ``start`` is included, ``end`` is not.
    found
        Leads in the range; those that are compared are a sample of them.
    """

    model: str
    topic: str
    start: datetime
    end: datetime
    found: int

    @property
    def title(self) -> str:
        """One line for people, the times in UTC."""
        start, end = (f"{time.astimezone(UTC):%Y-%m-%d %H:%M}" for time in (self.start, self.end))
        return f"Drift of {self.topic}, {start} to {end} UTC, model {self.model}"


def shown_columns(
    spec: FeatureSpec, reference: Reference, now: LeadSample, before: LeadSample
) -> tuple[ShownColumns, ShownColumns]:
    """Return two samples as columns that can be plotted side by side.

    A number is itself, a text its length in characters, a category and a date the label of its bin.
    A further aspect of a field has a column too: the label of its bin.
    A field that is missing in all leads of one sample has no numbers to plot: it is shown by its
    bins, of which "missing" is one.

    Parameters
    ----------
    spec, reference
        The model's fields and their bins, which name the columns.
    now, before
        The samples, neither of them empty.

    Returns
    -------
    tuple of two ShownColumns
        The columns of ``now`` and of ``before``: same names and types, the score last.
    """
    shown: tuple[dict[str, NDArray[np.float64] | list[str | None]], ...] = ({}, {})
    samples = (now, before)
    for i, (field, bins) in enumerate(zip(spec.fields, reference.fields, strict=True)):
        is_lost = any(bool((sample.bins[:, i] == bins.missing).all()) for sample in samples)
        for columns, sample in zip(shown, samples, strict=True):
            codes = sample.bins[:, i]
            if is_lost:
                columns[bins.name] = _labels(codes, bins, missing=bins.labels[bins.missing])
            elif field.kind in (FieldKind.CATEGORY, FieldKind.DATE):
                columns[bins.name] = _labels(codes, bins, missing=None)
            else:
                columns[bins.name] = sample.numbers[field.name]
    for i, aspect in enumerate(reference.aspects, len(reference.fields)):
        for columns, sample in zip(shown, samples, strict=True):
            columns[aspect.name] = _labels(
                sample.bins[:, i], aspect, missing=aspect.labels[aspect.missing]
            )
    for columns, sample in zip(shown, samples, strict=True):
        columns[SCORE] = sample.scores.astype(np.float64)
    return shown[0], shown[1]


def _labels(
    codes: NDArray[np.int16], bins: FieldReference, *, missing: str | None
) -> list[str | None]:
    labels: list[str | None] = list(bins.labels)
    labels[bins.missing] = missing
    return [labels[code] for code in codes.tolist()]
