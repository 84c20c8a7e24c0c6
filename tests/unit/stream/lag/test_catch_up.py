"""Rates of a partition, and the time until its group has caught up."""

from __future__ import annotations

import math

import pytest

from stream.lag.catch_up import NEVER, CatchUp, Rates, eta_seconds


def test_a_single_sample_has_no_rate() -> None:
    rates = CatchUp()
    assert rates.rates("p") is None
    rates.note("p", 0.0, 10, 20)
    assert rates.rates("p") is None
    rates.note("p", 0.5, 12, 20)
    assert rates.rates("p") is None, "half a second is too short"


def test_rates_are_of_the_last_minute() -> None:
    rates = CatchUp(window=60)
    for second in range(200):
        slow, fast = 1, 10
        rates.note("p", float(second), second * (slow if second < 100 else fast), 5 * second)
    assert rates.rates("p").produced == pytest.approx(5)
    assert rates.rates("p").consumed == pytest.approx(10)


def test_a_scrape_each_millisecond_keeps_a_sample_a_second() -> None:
    rates = CatchUp(window=60)
    for step in range(100_000):
        rates.note("p", step / 1000, step, step)
    assert len(rates._samples["p"]) <= 62
    assert rates.rates("p").consumed == pytest.approx(1000, rel=0.01)


@pytest.mark.parametrize(("position", "end"), [(5, 200), (150, 100)])
def test_a_reset_of_the_group_or_the_topic_resets_the_rates(position: int, end: int) -> None:
    rates = CatchUp()
    rates.note("p", 0.0, 100, 150)
    rates.note("p", 2.0, 120, 180)
    rates.note("p", 4.0, position, end)
    assert rates.rates("p") is None
    rates.note("p", 6.0, position + 4, end + 2)
    assert rates.rates("p") == Rates(2.0, 1.0)


def test_partitions_that_are_gone_are_forgotten() -> None:
    rates = CatchUp()
    for name in "ab":
        rates.note(name, 0.0, 0, 0)
        rates.note(name, 2.0, 2, 2)
    rates.keep(["a"])
    assert rates.rates("a") == Rates(1.0, 1.0)
    assert rates.rates("b") is None


@pytest.mark.parametrize(
    ("backlog", "rates", "eta"),
    [
        (0, None, 0.0),
        (0, Rates(0.0, 0.0), 0.0),
        (10, None, None),
        (None, Rates(1.0, 0.0), None),
        (100, Rates(30.0, 10.0), 5.0),
        (100, Rates(10.0, 10.0), NEVER),
        (100, Rates(0.0, 0.0), NEVER),
        (100, Rates(5.0, 50.0), NEVER),
    ],
)
def test_the_estimate_is_a_number_never_or_unknown_and_not_nan(
    backlog: int | None, rates: Rates | None, eta: float | None
) -> None:
    found = eta_seconds(backlog, rates)
    assert found == eta
    assert found is None or not math.isnan(found)
