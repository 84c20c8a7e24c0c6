"""A publisher of drift counts with fakes of all that is around it, for its tests."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from aiokafka import TopicPartition
from aiokafka.errors import KafkaError

from agents.drift import BLOCK, CountedLeads, Counting
from agents.drift_windows import WindowCounts, summed
from agents.partials import Partial, decode_partial
from features.counts import LeadCounts
from schemas.model_identity import ModelIdentity
from stream.consume.partition_progress import Batch
from stream.scoring.drift_publisher import DriftPublisher
from tests.unit.agents.drift_log import LAYOUT, MODEL, counting, leads

TP = TopicPartition("leads", 0)


@dataclass(frozen=True)
class Record:
    offset: int
    is_good: bool = True
    timestamp: int = 0


def lead_of(records: Sequence[Record]) -> CountedLeads:
    """Leads are what their offsets say; a window has 20,000 offsets."""
    offsets = np.array([record.offset for record in records], dtype=np.int64)
    some = leads(int(offsets.max(initial=-1)) + 1, step_ms=0).take(offsets)
    return some._replace(offsets=offsets, events=offsets // 20)


@dataclass
class FakeScorer:
    """A model that reads offsets; a record that is not good is no lead."""

    model: ModelIdentity = MODEL
    counts: bool = True

    @property
    def counting(self) -> Counting | None:
        return counting(self.model) if self.counts else None

    def counted_again(self, records: Sequence[Record]) -> CountedLeads:
        return lead_of([record for record in records if record.is_good])


@dataclass
class FakeReader:
    """Reads the heads of blocks out of the log, when it may."""

    log: Sequence[Record]
    reads: list[tuple[int, int]] = field(default_factory=list)
    errors: deque[KafkaError] = field(default_factory=deque)
    breaks: deque[KafkaError] = field(default_factory=deque)
    may_read: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        self.may_read.set()

    async def last_offset(self, partition: TopicPartition, below: int) -> int | None:
        assert partition == TP
        return max((record.offset for record in self.log if record.offset < below), default=None)

    async def read(
        self, partition: TopicPartition, start: int, stop: int
    ) -> AsyncIterator[Sequence[Record]]:
        assert partition == TP
        self.reads.append((start, stop))
        await self.may_read.wait()
        if self.errors:
            raise self.errors.popleft()
        found = [record for record in self.log if start <= record.offset < stop]
        for at in range(0, len(found), 300):
            yield found[at : at + 300]
            await asyncio.sleep(0.01)
            if self.breaks:
                raise self.breaks.popleft()


class FakeEmitter:
    """Delivers partials in order, when it may."""

    def __init__(self) -> None:
        self.partials: list[Partial] = []
        self.errors: deque[Exception] = deque()
        self.may_deliver = asyncio.Event()
        self.may_deliver.set()

    async def send(self, topic: str, partition: int, rows: Sequence[Any]) -> list[Any]:
        assert (topic, partition) == ("partials", 0)
        if self.errors:
            raise self.errors.popleft()
        return [asyncio.create_task(self._deliver(rows))] if rows else []

    async def _deliver(self, rows: Sequence[Any]) -> None:
        await self.may_deliver.wait()
        for key, value, _ in rows:
            partial = decode_partial(value)
            assert partial.key == key
            self.partials.append(partial)


class Place:
    """A publisher with all that is around it, and the log that it reads."""

    def __init__(self, log: Iterable[Record] = ()) -> None:
        self.log = list(log) or [Record(offset) for offset in range(3 * BLOCK)]
        self.reader, self.emitter = FakeReader(self.log), FakeEmitter()
        self.crashes: list[BaseException] = []
        self.publisher = self.another()

    def another(self) -> DriftPublisher:
        """Make the publisher of another worker, or of the same after a restart."""
        reader: Any = self.reader
        emitter: Any = self.emitter

        async def crash(error: BaseException) -> None:
            self.crashes.append(error)

        return DriftPublisher(
            emitter=emitter, topic="partials", source_topic="leads", reader=reader, crash=crash
        )

    def batch(self, start: int, stop: int, generation: int = 1) -> Batch:
        records: Any = [record for record in self.log if start <= record.offset < stop]
        return Batch(TP, records, generation=generation)

    def count(
        self,
        start: int,
        stop: int,
        *,
        scorer: FakeScorer,
        generation: int = 1,
        publisher: DriftPublisher | None = None,
        since: int = 0,
        deliveries: Sequence[asyncio.Future[None]] = (),
    ) -> Sequence[Awaitable[None]]:
        """Count a part of the log as a batch."""
        batch = self.batch(start, stop, generation)
        batch.since = since
        model: Any = scorer
        leads = scorer.counted_again(batch.records)  # type: ignore[arg-type]
        return (publisher or self.publisher).count(batch, model, leads, deliveries)

    def published(self, *, closed: bool | None = None) -> list[tuple[int, int]]:
        """Block and next offset of each published partial."""
        return [
            (partial.block, partial.next_offset)
            for partial in self.emitter.partials
            if closed is None or partial.is_closed == closed
        ]

    def total(self, model: ModelIdentity = MODEL) -> LeadCounts:
        """Return the sum of the published partials, as the drift role computes it."""
        windows: dict[int, WindowCounts] = {}
        for partial in self.emitter.partials:
            if partial.model == model:
                empty = WindowCounts.empty_for(partial)
                windows.setdefault(partial.window_start, empty).add(partial)
        return summed((window.total() for window in windows.values()), LAYOUT.size)

    def expected(self, start: int, stop: int) -> LeadCounts:
        """Return the counts of a part of the log, computed at once."""
        some = lead_of([r for r in self.log if start <= r.offset < stop and r.is_good])
        return LAYOUT.count(some.bins, some.scores, label=0.5)


@asynccontextmanager
async def publishing(place: Place) -> AsyncIterator[DriftPublisher]:
    place.publisher.start()
    try:
        yield place.publisher
    finally:
        await place.publisher.stop(within=5)


async def drained(closings: Iterable[Awaitable[None]]) -> None:
    for closing in closings:
        await closing


def as_scorer(scorer: FakeScorer) -> Any:
    return scorer
