"""Scored events and leads are read in each format; others get a verdict without their values."""

from __future__ import annotations

import orjson
import pytest

from schemas.errors import InvalidEventError
from schemas.record_codec import RecordCodec
from schemas.store import SchemaStore
from stream.sinks.reading import read_batch, reader_of
from testing.scored_events import scored
from tests.unit.stream.sinks.fake_sink import batch_of, record_of

STORE = SchemaStore.load()
LEAD = {"lead_id": "L-1", "created_at": 1_790_000_000_000, "age": 40}


def test_scored_events_are_read_with_their_leads() -> None:
    records, unwritable = read_batch(
        batch_of(record_of(3, "L-3"), record_of(4, "L-4")), reader_of("scores", STORE)
    )
    assert [(at.offset, at.lead_id) for at in records] == [(3, "L-3"), (4, "L-4")]
    assert records[0].event["score"] == scored("L-3", offset=3)["score"]
    assert unwritable == []


@pytest.mark.parametrize(
    ("value", "code"),
    [
        (b"secret", "DECODE"),
        (b"\xc3\x01secret-secret", "DECODE"),
        (b'{"lead_id": 5}', "VALIDATION"),
        (b'{"secret"', "DECODE"),
    ],
)
def test_a_verdict_on_other_values_does_not_quote_them(value: bytes, code: str) -> None:
    records, [(record, error)] = read_batch(
        batch_of(record_of(0, value=value)), reader_of("scores", STORE)
    )
    assert (records, record.offset, error.code.value) == ([], 0, code)
    assert "secret" not in error.message


def test_leads_are_read_from_json_and_avro() -> None:
    read = reader_of("leads", STORE)
    assert read(orjson.dumps(LEAD)) == LEAD
    event = scored("L-1", offset=0)
    assert read(RecordCodec("lead_scored").encode(event))["lead_id"] == "L-1"


@pytest.mark.parametrize(
    ("value", "code"),
    [
        (None, "WIRE_FORMAT"),
        (b"[1]", "WIRE_FORMAT"),
        (b"\xc3\x01" + bytes(8) + b"x", "SCHEMA"),
        (b'{"lead_id"', "DECODE"),
    ],
)
def test_other_values_than_leads_have_a_verdict(value: bytes | None, code: str) -> None:
    with pytest.raises(InvalidEventError) as verdict:
        reader_of("leads", STORE)(value)
    assert verdict.value.code.value == code


def test_damaged_avro_is_a_verdict() -> None:
    encoded = RecordCodec("lead_scored").encode(scored("L-1", offset=0))
    with pytest.raises(InvalidEventError, match="bytes are damaged"):
        reader_of("leads", STORE)(encoded[:20])
