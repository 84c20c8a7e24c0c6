"""Interface of a wire format: it encodes leads and scored events, and decodes leads."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from schemas.errors import InvalidEventError
from schemas.field_names import FieldNames
from schemas.fields import FieldKind
from schemas.readings import Reading
from schemas.scored_event import ScoredEvent, ScoredModel, ScoredRows
from schemas.store import Schema, SchemaStore

__all__ = ["DecodedRow", "EventFormat", "LeadFields", "LeadReader", "ReadColumns", "ScoredWriter"]

DecodedRow = tuple[Any, ...]
"""lead_id, created_at (ms since 1970), request_id, then the fields that were asked for."""


@dataclass(frozen=True, slots=True)
class LeadFields:
    """Decoded leads; ``LeadDecoder`` explains the parts."""

    kinds: Mapping[str, FieldKind]
    readings: Mapping[str, Reading]
    names: FieldNames
    max_bytes: int


@dataclass(frozen=True, slots=True)
class ReadColumns:
    """The records of a batch that were read by column.

    Attributes
    ----------
    is_read
        bool, shape (n,): which records these are; the columns are of them alone.
    lead_ids, created_at, request_ids
        The envelope.
    columns
        The fields that were asked for: numbers and dates as float64, NaN where missing; categories
        and texts as UTF-8 bytes, None where missing.
    """

    is_read: NDArray[np.bool_]
    lead_ids: list[bytes]
    created_at: NDArray[np.int64]
    request_ids: list[bytes | None]
    columns: dict[str, NDArray[np.float64] | list[bytes | None]]


class LeadReader(Protocol):
    """Reads leads of one format. No bytes make it raise or hang."""

    def read_columns(self, values: Sequence[bytes | None]) -> ReadColumns | None:
        """Read those records of a batch that can be read by column; None: there are none.

        Parameters
        ----------
        values
            n records, of this format or not; the first one is.
        """

    def read_rows(
        self,
        values: Sequence[bytes | None],
        indices: Sequence[int],
        rows: list[DecodedRow | None],
        errors: dict[int, InvalidEventError],
    ) -> None:
        """Read the values of some indices: write the row of each, or the verdict on it.

        Parameters
        ----------
        values
            The batch.
        indices
            Indices of values that this format recognises, and that are not too large.
        rows, errors
            Where to, by index. A row's numbers may be infinite or NaN.
        """

    def prepare(self) -> None:
        """Do now what reading the first lead of each known schema would need."""

    def schema_of(self, value: bytes) -> str | None:
        """Return the name of the schema that a value was written with; None if it is not known."""


class ScoredWriter(Protocol):
    """Writes the scored events of one model."""

    def write(self, rows: ScoredRows) -> list[bytes]:
        """Return the events of a batch, in order."""


class EventFormat(Protocol):
    """A wire format."""

    @property
    def content_type(self) -> bytes:
        """Media type of its values, as the header content-type names it."""

    @property
    def first_bytes(self) -> bytes:
        """Bytes that a value can begin with; those of two formats are disjoint."""

    def recognises(self, value: bytes) -> bool:
        """Return whether a value with such a first byte has this format.

        Raises
        ------
        InvalidEventError
            It has, but its header is damaged.
        """

    def lead_reader(self, store: SchemaStore, fields: LeadFields) -> LeadReader:
        """Return a reader of leads.

        Parameters
        ----------
        store
            The schemas that leads may be written with.
        fields
            What to read.
        """

    def write_lead(
        self, record: Mapping[str, Any], written: Mapping[str, Any], schema: Schema
    ) -> bytes:
        """Write a lead.

        Parameters
        ----------
        record
            The fields by name, as leads are read: times in milliseconds, decimals as numbers.
        written
            The same as the schema's types have them: times in its units, decimals as bytes.
        schema
            The lead's contract.

        Raises
        ------
        fastavro.validation.ValidationError, TypeError, ValueError, OverflowError, AttributeError
            The record does not fit the schema.
        """

    def scored_writer(self, event: ScoredEvent, model: ScoredModel) -> ScoredWriter:
        """Return a writer of scored events.

        Parameters
        ----------
        event
            The event's fields.
        model
            What its events share.
        """
