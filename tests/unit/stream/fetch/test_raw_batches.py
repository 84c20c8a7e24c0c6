"""Reads beside the consumer: steps that follow each other, and what is tried again."""

from __future__ import annotations

from collections import deque
from typing import Any

import pytest
from aiokafka import TopicPartition
from aiokafka.errors import (
    CorruptRecordException,
    KafkaError,
    LeaderNotAvailableError,
    NotLeaderForPartitionError,
    OffsetOutOfRangeError,
)

from stream.fetch import raw_batches
from stream.fetch.aiokafka_internals import Fetched
from stream.fetch.raw_batches import RawBatchReader
from stream.fetch.raw_records import UnreadableRecord
from stream.fetch.record_batches import Limits
from tests.record_batches import Made, batch

AT = TopicPartition("leads", 2)


class FakeClient:
    """A connection whose answers are scripted."""

    answers: deque[bytes | KafkaError]
    asked: list[int]
    opened: int
    closed: int

    def __init__(self, connection: Any, isolation_level: str, request_timeout: float) -> None:
        assert (connection, isolation_level) == ({"bootstrap_servers": "x:1"}, "read_committed")
        assert request_timeout > 0
        type(self).opened += 1

    async def start(self) -> None:
        pass

    async def close(self) -> None:
        type(self).closed += 1

    async def fetch(self, partition: TopicPartition, offset: int, max_bytes: int) -> Fetched:
        assert (partition, max_bytes) == (AT, 1 << 20)
        self.asked.append(offset)
        answer = self.answers.popleft()
        if isinstance(answer, KafkaError):
            raise answer
        return Fetched(answer, 100, ())


@pytest.fixture
def client(monkeypatch: pytest.MonkeyPatch) -> type[FakeClient]:
    FakeClient.answers, FakeClient.opened, FakeClient.closed = deque(), 0, 0
    FakeClient.asked = []
    monkeypatch.setattr(raw_batches, "FetchClient", FakeClient)
    monkeypatch.setattr(raw_batches, "LOG_PAUSE", 0.001)
    return FakeClient


def reader() -> RawBatchReader:
    connection = {"bootstrap_servers": "x:1"}
    return RawBatchReader(connection, "read_committed", limits=Limits(records=2))


async def test_steps_follow_each_other(client: type[FakeClient]) -> None:
    client.answers.append(batch([Made()] * 5, last_delta=9))
    async with reader() as raw:
        steps = [step async for step in raw.read(AT, 1)]
    assert [[record.offset for record in step.records] for step in steps] == [[1, 2], [3, 4], []]
    assert [step.next_offset for step in steps] == [3, 5, 10]
    assert (client.opened, client.closed) == (1, 1)


async def test_where_there_is_nothing_yet_reading_stays(client: type[FakeClient]) -> None:
    client.answers.append(b"")
    async with reader() as raw:
        [step] = [step async for step in raw.read(AT, 7)]
    assert (step.records, step.next_offset) == ((), 7)


async def test_a_retriable_error_is_retried_on_a_new_connection(client: type[FakeClient]) -> None:
    client.answers.extend(
        [LeaderNotAvailableError(), NotLeaderForPartitionError(), batch([Made()])]
    )
    async with reader() as raw:
        steps = [step async for step in raw.read(AT, 0)]
        assert client.closed == 2
    assert steps[-1].next_offset == 1
    assert client.closed == client.opened == 3


@pytest.mark.parametrize(
    ("answers", "asked"),
    [([OffsetOutOfRangeError()], 1), ([LeaderNotAvailableError()] * 9, raw_batches.ATTEMPTS)],
)
async def test_an_error_that_no_retry_resolves_is_raised(
    client: type[FakeClient], answers: list[KafkaError], asked: int
) -> None:
    client.answers.extend(answers)
    async with reader() as raw:
        with pytest.raises(type(answers[0])):
            [step async for step in raw.read(AT, 0)]
    assert len(client.answers) == len(answers) - asked
    assert client.opened == client.closed


async def test_offsets_that_the_broker_cannot_serve_are_reported_as_lost(
    client: type[FakeClient],
) -> None:
    """The partition stood still forever, and aiokafka's log said neither topic nor offset."""
    refused, served = CorruptRecordException(), batch([Made()], base=9)
    # Before: 3; behind: 5 and 6, then 8, and in between 7.
    client.answers.extend([refused, refused, refused, refused, refused, refused, served, served])
    async with reader() as raw:
        steps = [step async for step in raw.read(AT, 4)]
    assert client.asked == [4, 3, 2, 0, 5, 6, 8, 7]
    records = [record for step in steps for record in step.records]
    assert [record.offset for record in records] == [4, 5, 6]
    assert all(isinstance(record, UnreadableRecord) for record in records)
    assert [step.next_offset for step in steps] == [6, 7]
    assert client.opened == 1


async def test_a_batch_before_what_the_broker_cannot_serve_is_read(
    client: type[FakeClient],
) -> None:
    """A broker looks at the batch behind it to find an offset in its middle."""
    client.answers.extend([CorruptRecordException(), batch([Made()] * 3, base=3)])
    async with reader() as raw:
        steps = [step async for step in raw.read(AT, 4)]
    assert client.asked == [4, 3]
    assert [[record.offset for record in step.records] for step in steps] == [[4, 5], []]
    assert steps[-1].next_offset == 6
