"""Columns of leads to the model's matrix: the one interpreter of the feature spec.

Training and serving both come through here. It is on the path of every event: categories are one
dictionary look-up a value and one ``take`` a field, numbers are vectorised, and only free text is
read lead by lead. A lead's row is the same to the bit alone and in a batch, as every step works on
one value at a time.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from features.aspect_bins import further_bins
from features.coverage import NO_IMPORTANCE, CoverageRule
from features.reference import WEEKDAYS, FieldReference, Reference
from features.spec import (
    CREATED_AT,
    DAY_MS,
    LARGEST_FLOAT32,
    MISSING_LEVELS,
    CategoryField,
    DateField,
    DatePart,
    FeatureSpec,
    FieldSpec,
    NumberField,
    TextField,
    normalise_level,
)

try:
    from features import _compiled
except ImportError:  # there was no compiler
    _compiled = None  # type: ignore[assignment]

__all__ = ["Columns", "FeatureEncoder", "Features", "ages_in_days", "date_part", "is_date"]

Columns = Mapping[str, NDArray[np.float64] | Sequence[str | bytes | None]]
"""Leads by column: numbers and dates (ms since 1970 UTC) as float64, NaN missing, never infinite;
categories and texts as lists of str or of UTF-8 bytes, None missing."""

Matrix = NDArray[np.float32]
Codes = NDArray[np.int16]

READ_BYTES = 65_536
"""The longest text that the compiled loop reads."""
MEMO_ENTRIES = 10_000
MEMO_LENGTH = 256
"""Maximum number of strings in a memo, and of characters in each."""
MEMO_TEXT = 64
"""Maximum characters of a text in a memo: longer ones hardly ever repeat."""

HOUR_MS = 3_600_000
LATEST_DATE_MS = 1e14
"""A date further than 3,000 years from 1970 is taken for missing."""
FIRST_WEEKDAY = 3
"""1970-01-01 was a Thursday; Monday is 0."""


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
        Of each field; empty where none is known: all fields are as important then.

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
            (field.name, _writer(field, bins, columns.start, index, composed=spec.composed))
            for index, ((field, columns), bins) in enumerate(
                zip(spec.slices(), reference.fields, strict=True)
            )
        ]
        dates = [(field, at.start) for field, at in spec.slices() if isinstance(field, DateField)]
        created_shift = sum(field.day_shift_ms for field, _ in dates if field.name == CREATED_AT)
        self._ages = [
            (field.name, _Ages(field, created_shift, start + field.parts.index(DatePart.AGE)))
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


class _Writer(Protocol):
    """Writes one field's columns and bins."""

    def write(self, values: Any, matrix: Matrix, bins: Codes) -> None:
        """Fill the field's columns of ``matrix`` (n, all) and of ``bins`` (n, fields)."""


def _writer(
    field: FieldSpec, bins: FieldReference, column: int, index: int, *, composed: bool
) -> _Writer:
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


class _Ages:
    """The ages of one field, which need the leads' creation besides."""

    def __init__(self, field: DateField, created_shift: int, column: int) -> None:
        self._column = column
        self._whole_days = field.whole_days
        self._shifts = field.day_shift_ms, created_shift

    def write(self, values: Any, until: Any, matrix: Matrix) -> None:
        matrix[:, self._column] = ages_in_days(
            values, until, whole_days=self._whole_days, shifts=self._shifts
        )


def is_date(values: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Return which times in ms since 1970 are dates; NaN, and what is too far off, is missing."""
    known: NDArray[np.bool_] = np.abs(values) <= LATEST_DATE_MS
    return known


def ages_in_days(
    values: NDArray[np.float64],
    created_at: NDArray[np.float64],
    *,
    whole_days: bool,
    shifts: tuple[int, int] = (0, 0),
) -> NDArray[np.float64]:
    """Return how old dates were when their leads were created.

    As float32, in which the model reads them, ages of up to 45 years are exact to three minutes,
    of up to 3 years to ten seconds.

    Parameters
    ----------
    values, created_at
        float64, shape (n,): milliseconds since 1970, UTC; NaN is missing.
    whole_days
        Whether the clock does not count: the days from one date to the other.
    shifts
        Added to dates and creations before their day is taken, in ms.

    Returns
    -------
    ndarray of float64, shape (n,)
        Days; negative where the date is later than the creation, NaN where one of them is missing.
    """
    known = is_date(values) & is_date(created_at)
    earlier, later = np.where(known, values, np.nan), np.where(known, created_at, np.nan)
    if whole_days:
        of_date, of_creation = shifts
        return np.floor((later + of_creation) / DAY_MS) - np.floor((earlier + of_date) / DAY_MS)
    return (later - earlier) / DAY_MS


def date_part(times: NDArray[np.float64], part: DatePart) -> NDArray[np.int64]:
    """Return a part of times in ms since 1970 UTC, none of them missing; not for ages."""
    ms = times.astype(np.int64)
    days: NDArray[np.int64] = ms // DAY_MS
    if part is DatePart.HOUR:
        return (ms - days * DAY_MS) // HOUR_MS
    if part is DatePart.WEEKDAY:
        return (days + FIRST_WEEKDAY) % len(WEEKDAYS)
    months = days.astype("datetime64[D]").astype("datetime64[M]")
    first: NDArray[np.int64] = months.astype("datetime64[D]").astype(np.int64)
    if part is DatePart.DAY:
        return days - first + 1
    month: NDArray[np.int64] = months.astype(np.int64) % 12 + 1
    return month
