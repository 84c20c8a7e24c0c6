"""A source on a fake Kafka, with an observer that remembers."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from aiokafka import TopicPartition

from schemas.errors import FatalError, InvalidEventError
from stream.consume.batch_source import BatchSource
from stream.consume.lost_records import Loss
from stream.consume.offset_committer import GroupCommitter
from stream.consume.partition_progress import Batch
from stream.consume.source_options import SourceOptions
from stream.consume.start_offsets import StartOf, unchecked_start
from testing.fake_app import FakeApp
from testing.fake_consumer import FakeConsumer
from testing.fake_kafka import TOPIC, FakeKafka
from testing.fake_raw_reader import FakeRawReader

TP = TopicPartition(TOPIC, 0)


OTHER = TopicPartition(TOPIC, 1)


PROMPT = SourceOptions(linger=0.0, max_records=10)


@dataclass
class Notes:
    """An observer that remembers."""

    fetched: list[int] = field(default_factory=list)
    committed: list[Mapping[TopicPartition, int]] = field(default_factory=list)
    assignments: list[frozenset[TopicPartition]] = field(default_factory=list)
    losses: list[Loss] = field(default_factory=list)

    def on_fetch(self, batch: Batch) -> None:
        self.fetched.append(len(batch.records))

    def on_commit(self, offsets: Mapping[TopicPartition, int]) -> None:
        self.committed.append(offsets)

    def on_rebalance(self, assignment: frozenset[TopicPartition]) -> None:
        self.assignments.append(assignment)

    def on_loss(self, loss: Loss) -> None:
        self.losses.append(loss)


@dataclass
class Bench:
    """A source on a fake Kafka."""

    kafka: FakeKafka
    consumer: FakeConsumer
    source: BatchSource
    app: FakeApp
    notes: Notes
    reader: FakeRawReader
    polled: deque[Batch] = field(default_factory=deque)
    """Batches from the channel that are not consumed yet."""
    seen: dict[TopicPartition, list[int]] = field(default_factory=dict)
    """Offsets that `work` has finished."""
    verdicts: dict[TopicPartition, dict[int, InvalidEventError]] = field(default_factory=dict)
    """By offset: the verdicts that came with them."""

    async def work(self) -> None:
        """Finish whatever comes, as the agent does."""
        while True:
            for batch in await self.source.channel.queue.get():
                if batch.begin():
                    seen = self.seen.setdefault(batch.partition, [])
                    seen += [record.offset for record in batch.records]
                    verdicts = self.verdicts.setdefault(batch.partition, {})
                    for at, error in batch.verdicts.items():
                        verdicts[batch.records[at].offset] = error
                    batch.done()

    async def take(self, count: int = 1, *, begin: bool = True) -> list[Batch]:
        """Consume batches from the channel as the agent does."""
        async with asyncio.timeout(5):
            while len(self.polled) < count:
                self.polled.extend(await self.source.channel.queue.get())
        batches = [self.polled.popleft() for _ in range(count)]
        assert not begin or all(batch.begin() for batch in batches)
        return batches

    @property
    def waiting(self) -> int:
        return int(self.source.channel.queue.qsize())

    async def until_waiting(self, polls: int) -> None:
        """Wait until the channel holds a number of polls."""
        async with asyncio.timeout(5):
            while self.waiting < polls:  # noqa: ASYNC110 - the channel has no event
                await asyncio.sleep(0.001)

    @property
    def committed(self) -> int | None:
        return self.kafka.committed.get(TP)

    @property
    def sentence(self) -> str:
        [error] = self.app.errors
        assert isinstance(error, FatalError)
        return str(error)


def make_bench(
    kafka: FakeKafka, options: SourceOptions = PROMPT, start_of: StartOf = unchecked_start
) -> Bench:
    app, notes, consumer = FakeApp(), Notes(), FakeConsumer(kafka)
    reader = FakeRawReader(kafka)
    source = BatchSource(
        app.as_faust(),
        TOPIC,
        lambda: consumer,
        partial(
            GroupCommitter, read_committed=lambda at: kafka.read_committed(at), start_of=start_of
        ),
        reader,
        options=options,
    )
    source.observer = notes
    return Bench(kafka, consumer, source, app, notes, reader)


@asynccontextmanager
async def running(kafka: FakeKafka, options: SourceOptions = PROMPT) -> AsyncIterator[Bench]:
    bench = make_bench(kafka, options)
    await bench.source.start()
    try:
        yield bench
    finally:
        await bench.source.stop()


def full_kafka(records: int = 30, partitions: int = 1) -> FakeKafka:
    kafka = FakeKafka(partitions)
    for log in kafka.logs.values():
        log.append(records)
    return kafka


def values(batches: list[Batch]) -> list[Any]:
    return [record.value for batch in batches for record in batch.records]
