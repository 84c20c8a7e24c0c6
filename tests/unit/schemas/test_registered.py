"""Meanings of ids: a schema of leads, JSON, or a verdict; never a guess."""

from __future__ import annotations

import json
import uuid
from typing import Any

import pytest

from schemas.errors import ErrorCode, InvalidEventError
from schemas.left_out import LeftOutValue
from schemas.registered import (
    MOST_UNRESOLVED,
    VALUE_SCHEMA_ID,
    JsonText,
    RegisteredAvro,
    RegisteredSchemas,
    RegisteredText,
    framed,
    header_of,
    header_of_id,
    in_words,
    meaning_of_text,
)
from schemas.store import Schema, parse_schema

GUID = uuid.UUID(int=7)
LEAD: Any = {
    "type": "record",
    "name": "Lead",
    "namespace": "crm",
    "fields": [{"name": "lead_id", "type": "string"}, {"name": "created_at", "type": "long"}],
}
NOTE: Any = {"type": "record", "name": "crm.Note", "fields": [{"name": "text", "type": "string"}]}


def meaning(kind: str, schema: Any, *references: Any) -> Any:
    text = schema if isinstance(schema, str) else json.dumps(schema)
    return meaning_of_text(
        RegisteredText(kind, text, [json.dumps(part) for part in references]), "schema id 3"
    )


@pytest.mark.parametrize(
    ("value", "header"),
    [
        (b"\0\0\0\0\x07datum", b"\0\0\0\0\x07"),
        (b"\0\0\0\0\x07", b"\0\0\0\0\x07"),
        (b"\x01" + GUID.bytes + b"datum", b"\x01" + GUID.bytes),
        (b"\0\0\0\0", None),
        (b"\x01" + GUID.bytes[1:], None),
        (b"\x02\0\0\0\0\0\0", None),
        (b"", None),
    ],
)
def test_the_framing_is_an_id_or_a_guid(value: bytes, header: bytes | None) -> None:
    assert header_of(value) == header


def test_an_id_in_a_header_is_put_before_the_value() -> None:
    header = b"\x01" + GUID.bytes
    assert framed(b"datum", [("a", b"1"), (VALUE_SCHEMA_ID, header)]) == header + b"datum"


@pytest.mark.parametrize("found", [None, b"", b"\x01", b"\x01" + GUID.bytes + b"\0", b"\x05abcd"])
def test_a_header_that_holds_no_id_changes_nothing(found: bytes | None) -> None:
    assert framed(b"datum", [(VALUE_SCHEMA_ID, found)]) == b"datum"


def test_a_value_that_was_left_out_keeps_its_length() -> None:
    value = LeftOutValue(300_000_000)
    assert framed(value, [(VALUE_SCHEMA_ID, b"\x01" + GUID.bytes)]) is value


def test_messages_name_the_id() -> None:
    assert in_words(header_of_id(7)) == "schema id 7"
    assert in_words(b"\x01" + GUID.bytes) == f"schema GUID {GUID}"


def test_an_avro_record_is_a_schema_of_leads() -> None:
    assert meaning("AVRO", LEAD) == RegisteredAvro([parse_schema(LEAD)])


def test_json_schema_means_json_whatever_it_says() -> None:
    assert meaning("JSON", "{") is JsonText.JSON


def test_protobuf_is_refused_with_its_own_code() -> None:
    verdict = meaning("PROTOBUF", 'syntax = "proto3";')
    assert verdict.code is ErrorCode.PROTOBUF
    assert "write leads as Avro" in verdict.message


@pytest.mark.parametrize(
    ("kind", "schema"),
    [
        ("AVRO", "not JSON"),
        ("AVRO", "[" * 100_000),
        ("AVRO", NOTE),
        ("AVRO", {"type": "string"}),
        ("AVRO", {**LEAD, "fields": [*LEAD["fields"], {"name": "x", "type": "crm.Missing"}]}),
        ("AVRO", {**LEAD, "fields": [*LEAD["fields"], {"name": "x", "type": ["null", "Lead"]}]}),
        ("AVRO", [LEAD] * 65),
        ("THRIFT", "struct Lead {}"),
    ],
)
def test_a_schema_that_is_of_no_lead_is_incompatible(kind: str, schema: Any) -> None:
    verdict = meaning(kind, schema)
    assert isinstance(verdict, InvalidEventError)
    assert verdict.code is ErrorCode.INCOMPATIBLE
    assert verdict.message.startswith("schema id 3 can't be read as a lead: ")


def test_a_union_has_a_schema_or_a_verdict_for_each_branch() -> None:
    found = meaning("AVRO", ["null", LEAD, "crm.Note"], NOTE)
    assert found.is_union
    none, lead, note = found.branches
    assert isinstance(lead, Schema)
    assert lead.full_name == "crm.Lead"
    assert {none.code, note.code} == {ErrorCode.INCOMPATIBLE}
    assert "lead_id" in note.message


def test_a_branch_may_use_a_type_of_an_earlier_branch() -> None:
    lead = {**LEAD, "fields": [*LEAD["fields"], {"name": "note", "type": "Note"}]}
    found = meaning("AVRO", [NOTE, lead])
    assert found.branches[1].fields["note"]["name"] == "crm.Note"


def test_the_name_of_a_referenced_type_is_a_schema() -> None:
    assert meaning("AVRO", '"crm.Lead"', LEAD).branches[0].full_name == "crm.Lead"


def test_an_id_without_a_schema_is_asked_for_again_later_and_then_for_ever_known() -> None:
    known = RegisteredSchemas()
    header, verdict = header_of_id(1), InvalidEventError(ErrorCode.SCHEMA_ID, "no such id")
    assert not known.is_known(header, 0.0)
    known.add_unresolved(header, verdict, until=60.0)
    assert known.get(header) is verdict
    assert known.is_known(header, 59.0)
    assert not known.is_known(header, 60.0)
    known.add(header, JsonText.JSON)
    assert known.get(header) is JsonText.JSON
    assert known.is_known(header, 1e9)


def test_damaged_ids_do_not_fill_the_memory() -> None:
    known = RegisteredSchemas()
    verdict = InvalidEventError(ErrorCode.SCHEMA_ID, "no such id")
    for number in range(MOST_UNRESOLVED + 1):
        known.add_unresolved(header_of_id(number), verdict, until=60.0)
    assert known.get(header_of_id(0)) is None
    assert known.get(header_of_id(MOST_UNRESOLVED)) is verdict


def test_the_id_to_write_is_that_of_the_very_schema() -> None:
    known, schema = RegisteredSchemas(), parse_schema(LEAD)
    known.add_written(schema, header_of_id(4))
    assert known.header_to_write(schema) == header_of_id(4)
    assert known.header_to_write(parse_schema(NOTE)) is None
