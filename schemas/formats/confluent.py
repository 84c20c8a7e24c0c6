"""Confluent's framing: ``00``, 4 bytes of schema id, the datum; or ``01``, 16 bytes of GUID.

The datum is Avro's binary encoding, with the number of the branch before it if the schema is a
union, or JSON. What an id stands for is in ``RegisteredSchemas``.
"""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from typing import Any

import fastavro

from schemas.errors import ErrorCode, InputError, InvalidEventError
from schemas.formats.avro_events import AvroEventWriter
from schemas.formats.avro_leads import AvroLeadReader
from schemas.formats.event_format import DecodedRow, LeadFields, ReadColumns
from schemas.formats.json_objects import JSON, JsonLeadReader
from schemas.framed_schemas import FramedSchemas, framing_of
from schemas.registered import (
    GUID_BYTES,
    ID_BYTES,
    RegisteredAvro,
    RegisteredSchemas,
    header_of,
)
from schemas.scored_event import ScoredEvent, ScoredModel
from schemas.store import Schema, SchemaStore

__all__ = ["ConfluentFraming"]

HEADER_LENGTHS = (ID_BYTES, ID_BYTES + 1, GUID_BYTES, GUID_BYTES + 1)
"""With an id or a GUID, each without and with the number of a union's branch."""


class ConfluentFraming:
    """The wire format "confluent"; see ``EventFormat``.

    Parameters
    ----------
    registered
        What ids stand for; None: no schema registry is set, so no lead can be read.
    """

    content_type = b"application/avro"
    first_bytes = b"\0\1"

    def __init__(self, registered: RegisteredSchemas | None = None) -> None:
        self._registered = registered

    def recognises(self, value: bytes) -> bool:
        """Return True, or raise if the header is incomplete."""
        framing_of(value)
        return True

    def lead_reader(self, store: SchemaStore, fields: LeadFields) -> ConfluentLeadReader:
        """Return a reader of leads whose schemas the registry has."""
        return ConfluentLeadReader(self._registered, fields)

    def write_lead(
        self, record: Mapping[str, Any], written: Mapping[str, Any], schema: Schema
    ) -> bytes:
        """Write a lead in Avro."""
        body = io.BytesIO()
        body.write(self._header(schema))
        fastavro.schemaless_writer(body, schema.parsed, written)
        return body.getvalue()

    def scored_writer(self, event: ScoredEvent, model: ScoredModel) -> AvroEventWriter:
        """Return a writer of scored events in Avro."""
        return AvroEventWriter(self._header(event.schema), event, model)

    def _header(self, schema: Schema) -> bytes:
        header = self._registered.header_to_write(schema) if self._registered else None
        if header is None:
            raise InputError(
                f"expected an id of the schema registry for {schema.full_name}, but none is known:"
                " set LEADSCORE_SCHEMA_REGISTRY_URL, and register the schema with `leadscore"
                " schemas register`"
            )
        return header


class ConfluentLeadReader:
    """Reads leads in Avro by the generated readers, and leads in JSON; see ``LeadReader``."""

    def __init__(self, registered: RegisteredSchemas | None, fields: LeadFields) -> None:
        self._registered = registered
        self._schemas = FramedSchemas(registered)
        self._json = JsonLeadReader(fields)
        self._avro = {
            length: AvroLeadReader(length, self._schemas.schema_behind, fields, known=())
            for length in HEADER_LENGTHS
        }

    def read_columns(self, values: Sequence[bytes | None]) -> ReadColumns | None:
        """Read the records of the first one's schema, if that is in Avro."""
        first = values[0]
        header = header_of(first) if first else None
        meaning = self._schemas.meaning(header) if header else None
        if not header or not isinstance(meaning, RegisteredAvro):
            return None
        return self._avro[len(header) + meaning.is_union].read_columns(values)

    def read_rows(
        self,
        values: Sequence[bytes | None],
        indices: Sequence[int],
        rows: list[DecodedRow | None],
        errors: dict[int, InvalidEventError],
    ) -> None:
        """Read records id by id."""
        by_header: dict[bytes, list[int]] = {}
        for i in indices:
            header = header_of(values[i] or b"")
            assert header is not None, "the format recognises the value"
            by_header.setdefault(header, []).append(i)
        for header, of_id in by_header.items():
            meaning = self._schemas.meaning(header)
            if isinstance(meaning, InvalidEventError):
                errors.update(dict.fromkeys(of_id, meaning))
            elif isinstance(meaning, RegisteredAvro):
                reader = self._avro[len(header) + meaning.is_union]
                reader.read_rows(values, of_id, rows, errors)
            else:
                self._read_json(len(header), values, of_id, rows, errors)

    def prepare(self) -> None:
        """Generate the readers of the ids that are known."""
        for header in self._registered or ():
            meaning = self._schemas.meaning(header)
            if isinstance(meaning, RegisteredAvro):
                reader = self._avro[len(header) + meaning.is_union]
                for number in range(len(meaning.branches)):
                    reader.prepare_for(header + bytes([2 * number] * meaning.is_union))

    def schema_of(self, value: bytes) -> str | None:
        """Return the name of the schema whose id a value begins with."""
        header = header_of(value)
        meaning = self._schemas.meaning(header) if header else None
        if not header or not isinstance(meaning, RegisteredAvro):
            return None
        return self._avro[len(header) + meaning.is_union].schema_of(value)

    def _read_json(
        self,
        header_bytes: int,
        values: Sequence[bytes | None],
        indices: Sequence[int],
        rows: list[DecodedRow | None],
        errors: dict[int, InvalidEventError],
    ) -> None:
        data: list[bytes | None] = [None] * len(values)
        readable = []
        for i in indices:
            data[i] = datum = (values[i] or b"")[header_bytes:]
            if JSON.match(datum):
                readable.append(i)
                continue
            errors[i] = InvalidEventError(
                ErrorCode.DECODE,
                "expected a JSON object behind the id of a JSON Schema, got something else: send"
                " each lead as an object",
            )
        self._json.read_rows(data, readable, rows, errors)
