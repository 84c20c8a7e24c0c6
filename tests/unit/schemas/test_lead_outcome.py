"""Outcomes are read in both formats; hostile ones have an error code."""

from __future__ import annotations

import io
from typing import Any

import fastavro
import orjson
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from schemas.errors import InvalidEventError
from schemas.lead_outcome import LeadOutcome, OutcomeReader, encode_outcome
from schemas.store import SchemaStore
from schemas.wire import WireFormat

READER = OutcomeReader(SchemaStore.load())
AT = 1_760_000_000_123
RECORD: dict[str, Any] = {
    "lead_id": "L-1",
    "outcome": " Converted",
    "value": "1990.00",
    "currency": "eur",
    "occurred_at": AT,
    "request_id": "req-7",
}


def read_json(**changed: Any) -> LeadOutcome:
    return READER.read(orjson.dumps(RECORD | changed), AT)


@pytest.mark.parametrize("wire", [WireFormat.AVRO, WireFormat.JSON])
def test_an_outcome_is_the_same_in_both_formats(wire: WireFormat) -> None:
    expected = LeadOutcome("L-1", "converted", AT, 19_900_000, "EUR", "req-7")
    assert READER.read(encode_outcome(RECORD, wire), AT) == expected


def test_unknown_values_may_be_left_out() -> None:
    least = {"lead_id": "L-1", "outcome": "lost", "occurred_at": AT}
    for wire in (WireFormat.AVRO, WireFormat.JSON):
        assert READER.read(encode_outcome(least, wire), AT) == LeadOutcome("L-1", "lost", AT)


def test_an_outcome_of_another_known_schema_is_read_by_its_logical_types() -> None:
    store = SchemaStore()
    schema = store.add(
        {
            "type": "record",
            "name": "deal",
            "fields": [
                {"name": "lead_id", "type": "string"},
                {"name": "outcome", "type": "string"},
                {
                    "name": "occurred_at",
                    "type": {"type": "long", "logicalType": "timestamp-micros"},
                },
                {
                    "name": "value",
                    "type": {"type": "bytes", "logicalType": "decimal", "precision": 9, "scale": 2},
                },
            ],
        }
    )
    deal = {"lead_id": "L-1", "outcome": "won", "occurred_at": AT * 1000 + 7}
    body = io.BytesIO()
    fastavro.schemaless_writer(body, schema.parsed, deal | {"value": (199_000).to_bytes(3, "big")})
    found = OutcomeReader(store).read(schema.header + body.getvalue(), AT)
    assert (found.lead_id, found.outcome, found.money) == ("L-1", "won", 19_900_000)
    assert found.occurred_at == AT


@pytest.mark.parametrize(
    ("value", "money"),
    [
        ("0.1", 1000),
        (0.1, 1000),
        (1990, 19_900_000),
        (1e10, 10**14),
        ("-12.5", -125_000),
        ("0.00005", 0),
        ("0.00015", 2),
        (None, None),
    ],
)
def test_money_is_exact(value: Any, money: int | None) -> None:
    assert read_json(value=value).money == money


@pytest.mark.parametrize("time", [AT // 1000, "2025-10-09T08:53:20.123Z", AT * 1000])
def test_times_are_read_as_those_of_leads(time: Any) -> None:
    assert read_json(occurred_at=time).occurred_at // 1000 == AT // 1000


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"lead_id": None}, "VALIDATION"),
        ({"lead_id": ""}, "VALIDATION"),
        ({"lead_id": 5}, "VALIDATION"),
        ({"lead_id": "x" * 2000}, "VALIDATION"),
        ({"outcome": "  "}, "VALIDATION"),
        ({"outcome": ["won"]}, "VALIDATION"),
        ({"occurred_at": None}, "VALIDATION"),
        ({"occurred_at": True}, "VALIDATION"),
        ({"occurred_at": "yesterday"}, "VALIDATION"),
        ({"occurred_at": "n/a"}, "VALIDATION"),
        ({"occurred_at": 2**64 - 1}, "VALIDATION"),
        ({"occurred_at": 12}, "TIME"),
        ({"occurred_at": AT + 100_000_000}, "TIME"),
        ({"value": "1e9"}, "TYPE"),
        ({"value": "1.990,00"}, "TYPE"),
        ({"value": 1e300}, "TYPE"),
        ({"value": True}, "TYPE"),
        ({"value": {}}, "TYPE"),
        ({"value": "9" * 15}, "TYPE"),
        ({"currency": "euro"}, "TYPE"),
        ({"currency": 978}, "TYPE"),
    ],
)
def test_a_wrong_value_has_a_code_and_is_not_quoted(changed: dict[str, Any], code: str) -> None:
    with pytest.raises(InvalidEventError) as verdict:
        read_json(**changed)
    assert verdict.value.code.value == code
    assert not any(str(value) in verdict.value.message for value in changed.values() if value)


def test_a_large_value_is_not_decoded() -> None:
    with pytest.raises(InvalidEventError, match="at most 10 bytes") as verdict:
        OutcomeReader(SchemaStore(), max_bytes=10).read(b"{" * 11, AT)
    assert verdict.value.code.value == "TOO_LARGE"


AVRO = encode_outcome(RECORD)


@given(st.one_of(st.binary(), st.binary().map(lambda tail: AVRO[:10] + tail)))
@example(AVRO[:10] + b"\xff" * 12)
@example(b'{"lead_id":"\\ud800"}')
@example(b"{" * 5000)
def test_no_bytes_raise_anything_but_a_verdict(value: bytes) -> None:
    try:
        READER.read(value, AT)
    except InvalidEventError as verdict:
        assert verdict.message  # noqa: PT017
