"""How far a partition's outputs reach, read from the ends of the output topics."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Sequence
from typing import Any, NamedTuple

import pytest
from aiokafka import TopicPartition
from aiokafka.errors import KafkaConnectionError, KafkaError, TopicAuthorizationFailedError

from schemas.errors import ErrorCode, InvalidEventError
from schemas.headers import EventIds, Headers, ScoredHeaders, dead_letter_headers
from schemas.wire import WireFormat
from stream.deliver.emitted_offsets import FIRST, EmittedReader
from testing.jumping_time import in_jumping_time

TOPIC, OLD, NEW = "leads", "aa" * 32, "bb" * 32
AT = TopicPartition(TOPIC, 3)


class Output(NamedTuple):
    offset: int
    headers: Headers


def scored(offset: int, sha256: str = OLD, *, topic: str = TOPIC, partition: int = 3) -> Headers:
    event_id = EventIds(topic, sha256).of([partition], [offset])[0]
    return [*ScoredHeaders(topic, WireFormat.AVRO).of_batch(0), ("ce_id", event_id)]


def dead(offset: int, *, topic: str = TOPIC) -> Headers:
    error = InvalidEventError(ErrorCode.DECODE, "no lead")
    return dead_letter_headers(
        [], topic=topic, partition=3, offset=offset, timestamp=0, error=error, schema=None
    )


class FakeLogReader:
    """Logs of outputs, and how many of their records were read."""

    def __init__(self, **logs: Sequence[Headers]) -> None:
        self.logs = {
            name: [Output(at, headers) for at, headers in enumerate(written)]
            for name, written in logs.items()
        }
        self.read = 0
        self.errors: deque[KafkaError] = deque()
        self.silent = 0

    async def last(
        self, partition: TopicPartition, count: int, *, before: int | None = None
    ) -> list[Output]:
        assert partition.partition == AT.partition
        if self.errors:
            raise self.errors.popleft()
        if self.silent:
            self.silent -= 1
            await asyncio.Event().wait()
        log = self.logs[partition.topic]
        end = len(log) if before is None else before
        found = log[max(0, end - count) : end]
        self.read += len(found)
        return found


def end_of(reader: FakeLogReader, above: int, sha256: str | None = OLD) -> int | None:
    given: Any = reader

    async def ask() -> int | None:
        return await EmittedReader(given, ("scored", "dead")).end(AT, above, sha256)

    found: list[int | None] = []

    @in_jumping_time
    async def run() -> None:
        found.append(await ask())

    run()
    return found[0]


def test_the_highest_offset_of_both_topics_counts() -> None:
    assert end_of(FakeLogReader(scored=[scored(5), scored(6)], dead=[dead(7)]), 6) == 8
    assert end_of(FakeLogReader(scored=[scored(5), scored(9)], dead=[dead(7)]), 6) == 10


def test_without_outputs_there_is_no_end() -> None:
    assert end_of(FakeLogReader(scored=[], dead=[]), 6) is None


def test_repeats_of_the_last_owner_do_not_hide_how_far_the_one_before_came() -> None:
    written = [*map(scored, range(90)), *map(scored, range(40, 60))]
    assert end_of(FakeLogReader(scored=written, dead=[]), 40) == 90


def test_other_topics_partitions_and_records_do_not_count() -> None:
    written = [scored(5), scored(50, topic="other"), scored(60, partition=2), [("x", b"y")], []]
    assert end_of(FakeLogReader(scored=written, dead=[dead(70, topic="other")]), 6) == 6  # type: ignore[arg-type]


def test_only_events_of_the_model_count() -> None:
    written = [scored(5), scored(6), scored(7, NEW)]
    assert end_of(FakeLogReader(scored=written, dead=[]), 6) == 7
    assert end_of(FakeLogReader(scored=written, dead=[]), 6, None) == 8


def test_no_more_is_read_than_is_needed() -> None:
    reader = FakeLogReader(scored=list(map(scored, range(100 * FIRST))), dead=[])
    assert end_of(reader, 100 * FIRST) == 100 * FIRST
    assert reader.read == FIRST
    reader.read = 0
    assert end_of(reader, 99 * FIRST - 1) == 100 * FIRST
    assert reader.read == 3 * FIRST


def test_events_of_an_earlier_model_end_the_search() -> None:
    """Right after a change of model no event of the new one is there."""
    reader = FakeLogReader(scored=list(map(scored, range(50 * FIRST))), dead=[])
    assert end_of(reader, 50 * FIRST, NEW) is None
    assert reader.read == FIRST


def test_a_retriable_error_is_retried_and_another_is_raised() -> None:
    reader = FakeLogReader(scored=[scored(5)], dead=[])
    reader.errors.append(KafkaConnectionError())
    assert end_of(reader, 5) == 6
    reader.errors.append(TopicAuthorizationFailedError())
    with pytest.raises(TopicAuthorizationFailedError):
        end_of(reader, 5)


def test_the_number_of_partitions_read_at_once_is_bounded() -> None:
    class Counting(FakeLogReader):
        now = most = 0

        async def last(self, *args: Any, **kwargs: Any) -> list[Output]:
            self.now += 1
            self.most = max(self.most, self.now)
            await asyncio.sleep(1)
            self.now -= 1
            return []

    reader: Any = Counting(scored=[], dead=[])

    @in_jumping_time
    async def run() -> None:
        emitted = EmittedReader(reader, ("scored", "dead"))
        partitions = [TopicPartition(TOPIC, n) for n in range(20)]
        await asyncio.gather(*(emitted.end(at, 0, None) for at in partitions))

    run()
    assert reader.most == 4


def test_a_step_on_a_connection_that_never_answers_is_tried_again() -> None:
    reader = FakeLogReader(scored=[scored(at) for at in range(10)], dead=[])
    reader.silent = 2
    assert end_of(reader, 5) == 10
