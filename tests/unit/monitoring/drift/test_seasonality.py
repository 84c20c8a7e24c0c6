"""Drift that recurs every season does not count."""

from __future__ import annotations

import pytest

from monitoring.drift.assessment import Assessment
from monitoring.drift.field_drift import DriftState, FieldDrift
from monitoring.drift.seasonality import DAY_MS, SeasonalityFilter, Stream
from tests.unit.drift_assessments import assessment

HOUR = 3_600_000
VISITS = Stream("visits", False)


def horizon(
    end: int, psi: float, *, length: int = HOUR, leads: int = 100_000, is_drifted: bool = True
) -> Assessment:
    """Return an assessment of one field with a PSI above its noise."""
    visits = FieldDrift(
        name="visits",
        is_score=False,
        state=DriftState.WARN,
        is_drifted=is_drifted,
        test="ks",
        psi=psi,
        psi_noise=0.0,
    )
    name = "24h" if length >= DAY_MS else "1h"
    return assessment(name, visits, start=end - length, end=end, leads=leads)


def hours(season: SeasonalityFilter, first: int, last: int, psi: float) -> list[bool]:
    return [
        VISITS in season.drifted([horizon(hour * HOUR, psi)]) for hour in range(first, last + 1)
    ]


def test_without_seasonality_all_drift_counts() -> None:
    assert hours(SeasonalityFilter(0), 1, 3, 0.4) == [True] * 3


def test_a_stream_without_drift_never_counts() -> None:
    for length_ms in (0, DAY_MS):
        season = SeasonalityFilter(length_ms)
        assert season.drifted([horizon(HOUR, 0.4, is_drifted=False)]) == {}


def test_nothing_counts_on_the_first_day() -> None:
    assert hours(SeasonalityFilter(), 1, 23, 0.4) == [False] * 23


def test_the_same_drift_a_day_later_is_seasonal_and_a_higher_one_counts() -> None:
    season = SeasonalityFilter()
    hours(season, 1, 48, 0.4)
    assert hours(season, 49, 50, 0.41) == [False, False]
    assert hours(season, 51, 52, 0.9) == [True, True]


def test_a_rise_within_the_noise_of_few_leads_does_not_count() -> None:
    few, many = (SeasonalityFilter() for _ in range(2))
    for season, leads in ((few, 100), (many, 100_000)):
        for hour in range(1, 26):
            season.drifted([horizon(hour * HOUR, 0.4, leads=leads)])
    assert few.drifted([horizon(26 * HOUR, 0.6, leads=100)]) == {}
    assert VISITS in many.drifted([horizon(26 * HOUR, 0.6)])


@pytest.mark.parametrize(("hour", "counts"), [(23, False), (24, True)])
def test_a_horizon_of_a_whole_season_counts_after_leads_of_a_season(
    hour: int, counts: bool
) -> None:
    season = SeasonalityFilter()
    season.drifted([horizon(HOUR, 0.4)])
    found = season.drifted([horizon(hour * HOUR, 0.4, length=DAY_MS)])
    assert (VISITS in found) is counts


def test_the_shortest_horizon_in_which_the_drift_counts_is_returned() -> None:
    short, long = horizon(HOUR, 0.4), horizon(HOUR, 0.4, length=DAY_MS)
    assert SeasonalityFilter(0).drifted([short, long])[VISITS] is short


def test_one_season_is_remembered_and_no_more() -> None:
    season = SeasonalityFilter()
    hours(season, 1, 100, 0.4)
    assert min(season._past["1h"]) >= 100 * HOUR - HOUR - DAY_MS
