"""Scored events and leads are read in each format; others get a verdict without their values."""

from __future__ import annotations

import orjson
import pytest

from agents.outcomes.lead_timers import Overdue
from agents.outcomes.overdue_event import encode_overdue
from schemas.errors import ErrorCode, InvalidEventError
from schemas.headers import GRADE
from schemas.model_identity import ModelIdentity
from schemas.record_codec import RecordCodec
from schemas.registered import (
    VALUE_SCHEMA_ID,
    RegisteredSchemas,
    RegisteredText,
    meaning_of_text,
)
from schemas.single_object import HEADER_BYTES
from schemas.store import PACKAGED, SchemaStore
from stream.sinks.reading import Content, read_batch, reader_of
from testing.scored_events import scored
from tests.unit.stream.sinks.fake_sink import batch_of, record_of

STORE = SchemaStore.load()
CODEC = RecordCodec("lead_scored")
LEAD = {"lead_id": "L-1", "created_at": 1_790_000_000_000, "age": 40}


def test_scored_events_are_read_with_their_leads() -> None:
    records, unwritable = read_batch(
        batch_of(record_of(3, "L-3"), record_of(4, "L-4")), reader_of("scores", STORE)
    )
    assert [(at.offset, at.lead_id) for at in records] == [(3, "L-3"), (4, "L-4")]
    assert records[0].event["score"] == scored("L-3", offset=3)["score"]
    assert unwritable == []


def test_a_tombstone_is_skipped_and_an_empty_record_without_a_key_is_not() -> None:
    """A dead letter of an erasure's tombstone kept the lead's id for another 90 days."""
    tombstone = record_of(4)._replace(key=b"L-4", value=None)
    empty = record_of(5)._replace(key=None, value=None)
    records, unwritable = read_batch(
        batch_of(record_of(3, "L-3"), tombstone, empty), reader_of("scores", STORE)
    )
    assert [at.offset for at in records] == [3]
    assert [record.offset for record, _ in unwritable] == [5]


def test_a_scored_event_has_the_grade_of_its_headers() -> None:
    given = [record_of(3, "L-3"), record_of(4, "L-4")._replace(headers=[(GRADE, b"B2")])]
    records, _ = read_batch(batch_of(*given), reader_of("scores", STORE))
    assert [at.grade for at in records] == [None, "B2"]


def test_overdue_leads_are_read_and_other_bytes_are_not_shown() -> None:
    timer = Overdue("hot", 1000, 2000, 17, 0.75, "High", ModelIdentity("leads", "3", "9f"))
    read = reader_of("overdue", STORE)
    assert read(encode_overdue("L-1", timer, 0))["lead_id"] == "L-1"
    for value in (None, b"secret", CODEC.encode(scored("L-1", offset=0))):
        with pytest.raises(InvalidEventError, match=r"^expected a lead_overdue event$"):
            read(value)


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
    assert read(CODEC.encode(event))["lead_id"] == "L-1"


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
    encoded = CODEC.encode(scored("L-1", offset=0))
    with pytest.raises(InvalidEventError, match="bytes are damaged"):
        reader_of("leads", STORE)(encoded[:20])


HEADER = b"\1" + bytes(16)


def registered(schema: str) -> RegisteredSchemas:
    known = RegisteredSchemas()
    text = RegisteredText("AVRO", (PACKAGED / f"{schema}.avsc").read_text())
    known.add(HEADER, meaning_of_text(text, "the schema"))
    return known


def test_a_scored_event_whose_schema_is_named_in_a_header_is_read() -> None:
    record = record_of(3, "L-3", CODEC.encode(scored("L-3", offset=3))[HEADER_BYTES:])
    framed = record._replace(headers=[(VALUE_SCHEMA_ID, HEADER)])
    records, unwritable = read_batch(
        batch_of(framed), reader_of("scores", STORE, registered("lead_scored"))
    )
    assert (len(unwritable), records[0].event) == (0, scored("L-3", offset=3))


def test_a_lead_in_confluents_framing_has_the_values_that_it_has_in_single_object_encoding() -> (
    None
):
    encoded = CODEC.encode(scored("L-1", offset=0))
    read = reader_of("leads", STORE, registered("lead_scored"))
    assert read(HEADER + encoded[HEADER_BYTES:]) == read(encoded)


@pytest.mark.parametrize("content", ["scores", "leads"])
def test_confluents_framing_without_a_registry_is_a_verdict_that_says_what_to_set(
    content: Content,
) -> None:
    with pytest.raises(InvalidEventError, match="set LEADSCORE_SCHEMA_REGISTRY_URL") as verdict:
        reader_of(content, STORE)(HEADER + b"secret")
    assert verdict.value.code is ErrorCode.WIRE_FORMAT
