from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from benchmarks.drift_replay import Leads, Seen, replay
from features.counts import CountLayout
from features.reference import Bins, FieldReference, Reference
from monitoring.drift.assessment import Assessment, Assessor
from monitoring.drift.change_confirmation import ChangeConfirmation
from monitoring.drift.detectors import Change
from monitoring.drift.seasonality import DAY_MS, Stream

HOUR = 3_600_000
WINDOW = HOUR // 12
HORIZONS = {"5m": 1, "1h": 12, "24h": 288}
EDGES = tuple(np.linspace(0, 1, 21)[1:-1].tolist())
SCORE = Change("score", True, "adwin", 0.5, 0.7)
VISITS = Change("visits", False, "adwin", 0.5, 0.7)


def binned(visits: Any, sizes: Any, scores: Any) -> CountLayout:
    """Reference bins of leads."""

    def parts(values: Any) -> Any:
        counts = np.bincount(np.searchsorted(EDGES, values, side="right"), minlength=20)
        labels = tuple(str(code) for code in range(22))
        return {
            "by": "quantile",
            "edges": EDGES,
            "labels": labels,
            "counts": (*counts.tolist(), 0, 0),
        }

    return CountLayout(
        Reference(
            fields=(
                FieldReference(name="visits", **parts(visits)),
                FieldReference(name="size", **parts(sizes)),
            ),
            score=Bins(**parts(scores)),
        )
    )


