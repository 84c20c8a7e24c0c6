"""The record that a letter was made of."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest
from aiokafka import TopicPartition
from aiokafka.errors import OffsetOutOfRangeError

from agents.dead_letters import forms_of
from stream.dead_letters.account import LeftReason
from stream.dead_letters.letter import DeadLetter
from stream.dead_letters.source_records import SourceRecords
from stream.fetch.raw_batches import RawStep
from stream.fetch.raw_records import Problem, RawRecord, UnreadableRecord
from stream.kafka.topic_limits import TopicLimits
from testing.dead_letters import dead_letter

TOPIC = "leads.created"
SENT_AT = 1_700_000_000_000
USER = [("x-campaign", b"may"), ("traceparent", b"00-ab-cd-01")]


class FakeReader:
    """A source topic with one record."""

    def __init__(self, found: RawRecord | Exception | None) -> None:
        self.found = found

    async def read(
        self, partition: TopicPartition, start: int, stop: int | None = None
    ) -> AsyncIterator[RawStep]:
        assert (partition, start, stop) == (TopicPartition(TOPIC, 2), 42, 43)
        if isinstance(self.found, Exception):
            raise self.found
        yield RawStep([self.found] if self.found else [], 43)

    async def close(self) -> None:
        pass


def sources(found: RawRecord | Exception | None = None, limit: int = 10_000) -> SourceRecords:
    async def read(topics: Any) -> dict[str, int]:
        return {}

    limits = TopicLimits([TOPIC], read, fallback=limit, batch_bytes=1000)
    return SourceRecords(TOPIC, 3, FakeReader(found), limits)


def letter(form: int = 0, **given: Any) -> DeadLetter:
    """Return a letter in one of the forms that a worker writes."""
    options: dict[str, Any] = {
        "partition": 2,
        "offset": 42,
        "timestamp": SENT_AT,
        "headers": USER,
        "topic": TOPIC,
    }
    made = dead_letter(b"value", b"ann", **options | given)
    key, value, headers = [*forms_of((made.key, made.value, list(made.headers)))][form]
    found = DeadLetter.from_record(RawRecord(2, 7, SENT_AT + 5, key, value, headers))
    assert found is not None
    return found


@pytest.mark.parametrize("form", range(4))
async def test_every_form_of_a_letter_gives_the_record_as_it_was_sent(form: int) -> None:
    source = RawRecord(2, 42, SENT_AT, b"ann", b"value", USER)
    record = await sources(source).restore(letter(form))
    assert record == RawRecord(
        *(2, 42, SENT_AT, b"ann", b"value"),
        [("x-campaign", b"may"), ("leadscore.attempt", b"1")],
    )


@pytest.mark.parametrize(
    ("found", "reason"),
    [
        (None, LeftReason.SOURCE_GONE),
        (OffsetOutOfRangeError({}), LeftReason.SOURCE_GONE),
        (
            UnreadableRecord(2, 42, 0, None, None, (), Problem.CHECKSUM, "it is damaged"),
            LeftReason.SOURCE_UNREADABLE,
        ),
    ],
)
async def test_a_value_that_is_nowhere_leaves_the_letter(found: Any, reason: LeftReason) -> None:
    assert await sources(found).restore(letter(form=1)) is reason


@pytest.mark.parametrize(("key", "timestamp"), [(b"other", SENT_AT), (b"ann", SENT_AT + 1)])
async def test_another_record_at_the_place_of_the_source_is_not_sent(
    key: bytes, timestamp: int
) -> None:
    left = replace(letter(form=1), key=b"ann")
    assert left.is_left_out
    found = RawRecord(2, 42, timestamp, key, b"value", [])
    assert await sources(found).restore(left) is LeftReason.SOURCE_GONE


async def test_a_letter_of_another_topic_or_too_large_a_record_stays() -> None:
    assert await sources().restore(letter(topic="other")) is LeftReason.FOREIGN
    assert await sources().restore(letter(partition=3)) is LeftReason.FOREIGN
    assert await sources(limit=100).restore(letter()) is LeftReason.TOO_LARGE


async def test_a_letter_of_an_earlier_version_is_sent_with_its_own_time_stamp() -> None:
    old = letter()
    without = [given for given in old.headers if given[0] != "leadscore.source.timestamp"]
    found = DeadLetter.from_record(RawRecord(2, 7, SENT_AT + 5, b"ann", b"value", without))
    assert found is not None
    record = await sources().restore(found)
    assert isinstance(record, RawRecord)
    assert record.timestamp == SENT_AT + 5
