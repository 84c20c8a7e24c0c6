"""Scored events and dead letters as results."""

from __future__ import annotations

from typing import Any

from schemas.model_identity import ModelIdentity
from schemas.record_codec import RecordCodec
from schemas.registered import (
    VALUE_SCHEMA_ID,
    RegisteredSchemas,
    RegisteredText,
    header_of_id,
    meaning_of_text,
)
from schemas.scored_event_reader import ScoredEventReader
from schemas.single_object import HEADER_BYTES
from schemas.store import PACKAGED
from stream.outcomes.final_outcomes import key_of
from stream.verdict.results import Results
from testing.scored_events import scored
from tests.unit.stream.verdict.verdict_topics import AT, LIVE, StoredRecord, scored_event


def results(*, by_creation: bool = False) -> Results:
    return Results("leads.created", 0, {LIVE.sha256: 1}.__getitem__, by_creation)


def test_a_score_may_count_since_the_creation_of_its_lead() -> None:
    found = results(by_creation=True)
    found.add_scores([scored_event(7, 0.5, LIVE, created_at=5)])
    assert found.columns.rows()["at"].tolist() == [5]
    assert found.earliest == AT - 20


def test_a_scored_event_is_a_row() -> None:
    found = results()
    found.add_scores([scored_event(7, 0.5, LIVE)])
    [row] = found.columns.rows()
    assert row["offset"] == 7
    assert row["at"] == AT
    assert row["lead"] == key_of("L-7")
    assert (row["score"], row["band"], row["model"]) == (0.5, 2, 1)
    assert found.earliest == AT - 20


def test_leads_whose_time_stamp_is_no_time_may_be_as_old_as_any() -> None:
    found = results()
    found.add_scores([scored_event(7, 0.5, LIVE), scored_event(8, 0.5, LIVE, latency_ms=0)])
    assert found.earliest == 0


def test_events_of_other_sources_and_of_replays_are_left_out() -> None:
    found, other = results(), {"topic": "others", "partition": 0, "offset": 1}
    found.add_scores(
        [
            scored_event(7, 0.5, LIVE, source=other),
            scored_event(7, 0.5, LIVE, source=other | {"topic": "leads.created", "partition": 1}),
            scored_event(7, 0.5, LIVE, replay_id="r1"),
        ]
    )
    assert len(found.columns.rows()) == 0
    assert (found.earliest, found.unreadable) == (None, 0)


def test_leads_from_which_the_candidate_may_have_learnt_are_left_out_and_counted() -> None:
    found = results()
    found.learnt_until_ms = 1000
    found.add_scores([scored_event(i, 0.5, LIVE, created_at=999 + i) for i in range(4)])
    assert found.columns.rows()["offset"].tolist() == [2, 3]
    assert found.learnt == 2


def test_a_value_that_is_no_event_is_counted() -> None:
    found = results()
    broken: list[Any] = [StoredRecord(value) for value in (None, b"", b"{}", b'{"source": 1}')]
    found.add_scores(broken)
    found.add_scores([scored_event(1, 0.5, ModelIdentity("x", "1", "unknown"))])
    assert found.unreadable == 5


def test_keys_of_leads_are_64_bits_without_a_sign() -> None:
    keys = [key_of(f"L-{i}") for i in range(1000)]
    assert len(set(keys)) == 1000
    assert all(0 <= key < 2**64 for key in keys)


def test_events_in_confluents_framing_are_read_with_the_id_in_the_value_or_in_a_header() -> None:
    header, known = header_of_id(7), RegisteredSchemas()
    text = RegisteredText("AVRO", (PACKAGED / "lead_scored.avsc").read_text())
    known.add(header, meaning_of_text(text, "the schema"))
    found = results()
    found.reader = ScoredEventReader(known)
    events = [scored(f"L-{i}", offset=i, model_sha256=LIVE.sha256) for i in (1, 2)]
    first, second = (RecordCodec("lead_scored").encode(event)[HEADER_BYTES:] for event in events)
    found.add_scores([StoredRecord(header + first)])
    found.add_scores([StoredRecord(second, headers=((VALUE_SCHEMA_ID, header),))])
    assert found.columns.rows()["offset"].tolist() == [1, 2]
    assert found.unreadable == 0


def test_without_a_registry_events_in_confluents_framing_are_counted_as_unreadable() -> None:
    found = results()
    found.add_scores([StoredRecord(header_of_id(7) + b"datum")])
    assert found.unreadable == 1
