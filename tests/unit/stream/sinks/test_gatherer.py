"""Batches are gathered by partition, until there are enough, or they are old enough."""

from __future__ import annotations

import asyncio

from aiokafka import TopicPartition

from stream.sinks.gatherer import Gatherer
from stream.sinks.sink import Gathering
from tests.unit.stream.sinks.fake_sink import AT, batch_of, record_of

LONG = 3600.0


async def test_without_gathering_a_poll_is_returned_at_once() -> None:
    gatherer = Gatherer(Gathering(), 100)
    batch = batch_of(record_of(0))
    await gatherer.put([batch])
    assert await gatherer.take() == [[batch]]


async def test_polls_that_wait_are_returned_together_by_partition() -> None:
    gatherer = Gatherer(Gathering(), 100)
    other = TopicPartition(AT.topic, 1)
    batches = [batch_of(record_of(0)), batch_of(record_of(0), at=other), batch_of(record_of(1))]
    await gatherer.put(batches[:2])
    await gatherer.put(batches[2:])
    assert await gatherer.take() == [[batches[0], batches[2]], [batches[1]]]


async def test_gathering_ends_with_enough_records() -> None:
    gatherer = Gatherer(Gathering(3, LONG), 100)
    taking = asyncio.ensure_future(gatherer.take())
    await gatherer.put([batch_of(record_of(0), record_of(1))])
    await asyncio.wait([taking], timeout=0.01)
    assert not taking.done()
    await gatherer.put([batch_of(record_of(2))])
    [batches] = await taking
    assert len(batches) == 2


async def test_gathering_ends_with_enough_bytes() -> None:
    """Else the source would wait for room, and the gatherer for records."""
    gatherer = Gatherer(Gathering(1000, LONG), 100)
    await gatherer.put([batch_of(record_of(0), size=99)])
    await gatherer.put([batch_of(record_of(1), size=1)])
    assert len(await gatherer.take()) == 1


async def test_gathering_ends_in_time() -> None:
    gatherer = Gatherer(Gathering(1000, 0.01), 100)
    await gatherer.put([batch_of(record_of(0))])
    async with asyncio.timeout(5):
        assert len(await gatherer.take()) == 1


async def test_revoked_batches_are_dropped() -> None:
    gatherer = Gatherer(Gathering(), 100)
    batch = batch_of(record_of(0))
    batch.revoke()
    await gatherer.put([batch])
    assert await gatherer.take() == []
