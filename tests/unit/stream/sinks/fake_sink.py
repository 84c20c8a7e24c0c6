"""A sink in memory, a runner around it, and batches of scored events."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from aiokafka import TopicPartition
from prometheus_client import CollectorRegistry

from monitoring.telemetry.health import Condition, Health
from monitoring.telemetry.sink_metrics import SinkMetrics
from schemas.record_codec import RecordCodec
from schemas.store import SchemaStore
from stream.consume.partition_progress import Batch
from stream.sinks.gatherer import Gatherer
from stream.sinks.reading import Unwritable, reader_of
from stream.sinks.runner import SinkRunner
from stream.sinks.sink import WRITTEN, Gathering, Log, SinkBatch, Verdict
from testing.fake_app import FakeApp
from testing.scored_events import SCORED_AT, scored

AT = TopicPartition("leads.scored", 0)
CODEC = RecordCodec("lead_scored")

Answer = Exception | Callable[[SinkBatch], Sequence[Verdict]]


class FakeRecord(NamedTuple):
    """A Kafka record."""

    partition: int
    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None
    headers: Sequence[tuple[str, bytes | None]] = ()


class FakeSink:
    """Remembers what it is to write.

    Attributes
    ----------
    answers
        What the next writes raise, or return; without one every record is written.
    open_errors
        What the next attempts to open raise.
    """

    gathering = Gathering()

    def __init__(self) -> None:
        self.batches: list[SinkBatch] = []
        self.answers: deque[Answer] = deque()
        self.open_errors: deque[Exception] = deque()
        self.is_closed = False
        self.has_written = asyncio.Event()

    def plan(self) -> str:
        return "nothing"

    async def open(self) -> None:
        if self.open_errors:
            raise self.open_errors.popleft()

    async def write(self, batch: SinkBatch) -> Sequence[Verdict]:
        self.batches.append(batch)
        self.has_written.set()
        await asyncio.sleep(0)
        answer = self.answers.popleft() if self.answers else None
        if isinstance(answer, Exception):
            raise answer
        return [WRITTEN for _ in batch.records] if answer is None else answer(batch)

    async def close(self) -> None:
        self.is_closed = True

    @property
    def offsets(self) -> list[list[int]]:
        return [[record.offset for record in batch.records] for batch in self.batches]


class FakeDeadLetters:
    """Remembers dead letters."""

    def __init__(self) -> None:
        self.sent: list[tuple[Log, int, str, str]] = []

    async def send(self, log: Log, records: Sequence[Unwritable]) -> None:
        self.sent += [(log, at.offset, error.code.value, error.message) for at, error in records]


@dataclass
class Bench:
    """A runner around a fake sink."""

    gathering: Gathering = field(default_factory=Gathering)
    most_bytes: int = 1 << 20
    sink: FakeSink = field(default_factory=FakeSink)
    app: FakeApp = field(default_factory=FakeApp)
    dead_letters: FakeDeadLetters = field(default_factory=FakeDeadLetters)
    generation: int = 1
    registry: CollectorRegistry = field(default_factory=CollectorRegistry)

    def __post_init__(self) -> None:
        self.health = Health(0.0, conditions=[Condition.TARGET_REACHED])
        self.runner = SinkRunner(
            self.sink,
            reader_of("scores", SchemaStore.load()),
            Gatherer(self.gathering, self.most_bytes),
            self.dead_letters,  # type: ignore[arg-type]
            topic_id=self._topic_id,
            is_ours=lambda batch: batch.generation == self.generation,
            metrics=SinkMetrics(self.registry, name="n", kind="k", content="scores"),
            health=self.health,
            crash=self.app.crash,
        )

    async def _topic_id(self, topic: str) -> str | None:
        return "looked-up"

    def value(self, name: str, **labels: str) -> float | None:
        return self.registry.get_sample_value(name, labels)


@asynccontextmanager
async def running(**options: Any) -> AsyncIterator[Bench]:
    """Run a runner until the body ends."""
    bench = Bench(**options)
    await bench.runner.open()
    bench.runner.start()
    try:
        yield bench
    finally:
        await bench.runner.stop()


def record_of(offset: int, lead_id: str | None = None, value: bytes | None = None) -> FakeRecord:
    """Return the Kafka record of a scored event."""
    event = scored(lead_id or f"lead-{offset}", offset=offset)
    encoded = CODEC.encode(event) if value is None else value
    return FakeRecord(0, offset, SCORED_AT + offset, event["lead_id"].encode(), encoded)


def batch_of(
    *records: FakeRecord, generation: int = 1, at: TopicPartition = AT, size: int = 1, **how: Any
) -> Batch:
    """Return a batch of records, of the log `9f2JkQ`."""
    batch = Batch(at, records, generation=generation, size=size, **how)
    batch.topic_id = "9f2JkQ"
    return batch


async def until(condition: Callable[[], bool]) -> None:
    """Wait until a condition holds, for five seconds at most."""
    async with asyncio.timeout(5):
        while not condition():  # noqa: ASYNC110 - fakes have no events
            await asyncio.sleep(0.001)
