"""The schema and the datum of a value in Confluent's framing, or the verdict on it."""

from __future__ import annotations

import json
import uuid
from typing import Any

import pytest

from schemas.errors import ErrorCode, InvalidEventError
from schemas.framed_schemas import FramedSchemas, framing_of
from schemas.registered import RegisteredSchemas, RegisteredText, header_of_id, meaning_of_text

LEAD: Any = {
    "type": "record",
    "name": "Lead",
    "fields": [{"name": "lead_id", "type": "string"}, {"name": "created_at", "type": "long"}],
}
NOTE: Any = {"type": "record", "name": "Note", "fields": []}
ID, GUID = header_of_id(7), b"\x01" + uuid.UUID(int=7).bytes


def schemas_with(header: bytes, schema: Any, kind: str = "AVRO") -> FramedSchemas:
    known = RegisteredSchemas()
    known.add(header, meaning_of_text(RegisteredText(kind, json.dumps(schema)), "the schema"))
    return FramedSchemas(known)


@pytest.mark.parametrize("header", [ID, GUID])
def test_a_value_is_split_behind_its_id_or_guid(header: bytes) -> None:
    schema, datum = schemas_with(header, LEAD).split(header + b"datum")
    assert schema is not None
    assert (schema.name, datum) == ("Lead", b"datum")


def test_the_number_of_a_unions_branch_is_no_part_of_the_datum() -> None:
    schema, datum = schemas_with(ID, [NOTE, LEAD]).split(ID + b"\x02datum")
    assert schema is not None
    assert (schema.name, datum) == ("Lead", b"datum")


def test_a_datum_behind_the_id_of_a_json_schema_has_no_schema() -> None:
    assert schemas_with(ID, {}, "JSON").split(ID + b"{}") == (None, b"{}")


@pytest.mark.parametrize(
    ("value", "code"),
    [
        (ID + b"\x00", ErrorCode.INCOMPATIBLE),  # a note is no lead
        (ID + b"\x03", ErrorCode.DECODE),
        (ID + b"\x06", ErrorCode.DECODE),
        (header_of_id(8) + b"datum", ErrorCode.SCHEMA_ID),
        (b"\x00\x00", ErrorCode.WIRE_FORMAT),
    ],
)
def test_other_values_have_a_verdict(value: bytes, code: ErrorCode) -> None:
    with pytest.raises(InvalidEventError) as verdict:
        schemas_with(ID, [NOTE, LEAD]).split(value)
    assert verdict.value.code is code


def test_a_framing_is_the_first_bytes_of_a_value() -> None:
    assert framing_of(ID + b"datum") == ID
    with pytest.raises(InvalidEventError, match="got 3 bytes in all"):
        framing_of(ID[:3])
