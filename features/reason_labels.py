"""Text of a reason: the field, and in words the aspect of its value that moved the score.

A field's contribution is the sum of those of its aspects. The one that contributed most in the
field's direction is named: the hour of a date, one keyword of a text. This is on the path of every
event: texts are made once a model, and a batch is one pass over its reasons.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from features.aspect_labels import (
    Labels,
    age_labels,
    aspect_labels,
    keyword_labels,
    number_labels,
)
from features.field_spec import Aspect, DateField, FieldSpec, NumberField, TextField
from features.matrix import Features
from features.reference import FieldReference, Reference
from features.spec import FeatureSpec, FieldAspect

try:
    from features import _compiled
except ImportError:  # there was no compiler
    _compiled = None  # type: ignore[assignment]

__all__ = ["ReasonLabels"]

Floats = NDArray[np.float32]
Codes = NDArray[np.int32]

BY_BIN = -1
"""In place of a column: the label is that of the bin."""
NO_KEYWORD = "has no keyword"
CHARACTER = "character"
"""Unit of the length of a text."""


class _Field(NamedTuple):
    """Positions of a field's aspects, and labels that hold for all of them.

    Attributes
    ----------
    first, keywords, stop
        Its aspects are first … stop - 1; those from ``keywords`` on are keywords. None where it has
        one aspect only.
    missing_bin
        The bin of a missing value.
    missing, no_keyword
        Codes of the texts for a missing value, and for a text with none of the keywords.
    """

    first: int
    keywords: int
    stop: int
    missing_bin: int
    missing: int
    no_keyword: int


class _Table(NamedTuple):
    """Where the labels of a column are.

    Attributes
    ----------
    column
        A column of the matrix, or ``BY_BIN``.
    first_start, end_start
        Where their starts are among all starts.
    first_text
        Code of the first.
    """

    column: int
    first_start: int
    end_start: int
    first_text: int


class ReasonLabels:
    """Names what moved the scores of a model.

    Parameters
    ----------
    spec
        The fields that the model reads.
    reference
        Their bins, in the same order.
    by_aspect
        Whether contributions are kept by aspect. Else a value's label is that of its bin.
    """

    def __init__(self, spec: FeatureSpec, reference: Reference, *, by_aspect: bool) -> None:
        self._texts: list[tuple[str, str]] = []
        self._tables: list[_Table] = []
        starts: list[float] = []
        aspects = spec.field_aspects if by_aspect else ()
        names = spec.shown_names
        for (field, columns), bins, name in zip(
            spec.slices(), reference.fields, names, strict=True
        ):
            labels = _labels_of_field(field, bins) if by_aspect else None
            self._add(name, columns.start, labels or bins, starts)
        for i, _, column in aspects:
            at = column - spec.field_of_column.index(i)
            labels = _labels_of_aspect(spec.fields[i], reference.fields[i], at)
            self._add(names[i], column, labels, starts)
        self._fields = [
            self._field(names[i], bins, _span(aspects, i))
            for i, bins in enumerate(reference.fields)
        ]
        self._starts = np.array(starts, np.float64)
        self._aspect_columns = np.array([aspect.column for aspect in aspects], np.int32)
        self._finder = None
        if _compiled is not None:
            rows = np.array(self._fields, np.int32), np.array(self._tables, np.int32)
            self._finder = _compiled.ReasonFinder(*rows, self._starts, self._aspect_columns)

    @property
    def texts(self) -> tuple[tuple[str, str], ...]:
        """By code: the name of the field, and the label of its value."""
        return tuple(self._texts)

    def codes(
        self, fields: NDArray[np.int64], values: Floats, aspects: Floats, of: Features
    ) -> Codes:
        """Find what each reason says.

        Parameters
        ----------
        fields, values
            int64 and float32, shape (n, k): the fields, and what they contributed.
        aspects
            float32, shape (n, n_aspects): what the aspects contributed.
        of
            The features of the n leads.

        Returns
        -------
        ndarray of int32, shape (n, k)
            Codes of ``texts``.

        Raises
        ------
        ValueError
            The arrays differ in length, or the aspects are others than this model's.
        """
        codes = np.empty(fields.shape, np.int32)
        if not codes.size:
            return codes
        if aspects.shape[1] != len(self._aspect_columns):
            raise ValueError(
                f"expected contributions of {len(self._aspect_columns)} aspects, got"
                f" {aspects.shape[1]}"
            )
        if self._finder is None:
            self._write_codes(fields, values, aspects, of, codes)
            return codes
        self._finder.write(fields, values, aspects, of.matrix, of.bins, codes)
        return codes

    def aspect_codes(self, matrix: Floats) -> Codes:
        """Find what each aspect of one lead is called, whatever it contributed.

        Parameters
        ----------
        matrix
            float32, shape (1, n_columns).

        Returns
        -------
        ndarray of int32, shape (n_aspects,)
            Codes of ``texts``.
        """
        tables = self._tables[len(self._fields) :]
        codes = [self._lookup(table, matrix[:, table.column])[0] for table in tables]
        return np.array(codes, np.int32)

    def _add(
        self, name: str, column: int, labels: Labels | FieldReference, starts: list[float]
    ) -> None:
        """Append a table, its starts and its texts."""
        if isinstance(labels, Labels):
            end = len(starts) + len(labels.starts)
            self._tables.append(_Table(column, len(starts), end, len(self._texts)))
            starts += labels.starts.tolist()
            self._texts += [(name, text) for text in labels.texts]
        else:
            self._tables.append(_Table(BY_BIN, 0, 0, len(self._texts)))
            self._texts += [(name, text) for text in labels.labels]

    def _field(self, name: str, bins: FieldReference, span: tuple[int, int, int]) -> _Field:
        code = len(self._texts)
        self._texts += [(name, bins.labels[bins.missing]), (name, NO_KEYWORD)]
        return _Field(*span, bins.missing, code, code + 1)

    def _write_codes(
        self,
        fields: NDArray[np.int64],
        values: Floats,
        aspects: Floats,
        of: Features,
        codes: Codes,
    ) -> None:
        for i in np.unique(fields).tolist():
            rows, at = np.nonzero(fields == i)
            field, matrix = self._fields[i], of.matrix[rows]
            tables = np.full(len(rows), i)
            has_no_keyword = np.zeros(len(rows), np.bool_)
            if field.stop > field.first:
                own = aspects[rows, field.first : field.stop]
                own = np.where(values[rows, at][:, None] > 0, own, -own)
                strongest, has_no_keyword = self._choose(field, own, matrix)
                tables = len(self._fields) + field.first + strongest
            found = np.empty(len(rows), np.int32)
            for number in np.unique(tables).tolist():
                table, is_own = self._tables[number], tables == number
                by = of.bins[rows, i] if table.column == BY_BIN else matrix[:, table.column]
                found[is_own] = self._lookup(table, by[is_own])
            found[has_no_keyword] = field.no_keyword
            found[of.bins[rows, i] == field.missing_bin] = field.missing
            codes[rows, at] = found

    def _choose(
        self, field: _Field, own: Floats, matrix: Floats
    ) -> tuple[NDArray[np.intp], NDArray[np.bool_]]:
        """Find the strongest of a field's aspects, and where it is that no keyword is there.

        All keywords are one aspect. The strongest of them is named, unless none is in the text and
        none made up half of it.
        """
        others = own[:, : field.keywords - field.first]
        strongest = others.argmax(axis=1)
        if field.keywords == field.stop:
            return strongest, np.zeros(len(own), np.bool_)
        keywords = own[:, field.keywords - field.first :].astype(np.float64)
        total = keywords.cumsum(axis=1)[:, -1]  # added up in the order of the compiled loop
        is_keyword = total > others.max(axis=1)
        columns = self._aspect_columns[field.keywords : field.stop]
        has_none = (matrix[:, columns] == 0).all(axis=1) & (2 * keywords.max(axis=1) < total)
        first_keyword = field.keywords - field.first
        chosen = np.where(is_keyword, first_keyword + keywords.argmax(axis=1), strongest)
        return chosen, is_keyword & has_none

    def _lookup(self, table: _Table, values: NDArray[np.generic]) -> NDArray[np.intp]:
        if table.column == BY_BIN:
            return table.first_text + values.astype(np.intp)
        starts = np.append(self._starts[table.first_start : table.end_start], np.nan)
        return table.first_text + starts.searchsorted(values, side="right")


def _span(aspects: Sequence[FieldAspect], field: int) -> tuple[int, int, int]:
    """Return where a field's aspects begin, where its keywords begin, and where both end."""
    own = [i for i, aspect in enumerate(aspects) if aspect.field == field]
    if not own:
        return 0, 0, 0
    keywords = sum(aspects[i].aspect is Aspect.KEYWORD for i in own)
    return own[0], own[-1] + 1 - keywords, own[-1] + 1


def _labels_of_field(field: FieldSpec, bins: FieldReference) -> Labels | None:
    """Return the labels of a field that has one aspect; None where they are those of its bins."""
    if isinstance(field, NumberField) and bins.exact:
        return number_labels(bins, bins.exact)
    if isinstance(field, DateField) and len(field.parts) == 1:
        return _labels_of_aspect(field, bins, 0)
    return None


def _labels_of_aspect(field: FieldSpec, bins: FieldReference, at: int) -> Labels:
    """Return the labels of one of a field's columns."""
    aspect, missing = field.aspects[at], bins.labels[bins.missing]
    if isinstance(field, TextField) and aspect is Aspect.KEYWORD:
        return keyword_labels(field.keywords[at - field.aspects.index(aspect)], missing)
    if aspect is Aspect.LENGTH:
        return number_labels(bins, bins.exact, CHARACTER)
    if isinstance(field, DateField) and aspect is Aspect.AGE:
        return age_labels(whole_days=field.whole_days)
    return aspect_labels(aspect, missing)
