"""The observer hears of rebalances and fetches."""

from __future__ import annotations

from aiokafka import TopicPartition

from testing.fake_kafka import TOPIC
from testing.jumping_time import in_jumping_time
from tests.unit.stream.consume.source_bench import (
    full_kafka,
    running,
)


@in_jumping_time
async def test_the_observer_gets_rebalances_and_fetches() -> None:
    async with running(full_kafka(10, partitions=2)) as bench:
        for batch in await bench.take(2):
            batch.done()
        await bench.consumer.rebalance([1])
        assert bench.notes.assignments == [
            frozenset(bench.kafka.logs),
            frozenset({TopicPartition(TOPIC, 1)}),
        ]
        assert bench.notes.fetched == [10, 10]
        assert bench.source.assignment.generation == 2
