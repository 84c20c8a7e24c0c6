"""Time by Kafka's clock, read at most once a minute."""

from __future__ import annotations

from stream.lag.kafka_time import KafkaTime


async def test_kafkas_clock_is_advanced_by_the_monotonic_one() -> None:
    monotonic = [100.0]
    reads = []

    async def read() -> float | None:
        reads.append(monotonic[0])
        return 5000.0

    clock = KafkaTime(read, now=lambda: 1.0, monotonic=lambda: monotonic[0])
    await clock.refresh()
    monotonic[0] = 130.0
    await clock.refresh()
    assert (clock.now(), len(reads)) == (5030.0, 1)
    monotonic[0] = 161.0
    await clock.refresh()
    assert (clock.now(), len(reads)) == (5000.0, 2)


async def test_without_it_this_machines_clock_is_used() -> None:
    async def read() -> float | None:
        return None

    clock = KafkaTime(read, now=lambda: 77.0, monotonic=lambda: 0.0)
    await clock.refresh()
    assert clock.now() == 77.0
