"""Avro single-object encoding: ``C3 01``, the schema's fingerprint, the datum."""

from __future__ import annotations

import io
from collections.abc import Mapping
from typing import Any

import fastavro

from schemas.errors import ErrorCode, InvalidEventError
from schemas.formats.avro_events import AvroEventWriter
from schemas.formats.avro_leads import AvroLeadReader
from schemas.formats.event_format import LeadFields
from schemas.scored_event import ScoredEvent, ScoredModel
from schemas.single_object import AVRO_MARKER, HEADER_BYTES
from schemas.store import Schema, SchemaStore

__all__ = ["AvroSingleObject"]


class AvroSingleObject:
    """The wire format "avro"; see ``EventFormat``."""

    content_type = b"application/avro"
    first_bytes = AVRO_MARKER[:1]

    def recognises(self, value: bytes) -> bool:
        """Return True, or raise if the header is incomplete."""
        if len(value) < HEADER_BYTES or value[1] != AVRO_MARKER[1]:
            raise InvalidEventError(
                ErrorCode.WIRE_FORMAT,
                "expected C3 01 and 8 bytes of fingerprint at the start of an Avro event, got"
                f" {value[:HEADER_BYTES].hex(' ')}: write leads as Avro single-object encoding or"
                " JSON",
            )
        return True

    def lead_reader(self, store: SchemaStore, fields: LeadFields) -> AvroLeadReader:
        """Return a reader of leads that were written with the store's schemas."""

        def schema_of(header: bytes) -> Schema:
            fingerprint = header[len(AVRO_MARKER) :]
            schema = store.by_fingerprint(fingerprint)
            if schema is None:
                raise InvalidEventError(
                    ErrorCode.SCHEMA,
                    f"no schema has the fingerprint {fingerprint.hex()}: put its .avsc file into"
                    " the folder that LEADSCORE_SCHEMA_DIR names, and restart",
                )
            return schema

        known = [schema.header for schema in store.lead_contracts()]
        return AvroLeadReader(HEADER_BYTES, schema_of, fields, known)

    def write_lead(
        self, record: Mapping[str, Any], written: Mapping[str, Any], schema: Schema
    ) -> bytes:
        """Write a lead."""
        body = io.BytesIO()
        body.write(schema.header)
        fastavro.schemaless_writer(body, schema.parsed, written)
        return body.getvalue()

    def scored_writer(self, event: ScoredEvent, model: ScoredModel) -> AvroEventWriter:
        """Return a writer of scored events."""
        return AvroEventWriter(event.schema.header, event, model)
