"""Headers of scored events and of dead letters."""

from __future__ import annotations

import doctest
from typing import Any

import numpy as np
import pytest

import schemas.headers
import schemas.times
from schemas.errors import ErrorCode, InvalidEventError
from schemas.headers import (
    REPLAY_ID,
    REQUEST_ID_BYTES,
    REQUEST_ID_NAMES,
    EventIds,
    LeadHeaders,
    ScoredHeaders,
    SourceOf,
    dead_letter_headers,
    read_headers,
    rfc3339,
)
from schemas.times import LATEST_MS
from schemas.wire import WireFormat

ERROR = InvalidEventError(ErrorCode.DECODE, "expected a lead, got näught")
TRACE = b"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


@pytest.mark.parametrize("module", [schemas.headers, schemas.times])
def test_the_examples_are_true(module: Any) -> None:
    results = doctest.testmod(module)
    assert results.attempted
    assert not results.failed


def test_an_event_id_depends_on_topic_model_and_partition_and_on_nothing_else() -> None:
    [event_id] = EventIds("leads.created", "ab").of([3], [7])
    assert EventIds("leads.created", "ab").of([3], [7]) == [event_id]
    others = [
        *EventIds("leads.created", "ab").of([3], [8]),
        *EventIds("leads.created", "ab").of([4], [7]),
        *EventIds("leads.created", "ac").of([3], [7]),
        *EventIds("leads.other", "ab").of([3], [7]),
        *EventIds("leads.created", "ab", 5).of([3], [7]),
        *EventIds("leads.created", "ab", 6).of([3], [7]),
    ]
    assert len({event_id, *others}) == 7


def test_a_partition_and_an_offset_do_not_run_together() -> None:
    ids = EventIds("t", "m")
    assert ids.of([1], [12]) != ids.of([11], [2])


