"""A replay whose commits have expired is not taken for one that has not begun."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any, NamedTuple

import pytest
from aiokafka import TopicPartition
from aiokafka.errors import TopicAuthorizationFailedError

from schemas.errors import FatalError
from schemas.headers import REPLAY_ID
from stream.kafka.commit_metadata import Commit
from stream.kafka.lenient_polls import Take, UnreadableRecordError, all_readable
from stream.replay import lost_progress
from stream.replay.lost_progress import check_progress
from stream.replay.ranges import PartitionRange
from stream.settings import load_settings
from tests.unit.stream.replay.small_plan import small_plan

OURS, WORKERS = [(REPLAY_ID, b"r")], [("other", b"1")]


class Written(NamedTuple):
    offset: int
    headers: Any


class Kafka:
    """The commits of the replay's group, and the headers of what the outputs hold."""

    def __init__(self, commits: Sequence[int], outputs: Mapping[tuple[str, int], Any]) -> None:
        self.commits = commits
        self.outputs = outputs
        self.error: Exception | None = None
        self.has_unreadable = False

    async def read(self, at: TopicPartition) -> Commit | None:
        return Commit(7) if at.partition in self.commits else None

    @asynccontextmanager
    async def open(self) -> AsyncIterator[Any]:
        if self.error:
            raise self.error
        yield self

    async def offsets_for_times(self, asked: Mapping[TopicPartition, int]) -> Any:
        [at] = asked
        return {at: Written(0, ()) if self.outputs.get(tuple(at)) else None}

    async def end_offsets(self, asked: Sequence[TopicPartition]) -> Any:
        return {at: len(self.outputs.get(tuple(at), ())) for at in asked}

    async def fetch(self, at: TopicPartition, start: int, stop: int) -> Any:
        return [Written(n, headers) for n, headers in enumerate(self.outputs[tuple(at)])]

    async def records(
        self, at: TopicPartition, start: int, stop: int, *, take: Take
    ) -> AsyncGenerator[Sequence[Any], None]:
        yield await self.fetch(at, start, stop)
        if self.has_unreadable and take is all_readable:
            raise UnreadableRecordError("expected to read every record")


@pytest.fixture
def play(monkeypatch: pytest.MonkeyPatch) -> Any:
    def play(kafka: Kafka, delivery: str) -> Any:
        class Reader:
            open = kafka.open
            read = staticmethod(kafka.records)

        monkeypatch.setattr(lost_progress, "GroupOffsets", lambda *_: kafka)
        monkeypatch.setattr(lost_progress, "LogReader", lambda *_: Reader)
        settings = load_settings(delivery=delivery)
        ranges = (PartitionRange(0, 0, 9), PartitionRange(1, 0, 9))
        return check_progress(settings, small_plan(*ranges, settings=settings), ranges)

    return play


@pytest.mark.parametrize(
    "kafka",
    [
        Kafka((), {}),
        Kafka((0, 1), {("out", 0): [OURS], ("out", 1): [OURS]}),
        Kafka((0,), {("out", 0): [OURS], ("out", 1): [WORKERS, WORKERS]}),
    ],
    ids=["not begun", "committed", "outputs of workers"],
)
async def test_a_replay_that_has_commits_or_no_outputs_continues(
    play: Any, kafka: Kafka, caplog: pytest.LogCaptureFixture
) -> None:
    await play(kafka, "exactly_once")
    assert caplog.messages == []


@pytest.mark.parametrize("topic", ["out", "out.dlq"])
async def test_exactly_once_nothing_is_written_twice(play: Any, topic: str) -> None:
    kafka = Kafka((0,), {("out", 0): [OURS], (topic, 1): [WORKERS, OURS]})
    with pytest.raises(FatalError, match=r"partitions \[1\].* would write them twice"):
        await play(kafka, "exactly_once")


async def test_an_output_that_cannot_be_read_may_be_one_of_the_replay(play: Any) -> None:
    kafka = Kafka((0,), {("out", 1): [WORKERS]})
    await play(kafka, "exactly_once")
    kafka.has_unreadable = True
    with pytest.raises(FatalError, match=r"partitions \[1\].* would write them twice"):
        await play(kafka, "exactly_once")


async def test_at_least_once_it_begins_again_and_says_so(
    play: Any, caplog: pytest.LogCaptureFixture
) -> None:
    await play(Kafka((), {("out", 0): [OURS]}), "at_least_once")
    [message] = caplog.messages
    assert "it begins again there; repeats have the same event ids" in message


async def test_outputs_that_may_not_be_read_are_not_guessed(play: Any) -> None:
    kafka = Kafka((), {})
    kafka.error = TopicAuthorizationFailedError("out")
    with pytest.raises(FatalError, match="may read the group and the topics"):
        await play(kafka, "exactly_once")
