from __future__ import annotations

import numpy as np

from agents.watched_model import ENOUGH_LEADS, LONGER, NEVER, WatchedModel, WatchOptions
from features.counts import LeadCounts
from monitoring.drift.assessment import Assessment, Assessor
from monitoring.drift.change_confirmation import ChangeConfirmation
from monitoring.drift.detectors import RollingDetectors
from monitoring.drift.field_drift import DriftThresholds
from tests.unit.agents.drift_log import LAYOUT, MODEL, WINDOW_MS, leads

OPTIONS = WatchOptions(horizons=(1, 2), stretch=4)


def model() -> WatchedModel:
    return WatchedModel(
        identity=MODEL,
        layout=LAYOUT,
        assessor=Assessor(
            LAYOUT, importance={}, engagement=(0.15, 0.4), thresholds=DriftThresholds()
        ),
        detectors=RollingDetectors(LAYOUT),
        confirmation=ChangeConfirmation(season_ms=0),
    )


def counts(number: int) -> LeadCounts:
    log = leads(number)
    return LAYOUT.count(log.bins[np.arange(number)], log.scores, label=0.5)


def add(watched: WatchedModel, *windows: int, leads: int) -> None:
    for window in windows:
        start = window * WINDOW_MS
        watched.add(start, start + WINDOW_MS, counts(leads), OPTIONS)


def spans(assessments: tuple[Assessment, ...]) -> list[tuple[int, int, int]]:
    """Return start and end, in windows, and leads of each horizon."""
    return [(each.start // WINDOW_MS, each.end // WINDOW_MS, each.leads) for each in assessments]


def test_nothing_is_closed_before_the_first_window() -> None:
    assert model().closed_through == NEVER


def test_each_horizon_ends_with_the_window_and_holds_the_windows_before() -> None:
    watched = model()
    add(watched, 0, 1, 2, leads=ENOUGH_LEADS)
    assert watched.closed_through == 3 * WINDOW_MS
    assert spans(watched.horizons(2 * WINDOW_MS, WINDOW_MS, OPTIONS)) == [
        (2, 3, ENOUGH_LEADS),
        (1, 3, 2 * ENOUGH_LEADS),
    ]


def test_where_leads_are_few_a_longer_horizon_holds_enough_of_them() -> None:
    watched = model()
    few = ENOUGH_LEADS // 4
    add(watched, *range(7), leads=few)
    *_, longer = watched.horizons(6 * WINDOW_MS, WINDOW_MS, OPTIONS)
    assert (longer.name, spans((longer,))) == (LONGER, [(3, 7, 4 * few)])


def test_windows_that_no_horizon_reaches_are_forgotten() -> None:
    watched = model()
    add(watched, *range(20), leads=1)
    assert min(watched.windows) == (20 - 2 * 4) * WINDOW_MS
    add(watched, 20, leads=ENOUGH_LEADS)
    assert sorted(watched.windows) == [19 * WINDOW_MS, 20 * WINDOW_MS]


def test_a_window_that_closes_late_does_not_move_the_end_back() -> None:
    watched = model()
    add(watched, 5, 4, leads=ENOUGH_LEADS)
    assert watched.closed_through == 6 * WINDOW_MS
