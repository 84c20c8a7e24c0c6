"""Bounded reads of the dead-letter topic: the ends are fixed first, and errors are sentences."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import pytest
from aiokafka import TopicPartition
from aiokafka.errors import KafkaConnectionError, TopicAuthorizationFailedError

from schemas.errors import FatalError, StartupError
from stream.dead_letters import dead_letter_log as module
from stream.dead_letters.dead_letter_log import DeadLetterLog, Span
from stream.kafka.access import Use
from stream.kafka.lenient_polls import Take, with_unreadable
from stream.settings import Settings

DEAD = "leads.created.dlq"
HOUR_MS = 3_600_000


class Found(NamedTuple):
    offset: int


class Letter(NamedTuple):
    partition: int
    offset: int


@dataclass
class FakeTopic:
    """Partitions with a start and an end, one letter an hour since 1970.

    Attributes
    ----------
    error
        What each request raises.
    """

    bounds: Sequence[tuple[int, int]] = ((5, 20), (0, 0))
    error: Exception | None = None
    read_spans: list[tuple[int, int, int]] = field(default_factory=list)

    # As a consumer

    async def beginning_offsets(self, asked: Any) -> dict[TopicPartition, int]:
        if self.error:
            raise self.error
        return {at: self.bounds[at.partition][0] for at in asked}

    async def end_offsets(self, asked: Any) -> dict[TopicPartition, int]:
        return {at: self.bounds[at.partition][1] for at in asked}

    async def offsets_for_times(self, asked: Mapping[TopicPartition, int]) -> Mapping[Any, Any]:
        found: dict[TopicPartition, Found | None] = {}
        for at, time_ms in asked.items():
            start, end = self.bounds[at.partition]
            first = max(-(-time_ms // HOUR_MS), start)
            found[at] = Found(first) if first < end else None
        return found

    # As a LogReader

    @asynccontextmanager
    async def open(self) -> AsyncIterator[FakeTopic]:
        yield self

    async def read(
        self, at: TopicPartition, start: int, stop: int, *, take: Take
    ) -> AsyncGenerator[Sequence[Letter], None]:
        assert take is with_unreadable, "an account counts every record"
        self.read_spans.append((at.partition, start, stop))
        if self.error:
            raise self.error
        for offset in range(start, stop, 2):
            yield [Letter(at.partition, o) for o in range(offset, min(offset + 2, stop))]


@pytest.fixture
def topic(monkeypatch: pytest.MonkeyPatch) -> FakeTopic:
    topic = FakeTopic()

    async def counts(settings: Settings, use: Use) -> dict[str, int]:
        return {DEAD: len(topic.bounds)} if topic.bounds else {"other": 3}

    monkeypatch.setattr(module, "partition_counts", counts)
    monkeypatch.setattr(module, "LogReader", lambda connection, level: topic)
    return topic


def log() -> DeadLetterLog:
    return DeadLetterLog(Settings())


async def test_the_spans_are_what_each_partition_has_now(topic: FakeTopic) -> None:
    assert await log().spans(Use.DLQ) == {0: Span(5, 20), 1: Span(0, 0)}


@pytest.mark.parametrize(
    ("since", "until", "expected"),
    [
        (8, None, Span(8, 20)),
        (None, 12, Span(5, 12)),
        (8, 12, Span(8, 12)),
        (2, 3, Span(5, 5)),
        (90, None, Span(20, 20)),
        (None, 90, Span(5, 20)),
        (12, 8, Span(12, 12)),
    ],
    ids=["since", "until", "between", "before all", "after all", "until later", "turned round"],
)
async def test_times_narrow_the_spans(
    topic: FakeTopic, since: int | None, until: int | None, expected: Span
) -> None:
    given = {"since_ms": since, "until_ms": until}
    hours = {name: None if at is None else at * HOUR_MS for name, at in given.items()}
    assert (await log().spans(Use.DLQ, **hours))[0] == expected


async def test_a_topic_that_is_missing_comes_with_the_command_that_creates_it(
    topic: FakeTopic,
) -> None:
    topic.bounds = ()
    with pytest.raises(StartupError, match=f"expected the topic {DEAD}.*leadscore topics create"):
        await log().spans(Use.DLQ)


async def test_offsets_that_cannot_be_read_are_an_error_with_the_answer(topic: FakeTopic) -> None:
    topic.error = TopicAuthorizationFailedError(DEAD)
    with pytest.raises(FatalError, match=r"TopicAuthorizationFailed.*this user may read the topic"):
        await log().spans(Use.DLQ)


async def test_the_bounds_of_a_partition_are_its_start_and_its_end(topic: FakeTopic) -> None:
    assert await log().bounds(0) == Span(5, 20)


async def test_all_letters_of_all_spans_are_read_partition_by_partition(topic: FakeTopic) -> None:
    found = [each async for each in log().read_all({0: Span(5, 8), 1: Span(0, 0)})]
    assert found == [(0, 5), (0, 6), (0, 7)]
    assert topic.read_spans == [(0, 5, 8)], "an empty span asks Kafka nothing"


async def test_a_topic_that_cannot_be_read_is_an_error_with_the_answer(topic: FakeTopic) -> None:
    topic.error = KafkaConnectionError("away")
    with pytest.raises(FatalError, match=f"expected to read {DEAD}, but Kafka answered"):
        [each async for each in log().read(0, Span(5, 8))]
