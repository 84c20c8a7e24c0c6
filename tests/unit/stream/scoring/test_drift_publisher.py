"""Blocks of counts as a worker publishes them: takeovers, gaps, swaps, order, errors."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest
from aiokafka import TopicPartition
from aiokafka.errors import (
    KafkaError,
    KafkaTimeoutError,
    NodeNotReadyError,
    TopicAuthorizationFailedError,
    UnknownError,
)

from agents.drift import BLOCK, CountedLeads, Counting
from agents.drift_windows import WindowCounts, summed
from agents.partials import Partial, decode_partial
from features.counts import LeadCounts
from schemas.errors import FatalError
from schemas.model_identity import ModelIdentity
from stream.consume.partition_progress import Batch
from stream.deliver.delivery import PartitionLostError
from stream.scoring.drift_publisher import DriftPublisher
from testing.jumping_time import in_jumping_time
from tests.unit.agents.drift_log import LAYOUT, MODEL, OTHER_MODEL, counting, leads

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
        self.told: list[Partial] = []
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
            self.told.append(partial)


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

    def told(self, *, closed: bool | None = None) -> list[tuple[int, int]]:
        """Block and next offset of each published partial."""
        return [
            (partial.block, partial.next_offset)
            for partial in self.emitter.told
            if closed is None or partial.is_closed == closed
        ]

    def total(self, model: ModelIdentity = MODEL) -> LeadCounts:
        """Sum up what was told, as the drift role does."""
        windows: dict[int, WindowCounts] = {}
        for partial in self.emitter.told:
            if partial.model == model:
                empty = WindowCounts.empty_for(partial)
                windows.setdefault(partial.window_start, empty).add(partial)
        return summed((window.total() for window in windows.values()), LAYOUT.size)

    def expected(self, start: int, stop: int) -> LeadCounts:
        """Count a part of the log afresh."""
        some = lead_of([r for r in self.log if start <= r.offset < stop and r.is_good])
        return LAYOUT.count(some.bins, some.scores, label=0.5)


@asynccontextmanager
async def publishing(place: Place) -> AsyncIterator[DriftPublisher]:
    place.publisher.start()
    try:
        yield place.publisher
    finally:
        await place.publisher.stop(within=5)


@in_jumping_time
async def test_a_complete_block_is_published_before_its_batch_is_done() -> None:
    place, scorer = Place(), FakeScorer()
    place.emitter.may_deliver.clear()
    assert place.count(0, 4000, scorer=scorer) == []
    (closing,) = place.count(4000, 4500, scorer=scorer)
    done = asyncio.ensure_future(closing)
    await asyncio.sleep(5)
    assert not done.done()
    assert place.told() == []
    place.emitter.may_deliver.set()
    await done
    assert place.told() == [(0, BLOCK)]
    assert place.total() == place.expected(0, BLOCK)


@in_jumping_time
async def test_a_batch_over_several_blocks_waits_for_each() -> None:
    place = Place()
    closings = place.count(0, 3 * BLOCK, scorer=FakeScorer())
    for closing in closings:
        await closing
    assert [block for block, _ in place.told(closed=True)] == [0, 1, 2]
    assert place.total() == place.expected(0, 3 * BLOCK)


@in_jumping_time
async def test_a_changed_open_block_is_published_once_a_second() -> None:
    place, scorer = Place(), FakeScorer()
    async with publishing(place):
        for start in range(0, 300, 10):
            place.count(start, start + 10, scorer=scorer)
            await asyncio.sleep(0.1)
        await asyncio.sleep(10)
        assert len(place.told()) in {3, 4}
        assert place.told()[-1] == (0, 300)
        assert place.total() == place.expected(0, 300)


@in_jumping_time
async def test_a_stop_publishes_new_counts() -> None:
    place = Place()
    async with publishing(place):
        place.count(0, 30, scorer=FakeScorer())
    assert place.told() == [(0, 30)]


@in_jumping_time
async def test_a_stop_keeps_to_its_limit() -> None:
    place = Place()
    place.publisher.start()
    place.count(0, 30, scorer=FakeScorer())
    place.emitter.may_deliver.clear()
    begun = asyncio.get_running_loop().time()
    await place.publisher.stop(within=5)
    assert asyncio.get_running_loop().time() - begun == pytest.approx(5, abs=0.1)
    place.emitter.may_deliver.set()


@in_jumping_time
async def test_the_next_owner_counts_records_that_were_read_before() -> None:
    place = Place()
    (closing,) = place.count(3000, 4200, scorer=FakeScorer())
    await closing
    assert place.reader.reads == [(0, 3000)]
    assert place.told() == [(0, BLOCK)]
    assert place.total() == place.expected(0, BLOCK)


@in_jumping_time
async def test_a_block_whose_first_records_are_not_counted_is_not_published() -> None:
    place = Place()
    place.reader.may_read.clear()
    async with publishing(place):
        place.count(3000, 3500, scorer=FakeScorer())
        await asyncio.sleep(5)
        assert place.told() == []
        place.reader.may_read.set()
        await asyncio.sleep(2)
        assert place.told() == [(0, 3500)]
        assert place.total() == place.expected(0, 3500)


@in_jumping_time
async def test_leads_that_come_while_the_head_is_counted_are_counted_once() -> None:
    place, scorer = Place(), FakeScorer()
    async with publishing(place):
        for start in range(2000, 4000, 100):
            place.count(start, start + 100, scorer=scorer)
            await asyncio.sleep(0.005)
        await asyncio.sleep(2)
    assert place.total() == place.expected(0, 4000)


@in_jumping_time
async def test_blocks_are_published_in_order() -> None:
    """Event time goes forward in what is told, so that no lead is late for the order of blocks."""
    place, scorer = Place(), FakeScorer()
    place.reader.may_read.clear()
    async with publishing(place):
        place.count(3000, 4200, scorer=scorer)
        place.count(4200, 4300, scorer=scorer)
        await asyncio.sleep(3)
        assert place.told() == []
        place.reader.may_read.set()
        await asyncio.sleep(3)
    assert place.told() == [(0, BLOCK), (1, 4300)]


@in_jumping_time
async def test_a_gap_within_a_generation_is_one_of_the_log() -> None:
    log = [Record(o) for o in (*range(100), *range(200, 300), *range(3 * BLOCK, 3 * BLOCK + 9))]
    place, scorer = Place(log), FakeScorer()
    place.count(0, 100, scorer=scorer)
    place.count(200, 300, scorer=scorer)
    (closing,) = place.count(3 * BLOCK, 3 * BLOCK + 9, scorer=scorer)
    await closing
    assert place.reader.reads == []
    assert place.told() == [(0, BLOCK)]
    await place.publisher.stop(within=1)
    assert place.total() == place.expected(0, BLOCK)


@in_jumping_time
async def test_a_gap_between_generations_was_read_by_another_worker() -> None:
    place, scorer = Place(), FakeScorer()
    place.count(0, 100, scorer=scorer)
    (closing,) = place.count(4000, 4100, scorer=scorer, generation=2)
    await closing
    assert place.reader.reads == [(0, 4000)]
    assert place.total() == place.expected(0, BLOCK)


@in_jumping_time
async def test_no_gap_between_generations_is_no_reason_to_read_again() -> None:
    place, scorer = Place(), FakeScorer()
    place.count(0, 100, scorer=scorer)
    place.count(100, 200, scorer=scorer, generation=2)
    place.count(300, 400, scorer=scorer, generation=2)
    assert place.reader.reads == []


@in_jumping_time
async def test_records_that_come_again_are_counted_once() -> None:
    place, scorer = Place(), FakeScorer()
    for closing in place.count(0, 5000, scorer=scorer):
        await closing
    async with publishing(place):
        for closing in place.count(2000, 6000, scorer=scorer, generation=2):
            await closing
        await asyncio.sleep(2)
    assert place.reader.reads == [(0, 2000)]
    assert place.total() == place.expected(0, 6000)


@in_jumping_time
async def test_a_complete_block_that_was_not_published_is_published_by_the_next_owner() -> None:
    place = Place()
    await drained(place.count(BLOCK, BLOCK + 50, scorer=FakeScorer()))
    await asyncio.sleep(1)
    assert place.told(closed=True) == [(0, BLOCK)]
    assert place.total() == place.expected(0, BLOCK)


async def drained(closings: Iterable[Awaitable[None]]) -> None:
    for closing in closings:
        await closing


@in_jumping_time
async def test_a_partition_taken_over_is_counted_before_a_lead_comes() -> None:
    place, model = Place(), as_scorer(FakeScorer())
    async with publishing(place):
        place.publisher.resume(0, model, 1, 3000)
        await asyncio.sleep(2)
        assert place.told() == [(0, 3000)]
        place.publisher.resume(0, model, 1, 3500)  # said twice, it is nothing new
        place.publisher.resume(0, model, 2, 3000)  # kept over a rebalance
        assert place.reader.reads == [(0, 3000)]
        place.publisher.resume(0, model, 3, 3700)  # gone and come back
        await asyncio.sleep(2)
        assert place.told()[-1] == (0, 3700)
    assert place.total() == place.expected(0, 3700)


@in_jumping_time
async def test_a_partition_from_its_beginning_has_no_head() -> None:
    place = Place()
    place.publisher.resume(0, as_scorer(FakeScorer()), 1, 0)
    await asyncio.sleep(1)
    assert place.reader.reads == []


def as_scorer(scorer: FakeScorer) -> Any:
    return scorer


@in_jumping_time
async def test_after_a_swap_each_model_has_its_own_counts() -> None:
    place, scorer, other = Place(), FakeScorer(), FakeScorer(OTHER_MODEL)
    place.count(0, 1000, scorer=scorer)
    (closing,) = place.count(1000, 4100, scorer=other)
    await closing
    assert place.reader.reads == [(0, 1000)]
    assert place.total() == place.expected(0, 1000)
    assert place.total(OTHER_MODEL) == place.expected(0, BLOCK)


@in_jumping_time
async def test_a_change_of_model_counts_each_lead_under_one_model() -> None:
    """The next model begins where the one before has ended, within a block and across owners."""
    place, old, new = Place(), FakeScorer(), FakeScorer(OTHER_MODEL)
    async with publishing(place) as publisher:
        place.count(0, 1000, scorer=old)
        await publisher.publish_rest([0])
        assert place.total() == place.expected(0, 1000)
        place.count(1000, 1500, scorer=new, since=1000)
    successor = place.another()
    successor.resume(0, as_scorer(new), 2, 1500, since=1000)
    await drained(
        place.count(1500, 4500, scorer=new, generation=2, publisher=successor, since=1000)
    )
    assert place.total() == place.expected(0, 1000)
    assert place.total(OTHER_MODEL) == place.expected(1000, BLOCK)
    assert place.reader.reads == [(1000, 1500)]


@in_jumping_time
async def test_a_model_that_returns_within_a_block_keeps_the_counts_of_its_first_part() -> None:
    place, first, second = Place(), FakeScorer(), FakeScorer(OTHER_MODEL)
    async with publishing(place):
        place.count(0, 1000, scorer=first)
        await place.publisher.publish_rest([0])
        place.count(1000, 2000, scorer=second, since=1000)
        await place.publisher.publish_rest([0])
        place.count(2000, 3000, scorer=first, since=2000)
    # Its next owner counts its second part anew, and to the block's end.
    place.publisher = place.another()
    async with publishing(place):
        closings = place.count(3000, 5000, scorer=first, generation=2, since=2000)
        for closing in closings:
            await closing
    expected = place.expected(0, 1000)
    expected += place.expected(2000, 5000)
    assert place.total() == expected
    assert place.total(OTHER_MODEL) == place.expected(1000, 2000)
    assert place.crashes == []


@in_jumping_time
async def test_a_model_that_returns_before_the_next_record_begins_a_stretch() -> None:
    """The next owner knows where the model began last, and counts from there on."""
    place, first = Place(), FakeScorer()
    async with publishing(place):
        place.count(0, 1000, scorer=first)
        await place.publisher.publish_rest([0])
        # Another model was current since 1000, and scored nothing.
        place.count(1000, 2000, scorer=first, since=1000)
    place.publisher = place.another()
    place.publisher.resume(0, as_scorer(first), 2, 2000, since=1000)
    async with publishing(place):
        for closing in place.count(2000, 5000, scorer=first, generation=2, since=1000):
            await closing
    assert place.total() == place.expected(0, 5000)


@in_jumping_time
async def test_a_model_that_begins_with_a_block_has_no_head() -> None:
    place, new = Place(), FakeScorer(OTHER_MODEL)
    place.publisher.resume(0, as_scorer(new), 1, BLOCK, since=BLOCK)
    await drained(place.count(BLOCK, 2 * BLOCK, scorer=new, since=BLOCK))
    assert place.reader.reads == []
    assert place.told() == [(1, 2 * BLOCK)]


@in_jumping_time
async def test_the_rest_is_published_after_the_head_is_counted() -> None:
    place, old = Place(), FakeScorer()
    place.reader.may_read.clear()
    place.publisher.resume(0, as_scorer(old), 1, 1000)
    rest = asyncio.ensure_future(place.publisher.publish_rest([0]))
    await asyncio.sleep(1)
    assert not rest.done()
    place.reader.may_read.set()
    await rest
    assert place.total() == place.expected(0, 1000)


@in_jumping_time
async def test_counts_are_not_published_before_the_outputs_are_delivered() -> None:
    """Else nobody could find out from the outputs how far the records were counted."""
    place, scorer = Place(), FakeScorer()
    delivery = asyncio.get_running_loop().create_future()
    async with publishing(place):
        place.count(0, 4000, scorer=scorer, deliveries=[delivery])
        (closing,) = place.count(4000, 4500, scorer=scorer)
        await asyncio.sleep(3)
        assert place.told() == []
        delivery.set_result(None)
        await closing
        assert place.told(closed=True) == [(0, BLOCK)]


@in_jumping_time
async def test_a_block_that_is_closed_while_its_open_counts_are_published_waits_for_them() -> None:
    """And they do not wait for it: the versions of a block come in order."""
    place, scorer = Place(), FakeScorer()
    delivery = asyncio.get_running_loop().create_future()
    place.count(0, 4000, scorer=scorer, deliveries=[delivery])
    place.publisher._publish_open()
    (closing,) = place.count(4000, 4500, scorer=scorer)  # before that has taken its first step
    delivery.set_result(None)
    async with asyncio.timeout(5):
        await closing
    place.count(4500, 5000, scorer=scorer)
    await place.publisher.publish_rest([0])
    assert place.told() == [(0, BLOCK), (1, 5000)]


@in_jumping_time
async def test_counts_of_another_owner_are_not_published() -> None:
    place, scorer = Place(), FakeScorer()
    delivery = asyncio.get_running_loop().create_future()
    async with publishing(place):
        place.count(0, 4000, scorer=scorer, deliveries=[delivery])
        await asyncio.sleep(1.5)
        delivery.set_exception(PartitionLostError())
        await asyncio.sleep(3)
    assert place.told() == []
    assert place.crashes == []


@in_jumping_time
async def test_counts_behind_undelivered_outputs_are_not_published() -> None:
    """Seen once: a later batch made the failed outputs forgotten, and the counts were published."""
    place, scorer = Place(), FakeScorer()
    lost, later = (asyncio.get_running_loop().create_future() for _ in range(2))
    async with publishing(place):
        place.count(0, 3000, scorer=scorer, deliveries=[lost])
        lost.set_exception(PartitionLostError())
        place.count(3000, 5000, scorer=scorer, deliveries=[later])
        later.set_result(None)
        await asyncio.sleep(3)
        assert place.told() == []
        for closing in place.count(5000, 9000, scorer=scorer, generation=2):
            await closing  # as if another had done the records before
    assert place.told(closed=True) == [(1, 2 * BLOCK)]
    assert place.reader.reads == [(BLOCK, 5000)]


@in_jumping_time
async def test_a_change_of_model_during_counting_publishes_no_incomplete_version() -> None:
    """The partials up to an offset are a pure function of the log, which needs the log's head."""
    place, scorer, other = Place(), FakeScorer(), FakeScorer(OTHER_MODEL)
    place.reader.may_read.clear()
    place.count(2000, 2500, scorer=scorer)
    place.count(2500, 2600, scorer=other)
    await asyncio.sleep(3)
    assert place.told() == []
    place.reader.may_read.set()
    await asyncio.sleep(3)
    assert place.total() == place.expected(0, 2500)


