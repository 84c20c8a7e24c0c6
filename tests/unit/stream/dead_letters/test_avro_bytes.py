"""Avro read field by field: each type, and the byte at which one breaks."""

from __future__ import annotations

import io
from typing import Any

import fastavro
import pytest

from schemas.store import parse_schema
from stream.dead_letters.avro_bytes import AvroBytes, BrokenError

SCHEMA: dict[str, Any] = {
    "type": "record",
    "name": "everything",
    "fields": [
        {"name": "lead_id", "type": "string"},
        {"name": "enum", "type": {"type": "enum", "name": "e", "symbols": ["a", "b"]}},
        {"name": "same", "type": ["null", "e"]},
        {"name": "fixed", "type": {"type": "fixed", "name": "f", "size": 2}},
        {"name": "array", "type": {"type": "array", "items": "double"}},
        {"name": "map", "type": {"type": "map", "values": "float"}},
        {
            "name": "record",
            "type": {
                "type": "record",
                "name": "r",
                "fields": [{"name": "is", "type": "boolean"}, {"name": "bytes", "type": "bytes"}],
            },
        },
    ],
}


def test_every_avro_type_is_read_as_fastavro_wrote_it() -> None:
    schema = parse_schema(SCHEMA, "everything")
    record = {
        "lead_id": "L",
        "enum": "b",
        "same": "a",
        "fixed": b"xy",
        "array": [1.5, -2.0],
        "map": {"k": 0.5},
        "record": {"is": True, "bytes": b"\x00"},
    }
    written = io.BytesIO()
    fastavro.schemaless_writer(written, schema.parsed, record)
    reader = AvroBytes(b"before" + written.getvalue(), 6)
    fields = list(reader.fields(schema))
    assert {found.name: found.value for found in fields} == record
    assert reader.at == 6 + len(written.getvalue())
    assert [found.start for found in fields[1:]] == [found.end for found in fields[:-1]]


def test_fields_before_the_broken_one_are_read() -> None:
    schema = parse_schema(SCHEMA, "everything")
    fields = AvroBytes(b"\x02L\x04", 0).fields(schema)
    assert next(fields).value == "L"
    with pytest.raises(BrokenError, match="field enum: the enum has no symbol 2") as refused:
        next(fields)
    assert refused.value.at == 2
