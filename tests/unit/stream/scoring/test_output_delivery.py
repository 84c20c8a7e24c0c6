"""Outputs that the broker refuses, and partitions that another worker owns."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from agents.records import Output
from stream.deliver.delivery import PartitionLostError
from tests.unit.stream.scoring.pipeline_bench import (
    Admitting,
    Place,
    batch,
)


def codes(rows: Sequence[Output]) -> list[bytes | None]:
    return [dict(headers)["leadscore.error.code"] for _, _, headers in rows]


async def test_an_event_that_the_broker_refuses_as_too_large_becomes_a_dead_letter() -> None:
    async with Place() as place:
        given = batch(0, count=3)
        await place.pipeline.accept([given])
        await place.until_sent(1)
        place.emitter.refuse(0, [1])
        await place.until_sent(2)
        topic, _, rows = place.emitter.sent[1]
        assert topic == "dead"
        assert [dict(headers)["__connect.errors.offset"] for _, _, headers in rows] == [b"1"]
        await place.settle()
        assert not given.is_done
        await place.deliver(1)
        assert given.is_done
        assert place.value("leadscore_leads_scored_total") == 2


async def test_a_dead_letter_that_the_broker_refuses_is_sent_without_its_value() -> None:
    async with Place() as place:
        given = batch(0, 3, value=b"?")
        await place.pipeline.accept([given])
        await place.until_sent(1)
        place.emitter.refuse(0, [0, 2])
        await place.until_sent(2)
        topic, _, rows = place.emitter.sent[1]
        assert topic == "dead"
        assert [(key, value) for key, value, _ in rows] == [(None, None)] * 2
        assert [dict(headers)["__connect.errors.offset"] for _, _, headers in rows] == [b"0", b"2"]
        await place.settle()
        assert not given.is_done
        await place.deliver(1)
        assert given.is_done
        assert not place.crashes


async def test_a_dead_letter_of_a_refused_event_that_is_refused_too_is_sent_smaller() -> None:
    async with Place() as place:
        given = batch(0, 1)
        await place.pipeline.accept([given])
        for refusals in range(2):
            await place.until_sent(refusals + 1)
            place.emitter.refuse(refusals, [0])
        await place.until_sent(3)
        assert place.emitter.topics() == ["scored", "dead", "dead"]
        assert codes(place.emitter.sent[2][2]) == [b"OUTPUT_TOO_LARGE"]
        assert place.emitter.sent[2][2][0][1] is None
        await place.deliver(2)
        assert given.is_done


async def test_batches_that_are_not_admitted_are_not_sent() -> None:
    async with Place(in_flight=1, delivery=Admitting) as place:
        lost, ours = batch(0, partition=1), batch(0, partition=2)
        await place.pipeline.accept([lost, ours])
        await place.until_sent(1)
        assert [partition for _, partition, _ in place.emitter.sent] == [2]
        await place.deliver(0)
        assert (lost.is_done, ours.is_done) == (False, True)
        await place.pipeline.accept([batch(2, partition=1)])


async def test_a_partition_lost_in_flight_is_dropped_and_the_others_complete() -> None:
    async with Place(in_flight=1) as place:
        lost, ours = batch(0, partition=1), batch(0, partition=2)
        await place.pipeline.accept([lost, ours])
        await place.until_sent(2)
        place.emitter.deliveries[0].set_exception(PartitionLostError("another's"))
        await place.deliver(1)
        assert (lost.is_done, ours.is_done) == (False, True)
        assert not place.crashes
        async with asyncio.timeout(1):
            await place.pipeline.accept([batch(2)])
