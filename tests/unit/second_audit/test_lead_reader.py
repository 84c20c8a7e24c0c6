"""The audit's own reader of leads, beside LeadScore's: the same verdict on every kind of break."""

from __future__ import annotations

import io
import json
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import NAMESPACE_URL, uuid5

import fastavro
import pytest
from fastavro.schema import fingerprint, to_parsing_canonical_form

from schemas.wire import WireFormat
from stream.simulator.broken import DEFECTS, BrokenMix
from stream.simulator.playing import Lead
from testing.schemas import packaged_schema
from tests.chaos.second_audit.avro_files import AvroFiles
from tests.chaos.second_audit.lead_reader import LeadReader, Refusal
from tests.chaos.typed_contacts import SCHEMAS as TYPED
from tests.chaos.typed_contacts import encode, write_schemas
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


@pytest.mark.parametrize("wire", [WireFormat.AVRO, WireFormat.JSON])
def test_every_kind_of_broken_lead_gets_its_code(reader: LeadReader, wire: WireFormat) -> None:
    mix = BrokenMix(CONTACT, wire, max_bytes=10_000, seed=1)
    found = [mix.spoil(dict(RECORD)) for _ in range(len(DEFECTS) * 5)]
    for kind, code, value in found:
        if kind != "too_few_fields":
            assert code_of(reader, value) == code, kind
    assert {kind for kind, *_ in found} >= {"truncated", "not_finite", "tombstone"}


def test_json_is_read_as_it_is_documented(reader: LeadReader) -> None:
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
def test_a_value_that_is_no_lead_has_the_code_that_is_documented(
    reader: LeadReader, value: bytes, code: str
) -> None:
    assert code_of(reader, value) == code


@pytest.mark.parametrize("schema", TYPED, ids=lambda schema: schema["name"])
def test_logical_types_are_the_numbers_and_times_that_they_stand_for(
    tmp_path: Path, schema: dict[str, Any]
) -> None:
    reader = LeadReader(AvroFiles([write_schemas(tmp_path / "schemas")]), 10_000)
    fields = {"age": 41.0, "campaign": 2.0, "emp_var_rate": -1.8, "euribor3m": 4.857, "job": "x"}
    lead = Lead("L-1", 1_700_000_000_123, {**fields, "pdays": 999.0, "nr_employed": 5191.0})
    complete = dict.fromkeys(("previous", "cons_price_idx", "cons_conf_idx"), 0.1)
    value = encode(lead._replace(fields={**lead.fields, **complete}), schema)
    kinds = {"age": "number", "emp_var_rate": "number", "euribor3m": "number", "job": "category"}
    lead_id, created_at, found = reader.read(value, kinds)
    assert lead_id == str(uuid5(NAMESPACE_URL, "L-1"))
    assert created_at == 1_700_000_000_123
    assert found == {name: fields[name] for name in kinds}


@pytest.mark.parametrize(
    ("avro_type", "given", "expected"),
    [
        ({"type": "int", "logicalType": "date"}, 19_874, 19_874 * 86_400_000),
        ({"type": "long", "logicalType": "time-micros"}, 52_200_000_500, 52_200_000.5),
        ({"type": "int", "logicalType": "time-millis"}, 52_200_000, 52_200_000),
        (["null", {"type": "long", "logicalType": "timestamp-micros"}], 1_500, 1),
        ({"type": "bytes", "logicalType": "decimal", "precision": 4, "scale": 2}, "-1.25", -1.25),
    ],
)
def test_each_logical_type_is_read_without_a_library(
    tmp_path: Path, avro_type: object, given: Any, expected: float
) -> None:
    schema = {
        "type": "record",
        "name": "one",
        "fields": [{"name": "x", "type": avro_type}],
    }
    (tmp_path / "one.avsc").write_text(json.dumps(schema))
    raw = io.BytesIO()
    plain = json.loads(json.dumps(schema).replace("logicalType", "other"))
    written = Decimal(given) if isinstance(given, str) else given
    fastavro.schemaless_writer(
        raw, fastavro.parse_schema(schema if isinstance(given, str) else plain), {"x": written}
    )
    header = bytes.fromhex(fingerprint(to_parsing_canonical_form(schema), "CRC-64-AVRO"))
    found = AvroFiles([tmp_path]).read(b"\xc3\x01" + header + raw.getvalue())
    assert found == {"x": expected}
