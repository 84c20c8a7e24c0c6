"""Settings of the timers of leads."""

from __future__ import annotations

import pytest

from agents.outcomes.lead_timers import HOT, SPEED_TO_LEAD
from schemas.errors import StartupError
from stream.kafka.access import Use, uses_of
from stream.outcomes.partitions import timer_options
from stream.settings import load_settings


def test_no_timer_runs_and_no_right_is_needed_by_default() -> None:
    settings = load_settings(role="outcomes", outcome_store="stores")
    assert not settings.has_timers
    assert timer_options(settings).lengths == {}
    assert uses_of(settings) == (Use.OUTCOMES,)


@pytest.mark.parametrize(
    ("given", "lengths"),
    [
        ({"hot_minutes": 30}, {HOT: 1_800_000}),
        ({"speed_to_lead_minutes": 0.5}, {SPEED_TO_LEAD: 30_000}),
        ({"hot_minutes": 2, "speed_to_lead_minutes": 1}, {HOT: 120_000, SPEED_TO_LEAD: 60_000}),
    ],
)
def test_the_timers_that_are_set_run(given: dict[str, float], lengths: dict[str, int]) -> None:
    settings = load_settings(role="outcomes", outcome_store="stores", **given)
    assert settings.has_timers
    assert timer_options(settings).lengths == lengths
    assert uses_of(settings) == (Use.OUTCOMES, Use.TIMERS)


def test_bands_are_read_in_any_case(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LEADSCORE_HOT_BANDS", "High, Medium")
    assert timer_options(load_settings()).bands == {"high", "medium"}


@pytest.mark.parametrize("minutes", [0, -1, 50_000])
def test_a_timer_without_a_length_is_refused(minutes: float) -> None:
    with pytest.raises(StartupError, match="LEADSCORE_HOT_MINUTES"):
        load_settings(hot_minutes=minutes)
