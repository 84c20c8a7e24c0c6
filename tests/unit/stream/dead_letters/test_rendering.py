"""A letter for people: nothing personal unless asked for, and the byte at which it broke."""

from __future__ import annotations

from collections.abc import Sequence

import orjson
import pytest

from schemas.encode import encode_lead
from schemas.errors import ErrorCode
from schemas.registered import VALUE_SCHEMA_ID, RegisteredAvro, RegisteredSchemas
from schemas.store import SchemaStore
from schemas.wire import WireFormat
from stream.dead_letters.letter import DeadLetter
from stream.dead_letters.rendering import described, hex_dump, listed
from stream.fetch.raw_records import RawRecord
from testing.dead_letters import dead_letter
from testing.schemas import packaged_schema

STORE = SchemaStore.load()
SECRET = "ann@example.com"
AVRO = encode_lead(
    {"lead_id": SECRET, "created_at": 1_700_000_000_000},
    packaged_schema("lead_created"),
    WireFormat.AVRO,
)
JSON = orjson.dumps({"lead_id": SECRET, "created_at": "x"})


def letter(
    value: bytes | None,
    code: ErrorCode,
    message: str = "expected a lead",
    headers: Sequence[tuple[str, bytes]] = (),
) -> DeadLetter:
    made = dead_letter(
        *(value, SECRET.encode()),
        code=code,
        message=message,
        headers=[("x-mail", SECRET.encode()), ("traceparent", b"00"), *headers],
    )
    found = DeadLetter.from_record(RawRecord(1, 5, 0, made.key, value, made.headers))
    assert found is not None
    return found


@pytest.mark.parametrize("value", [AVRO, AVRO[:-1], JSON, JSON[:-1], SECRET.encode(), None])
def test_no_value_of_a_person_is_shown_unless_asked_for(value: bytes | None) -> None:
    given = letter(value, ErrorCode.DECODE)
    for shown in (listed(given), described(given, STORE, value=value)):
        text = orjson.dumps(shown).decode()
        assert SECRET not in text
        assert SECRET.encode().hex() not in text
    assert listed(given, shows_values=True)["key"] == SECRET


def test_a_cut_value_shows_where_it_broke_with_the_bytes_around_it() -> None:
    shown = described(
        letter(AVRO[:20], ErrorCode.DECODE), STORE, value=AVRO[:20], shows_values=True
    )
    assert shown["broken_at"] == 10
    assert shown["reason"] == "field lead_id: its length is 15, but 9 bytes follow"
    assert shown["bytes"][0].startswith("00000000  c3 01")
    assert "[1e]" in shown["bytes"][0]


def test_a_sound_value_broke_where_the_field_of_the_error_begins() -> None:
    shown = described(
        letter(JSON, ErrorCode.VALIDATION, "field created_at: expected a time"), STORE, value=JSON
    )
    assert shown["broken_at"] == JSON.index(b'"created_at"')
    assert [found["name"] for found in shown["fields"]] == ["lead_id", "created_at"]
    assert {found["value"] for found in shown["fields"]} == {"masked"}


def test_a_field_inside_a_record_broke_where_the_record_begins() -> None:
    value = orjson.dumps({"lead_id": SECRET, "address": {"city": 7}})
    shown = described(
        letter(value, ErrorCode.TYPE, "field address.city: expected a text"), STORE, value=value
    )
    assert shown["broken_at"] == value.index(b'"address"')


def test_a_value_whose_schema_id_is_in_a_header_is_read_by_the_registry() -> None:
    framing, value = b"\x01" + bytes(16), AVRO[10:]
    known = RegisteredSchemas()
    known.add(framing, RegisteredAvro([packaged_schema("lead_created")]))
    given = letter(value, ErrorCode.VALIDATION, headers=[(VALUE_SCHEMA_ID, framing)])
    shown = described(given, STORE, known, value=value)
    assert (shown["wire_format"], shown["broken_at"]) == ("confluent", None)
    assert shown["fields"][0] | {"type": ""} == {
        "name": "lead_id",
        "type": "",
        "start": 0,
        "bytes": 16,
        "value": "masked",
    }


def test_headers_say_which_of_them_are_sent_again() -> None:
    shown = described(letter(JSON, ErrorCode.TYPE), STORE, value=JSON)
    again = {header["name"]: header["is_sent_again"] for header in shown["headers"]}
    assert (again["x-mail"], again["traceparent"], again["leadscore.error.code"]) == (
        True,
        False,
        False,
    )
    values = {header["name"]: header["value"] for header in shown["headers"]}
    assert (values["x-mail"], values["leadscore.error.code"]) == ("masked", "TYPE")


@pytest.mark.parametrize("at", [0, 1, 15, 16, 99, 100])
def test_a_hex_dump_marks_one_byte_and_is_short(at: int) -> None:
    lines = hex_dump(bytes(range(128, 228)), at)
    text = "\n".join(lines)
    assert text.split("[", 1)[1][:2] == (f"{128 + at:02x}" if at < 100 else "  ")
    assert len(lines) <= 6
