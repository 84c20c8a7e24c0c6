"""Scored events are read by column, in both formats; what is no score is counted."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from schemas.model_identity import ModelIdentity
from schemas.record_codec import RecordCodec
from schemas.registered import (
    VALUE_SCHEMA_ID,
    RegisteredSchemas,
    RegisteredText,
    header_of_id,
    meaning_of_text,
)
from schemas.single_object import HEADER_BYTES
from schemas.store import PACKAGED
from stream.outcomes.score_reader import ScoreReader
from testing.scored_events import SCORED_AT, scored
from tests.unit.stream.sinks.fake_sink import record_of

CODEC = RecordCodec("lead_scored")
LATE = 1000
READER = ScoreReader(by_creation=False, late_ms=LATE)


def event(**fields: Any) -> bytes:
    return CODEC.encode(scored("L", offset=7, **fields))


@pytest.mark.parametrize("encode", [CODEC.encode, orjson.dumps], ids=["avro", "json"])
def test_scores_are_read_in_both_formats(encode: Any) -> None:
    [found], others, _ = READER.read([record_of(99, value=encode(scored("L", offset=62)))])
    assert (found.lead_id, found.at, found.offset) == (b"L", SCORED_AT + 62, 62)
    assert (found.score, found.band) == (0.62, "High")
    assert found.model == ModelIdentity("leads", "3", "ab" * 32)
    assert others == 0


def test_events_in_confluents_framing_are_read_with_the_id_in_the_value_or_in_a_header() -> None:
    header, known = header_of_id(7), RegisteredSchemas()
    text = RegisteredText("AVRO", (PACKAGED / "lead_scored.avsc").read_text())
    known.add(header, meaning_of_text(text, "the schema"))
    datum = event()[HEADER_BYTES:]
    in_value = record_of(1, value=header + datum)
    in_header = record_of(2, value=datum)._replace(headers=[(VALUE_SCHEMA_ID, header)])
    reader = ScoreReader(by_creation=False, registered=known)
    read = reader.read([in_value, in_header, record_of(3, value=event())])
    assert [score.offset for score in read.scores] == [7, 7, 7]
    assert {score.model for score in read.scores} == {ModelIdentity("leads", "3", "ab" * 32)}
    scores, unusable, late = READER.read([in_value])
    assert (list(scores), unusable, late) == ([], 1, 0)


def test_a_score_may_count_since_the_lead_was_created() -> None:
    [found] = ScoreReader(by_creation=True, late_ms=LATE).read([record_of(7)]).scores
    assert found.at == SCORED_AT - 5000 + 7


def test_a_shadows_score_counts_as_known_since_its_lead_came() -> None:
    records = [record_of(7, value=event(latency_ms=latency)) for latency in (0, LATE, LATE + 1)]
    shadow, live = READER.read(records, is_shadow=True), READER.read(records)
    assert [score.at for score in shadow.scores] == [SCORED_AT + 7, SCORED_AT + 7 - LATE]
    assert shadow.late == 1
    assert [score.at for score in live.scores] == [SCORED_AT + 7] * 3
    assert live.late == 0
    played = ScoreReader(by_creation=True, late_ms=LATE).read(records, is_shadow=True)
    assert [score.at for score in played.scores] == [SCORED_AT - 5000 + 7] * 3


def test_segments_come_from_the_headers() -> None:
    headers = [("ce_id", b"e"), ("leadscore.segment.country", b"NL")]
    with_segments = record_of(0)._replace(headers=headers)
    read = READER.read([record_of(1, value=b"{}"), with_segments, record_of(2)]).scores
    assert [score.segments for score in read] == [(("country", "NL"),), ()]


def test_scores_of_replays_are_left_out() -> None:
    scores, unusable, late = READER.read([record_of(0, value=event(replay_id="r1"))])
    assert (list(scores), unusable, late) == ([], 0, 0)


@pytest.mark.parametrize(
    "value",
    [
        b"secret",
        b"{}",
        event(score=1.5),
        event(score=float("nan")),
        event(event_id="no-offset"),
        event(event_id="e-0-²"),
        event(event_id="e-0-" + "9" * 30),
    ],
)
def test_records_without_a_usable_score_are_counted(value: bytes) -> None:
    found, others, _ = READER.read([record_of(0), record_of(1, value=value)])
    assert (len(found), others) == (1, 1)
