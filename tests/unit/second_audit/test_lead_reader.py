"""The audit's own reader of leads, beside LeadScore's: the same verdict on every kind of break."""

from __future__ import annotations

import pytest

from schemas.wire import WireFormat
from stream.simulator.broken import DEFECTS, BrokenMix
from testing.schemas import packaged_schema
from tests.chaos.second_audit.avro_files import AvroFiles
from tests.chaos.second_audit.lead_reader import LeadReader, Refusal
from tests.unit.second_audit.forged import SCHEMAS

CONTACT = packaged_schema("bank_contact")
KINDS = {"age": "number", "job": "category", "euribor3m": "number"}
RECORD = {
    **{field["name"]: field.get("default") for field in CONTACT.avro["fields"]},
    "lead_id": "1",
    "created_at": 1000,
    "age": 5.0,
    "job": "clerk",
    "euribor3m": 4.2,
}


@pytest.fixture
def reader() -> LeadReader:
    return LeadReader(AvroFiles([SCHEMAS]), 10_000)


def code_of(reader: LeadReader, value: bytes | None) -> str | None:
    try:
        reader.read(value, KINDS)
    except Refusal as refusal:
        return refusal.code
    return None


@pytest.mark.parametrize("wire", list(WireFormat))
def test_every_kind_of_broken_lead_gets_its_code(reader: LeadReader, wire: WireFormat) -> None:
    mix = BrokenMix(CONTACT, wire, max_bytes=10_000, seed=1)
    found = [mix.spoil(dict(RECORD)) for _ in range(len(DEFECTS) * 5)]
    for kind, code, value in found:
        if kind != "too_few_fields":
            assert code_of(reader, value) == code, kind
    assert {kind for kind, *_ in found} >= {"truncated", "not_finite", "tombstone"}


def test_json_as_documented(reader: LeadReader) -> None:
    lead = reader.read(
        b' {"lead_id": "1", "created_at": "1970-01-01T01:00:00+01:00", "age": 5, "job": 7}', KINDS
    )
    assert lead == ("1", 0, {"age": 5.0, "job": "7"})


def test_the_time_of_creation_as_a_field_is_read_once(reader: LeadReader) -> None:
    value = b'{"lead_id": "1", "created_at": 1704067200}'
    lead = reader.read(value, {"created_at": "date"})
    assert lead == ("1", 1_704_067_200_000, {"created_at": 1_704_067_200_000.0})


@pytest.mark.parametrize(
    ("value", "code"),
    [
        (b'{"lead_id": "1", "created_at": 1, "age": NaN}', "DECODE"),
        (b'{"lead_id": "", "created_at": 1}', "VALIDATION"),
        (b'{"lead_id": "1", "created_at": "soon"}', "VALIDATION"),
        (b'{"lead_id": "1", "created_at": -1}', "VALIDATION"),
        (b'{"lead_id": "1", "created_at": 1, "age": 1e999}', "NOT_FINITE"),
        (b'{"lead_id": "1", "created_at": 1, "job": 1.5}', "TYPE"),
        (b'{"lead_id": "\xff"}', "DECODE"),
        (b"[]", "WIRE_FORMAT"),
        (b"\xc3\x01\0", "WIRE_FORMAT"),
        (b"\xc3\x01" + bytes(8), "SCHEMA"),
    ],
)
def test_codes(reader: LeadReader, value: bytes, code: str) -> None:
    assert code_of(reader, value) == code
