"""The byte at which a value breaks, and the fields before it."""

from __future__ import annotations

import io
from typing import Any

import fastavro
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.encode import encode_lead
from schemas.store import SchemaStore
from schemas.wire import WireFormat
from stream.dead_letters.layout import layout_of
from testing.schemas import packaged_schema

STORE = SchemaStore.load()
LEAD = packaged_schema("lead_created")
RECORD = {"lead_id": "L-1", "created_at": 1_700_000_000_000}
AVRO = encode_lead(RECORD, LEAD, WireFormat.AVRO)


def test_a_sound_avro_value_is_read_to_its_end() -> None:
    layout = layout_of(AVRO, STORE)
    assert (layout.wire, layout.schema, layout.broken_at) == ("avro", LEAD.full_name, None)
    fields = {found.name: found for found in layout.fields}
    assert fields.keys() == LEAD.fields.keys()
    assert fields["lead_id"].value == "L-1"
    assert (fields["lead_id"].start, fields["lead_id"].end) == (10, 14)
    assert layout.fields[-1].end == len(AVRO)


@given(cut=st.integers(10, len(AVRO) - 1))
def test_a_value_that_is_cut_breaks_at_the_field_that_was_cut(cut: int) -> None:
    whole = layout_of(AVRO, STORE)
    layout = layout_of(AVRO[:cut], STORE)
    assert layout.broken_at is not None
    assert layout.fields == [found for found in whole.fields if found.end <= cut]
    assert layout.broken_at >= (layout.fields[-1].end if layout.fields else 10)


@given(value=st.binary(max_size=60) | st.binary(max_size=40).map(lambda more: AVRO[:20] + more))
def test_no_bytes_make_it_fail(value: bytes) -> None:
    layout = layout_of(value, STORE)
    assert layout.broken_at is None or 0 <= layout.broken_at <= len(value)


@pytest.mark.parametrize(
    ("value", "broken_at", "names"),
    [
        (b"?", 0, []),
        (b"\xc3\x01abcdefgh", 2, []),
        (b"\x00\x00\x00\x00\x07datum", 5, []),
        (AVRO + b"\x00", len(AVRO), [*LEAD.fields]),
        (AVRO[:11] + b"\xff" + AVRO[12:], 11, []),
        (b'{"a": 1, "b": tru}', 14, ["a"]),
        (b'{"a": 1, "b" 2}', 13, ["a"]),
        ('{"ä": 1, "b": }'.encode(), 15, ["ä"]),
        (b'{"a": 1} x', 9, ["a"]),
        (b'{"a": 1', 7, ["a"]),
        (b'{"a": "\xff"}', 7, []),
        (b"{}", None, []),
        (b'\xef\xbb\xbf {"a": [1, {"b": null}]}', None, ["a"]),
    ],
)
def test_a_broken_value_shows_the_byte_where_it_breaks_and_the_fields_before(
    value: bytes, broken_at: int | None, names: list[str]
) -> None:
    layout = layout_of(value, STORE)
    assert (layout.broken_at, [found.name for found in layout.fields]) == (broken_at, names)
    assert (layout.reason is None) == (broken_at is None)


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
    store = SchemaStore()
    schema = store.add(SCHEMA)
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
    layout = layout_of(schema.header + written.getvalue(), store)
    assert layout.broken_at is None, layout.reason
    assert {found.name: found.value for found in layout.fields} == record
