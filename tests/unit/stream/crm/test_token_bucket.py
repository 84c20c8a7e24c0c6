"""A token bucket on a clock of the test."""

from __future__ import annotations

from stream.crm.token_bucket import TokenBucket


async def test_a_burst_passes_and_then_requests_keep_the_rate() -> None:
    at, waits = [0.0], []

    async def sleep(seconds: float) -> None:
        waits.append(round(seconds, 3))
        at[0] += seconds

    bucket = TokenBucket(10.0, 3, now=lambda: at[0], sleep=sleep)
    for _ in range(5):
        await bucket.take()
    assert waits == [0.1, 0.1]
    at[0] += 100.0
    for _ in range(4):
        await bucket.take()
    assert waits == [0.1, 0.1, 0.1], "no more than a burst was saved up"


async def test_each_of_several_callers_waits_for_those_before_it() -> None:
    waits: list[float] = []

    async def sleep(seconds: float) -> None:
        waits.append(round(seconds, 3))

    bucket = TokenBucket(10.0, 1, now=lambda: 0.0, sleep=sleep)
    for _ in range(3):
        await bucket.take()
    assert waits == [0.1, 0.2]