@in_jumping_time
async def test_records_that_are_no_leads_make_a_block_whole_as_well() -> None:
    log = [Record(offset, is_good=offset < 10) for offset in range(BLOCK + 20)]
    place, scorer = Place(log), FakeScorer()
    place.count(0, 10, scorer=scorer)
    (closing,) = place.count(10, BLOCK + 20, scorer=scorer)
    await closing
    assert place.told() == [(0, BLOCK)]
    assert place.total() == place.expected(0, 10)


@in_jumping_time
async def test_a_model_without_counting_counts_nothing() -> None:
    place, scorer = Place(), FakeScorer(counts=False)
    async with publishing(place):
        assert place.count(0, 5000, scorer=scorer) == ()
        place.publisher.resume(0, as_scorer(scorer), 1, 50)
        await asyncio.sleep(2)
    assert place.told() == []


@in_jumping_time
async def test_counts_of_a_revoked_partition_are_not_published() -> None:
    place = Place()
    async with publishing(place):
        place.count(0, 10, scorer=FakeScorer())
        place.publisher.assigned([1, 2])
        await asyncio.sleep(3)
    assert place.told() == []


@in_jumping_time
async def test_a_broker_that_is_away_is_asked_again_for_the_head() -> None:
    place = Place()
    place.reader.errors += [NodeNotReadyError("booting"), KafkaTimeoutError(), UnknownError()]
    (closing,) = place.count(3000, 4100, scorer=FakeScorer())
    await closing
    assert place.reader.reads == [(0, 3000)] * 4
    assert place.total() == place.expected(0, BLOCK)
    assert place.crashes == []


