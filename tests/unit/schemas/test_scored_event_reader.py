"""Scored events are read in each format; other bytes are refused."""

from __future__ import annotations

import io

import fastavro
import orjson
import pytest

from schemas.errors import ErrorCode, InvalidEventError
from schemas.record_codec import RecordCodec
from schemas.registered import RegisteredSchemas, RegisteredText, header_of_id, meaning_of_text
from schemas.scored_event_reader import ScoredEventReader, UnframedEventReader
from schemas.single_object import HEADER_BYTES
from schemas.store import PACKAGED
from testing.scored_events import scored


def test_an_event_in_avro_and_in_json_is_the_same() -> None:
    event = scored("lead-1", offset=3)
    read = ScoredEventReader().read
    assert read(RecordCodec("lead_scored").encode(event)) == event == read(orjson.dumps(event))


@pytest.mark.parametrize("value", [None, b"", b"[1]", b"{", b"\xc3\x01 too short"])
def test_other_bytes_are_refused(value: bytes | None) -> None:
    with pytest.raises(ValueError):
        ScoredEventReader().read(value)


def registered(header: bytes, kind: str, text: str) -> RegisteredSchemas:
    known = RegisteredSchemas()
    known.add(header, meaning_of_text(RegisteredText(kind, text), "the schema"))
    return known


def test_an_event_in_confluents_framing_is_read_by_the_schema_of_its_id() -> None:
    event, header = scored("lead-1", offset=3), header_of_id(7)
    known = registered(header, "AVRO", (PACKAGED / "lead_scored.avsc").read_text())
    datum = RecordCodec("lead_scored").encode(event)[HEADER_BYTES:]
    assert ScoredEventReader(known).read(header + datum) == event


def test_an_event_of_an_earlier_version_of_the_schema_has_the_defaults_of_this_one() -> None:
    event, header = scored("lead-1", offset=3), header_of_id(7)
    avro = orjson.loads((PACKAGED / "lead_scored.avsc").read_bytes())
    [newest] = [field for field in avro["fields"] if field["name"] == "replay_id"]
    older = {**avro, "fields": [field for field in avro["fields"] if field is not newest]}
    body = io.BytesIO()
    fastavro.schemaless_writer(body, fastavro.parse_schema(older), event)
    known = registered(header, "AVRO", orjson.dumps(older).decode())
    assert ScoredEventReader(known).read(header + body.getvalue()) == {**event, "replay_id": None}


def test_json_behind_the_id_of_a_json_schema_is_read() -> None:
    event, header = scored("lead-1", offset=3), header_of_id(7)
    known = registered(header, "JSON", "{}")
    assert ScoredEventReader(known).read(header + orjson.dumps(event)) == event


@pytest.mark.parametrize(
    ("known", "code"), [(None, ErrorCode.WIRE_FORMAT), (RegisteredSchemas(), ErrorCode.SCHEMA_ID)]
)
def test_an_id_that_is_not_known_is_a_verdict(
    known: RegisteredSchemas | None, code: ErrorCode
) -> None:
    with pytest.raises(InvalidEventError) as verdict:
        ScoredEventReader(known).read(header_of_id(7) + b"datum")
    assert verdict.value.code is code


@pytest.mark.parametrize("value", [header_of_id(7) + b"datum", b"\0" * 20, b"", b"[]", None])
def test_without_a_registry_to_ask_a_framed_event_is_a_value_error(value: bytes | None) -> None:
    with pytest.raises(ValueError):
        UnframedEventReader().read(value)
