"""Writers of fields into the feature matrix and the bins: one class for each kind of field."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from features.date_values import ages_in_days, date_part, is_date
from features.field_spec import (
    LARGEST_FLOAT32,
    MISSING_LEVELS,
    CategoryField,
    DateField,
    DatePart,
    FieldSpec,
    NumberField,
    TextField,
    normalise_level,
)
from features.reference import FieldReference

try:
    from features import _compiled
except ImportError:  # there was no compiler
    _compiled = None  # type: ignore[assignment]

__all__ = ["AgeWriter", "FieldWriter", "writer_of"]

Matrix = NDArray[np.float32]
Codes = NDArray[np.int16]

READ_BYTES = 65_536
"""The longest text that the compiled loop reads."""
MEMO_ENTRIES = 10_000
MEMO_LENGTH = 256
"""Maximum number of strings in a memo, and of characters in each."""
MEMO_TEXT = 64
"""Maximum characters of a text in a memo: longer ones hardly ever repeat."""


class FieldWriter(Protocol):
    """Writes one field's columns and bins."""

    def write(self, values: Any, matrix: Matrix, bins: Codes) -> None:
        """Fill the field's columns of ``matrix`` (n, all) and of ``bins`` (n, fields)."""


def writer_of(
    field: FieldSpec, bins: FieldReference, column: int, index: int, *, composed: bool
) -> FieldWriter:
    """Return the writer of a field.

    Parameters
    ----------
    field
        The field.
    bins
        Its bins.
    column, index
        The first of its columns in the matrix, and its column in the bins.
    composed
        Whether texts are composed (NFC) before they are compared.
    """
    match field:
        case NumberField():
            return _Numbers(bins, column, index)
        case CategoryField():
            return _Categories(field, bins, column, index, composed=composed)
        case TextField():
            return _Texts(field, bins, column, index, composed=composed)
        case DateField():
            return _Dates(field, bins, column, index)


class _Numbers:
    def __init__(self, bins: FieldReference, column: int, index: int) -> None:
        self._edges = bins.search_edges
        self._column = column
        self._index = index

    def write(self, values: Any, matrix: Matrix, bins: Codes) -> None:
        # A number that float32 can't hold becomes the largest that it can.
        if _compiled is not None:
            numbers = np.asarray(values, dtype=np.float64)
            _compiled.write_numbers(
                numbers, LARGEST_FLOAT32, self._edges, matrix, self._column, bins, self._index
            )
            return
        matrix[:, self._column] = np.minimum(np.maximum(values, -LARGEST_FLOAT32), LARGEST_FLOAT32)
        bins[:, self._index] = self._edges.searchsorted(values, side="right")


class _Categories:
    """One-hot and target encoding alike: a row of numbers for each level, unseen, and missing."""

    def __init__(
        self,
        field: CategoryField,
        bins: FieldReference,
        column: int,
        index: int,
        *,
        composed: bool,
    ) -> None:
        self._column = column
        self._index = index
        self._rows = _level_rows(field)
        bin_of = {level: code for code, level in enumerate(bins.levels)}
        codes = [bin_of.get(level, bins.other) for level in field.levels]
        self._bins = np.array([*codes, bins.other, bins.missing], dtype=np.int16)
        self._codes = _LevelCodes(field, composed=composed)

    def write(self, values: Any, matrix: Matrix, bins: Codes) -> None:
        if _compiled is not None and isinstance(values, list):
            _compiled.write_levels(
                values,
                self._codes,
                self._rows,
                self._bins,
                matrix,
                self._column,
                bins,
                self._index,
            )
            return
        codes = np.fromiter(map(self._codes.__getitem__, values), np.intp, len(bins))
        columns = slice(self._column, self._column + self._rows.shape[1])
        matrix[:, columns] = self._rows.take(codes, axis=0)
        bins[:, self._index] = self._bins.take(codes)


def _level_rows(field: CategoryField) -> NDArray[np.float32]:
    levels, width = len(field.levels), len(field.columns)
    rows = np.zeros((levels + 2, width), dtype=np.float32)
    if field.encoding == "one_hot":
        np.fill_diagonal(rows, 1.0)
        rows[levels] = 0.0
    else:
        rows[:levels, 0] = field.values
        rows[levels] = field.prior
    rows[levels + 1] = np.nan
    return rows