@in_jumping_time
async def test_a_head_whose_reading_breaks_off_is_counted_on_from_there() -> None:
    """It is counted as it is read: 4,096 leads of 256 kB do not fit in memory."""
    place = Place()
    place.reader.breaks += [NodeNotReadyError("booting"), UnknownError()]
    (closing,) = place.count(3000, 4100, scorer=FakeScorer())
    await closing
    assert place.reader.reads == [(0, 3000), (300, 3000), (600, 3000)]
    assert place.total() == place.expected(0, BLOCK)
    assert place.crashes == []


@in_jumping_time
async def test_counts_without_the_first_records_of_a_block_are_never_published() -> None:
    """They would be taken for the block's, up to the next lead, as they reach as far."""
    place = Place()
    place.publisher.start()
    place.reader.errors.append(TopicAuthorizationFailedError("leads"))
    place.count(3000, 3500, scorer=FakeScorer())
    await asyncio.sleep(0.1)
    assert place.crashes
    await place.publisher.stop(within=5)  # what a worker does that crashes
    assert place.told() == []
    after = place.another()
    after.start()
    after.resume(0, as_scorer(FakeScorer()), 1, 3500)
    await asyncio.sleep(3)
    await after.stop(within=1)
    assert place.total() == place.expected(0, 3500)


