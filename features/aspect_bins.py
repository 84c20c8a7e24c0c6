"""Bins of further aspects of fields: what drift counts besides one bin a field.

A field's own bin is one aspect of it: a date's weekday, a text's length. Its hour, its age, its
number of words and its keywords can drift alone. Their bins are taken from the matrix, so they are
of the same numbers that the model reads, and cost nothing where they are not counted.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from features.field_spec import Aspect, DateField, FieldSpec, TextField
from features.reference import AspectReference, Reference
from features.spec import FeatureSpec

__all__ = ["AspectBins", "further_aspects", "further_bins"]

FURTHER = (Aspect.HOUR, Aspect.AGE, Aspect.WORDS, Aspect.KEYWORD)
"""Not the month, nor the day: those of leads that come within days always differ from a year's."""


def further_aspects(field: FieldSpec) -> tuple[Aspect, ...]:
    """Return the aspects of a field that are counted besides its own bin, in the model's order."""
    if not isinstance(field, DateField | TextField):
        return ()
    return tuple(dict.fromkeys(aspect for aspect in field.aspects if aspect in FURTHER))


def further_bins(spec: FeatureSpec, reference: Reference) -> AspectBins | None:
    """Return what finds the bins of the further aspects of a reference; None if it has none."""
    return AspectBins(spec, reference.aspects) if reference.aspects else None


class AspectBins:
    """Finds the bins of further aspects.

    Parameters
    ----------
    spec
        The fields that the model reads.
    aspects
        The bins of their further aspects.
    """

    def __init__(self, spec: FeatureSpec, aspects: Sequence[AspectReference]) -> None:
        columns: dict[tuple[str, Aspect], list[int]] = {}
        for column, (field, aspect) in enumerate(
            zip(spec.field_of_column, spec.aspect_of_column, strict=True)
        ):
            columns.setdefault((spec.fields[field].name, aspect), []).append(column)
        self._columns: list[int] = []
        self._aspects: list[tuple[AspectReference, slice]] = []
        for bins in aspects:
            start = len(self._columns)
            self._columns += columns[bins.field, bins.aspect]
            self._aspects.append((bins, slice(start, len(self._columns))))

    def values(self, matrix: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return what the bins are found from: one call, however many aspects there are.

        Parameters
        ----------
        matrix
            float32, shape (n, columns): the leads' features.

        Returns
        -------
        ndarray of float32, shape (n, columns of further aspects)
            A copy.
        """
        return matrix.take(self._columns, axis=1)

    def codes(self, values: NDArray[np.float32]) -> NDArray[np.int16]:
        """Find the bins of leads.

        Parameters
        ----------
        values
            As ``values`` returns them, shape (n, columns of further aspects).

        Returns
        -------
        ndarray of int16, shape (n, further aspects)
            Each one's code in the reference.
        """
        codes = np.empty((len(values), len(self._aspects)), dtype=np.int16)
        for place, (bins, columns) in enumerate(self._aspects):
            codes[:, place] = _codes(bins, values[:, columns])
        return codes


def _codes(bins: AspectReference, values: NDArray[np.float32]) -> NDArray[np.integer]:
    """Return the codes of one aspect's columns, shape (n, 1), of keywords (n, keywords)."""
    if bins.by == "quantile":
        return bins.codes_of(values[:, 0])
    is_missing = np.isnan(values[:, 0])
    if bins.by == "hour":
        return np.where(is_missing, bins.missing, np.nan_to_num(values[:, 0])).astype(np.int16)
    is_there = values > 0
    last = values.shape[1] - 1 - np.argmax(is_there[:, ::-1], axis=1)
    found = np.where(is_there.any(axis=1), last, values.shape[1])
    return np.where(is_missing, bins.missing, found)
