"""A record that can't be read stops its partition, and no other."""

from __future__ import annotations

import asyncio

import pytest

from tests.unit.stream.fakes import FakeKafka, in_jumping_time
from tests.unit.stream.test_source import OTHER, TP, full_kafka, running


@pytest.mark.parametrize("is_known", [False, True])
def test_a_record_that_cannot_be_read_stops_its_partition_alone(
    is_known: bool, caplog: pytest.LogCaptureFixture
) -> None:
    """aiokafka loses what the same poll has drained of others, whose positions have moved."""

    @in_jumping_time
    async def run() -> None:
        kafka = full_kafka(5 if is_known else 12, partitions=2)
        kafka[1].unreadable.add(7)
        async with running(kafka) as bench:
            working = asyncio.create_task(bench.work())
            await asyncio.sleep(1.5)
            if is_known:
                assert kafka.committed == {TP: 5, OTHER: 5}
                kafka[1].append(7)
                kafka[0].append(7)
                await asyncio.sleep(1.5)
            assert kafka.committed == {TP: 12, OTHER: 7}
            kafka[0].append(20)
            await asyncio.sleep(400)
            assert kafka.committed == {TP: 32, OTHER: 7}
            assert bench.source.stalled_for == 0.0, "a new start would not help"
            assert not bench.app.errors
            kafka.committed[OTHER] = 8  # as its operator moves it
            await bench.consumer.rebalance([0, 1])
            await asyncio.sleep(1.5)
            assert kafka.committed == {TP: 32, OTHER: 12}
            working.cancel()
        assert bench.seen == {TP: list(range(32)), OTHER: [*range(7), *range(8, 12)]}
        [told] = [record for record in caplog.records if record.levelname == "ERROR"]
        assert "partition=1) was expected to be readable, but its record at offset 7" in (
            told.getMessage()
        )

    run()


@in_jumping_time
async def test_a_rebalance_ends_the_search_for_a_record_that_cannot_be_read() -> None:
    kafka = full_kafka(5, partitions=2)
    async with running(kafka) as bench:
        working = asyncio.create_task(bench.work())
        await asyncio.sleep(1.5)
        bench.consumer.fetch_errors.append(ZeroDivisionError())  # it does not come again
        await asyncio.sleep(1)
        await bench.consumer.rebalance([0])
        kafka[0].append(7)
        await asyncio.sleep(1)
        assert bench.seen[TP] == list(range(12))
        await asyncio.sleep(15)
        assert not bench.app.errors
        working.cancel()


@in_jumping_time
async def test_an_error_of_our_own_crashes_the_app_as_it_is() -> None:
    async with running(FakeKafka()) as bench:
        bench.consumer.fetch_errors.append(ZeroDivisionError())
        await asyncio.sleep(15)  # meanwhile each partition is asked for a record that gives it
        assert isinstance(bench.app.errors[0], ZeroDivisionError)
