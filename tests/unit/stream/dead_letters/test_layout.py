"""The byte at which a value breaks, and the fields before it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.encode import encode_lead
from schemas.errors import ErrorCode, InvalidEventError
from schemas.registered import JsonText, RegisteredAvro, RegisteredSchemas, header_of_id
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


DATUM = AVRO[10:]
ONE, UNION, TEXT, PROTOBUF, GUID = (*map(header_of_id, range(7, 11)), b"\x01" + bytes(range(16)))
INCOMPATIBLE = InvalidEventError(ErrorCode.PROTOBUF, "schema id 10 is a Protobuf schema")


def registered() -> RegisteredSchemas:
    """Return a registry with a schema, a union whose first branch is no lead, and two others."""
    known = RegisteredSchemas()
    known.add(ONE, RegisteredAvro([LEAD]))
    known.add(GUID, RegisteredAvro([LEAD]))
    known.add(UNION, RegisteredAvro([INCOMPATIBLE, LEAD], is_union=True))
    known.add(TEXT, JsonText.JSON)
    known.add(PROTOBUF, INCOMPATIBLE)
    return known


@pytest.mark.parametrize("framing", [ONE, GUID, UNION + b"\x02"])
def test_a_value_behind_the_id_of_a_registry_is_read_field_by_field(framing: bytes) -> None:
    plain = layout_of(AVRO, STORE)
    layout = layout_of(framing + DATUM, STORE, registered())
    moved = len(framing) - 10
    assert (layout.wire, layout.schema, layout.broken_at) == ("confluent", LEAD.full_name, None)
    assert [(found.name, found.start, found.value) for found in layout.fields] == [
        (found.name, found.start + moved, found.value) for found in plain.fields
    ]


def test_an_id_in_a_header_of_the_record_moves_no_byte() -> None:
    layout = layout_of(DATUM, STORE, registered(), framing=GUID)
    assert layout.broken_at is None, layout.reason
    assert (layout.fields[0].name, layout.fields[0].start) == ("lead_id", 0)


@pytest.mark.parametrize(
    ("value", "broken_at", "names", "says"),
    [
        (ONE + DATUM[:4], 9, ["lead_id"], "field created_at: the value ends"),
        (TEXT + b'{"a": 1, "b": tru}', 19, ["a"], "Expecting value"),
        (UNION + b"\x04", 5, [], "the union has no branch 2"),
        (UNION + b"\x00", 5, [], "is a Protobuf schema"),
        (UNION, 5, [], "the branch of the union: the value ends"),
        (PROTOBUF + b"x", 5, [], "is a Protobuf schema"),
        (header_of_id(99) + b"x", 5, [], "the value has schema id 99"),
    ],
)
def test_a_value_behind_an_id_breaks_at_its_byte(
    value: bytes, broken_at: int, names: list[str], says: str
) -> None:
    layout = layout_of(value, STORE, registered())
    assert (layout.broken_at, [found.name for found in layout.fields]) == (broken_at, names)
    assert says in (layout.reason or "")


def test_without_a_registry_it_says_which_setting_names_one() -> None:
    layout = layout_of(ONE + DATUM, STORE)
    assert "set LEADSCORE_SCHEMA_REGISTRY_URL" in (layout.reason or "")
