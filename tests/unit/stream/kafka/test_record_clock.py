"""Record timestamps when this machine's clock and Kafka's differ."""

from __future__ import annotations

import logging

import pytest

from schemas.errors import FatalError
from stream.kafka.record_clock import RecordClock

NOW = 1_760_000_000.0


class Clocks:
    """This machine's clocks, and Kafka's."""

    def __init__(self, ahead: float, *, tells: bool = True) -> None:
        self.passed = 0.0
        self.ahead = ahead
        self.tells = tells
        self.asked = 0
        self.clock = RecordClock(
            self.ask, now=lambda: NOW + self.passed + self.ahead, monotonic=lambda: self.passed
        )

    async def ask(self) -> float | None:
        self.asked += 1
        return NOW + self.passed if self.tells else None


async def test_a_clock_that_is_right_is_used_as_it_is() -> None:
    clocks = Clocks(ahead=3.0)
    await clocks.clock.compare()
    assert clocks.clock.now() == NOW + 3.0


@pytest.mark.parametrize(("ahead", "words"), [(7200.0, "ahead of"), (-7200.0, "behind")])
async def test_a_wrong_clock_gives_way_to_kafkas_and_is_named(
    ahead: float, words: str, caplog: pytest.LogCaptureFixture
) -> None:
    clocks = Clocks(ahead)
    await clocks.clock.compare()
    assert f"this machine's clock is 7200 s {words} Kafka's clock" in caplog.text
    assert caplog.records[-1].levelno == logging.ERROR
    clocks.passed = 60.0
    clocks.ahead = 0.0  # it is set right meanwhile
    assert clocks.clock.now() == NOW + 60.0
    assert clocks.clock.stamp() == int((NOW + 60.0) * 1000)


async def test_without_kafkas_time_the_clock_stays_as_it_is() -> None:
    clocks = Clocks(7200.0, tells=False)
    await clocks.clock.compare()
    assert clocks.clock.now() == NOW + 7200.0


async def test_without_kafkas_clock_the_latest_timestamp_of_recent_leads_is_used(
    caplog: pytest.LogCaptureFixture,
) -> None:
    clocks = Clocks(7200.0, tells=False)
    clocks.clock.seen(int(NOW * 1000) - 5000)
    clocks.clock.seen(int(NOW * 1000) - 9000)
    await clocks.clock.correct("scored", clocks.clock.stamp())
    assert clocks.clock.now() == NOW - 5.0
    assert "7205 s ahead of the time stamp of a recent lead" in caplog.text


YEAR_3000 = 32_503_680_000_000


async def test_a_lead_of_the_year_3000_does_not_set_the_clock() -> None:
    """Its topic accepts any year; the worker stamped its records so, and crashed forever."""
    clocks = Clocks(7200.0, tells=False)
    for timestamp in (int(NOW * 1000) - 5000, YEAR_3000, 0):
        clocks.clock.seen(timestamp)
    await clocks.clock.correct("scored", clocks.clock.stamp())
    assert clocks.clock.now() == NOW - 5.0


async def test_a_lead_whose_timestamp_is_refused_gives_way_to_an_earlier_one() -> None:
    clocks = Clocks(7200.0, tells=False)
    clocks.clock.seen(int(NOW * 1000) - 5000)
    clocks.clock.seen(int(NOW * 1000) + 5_400_000)
    for _ in range(2):
        await clocks.clock.correct("scored", clocks.clock.stamp())
    assert clocks.clock.now() == NOW - 5.0


async def test_a_clock_that_is_behind_is_set_by_a_later_lead() -> None:
    clocks = Clocks(-7200.0, tells=False)
    clocks.clock.seen(YEAR_3000)
    clocks.clock.seen(int(NOW * 1000) - 5000)
    await clocks.clock.correct("scored", clocks.clock.stamp())
    assert clocks.clock.now() == NOW - 5.0


async def test_where_no_lead_has_a_likely_time_the_clock_is_to_be_set() -> None:
    """The sentence blamed the topic, and named a time in the year 3000."""
    clocks = Clocks(7200.0, tells=False)
    clocks.clock.seen(YEAR_3000)
    await clocks.clock.correct("scored", clocks.clock.stamp())
    with pytest.raises(FatalError, match=r"Topic scored .* set the clock"):
        await clocks.clock.correct("scored", clocks.clock.stamp())


async def test_a_refusal_of_what_was_stamped_before_a_correction_asks_nothing() -> None:
    clocks = Clocks(7200.0)
    refused = clocks.clock.stamp()
    await clocks.clock.correct("scored", refused)
    await clocks.clock.correct("dead", refused)
    assert clocks.asked == 1


async def test_a_topic_that_refuses_the_right_time_is_to_blame() -> None:
    clocks = Clocks(1.0)
    with pytest.raises(FatalError, match=r"differs from Kafka's clock by less than 60 s.*raise"):
        await clocks.clock.correct("scored", clocks.clock.stamp())


async def test_a_clock_of_which_nothing_is_known_is_to_be_set() -> None:
    clocks = Clocks(7200.0, tells=False)
    with pytest.raises(FatalError, match=r"Topic scored .* set the clock"):
        await clocks.clock.correct("scored", clocks.clock.stamp())