def day_and_night(
    days: Any,
    *,
    a_day: Any = 50_000,
    seed: Any = 1,
    is_smooth: Any = False,
    shift_at: Any = None,
    shift: Any = 0.25,
) -> Any:
    """Leads whose visits and scores are high by day and low by night."""
    random = np.random.default_rng(seed)
    n = days * a_day
    events = np.sort(random.integers(0, days * DAY_MS, n))
    hour = events % DAY_MS / HOUR
    # No day begins on the minute.
    dawn, dusk = (random.normal(at, 0.3, days)[events // DAY_MS] for at in (8, 20))
    share = (1 - np.cos(2 * np.pi * hour / 24)) / 2 if is_smooth else (hour > dawn) & (hour < dusk)
    is_day = random.random(n) < share
    values = [np.where(is_day, random.beta(2, 1, n), random.beta(1, 2, n)) for _ in range(2)]
    if shift_at is not None:
        for column in values:
            column[events >= shift_at] += shift
    visits, scores = np.minimum(values, 0.999)
    return events, visits, random.random(n), scores


def played(columns: Any, layout: CountLayout, *, season_ms: int = DAY_MS) -> Seen:
    events, *numbers, scores = columns
    codes = np.column_stack(
        [field.codes_of(v) for field, v in zip(layout.fields, numbers, strict=True)]
    )
    leads = Leads(events, scores.astype(np.float32), codes.astype(np.int16))
    return replay(leads, layout, season_ms=season_ms)


def rhythm(is_smooth: bool = False) -> CountLayout:
    """The reference: two whole days, other ones."""
    return binned(*day_and_night(2, seed=99, is_smooth=is_smooth)[1:])


@pytest.mark.parametrize("season_ms", [0, DAY_MS])
def test_nothing_is_confirmed_in_200_000_stationary_leads(season_ms: Any) -> None:
    """About three hours' worth of 1,000 leads a minute; the reference is another sample."""
    random = np.random.default_rng(3)
    layout = binned(*random.random((3, 20_000)))
    n = 200_000
    seen = played((np.arange(n) * 60, *random.random((3, n))), layout, season_ms=season_ms)
    assert seen.confirmed == []
    assert seen.drifted == []


@pytest.mark.parametrize("is_smooth", [False, True], ids=["sudden", "gradual"])
def test_day_and_night_are_found_but_not_confirmed(is_smooth: bool) -> None:
    seen = played(day_and_night(4, is_smooth=is_smooth), rhythm(is_smooth))
    assert {change.stream for _, change in seen.changes} == {"visits", "score"}
    assert len(seen.changes) >= 12, "both streams, dawn and dusk, most days"
    assert seen.confirmed == []
    assert seen.out_of_season == []
    assert {stream for _, stream, _ in seen.drifted} == {"visits", "score"}, "hour by hour they are"


def test_without_a_season_every_dawn_is_confirmed() -> None:
    """So the season is what it takes."""
    seen = played(day_and_night(3), rhythm(), season_ms=0)
    assert len(seen.confirmed) >= 8


@pytest.mark.parametrize("hour", [12, 23], ids=["by day", "by night"])
def test_a_real_shift_on_top_of_day_and_night_is_confirmed_within_hours(hour: int) -> None:
    shift_at = 2 * DAY_MS + hour * HOUR
    columns = day_and_night(4, shift_at=shift_at)
    seen = played(columns, rhythm())
    first = {}
    for _, found in reversed(seen.confirmed):
        first[found.change.stream] = found
    assert set(first) == {"visits", "score"}, "and not size, which has not changed"
    for found in first.values():
        assert shift_at <= found.by.end <= shift_at + 3 * HOUR
        assert found.by.name == "1h"


# The rule, on assessments that are made up.


LAYOUT = binned(*[np.repeat((np.arange(20) + 0.5) / 20, 500)] * 3)


def horizon(name: str, end: int, *, drift: float = 0.0, leads: int = 20_000) -> Assessment:
    """Assess leads whose visits are drawn to the upper bins; the scores are as they were."""
    tilt = np.linspace(1 - drift, 1 + drift, 20)
    visits = np.append(np.rint(tilt * leads / 20), (0, 0)).astype(np.int64)
    flat = np.append(np.full(20, leads // 20), (0, 0))
    counts = replace(
        LAYOUT.none(), counts=np.concatenate((visits, flat, flat)), leads=leads, present=2 * leads
    )
    start = end - HORIZONS[name] * WINDOW
    assessor = Assessor(LAYOUT, importance={}, engagement=(0, 1))
    return assessor.assess(counts, name=name, start=start, end=end)


STRONG, MILD = 0.95, 0.78


def test_the_drifts_that_the_rule_is_tested_with_are_drifts() -> None:
    strong, mild = (horizon("1h", HOUR, drift=drift).fields[0] for drift in (STRONG, MILD))
    assert strong.is_drifted
    assert mild.is_drifted
    assert strong.psi - mild.psi > 0.15


def test_a_change_is_confirmed_by_the_shortest_horizon_that_has_drifted() -> None:
    confirmation = ChangeConfirmation(season_ms=0)
    confirmation.found(VISITS, 0)
    horizons = [horizon("5m", HOUR), *(horizon(name, HOUR, drift=STRONG) for name in ("1h", "24h"))]
    (confirmed,) = confirmation.assessed(horizons)
    assert (confirmed.change, confirmed.found_at, confirmed.by) == (VISITS, 0, horizons[1])


def test_a_change_is_confirmed_once() -> None:
    confirmation = ChangeConfirmation(season_ms=0)
    confirmation.found(VISITS, 0)
    assert len(confirmation.assessed([horizon("5m", HOUR, drift=STRONG)])) == 1
    assert confirmation.assessed([horizon("5m", HOUR + WINDOW, drift=STRONG)]) == []


def test_another_streams_drift_confirms_nothing() -> None:
    confirmation = ChangeConfirmation(season_ms=0)
    confirmation.found(SCORE, 0)
    confirmation.found(replace(VISITS, stream="size"), 0)
    confirmation.found(replace(VISITS, stream="score"), 0)
    assert confirmation.assessed([horizon("5m", HOUR, drift=STRONG)]) == []


def test_too_few_leads_confirm_nothing() -> None:
    confirmation = ChangeConfirmation(season_ms=0)
    confirmation.found(VISITS, 0)
    assert confirmation.assessed([horizon("5m", HOUR, drift=STRONG, leads=900)]) == []
    assert confirmation.assessed([horizon("5m", HOUR, drift=STRONG, leads=1000)])


def test_a_horizon_that_ended_before_the_change_does_not_count() -> None:
    confirmation = ChangeConfirmation(season_ms=0)
    confirmation.found(VISITS, HOUR)
    assert confirmation.assessed([horizon("5m", HOUR, drift=STRONG)]) == []
    assert confirmation.assessed([horizon("5m", HOUR + WINDOW, drift=STRONG)])


def test_a_change_waits_no_longer_than_its_span() -> None:
    confirmation = ChangeConfirmation(season_ms=0, span_ms=HOUR)
    confirmation.found(VISITS, 0)
    assert confirmation.assessed([horizon("5m", HOUR)]) == []
    assert confirmation.assessed([horizon("5m", HOUR + 1, drift=STRONG)]) == []


def test_the_latest_change_of_a_stream_and_detector_waits() -> None:
    confirmation = ChangeConfirmation(season_ms=0)
    confirmation.found(VISITS, 0)
    latest, other = replace(VISITS, after=0.9), replace(VISITS, detector="page_hinkley")
    confirmation.found(latest, 1)
    confirmation.found(other, 2)
    confirmed = confirmation.assessed([horizon("5m", HOUR, drift=STRONG)])
    assert [(found.change, found.found_at) for found in confirmed] == [(latest, 1), (other, 2)]


def days_before(confirmation: ChangeConfirmation, drift: float, *, until: int) -> None:
    for end in range(WINDOW, until, WINDOW):
        assert confirmation.assessed([horizon("1h", end, drift=drift)]) == []


@pytest.mark.parametrize(
    ("yesterday", "today", "is_confirmed"),
    [(0.0, MILD, True), (MILD, MILD, False), (MILD, STRONG, True), (STRONG, MILD, False)],
)
def test_a_short_horizon_is_compared_with_itself_a_season_before(
    yesterday: Any, today: Any, is_confirmed: bool
) -> None:
    confirmation = ChangeConfirmation()
    end = DAY_MS + 2 * HOUR
    days_before(confirmation, yesterday, until=end)
    confirmation.found(VISITS, end - WINDOW)
    assert bool(confirmation.assessed([horizon("1h", end, drift=today)])) is is_confirmed


def test_a_small_rise_must_be_more_than_few_leads_waver_by() -> None:
    for leads, is_confirmed in ((20_000, True), (1000, False)):
        confirmation = ChangeConfirmation()
        confirmation.assessed([horizon("1h", HOUR, drift=MILD, leads=leads)])
        confirmation.found(VISITS, DAY_MS)
        today = horizon("1h", DAY_MS + HOUR, drift=0.92, leads=leads)
        assert bool(confirmation.assessed([today])) is is_confirmed


def test_on_the_first_day_no_horizon_confirms() -> None:
    confirmation = ChangeConfirmation()
    for hour in range(1, 24):
        confirmation.found(VISITS, (hour - 1) * HOUR)
        horizons = [horizon(name, hour * HOUR, drift=STRONG) for name in HORIZONS]
        assert confirmation.assessed(horizons) == []


def test_a_horizon_of_a_whole_season_counts_once_the_season_was_seen() -> None:
    confirmation = ChangeConfirmation()
    confirmation.assessed([horizon(name, WINDOW, drift=STRONG) for name in HORIZONS])
    confirmation.found(VISITS, HOUR)
    horizons = [horizon(name, DAY_MS - WINDOW, drift=STRONG) for name in HORIZONS]
    assert confirmation.assessed(horizons) == []
    horizons = [horizon(name, DAY_MS, drift=STRONG) for name in HORIZONS]
    (confirmed,) = confirmation.assessed(horizons)
    assert confirmed.by.name == "24h"


def test_nothing_is_remembered_for_longer_than_a_season() -> None:
    """Two days later the first day is no measure: there is nothing to compare with."""
    confirmation = ChangeConfirmation()
    confirmation.assessed([horizon("1h", HOUR)])
    confirmation.found(VISITS, 2 * DAY_MS)
    assert confirmation.assessed([horizon("1h", 2 * DAY_MS + HOUR, drift=STRONG)]) == []


def test_unseasonal_drift_is_reported_whatever_the_detectors_found() -> None:
    confirmation = ChangeConfirmation(season_ms=0)
    drifted = horizon("5m", HOUR, drift=STRONG)
    assert confirmation.assessed([drifted]) == []
    assert confirmation.drifted == {Stream("visits", is_score=False): drifted}
    confirmation.assessed([horizon("5m", HOUR + WINDOW)])
    assert confirmation.drifted == {}


def test_no_horizons_say_nothing() -> None:
    confirmation = ChangeConfirmation(season_ms=0)
    confirmation.found(VISITS, 0)
    assert confirmation.assessed([]) == []
    assert confirmation.assessed([horizon("5m", HOUR, drift=STRONG)])
