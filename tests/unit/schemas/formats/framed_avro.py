"""A wire format that only tests have: a byte, four of a schema's number, the datum.

The numbers are known beforehand. It shows that a further format is one class in one file.
"""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from typing import Any

import fastavro

from schemas.errors import ErrorCode, InvalidEventError
from schemas.formats.avro_events import AvroEventWriter
from schemas.formats.avro_leads import AvroLeadReader
from schemas.formats.event_format import LeadFields
from schemas.scored_event import ScoredEvent, ScoredModel
from schemas.store import Schema, SchemaStore

MARKER = b"\x02"
HEADER_BYTES = 5


class FramedAvro:
    content_type = b"application/x-framed-avro"
    first_bytes = MARKER

    def __init__(self, numbered: Sequence[Schema]) -> None:
        self._by_header = {self._header(number): schema for number, schema in enumerate(numbered)}
        self._headers = {schema.full_name: header for header, schema in self._by_header.items()}

    @staticmethod
    def _header(number: int) -> bytes:
        return MARKER + number.to_bytes(4, "big")

    def recognises(self, value: bytes) -> bool:
        return True

    def lead_reader(self, store: SchemaStore, fields: LeadFields) -> AvroLeadReader:
        def schema_of(header: bytes) -> Schema:
            schema = self._by_header.get(header)
            if schema is None:
                raise InvalidEventError(ErrorCode.SCHEMA, "no schema has this number")
            return schema

        return AvroLeadReader(HEADER_BYTES, schema_of, fields, self._by_header)

    def write_lead(
        self, record: Mapping[str, Any], written: Mapping[str, Any], schema: Schema
    ) -> bytes:
        body = io.BytesIO()
        body.write(self._headers[schema.full_name])
        fastavro.schemaless_writer(body, schema.parsed, written)
        return body.getvalue()

    def scored_writer(self, event: ScoredEvent, model: ScoredModel) -> AvroEventWriter:
        return AvroEventWriter(self._headers[event.schema.full_name], event, model)
