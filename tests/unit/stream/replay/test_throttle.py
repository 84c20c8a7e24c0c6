"""How fast a replay reads: at most its rate, and slower while the workers are behind."""

from __future__ import annotations

import pytest

from stream.replay.throttle import LOWEST, LiveState, Throttle

LAG, LATENCY = 1000, 500.0
WELL = LiveState(lag=0, latency_ms=20.0)
BEHIND = LiveState(lag=LAG + 1)
SLOW = LiveState(lag=0, latency_ms=LATENCY + 1)


class Clock:
    """A clock that moves by waiting alone."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now

    async def pause(self, seconds: float) -> None:
        self.now += seconds


def throttle_of(clock: Clock, max_rate: float | None = None) -> Throttle:
    return Throttle(
        max_rate, lag_limit=LAG, latency_limit_ms=LATENCY, clock=clock, pause=clock.pause
    )


async def read(throttle: Throttle, clock: Clock, seconds: float, speed: float = 50_000.0) -> int:
    """Read for a time, at a speed where nothing else limits it; return how many records."""
    until, count = clock.now + seconds, 0
    while clock.now < until:
        records = await throttle.allowance(2000)
        throttle.spent(records)
        count += records
        clock.now += records / speed
    return count


async def test_without_a_rate_nothing_is_limited() -> None:
    throttle = throttle_of(Clock())
    assert await throttle.allowance(2000) == 2000


@pytest.mark.parametrize("rate", [1.0, 500.0, 30_000.0])
async def test_a_rate_is_kept(rate: float) -> None:
    clock = Clock()
    count = await read(throttle_of(clock, rate), clock, 20.0)
    assert count == pytest.approx(rate * 20, rel=0.1, abs=2)


@pytest.mark.parametrize("state", [BEHIND, SLOW])
async def test_it_halves_with_each_look_down_to_nothing(state: LiveState) -> None:
    clock = Clock()
    throttle = throttle_of(clock)
    rates: list[float] = []
    for _ in range(12):
        if throttle.rate != 0:
            await read(throttle, clock, 1.0)
        throttle.look(state)
        assert throttle.rate is not None
        rates.append(throttle.rate)
    assert rates[0] == pytest.approx(25_000, rel=0.1)
    assert rates == sorted(rates, reverse=True)
    assert rates[-1] == 0
    assert throttle.yields_to is not None


async def test_it_continues_once_the_workers_have_caught_up_and_says_so(
    caplog: pytest.LogCaptureFixture,
) -> None:
    clock = Clock()
    throttle = throttle_of(clock)
    for _ in range(12):
        clock.now += 1.0
        throttle.look(BEHIND)
    assert throttle.rate == 0
    throttle.look(WELL)
    assert throttle.rate == LOWEST
    for _ in range(40):
        await read(throttle, clock, 1.0)
        throttle.look(WELL)
    assert (throttle.rate, throttle.yields_to) == (None, None)
    assert len(caplog.records) == 2, "one line when it yields, one when it is over"


async def test_it_never_exceeds_its_own_rate_afterwards() -> None:
    clock = Clock()
    throttle = throttle_of(clock, 1000.0)
    await read(throttle, clock, 1.0)
    throttle.look(BEHIND)
    assert throttle.rate == pytest.approx(500, rel=0.2)
    for _ in range(10):
        await read(throttle, clock, 1.0)
        throttle.look(WELL)
        assert throttle.rate is not None
        assert throttle.rate <= 1000.0
    assert throttle.rate == 1000.0


async def test_between_half_of_a_limit_and_the_limit_the_rate_stays() -> None:
    clock = Clock()
    throttle = throttle_of(clock)
    await read(throttle, clock, 1.0)
    throttle.look(BEHIND)
    before = throttle.rate
    await read(throttle, clock, 1.0)
    throttle.look(LiveState(lag=LAG * 3 // 4))
    assert throttle.rate == before


def test_without_workers_there_is_nobody_to_yield_to() -> None:
    throttle = throttle_of(Clock())
    throttle.look(LiveState())
    assert throttle.yields_to is None


def test_a_process_that_reads_nothing_knows_whether_the_others_yield() -> None:
    throttle = throttle_of(Clock())
    throttle.note(BEHIND)
    assert throttle.yields_to == "the workers' lag is 1,001 records (limit 1,000)"
    throttle.note(LiveState(lag=LAG * 3 // 4))
    assert throttle.yields_to is not None, "they grow faster below half of the limit"
    throttle.note(WELL)
    assert (throttle.yields_to, throttle.rate) == (None, None)