def test_event_ids_are_the_same_by_the_compiled_loop_and_in_plain_python(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pytest.importorskip("schemas._compiled", reason="there was no compiler")
    ids = EventIds("leads.created", "ab")
    offsets = np.array([0, 9, 10, 2**53, 2**63 - 1, 7])
    found = ids.of([3, 3, 0, 10, 0, 3], offsets)
    monkeypatch.setattr(schemas.headers, "_compiled", None)
    assert found == ids.of([3, 3, 0, 10, 0, 3], offsets)
    assert found[3].endswith(b"-10-9007199254740992")
    assert ids.of([], []) == []


def test_partitions_and_offsets_that_differ_in_number_have_no_event_ids() -> None:
    with pytest.raises(ValueError):
        EventIds("leads.created", "ab").of([3, 3], [1])


@pytest.mark.parametrize(
    ("wire", "content_type"),
    [(WireFormat.AVRO, b"application/avro"), (WireFormat.JSON, b"application/json")],
)
def test_a_batch_shares_its_cloud_events_attributes(wire: WireFormat, content_type: bytes) -> None:
    made = ScoredHeaders("leads.created", wire)
    assert dict(made.of_batch(1_760_000_000_123)) == {
        "ce_specversion": b"1.0",
        "ce_type": b"leadscore.lead.scored.v1",
        "ce_source": b"/leadscore/leads.created",
        "content-type": content_type,
        "ce_time": b"2025-10-09T08:53:20.123Z",
    }
    assert made.of_batch(0) is not made.of_batch(0)


@pytest.mark.parametrize("name", REQUEST_ID_NAMES)
def test_a_request_id_is_found_under_each_name_in_any_case(name: str) -> None:
    assert read_headers([("other", b"1"), (name.upper(), b"req-1")]).request_id == b"req-1"


def test_the_first_name_of_several_request_ids_wins_wherever_it_stands() -> None:
    headers = [(name, name.encode()) for name in reversed(REQUEST_ID_NAMES)]
    assert read_headers(headers).request_id == REQUEST_ID_NAMES[0].encode()


@pytest.mark.parametrize("bad", [None, b"", b"\xff", b"x" * (REQUEST_ID_BYTES + 1)])
def test_an_invalid_request_id_is_ignored(bad: bytes | None) -> None:
    assert read_headers([("x-request-id", bad)]).request_id is None
    assert read_headers([("x-request-id", bad), ("request_id", b"r")]).request_id == b"r"


def test_the_longest_request_id_is_taken() -> None:
    longest = b"x" * REQUEST_ID_BYTES
    assert read_headers([("x-request-id", longest)]).request_id == longest


def test_the_trace_is_passed_on_untouched() -> None:
    headers = [("TraceState", b"a=1"), ("x", b"y"), ("traceparent", TRACE)]
    trace = [("traceparent", TRACE), ("tracestate", b"a=1")]
    assert read_headers(headers) == LeadHeaders(None, trace)
    assert read_headers([("traceparent", None), ("tracestate", b"")]) == LeadHeaders(None, [])


def dead_letter(
    *headers: tuple[str, bytes | None], schema: str | None = "leadscore.v1.lead"
) -> Any:
    return dead_letter_headers(
        headers,
        topic="leads.created",
        partition=3,
        offset=42,
        timestamp=1_700_000_000_000,
        error=ERROR,
        schema=schema,
    )


def test_a_dead_letter_keeps_its_headers_in_order_and_says_why() -> None:
    source = [("b", b"\xff"), ("a", None), ("b", b"2"), ("traceparent", TRACE)]
    made = dead_letter(*source)
    assert made[:4] == source
    assert dict(made[4:]) == {
        "__connect.errors.topic": b"leads.created",
        "__connect.errors.partition": b"3",
        "__connect.errors.offset": b"42",
        "leadscore.source.timestamp": b"1700000000000",
        "__connect.errors.exception.class.name": b"InvalidEventError",
        "__connect.errors.exception.message": "expected a lead, got näught".encode(),
        "leadscore.error.code": b"DECODE",
        "leadscore.schema": b"leadscore.v1.lead",
        "leadscore.attempt": b"1",
    }


def test_an_unknown_schema_is_called_so() -> None:
    assert dict(dead_letter(schema=None))["leadscore.schema"] == b"unknown"


def test_a_dead_letter_that_dies_again_has_its_attempts_counted_and_each_reason_once() -> None:
    first = dead_letter(("a", b"1"))
    second = dead_letter(*first)
    assert [name for name, _ in second] == [name for name, _ in first]
    assert dict(second)["leadscore.attempt"] == b"2"


def test_a_scored_event_and_a_dead_letter_count_as_processed_once() -> None:
    scored = ScoredHeaders("leads.created", WireFormat.AVRO).of_batch(0)
    assert read_headers(scored) == LeadHeaders(None, [("leadscore.attempt", b"2")], 1)
    assert read_headers(dead_letter()).attempts == 1
    assert read_headers(dead_letter(*scored)).attempts == 2
    assert read_headers([("ce_type", b"com.crm.lead.created")]).attempts == 0


def test_the_attempts_of_our_own_header_are_counted_beside_one_in_other_letters() -> None:
    """The other is kept in the dead letter as it came, so it would be the first forever."""
    letter = dead_letter(("LeadScore.Attempt", b"1"))
    for expected in (1, 2, 3):
        assert read_headers(letter).attempts == expected
        letter = dead_letter(*letter)


def test_only_a_dead_letter_of_too_many_attempts_is_the_last() -> None:
    assert not read_headers(dead_letter()).is_last
    error = InvalidEventError(ErrorCode.ATTEMPTS, "expected fewer")
    headers = dead_letter_headers(
        [], topic="t", partition=0, offset=0, timestamp=0, error=error, schema=None
    )
    assert read_headers(headers).is_last


@pytest.mark.parametrize("attempt", [None, b"", b"-1", b"many", b"9" * 5000, "²".encode()])
def test_an_attempt_that_is_no_number_counts_as_none(attempt: bytes | None) -> None:
    assert dict(dead_letter(("leadscore.attempt", attempt)))["leadscore.attempt"] == b"1"


@pytest.mark.parametrize(
    ("ms", "text"),
    [
        (0, "1970-01-01T00:00:00.000Z"),
        (999, "1970-01-01T00:00:00.999Z"),
        (1_760_000_000_001, "2025-10-09T08:53:20.001Z"),
        (LATEST_MS - 1, "9999-12-31T23:59:59.999Z"),
    ],
)
def test_times_are_written_to_the_millisecond(ms: int, text: str) -> None:
    assert rfc3339(ms) == text


def test_a_replay_is_named_in_scored_events_and_in_dead_letters() -> None:
    made = ScoredHeaders("leads.created", WireFormat.AVRO, "r1").of_batch(0)
    assert (REPLAY_ID, b"r1") in made
    letter = dead_letter_headers(
        [], topic="t", partition=0, offset=1, timestamp=0, error=ERROR, schema=None, replay_id="r1"
    )
    assert dict(letter)[REPLAY_ID] == b"r1"


def test_a_dead_letter_of_a_replay_that_is_sent_again_is_no_longer_of_the_replay() -> None:
    assert REPLAY_ID not in dict(dead_letter((REPLAY_ID, b"r1")))


def test_outputs_of_a_replay_do_not_show_how_far_a_worker_has_got() -> None:
    """A replay into the live topics writes low offsets at their ends."""
    source_of = SourceOf("leads.created", 3, None)
    [event_id] = EventIds("leads.created", "ab").of([3], [7])
    event: list[tuple[str, bytes | None]] = [
        *ScoredHeaders("leads.created", WireFormat.AVRO).of_batch(0),
        ("ce_id", event_id),
    ]
    assert source_of(event) == 7
    assert source_of([*event, (REPLAY_ID, b"r1")]) is None
    letter = dead_letter_headers(
        [],
        topic="leads.created",
        partition=3,
        offset=9,
        timestamp=0,
        error=ERROR,
        schema=None,
        replay_id="r1",
    )
    assert source_of(letter) is None
    assert source_of([header for header in letter if header[0] != REPLAY_ID]) == 9


def test_headers_of_the_sender_do_not_decide_which_record_a_dead_letter_is_of() -> None:
    """A dead letter has them, too: with these, outputs seemed to reach an offset without end."""
    sent = (("ce_source", b"/leadscore/leads.created"), ("ce_id", b"x-3-99999999999"))
    letter = dead_letter_headers(
        sent, topic="leads.created", partition=3, offset=9, timestamp=0, error=ERROR, schema=None
    )
    assert SourceOf("leads.created", 3, None)(letter) == 9
    assert SourceOf("leads.created", 3, "ab")(letter) == 9
    assert SourceOf("leads.created", 2, None)(letter) is None


@pytest.mark.parametrize("replay_id", [None, "r1"])
def test_the_number_of_own_headers_is_that_of_an_event_without_a_trace(
    replay_id: str | None,
) -> None:
    made = ScoredHeaders("leads.created", WireFormat.AVRO, replay_id)
    event = [*made.of_batch(0), ("ce_id", b"1"), ("x-request-id", b"2")]
    assert len(event) == made.count
