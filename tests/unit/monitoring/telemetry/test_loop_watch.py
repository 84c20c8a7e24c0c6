"""The longest recent hold of the event loop."""

from __future__ import annotations

from monitoring.telemetry.loop_watch import LongestHold


def test_without_observations_it_is_zero() -> None:
    assert LongestHold().value == 0.0


def test_a_shorter_hold_does_not_hide_a_longer_one() -> None:
    longest = LongestHold(60.0)
    for now, held in ((0.0, 0.2), (1.0, 0.7), (2.0, 0.1)):
        longest.observe(now, held)
    assert longest.value == 0.7


def test_a_hold_is_shown_for_its_least_age_and_dropped_after_twice_that() -> None:
    longest = LongestHold(60.0)
    longest.observe(0.0, 0.7)
    longest.observe(59.0, 0.1)
    longest.observe(61.0, 0.2)
    assert longest.value == 0.7, "a minute old, but no more than one period before"
    longest.observe(122.0, 0.1)
    assert longest.value == 0.2
    longest.observe(300.0, 0.0)
    assert longest.value == 0.1
