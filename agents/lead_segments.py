"""Segments of leads: the values of some fields, by which the quality of scores is compared.

A worker writes the segment of each lead into a header of its scored event, one for each field. So
whoever counts reads the scores alone, and a field need not be one of the model's.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from schemas.decode import LeadDecoder
from schemas.fields import FieldKind
from schemas.headers import SEGMENT, Headers

__all__ = [
    "MISSING",
    "MOST_FIELDS",
    "LeadSegments",
    "SegmentField",
    "range_labels",
    "segments_of",
]

MISSING = "(missing)"
MOST_FIELDS = 5
LONGEST = 60
"""Characters of a value that are kept."""

LeadSegment = tuple[str, str]
"""Name of the field, and the segment."""


class SegmentField(NamedTuple):
    """A field whose values are segments.

    Attributes
    ----------
    name
        The field, as the leads have it.
    bounds
        Where the ranges of a number begin, ascending; empty: each value of a text is a segment.

    Examples
    --------
    >>> SegmentField.of_text("age:30:45")
    SegmentField(name='age', bounds=(30.0, 45.0))
    """

    name: str
    bounds: tuple[float, ...] = ()

    @classmethod
    def of_text(cls, text: str) -> SegmentField:
        """Read a field as the settings name it."""
        name, *bounds = text.split(":")
        return cls(name.strip(), tuple(map(float, bounds)))

    @property
    def kind(self) -> FieldKind:
        """The kind of its values."""
        return FieldKind.NUMBER if self.bounds else FieldKind.CATEGORY


class LeadSegments:
    """Finds the segments of leads.

    Parameters
    ----------
    fields
        The fields.
    decoder_of
        Makes what reads fields of the kinds given, with categories as bytes or text.
    """

    def __init__(
        self,
        fields: Sequence[SegmentField],
        decoder_of: Callable[[Mapping[str, FieldKind]], LeadDecoder],
    ) -> None:
        self.fields = tuple(fields)
        kinds = {field.name: field.kind for field in fields}
        self._decoder = decoder_of(kinds)
        # A decoder reads all of a lead or none of it; these read the other fields if one fails.
        self._alone = [decoder_of({name: kind}) for name, kind in kinds.items()]
        self._names = [f"{SEGMENT}{field.name}" for field in fields]
        self._labels = [
            [label.encode() for label in range_labels(field.bounds)] for field in fields
        ]

    def headers_of(self, values: Sequence[bytes | None]) -> list[Headers]:
        """Return the headers of the scored events of leads, given the values of their records.

        The value of a header is empty if the lead has no value of the field, or one that can't be
        read.
        """
        found = self._decoder.decode(values)
        columns = [self._segments(place, found.columns) for place in range(len(self.fields))]
        headers: list[Headers] = [[] for _ in values]
        for row, position in enumerate(found.positions):
            headers[position] = [
                (name, column[row]) for name, column in zip(self._names, columns, strict=True)
            ]
        unread = [position for position, read in enumerate(headers) if not read]
        one_by_one = self._read_one_by_one([values[position] for position in unread])
        for position, read in zip(unread, one_by_one, strict=True):
            headers[position] = read
        return headers

    def _read_one_by_one(self, values: Sequence[bytes | None]) -> list[Headers]:
        """Return the headers of leads of which some field can't be read."""
        if not values:
            return []
        columns = []
        for place, decoder in enumerate(self._alone):
            found = decoder.decode(values)
            column = [b""] * len(values)
            for row, segment in zip(
                found.positions, self._segments(place, found.columns), strict=True
            ):
                column[row] = segment
            columns.append(column)
        return [list(zip(self._names, row, strict=True)) for row in zip(*columns, strict=True)]

    def _segments(self, place: int, columns: Mapping[str, object]) -> list[bytes]:
        field, labels = self.fields[place], self._labels[place]
        column = columns[field.name]
        if isinstance(column, np.ndarray):
            return [
                b"" if number != number else labels[bisect_right(field.bounds, number)]
                for number in column.tolist()
            ]
        assert isinstance(column, list), "a column of texts"
        return [_segment(value) for value in column]


def _segment(value: str | bytes | None) -> bytes:
    if value is None:
        return b""
    text = value.decode() if isinstance(value, bytes) else value
    return text.strip()[:LONGEST].encode()


def segments_of(headers: Sequence[tuple[str, bytes | None]]) -> tuple[LeadSegment, ...]:
    """Return the segments of a lead by the headers of its scored event, of at most five fields.

    Examples
    --------
    >>> segments_of([("ce_type", b"x"), ("leadscore.segment.country", b"NL")])
    (('country', 'NL'),)
    """
    found = [
        (name.removeprefix(SEGMENT), (value or b"").decode(errors="replace")[:LONGEST] or MISSING)
        for name, value in headers
        if name.startswith(SEGMENT)
    ]
    return tuple(found[:MOST_FIELDS])


def range_labels(bounds: Sequence[float]) -> list[str]:
    """Return the labels of the ranges between ascending bounds; none without a bound.

    Examples
    --------
    >>> range_labels([30, 45.5])
    ['under 30', '30 to 45.5', '45.5 and over']
    """
    if not len(bounds):
        return []
    shown = [f"{bound:g}" for bound in bounds]
    between = [f"{low} to {high}" for low, high in pairwise(shown)]
    return [f"under {shown[0]}", *between, f"{shown[-1]} and over"]