@in_jumping_time
async def test_a_block_that_ends_in_a_gap_is_published_by_the_next_owner() -> None:
    """A commit runs over the gap when all before it is done, and open blocks are told later."""
    place = Place([Record(offset) for offset in (*range(4000), *range(20_000, 20_100))])
    place.publisher.start()
    place.count(0, 3990, scorer=FakeScorer())
    await asyncio.sleep(1.5)
    place.count(3990, 4000, scorer=FakeScorer())
    place.publisher.assigned([])  # within the second, after a commit of 20,000
    after = place.another()
    after.start()
    after.resume(0, as_scorer(FakeScorer()), 1, 20_000)
    place.count(20_000, 20_100, scorer=FakeScorer(), publisher=after)
    await asyncio.sleep(3)
    await place.publisher.stop(within=1)
    await after.stop(within=1)
    assert place.total() == place.expected(0, 20_100)


@in_jumping_time
async def test_a_head_that_must_not_be_read_ends_the_worker() -> None:
    place = Place()
    place.reader.errors.append(TopicAuthorizationFailedError("leads"))
    (closing,) = place.count(3000, 4100, scorer=FakeScorer())
    with pytest.raises(FatalError, match="expected to be readable from 0 to 3000"):
        await closing
    await asyncio.sleep(0)
    assert place.crashes
    assert place.told() == []


