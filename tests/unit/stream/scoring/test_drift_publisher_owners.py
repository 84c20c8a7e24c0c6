"""Drift counts when a partition changes its owner: heads of blocks are counted again."""

from __future__ import annotations

import asyncio

import pytest
from aiokafka.errors import (
    KafkaTimeoutError,
    NodeNotReadyError,
    TopicAuthorizationFailedError,
    UnknownError,
)

from agents.drift import BLOCK
from schemas.errors import FatalError
from testing.jumping_time import in_jumping_time
from tests.unit.stream.scoring.drift_place import (
    FakeScorer,
    Place,
    Record,
    as_scorer,
    drained,
    publishing,
)


@in_jumping_time
async def test_the_next_owner_counts_records_that_were_read_before() -> None:
    place = Place()
    (closing,) = place.count(3000, 4200, scorer=FakeScorer())
    await closing
    assert place.reader.reads == [(0, 3000)]
    assert place.published() == [(0, BLOCK)]
    assert place.total() == place.expected(0, BLOCK)


@in_jumping_time
async def test_a_block_whose_first_records_are_not_counted_is_not_published() -> None:
    place = Place()
    place.reader.may_read.clear()
    async with publishing(place):
        place.count(3000, 3500, scorer=FakeScorer())
        await asyncio.sleep(5)
        assert place.published() == []
        place.reader.may_read.set()
        await asyncio.sleep(2)
        assert place.published() == [(0, 3500)]
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
async def test_a_complete_block_that_was_not_published_is_published_by_the_next_owner() -> None:
    place = Place()
    await drained(place.count(BLOCK, BLOCK + 50, scorer=FakeScorer()))
    await asyncio.sleep(1)
    assert place.published(closed=True) == [(0, BLOCK)]
    assert place.total() == place.expected(0, BLOCK)


@in_jumping_time
async def test_a_partition_taken_over_is_counted_before_a_lead_comes() -> None:
    place, model = Place(), as_scorer(FakeScorer())
    async with publishing(place):
        place.publisher.resume(0, model, 1, 3000)
        await asyncio.sleep(2)
        assert place.published() == [(0, 3000)]
        place.publisher.resume(0, model, 1, 3500)  # said twice, it is nothing new
        place.publisher.resume(0, model, 2, 3000)  # kept over a rebalance
        assert place.reader.reads == [(0, 3000)]
        place.publisher.resume(0, model, 3, 3700)  # gone and come back
        await asyncio.sleep(2)
        assert place.published()[-1] == (0, 3700)
    assert place.total() == place.expected(0, 3700)


@in_jumping_time
async def test_a_partition_from_its_beginning_has_no_head() -> None:
    place = Place()
    place.publisher.resume(0, as_scorer(FakeScorer()), 1, 0)
    await asyncio.sleep(1)
    assert place.reader.reads == []


@in_jumping_time
async def test_a_broker_that_is_unavailable_is_asked_again_for_the_head() -> None:
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
    assert place.published() == []
    after = place.another()
    after.start()
    after.resume(0, as_scorer(FakeScorer()), 1, 3500)
    await asyncio.sleep(3)
    await after.stop(within=1)
    assert place.total() == place.expected(0, 3500)


@in_jumping_time
async def test_a_block_that_ends_in_a_gap_is_published_by_the_next_owner() -> None:
    """A commit passes the gap once all before it is done; open blocks are published later."""
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
    assert place.published() == []