def _as_text(raw: str | bytes) -> str:
    return raw.decode() if isinstance(raw, bytes) else raw


class _LevelCodes(dict[str | bytes | None, int]):
    """Rows by raw level; normalised levels are cached."""

    def __init__(self, field: CategoryField, *, composed: bool) -> None:
        super().__init__()
        self._composed = composed
        self._unseen = len(field.levels)
        self._missing = len(field.levels) + 1
        self._known = dict.fromkeys(field.missing, self._missing) | field.codes

    def __missing__(self, raw: str | bytes | None) -> int:
        level = None
        if raw is not None:
            level = normalise_level(_as_text(raw), composed=self._composed)
        code = self._missing if level is None else self._known.get(level, self._unseen)
        if raw is None or len(raw) <= MEMO_LENGTH:
            if len(self) >= MEMO_ENTRIES:
                self.clear()
            self[raw] = code
        return code


class _Texts:
    def __init__(
        self, field: TextField, bins: FieldReference, column: int, index: int, *, composed: bool
    ) -> None:
        self._column = column
        self._index = index
        self._edges = bins.search_edges
        self._rows = _TextRows(field.keywords, composed=composed)
        self._keywords = tuple(map(str.encode, field.keywords))

    def write(self, values: Any, matrix: Matrix, bins: Codes) -> None:
        left: Sequence[int] = range(len(bins))
        if _compiled is not None and isinstance(values, list):
            left = _compiled.write_texts(
                values,
                self._keywords,
                READ_BYTES,
                self._edges,
                matrix,
                self._column,
                bins,
                self._index,
            )
        if len(left):
            rows = np.array([self._rows[values[row]] for row in left], dtype=np.float64)
            matrix[left, self._column : self._column + rows.shape[1]] = rows
            bins[left, self._index] = self._edges.searchsorted(rows[:, 0], side="right")


class _TextRows(dict[str | bytes | None, tuple[float, ...]]):
    """From a text to its length, its number of words and its flags."""

    def __init__(self, keywords: Sequence[str], *, composed: bool) -> None:
        super().__init__()
        self._composed = composed
        self._keywords = tuple(keywords)
        self._missing = (float("nan"),) * (2 + len(keywords))

    def __missing__(self, text: str | bytes | None) -> tuple[float, ...]:
        row = self._read(None if text is None else _as_text(text))
        if text is None or len(text) <= MEMO_TEXT:
            if len(self) >= MEMO_ENTRIES:
                self.clear()
            self[text] = row
        return row

    def _read(self, text: str | None) -> tuple[float, ...]:
        if text is None:
            return self._missing
        if self._composed and not text.isascii():
            text = unicodedata.normalize("NFC", text)
        folded = text.casefold()
        words = folded.split()
        if len(words) < 2 and (not words or words[0] in MISSING_LEVELS):
            return self._missing
        flags = [float(keyword in folded) for keyword in self._keywords]
        return (float(len(text)), float(len(words)), *flags)


class _Dates:
    def __init__(self, field: DateField, bins: FieldReference, column: int, index: int) -> None:
        parts = enumerate(field.parts, column)
        self._parts = tuple((at, part) for at, part in parts if part is not DatePart.AGE)
        self._index = index
        self._missing = bins.missing
        self._shift = field.day_shift_ms

    def write(self, values: Any, matrix: Matrix, bins: Codes) -> None:
        known = is_date(values)
        times = np.where(known, values + self._shift if self._shift else values, 0.0)
        for column, part in self._parts:
            matrix[:, column] = np.where(known, date_part(times, part), np.nan)
        bins[:, self._index] = np.where(known, date_part(times, DatePart.WEEKDAY), self._missing)


class AgeWriter:
    """The ages of one field, which need the leads' creation besides."""

    def __init__(self, field: DateField, created_shift: int, column: int) -> None:
        self._column = column
        self._whole_days = field.whole_days
        self._shifts = field.day_shift_ms, created_shift

    def write(self, values: Any, until: Any, matrix: Matrix) -> None:
        """Fill the field's column of ages, in days before ``until``."""
        matrix[:, self._column] = ages_in_days(
            values, until, whole_days=self._whole_days, shifts=self._shifts
        )
