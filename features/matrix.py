"""Columns of leads to the model's matrix: the one interpreter of the feature spec.

Training and serving both come through here. It is on the path of every event: categories are one
dictionary look-up a value and one ``take`` a field, numbers are vectorised, and only free text is
read lead by lead. A lead's row is the same to the bit alone and in a batch, as every step works on
one value at a time.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from features.aspect_bins import further_bins
from features.coverage import NO_IMPORTANCE, CoverageRule
from features.field_spec import DateField, DatePart
from features.field_writers import AgeWriter, writer_of
from features.reference import Reference
from features.spec import CREATED_AT, FeatureSpec

__all__ = ["Columns", "FeatureEncoder", "Features"]

Columns = Mapping[str, NDArray[np.float64] | Sequence[str | bytes | None]]
"""Leads by column: numbers and dates (ms since 1970 UTC) as float64, NaN missing, never infinite;
categories and texts as lists of str or of UTF-8 bytes, None missing."""


class Features(NamedTuple):
    """Features of leads: the model's matrix, and bins and coverage for drift and reasons.

    Attributes
    ----------
    matrix
        float32, shape (n, columns of the spec), C-contiguous; NaN is missing.
    bins
        int16, shape (n, fields of the spec): each value's code in the reference.
    coverage
        float32, shape (n,), 0 to 1: the number of fields that are present, as a share of what a
        typical training lead has.
    known
        float32, shape (n,), 0 to 1: the same of the importance that the fields present have.
    """

    matrix: NDArray[np.float32]
    bins: NDArray[np.int16]
    coverage: NDArray[np.float32]
    known: NDArray[np.float32]


class FeatureEncoder:
    """Turns columns of leads into features.

    Parameters
    ----------
    spec
        The fields that the model reads.
    reference
        Their bins, in the same order.
    importance
        Importance of each field; empty where none is known: all fields are as important then.

    Raises
    ------
    ValueError
        The reference is of other fields than the spec.
    """

    def __init__(
        self,
        spec: FeatureSpec,
        reference: Reference,
        importance: Mapping[str, float] = NO_IMPORTANCE,
    ) -> None:
        names = [field.name for field in spec.fields]
        if names != [field.name for field in reference.fields]:
            raise ValueError("the reference's fields are not the spec's, in the same order")
        self.spec = spec
        self._aspects = further_bins(spec, reference)
        self._width = len(spec.columns)
        self._missing = reference.missing_codes
        self._rule = CoverageRule(names, importance, reference.typical)
        self._writers = [
            (field.name, writer_of(field, bins, columns.start, index, composed=spec.composed))
            for index, ((field, columns), bins) in enumerate(
                zip(spec.slices(), reference.fields, strict=True)
            )
        ]
        dates = [(field, at.start) for field, at in spec.slices() if isinstance(field, DateField)]
        created_shift = sum(field.day_shift_ms for field, _ in dates if field.name == CREATED_AT)
        self._ages = [
            (field.name, AgeWriter(field, created_shift, start + field.parts.index(DatePart.AGE)))
            for field, start in dates
            if DatePart.AGE in field.parts
        ]

    def encode(self, columns: Columns, n: int, *, ages_at: float | None = None) -> Features:
        """Build the features of ``n`` leads.

        Parameters
        ----------
        columns
            A column of length ``n`` for each field of the spec; others are ignored.
        n
            Number of leads.
        ages_at
            Time at which dates have their age, milliseconds since 1970; None: at the creation of
            each lead.

        Raises
        ------
        KeyError
            A field of the spec has no column.
        ValueError
            A column is of another length.
        """
        matrix = np.empty((n, self._width), dtype=np.float32)
        bins = np.empty((n, len(self._writers)), dtype=np.int16)
        for name, writer in self._writers:
            values = columns[name]
            if len(values) != n:  # the compiled loops trust it
                raise ValueError(f"expected {n} values of field {name}, got {len(values)}")
            writer.write(values, matrix, bins)
        for name, ages in self._ages:
            until = columns[CREATED_AT] if ages_at is None else np.full(n, ages_at)
            ages.write(columns[name], until, matrix)
        return Features(matrix, bins, *self._rule.of(bins != self._missing))

    def counted_bins(self, features: Features) -> NDArray[np.int16]:
        """Return what drift counts of leads: the bins of the fields, then of further aspects.

        Returns
        -------
        ndarray of int16, shape (n, counted of the reference)
        """
        if self._aspects is None:
            return features.bins
        codes = self._aspects.codes(self._aspects.values(features.matrix))
        return np.concatenate([features.bins, codes], axis=1)
