"""Confluent's framing: bytes of Confluent's own serializers, unions, JSON, and what has no id."""

from __future__ import annotations

import io
import json
import uuid
from typing import Any

import fastavro
import pytest

from schemas.errors import ErrorCode, InputError, InvalidEventError
from schemas.field_names import FieldNames
from schemas.fields import FieldKind
from schemas.formats.confluent import ConfluentFraming
from schemas.formats.event_format import DecodedRow, LeadFields
from schemas.registered import (
    RegisteredSchemas,
    RegisteredText,
    header_of_id,
    meaning_of_text,
)
from schemas.store import SchemaStore, parse_schema

LEAD: Any = {
    "type": "record",
    "name": "Lead",
    "namespace": "crm",
    "fields": [
        {"name": "lead_id", "type": "string"},
        {"name": "created_at", "type": "long"},
        {"name": "pages", "type": ["null", "double"]},
    ],
}
NOTE: Any = {"type": "record", "name": "crm.Note", "fields": [{"name": "text", "type": "string"}]}
FIELDS = LeadFields({"pages": FieldKind.NUMBER}, {}, FieldNames({"pages": "pages"}), 1000)
LEADS = [
    {"lead_id": f"l{i}", "created_at": 1_760_000_000_000 + i, "pages": i / 2} for i in range(12)
]
ROWS: list[DecodedRow] = [
    (lead["lead_id"], lead["created_at"], None, lead["pages"]) for lead in LEADS
]


def datum(schema: Any, record: Any) -> bytes:
    body = io.BytesIO()
    fastavro.schemaless_writer(body, fastavro.parse_schema(schema), record)
    return body.getvalue()


class Place:
    """A reader, and ids that are added to what it knows."""

    def __init__(self) -> None:
        self.known = RegisteredSchemas()
        self.reader = ConfluentFraming(self.known).lead_reader(SchemaStore(), FIELDS)

    def add(self, header: bytes, kind: str, schema: Any) -> bytes:
        text = RegisteredText(kind, json.dumps(schema))
        self.known.add(header, meaning_of_text(text, "the schema"))
        return header

    def read(self, *values: bytes) -> tuple[list[DecodedRow | None], dict[int, ErrorCode]]:
        rows: list[DecodedRow | None] = [None] * len(values)
        errors: dict[int, InvalidEventError] = {}
        self.reader.read_rows(values, range(len(values)), rows, errors)
        return rows, {at: error.code for at, error in errors.items()}


@pytest.mark.parametrize("header", [header_of_id(7), b"\x01" + uuid.UUID(int=7).bytes])
def test_leads_are_read_by_id_and_by_guid_alone_and_by_column(header: bytes) -> None:
    place = Place()
    place.add(header, "AVRO", LEAD)
    values = [header + datum(LEAD, lead) for lead in LEADS]
    assert place.read(*values) == (ROWS, {})
    found = place.reader.read_columns(values)
    if found is not None:  # without a compiler nothing is read by column
        assert found.columns["pages"].tolist() == [row[3] for row in ROWS]  # type: ignore[union-attr]
    assert place.reader.schema_of(values[0]) == "crm.Lead"


def test_the_leads_of_a_union_are_read_and_its_other_types_are_verdicts() -> None:
    place = Place()
    header = place.add(header_of_id(1), "AVRO", ["null", NOTE, LEAD])
    values = [header + b"\x04" + datum(LEAD, lead) for lead in LEADS]
    note = header + b"\x02" + datum(NOTE, {"text": "hello"})
    rows, errors = place.read(*values, note, header + b"\x00")
    assert rows[:12] == ROWS
    assert errors == {12: ErrorCode.INCOMPATIBLE, 13: ErrorCode.INCOMPATIBLE}
    found = place.reader.read_columns(values)
    assert found is None or found.is_read.all()
    assert place.reader.schema_of(values[0]) == "crm.Lead"


@pytest.mark.parametrize("number", [b"\x06", b"\x01", b"\xff", b""])
def test_a_branch_that_the_union_lacks_is_a_verdict(number: bytes) -> None:
    place = Place()
    header = place.add(header_of_id(1), "AVRO", ["null", NOTE, LEAD])
    _, errors = place.read(header + number)
    assert [*errors] == [0]
    assert place.reader.schema_of(header + number) in (None, "crm.Lead")


def test_json_behind_an_id_is_read_as_json() -> None:
    place = Place()
    header = place.add(header_of_id(1), "JSON", {"type": "object"})
    values = [header + json.dumps(lead).encode() for lead in LEADS]
    assert place.read(*values) == (ROWS, {})
    assert place.reader.read_columns(values) is None


@pytest.mark.parametrize("value", [b"", b"[]", b"7", b'"lead"', b"\0"])
def test_json_that_is_no_object_is_a_verdict(value: bytes) -> None:
    place = Place()
    header = place.add(header_of_id(1), "JSON", {"type": "object"})
    assert place.read(header + value)[1] == {0: ErrorCode.DECODE}


def test_protobuf_is_a_verdict_of_its_own() -> None:
    place = Place()
    header = place.add(header_of_id(1), "PROTOBUF", "message Lead {}")
    assert place.read(header + b"\0\x0a\x01a")[1] == {0: ErrorCode.PROTOBUF}


def test_an_id_that_was_not_looked_up_is_never_guessed() -> None:
    place = Place()
    place.add(header_of_id(1), "AVRO", LEAD)
    value = header_of_id(2) + datum(LEAD, LEADS[0])
    assert place.read(value)[1] == {0: ErrorCode.SCHEMA_ID}
    assert place.reader.read_columns([value] * 12) is None


def test_leads_of_several_ids_are_read_in_one_batch() -> None:
    place = Place()
    avro = place.add(header_of_id(1), "AVRO", LEAD)
    text = place.add(header_of_id(2), "JSON", {})
    newer = {**LEAD, "fields": [*LEAD["fields"], {"name": "site", "type": "string"}]}
    other = place.add(header_of_id(3), "AVRO", newer)
    values = [
        avro + datum(LEAD, LEADS[0]),
        text + json.dumps(LEADS[1]).encode(),
        other + datum(newer, {**LEADS[2], "site": "x"}),
    ]
    assert place.read(*values) == (ROWS[:3], {})


def test_an_id_that_is_known_later_is_read_then() -> None:
    place = Place()
    value = header_of_id(1) + datum(LEAD, LEADS[0])
    assert place.read(value)[1] == {0: ErrorCode.SCHEMA_ID}
    place.add(header_of_id(1), "AVRO", LEAD)
    place.reader.prepare()
    assert place.read(value) == (ROWS[:1], {})


def test_without_a_registry_the_verdict_says_what_to_set() -> None:
    reader = ConfluentFraming().lead_reader(SchemaStore(), FIELDS)
    errors: dict[int, InvalidEventError] = {}
    reader.read_rows([header_of_id(1) + b"x"], [0], [None], errors)
    assert errors[0].code is ErrorCode.WIRE_FORMAT
    assert "set LEADSCORE_SCHEMA_REGISTRY_URL" in errors[0].message


def test_without_an_id_nothing_is_written() -> None:
    with pytest.raises(InputError, match="leadscore schemas register"):
        ConfluentFraming(RegisteredSchemas()).write_lead({}, {}, parse_schema(LEAD))
