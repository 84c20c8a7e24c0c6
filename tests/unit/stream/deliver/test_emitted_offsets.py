"""How far a partition's outputs reach, read from the ends of the output topics."""

from __future__ import annotations

import asyncio
import weakref
from collections import deque
from collections.abc import AsyncGenerator, Sequence
from typing import Any, NamedTuple

from aiokafka import TopicPartition
from aiokafka.errors import KafkaConnectionError, KafkaError, TopicAuthorizationFailedError

from schemas.errors import ErrorCode, InvalidEventError
from schemas.headers import EventIds, Headers, ScoredHeaders, dead_letter_headers
from schemas.wire import WireFormat
from stream.deliver.emitted_offsets import AT_ONCE, FIRST, EmittedReader
from testing.jumping_time import in_jumping_time

TOPIC, OLD, NEW = "leads", "aa" * 32, "bb" * 32
AT = TopicPartition(TOPIC, 3)


POLL = 500
"""Records of a poll."""


class Poll(list[Any]):
    """Records of a poll; there can be weak references to it."""


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
    """Logs of outputs, and how many of their records were read and held at once."""

    def __init__(self, **logs: Sequence[Headers]) -> None:
        self.logs = {
            name: [Output(at, headers) for at, headers in enumerate(written)]
            for name, written in logs.items()
        }
        self.read_offsets: list[int] = []
        self.errors: deque[KafkaError] = deque()
        self.silent = 0
        self.seconds = 0.0
        self.held: list[weakref.ref[Poll]] = []
        self.most_held = 0

    async def bounds(self, partition: TopicPartition) -> tuple[int, int]:
        assert partition.partition == AT.partition
        return 0, len(self.logs[partition.topic])

    async def read(
        self, partition: TopicPartition, start: int, stop: int
    ) -> AsyncGenerator[Sequence[Output], None]:
        if self.errors:
            raise self.errors.popleft()
        if self.silent:
            self.silent -= 1
            await asyncio.Event().wait()
        for first in range(start, stop, POLL):
            await asyncio.sleep(self.seconds)
            self.read_offsets += range(first, min(first + POLL, stop))
            yield self._poll(partition, first, min(first + POLL, stop))

    def _poll(self, partition: TopicPartition, first: int, stop: int) -> Sequence[Output]:
        found = Poll(self.logs[partition.topic][first:stop])
        self.held = [poll for poll in self.held if poll() is not None] + [weakref.ref(found)]
        self.most_held = max(self.most_held, len(self.held))
        return found

    @property
    def read_count(self) -> int:
        return len(self.read_offsets)


def end_of(reader: FakeLogReader, above: int, *models: str) -> int | None:
    given: Any = reader
    found: list[int | None] = []

    @in_jumping_time
    async def run() -> None:
        found.append(await EmittedReader(given, ("scored", "dead")).end(AT, above, models or [OLD]))

    run()
    return found[0]


def test_the_highest_offset_of_both_topics_counts() -> None:
    assert end_of(FakeLogReader(scored=[scored(5), scored(6)], dead=[dead(7)]), 6) == 8
    assert end_of(FakeLogReader(scored=[scored(5), scored(9)], dead=[dead(7)]), 6) == 10


def test_without_outputs_the_end_is_0() -> None:
    assert end_of(FakeLogReader(scored=[], dead=[]), 6) == 0


def test_an_output_behind_any_number_of_other_records_is_found() -> None:
    """A replay into the live topics wrote more than half a million; "no output" was returned."""
    others: Headers = []
    reader = FakeLogReader(scored=[scored(5), *[others] * 20_000], dead=[])
    assert end_of(reader, 6) == 6


def test_an_end_that_is_not_found_in_time_is_unknown() -> None:
    reader = FakeLogReader(scored=[scored(5), *[[]] * 10_000], dead=[])
    reader.seconds = 3.0
    assert end_of(reader, 6) is None


def test_repeats_of_the_last_owner_do_not_hide_how_far_the_one_before_came() -> None:
    written = [*map(scored, range(90)), *map(scored, range(40, 60))]
    assert end_of(FakeLogReader(scored=written, dead=[]), 40) == 90


def test_other_topics_partitions_and_records_do_not_count() -> None:
    written = [scored(5), scored(50, topic="other"), scored(60, partition=2), [("x", b"y")], []]
    assert end_of(FakeLogReader(scored=written, dead=[dead(70, topic="other")]), 6) == 6  # type: ignore[arg-type]


def test_only_events_of_the_models_count() -> None:
    written = [scored(5), scored(6), scored(7, NEW)]
    assert end_of(FakeLogReader(scored=written, dead=[]), 6) == 7
    assert end_of(FakeLogReader(scored=written, dead=[]), 6, OLD, NEW) == 8


def test_no_more_is_read_than_is_needed() -> None:
    reader = FakeLogReader(scored=list(map(scored, range(100 * FIRST))), dead=[])
    assert end_of(reader, 100 * FIRST) == 100 * FIRST
    assert reader.read_count == FIRST
    reader.read_offsets.clear()
    assert end_of(reader, 99 * FIRST - 1) == 100 * FIRST
    assert reader.read_count == 3 * FIRST


def test_the_records_of_one_poll_are_held_at_a_time() -> None:
    """500 dead letters of 240 kB of each of four partitions were held at every start."""
    reader = FakeLogReader(scored=[], dead=[dead(at) for at in range(40 * FIRST)])
    assert end_of(reader, 1) == 40 * FIRST
    assert reader.read_count == 40 * FIRST
    assert reader.most_held <= 2  # the one before is dropped when the next one is there


def test_events_of_an_earlier_model_end_the_search() -> None:
    """Right after a change of model no event of the new one is there."""
    reader = FakeLogReader(scored=list(map(scored, range(50 * FIRST))), dead=[])
    assert end_of(reader, 50 * FIRST, NEW) == 0
    assert reader.read_count == FIRST


def test_a_retriable_error_is_retried_and_with_another_the_end_is_unknown() -> None:
    reader = FakeLogReader(scored=[scored(5)], dead=[])
    reader.errors.append(KafkaConnectionError())
    assert end_of(reader, 5) == 6
    reader.errors.append(TopicAuthorizationFailedError())
    assert end_of(reader, 5) is None


def test_the_number_of_partitions_read_at_once_is_bounded() -> None:
    class Counting(FakeLogReader):
        now = most = 0

        async def bounds(self, partition: TopicPartition) -> tuple[int, int]:
            self.now += 1
            self.most = max(self.most, self.now)
            await asyncio.sleep(1)
            self.now -= 1
            return 0, 0

    reader: Any = Counting(scored=[], dead=[])

    @in_jumping_time
    async def run() -> None:
        emitted = EmittedReader(reader, ("scored", "dead"))
        partitions = [TopicPartition(TOPIC, n) for n in range(3 * AT_ONCE)]
        await asyncio.gather(*(emitted.end(at, 0, None) for at in partitions))

    run()
    assert reader.most == AT_ONCE


def test_a_step_on_a_connection_that_never_answers_is_tried_again() -> None:
    reader = FakeLogReader(scored=[scored(at) for at in range(10)], dead=[])
    reader.silent = 2
    assert end_of(reader, 5) == 10