@in_jumping_time
async def test_open_blocks_that_cannot_be_published_end_the_worker() -> None:
    place = Place()
    async with publishing(place):
        place.emitter.errors.append(FatalError("no such topic"))
        place.count(0, 10, scorer=FakeScorer())
        await asyncio.sleep(3)
        assert [str(error) for error in place.crashes] == ["no such topic"]


@in_jumping_time
async def test_a_complete_block_that_cannot_be_published_leaves_its_batch_undone() -> None:
    place = Place()
    place.emitter.errors.append(FatalError("no such topic"))
    (closing,) = place.count(0, BLOCK, scorer=FakeScorer())
    with pytest.raises(FatalError, match="no such topic"):
        await closing
    await asyncio.sleep(0)
    assert place.crashes


@pytest.mark.parametrize("seed", range(12))
@in_jumping_time
async def test_counts_are_exact_however_workers_come_and_go(seed: int) -> None:
    random = np.random.default_rng(seed)
    log = [Record(o, bool(random.random() > 0.1)) for o in range(9000) if random.random() > 0.05]
    place, scorer = Place(log), FakeScorer()
    workers, committed, generation = [place.publisher], 0, 1
    place.publisher.start()
    end = log[-1].offset + 1
    while committed < end:
        stop = min(end, committed + int(random.integers(1, 900)))
        closings: Sequence[Awaitable[None]] = ()
        if place.batch(committed, stop).records:
            closings = place.count(
                committed, stop, scorer=scorer, generation=generation, publisher=workers[-1]
            )
        fate = random.random()
        if fate < 0.15:  # killed: what was not committed is read again
            workers.append(place.another())
            workers[-1].start()
            generation += 1
            workers[-1].resume(0, as_scorer(scorer), generation, committed)
            continue
        if fate < 0.25:  # a rebalance: some of it is read again
            generation += 1
        await drained(closings)
        committed = stop
        if random.random() < 0.5:
            await asyncio.sleep(float(random.random()))
    for worker in workers:
        await worker.stop(within=5)
    assert place.crashes == []
    assert place.total() == place.expected(0, end)
