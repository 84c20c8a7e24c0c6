"""Leads as a CRM writes them."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from schemas.decode import LeadDecoder
from schemas.encode import encode_lead
from schemas.errors import InputError
from schemas.fields import FieldKind
from schemas.store import SchemaStore, parse_schema
from schemas.wire import WireFormat

LEAD: dict[str, Any] = {
    "type": "record",
    "name": "visit",
    "fields": [
        {"name": "lead_id", "type": "string"},
        {"name": "created_at", "type": {"type": "long", "logicalType": "timestamp-millis"}},
        {"name": "pages", "type": ["null", "int"], "default": None},
        {"name": "tags", "type": {"type": "map", "values": "int"}, "default": {}},
    ],
}
VISIT = SchemaStore().add(LEAD)


def test_a_lead_is_written_with_its_defaults() -> None:
    value = encode_lead({"lead_id": "a", "created_at": 1}, VISIT, WireFormat.AVRO)
    assert value == VISIT.header + b"\x02a\x02\x00\x00"


def test_a_lead_as_json_is_the_record() -> None:
    record = {"lead_id": "a", "created_at": 1, "pages": None}
    assert orjson.loads(encode_lead(record, VISIT, WireFormat.JSON)) == record


@pytest.mark.parametrize("wire", [WireFormat.AVRO, WireFormat.JSON])
@pytest.mark.parametrize(
    "misfit",
    [
        {"lead_id": None},
        {"lead_id": 5},
        {"lead_id": "\ud800"},
        {"created_at": None},
        {"created_at": "soon"},
        {"created_at": 2**63},
        {"pages": "many"},
        {"tags": [1]},
        {"tags": {"a": "b"}},
    ],
)
def test_a_record_that_does_not_fit_its_contract_is_refused(
    misfit: dict[str, Any], wire: WireFormat
) -> None:
    with pytest.raises(InputError, match="does not fit visit"):
        encode_lead({"lead_id": "a", "created_at": 1, **misfit}, VISIT, wire)


def test_a_lead_is_written_as_its_types_count_and_read_back_the_same() -> None:
    price = {"type": "fixed", "name": "price", "size": 4, "logicalType": "decimal", "scale": 2}
    price["precision"] = 9
    fields = [
        {"name": "lead_id", "type": "string"},
        {"name": "created_at", "type": {"type": "long", "logicalType": "timestamp-micros"}},
        {"name": "day", "type": ["null", {"type": "int", "logicalType": "date"}]},
        {
            "name": "seen",
            "type": {"type": "long", "connect.name": "io.debezium.time.NanoTimestamp"},
        },
        {"name": "opens", "type": {"type": "long", "logicalType": "time-micros"}},
        {"name": "price", "type": price},
        {"name": "cost", "type": {"type": "bytes", "logicalType": "big-decimal"}},
        {
            "name": "owner",
            "type": {"type": "fixed", "name": "u", "size": 16, "logicalType": "uuid"},
        },
    ]
    store = SchemaStore()
    schema = store.add({"type": "record", "name": "lead", "fields": fields})
    lead = {
        "lead_id": "a",
        "created_at": 1_717_113_600_123,
        "day": 1_717_113_600_000,
        "seen": 1_717_113_600_123,
        "opens": 52_200_000.0,
        "price": -1.23,
        "cost": 0.001,
        "owner": "00010203-0405-0607-0809-0a0b0c0d0e0f",
    }
    kinds = {
        "day": FieldKind.DATE,
        "seen": FieldKind.DATE,
        "opens": FieldKind.NUMBER,
        "price": FieldKind.NUMBER,
        "cost": FieldKind.NUMBER,
        "owner": FieldKind.CATEGORY,
    }
    leads = LeadDecoder(store, kinds).decode([encode_lead(lead, schema, WireFormat.AVRO)])
    assert leads.errors == []
    assert leads.created_at.tolist() == [lead["created_at"]]
    midnight = 1_717_113_600_000 // 86_400_000 * 86_400_000
    assert {name: values[0] for name, values in leads.columns.items()} == {
        **{name: lead[name] for name in kinds},
        "day": midnight,
    }
    assert orjson.loads(encode_lead(lead, schema, WireFormat.JSON)) == lead


@pytest.mark.parametrize("price", [1.234, 1e9])
def test_a_decimal_that_its_type_cant_hold_is_refused_not_rounded(price: float) -> None:
    fixed = {"type": "fixed", "name": "price", "size": 4, "logicalType": "decimal", "scale": 2}
    schema = parse_schema(
        {
            "type": "record",
            "name": "lead",
            "fields": [{"name": "price", "type": {**fixed, "precision": 9}}],
        }
    )
    with pytest.raises(InputError, match="does not fit lead"):
        encode_lead({"price": price}, schema, WireFormat.AVRO)
