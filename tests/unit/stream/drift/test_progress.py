"""The drift role's line of progress and its totals."""

from __future__ import annotations

import logging

import pytest

from stream.drift.progress import DriftProgress, DriftTally, standing
from tests.unit.stream.drift.drift_made import alarm, field, horizon, report, too_few


def test_reports_of_windows_and_alarms_are_counted_apart() -> None:
    tally = DriftTally().plus(partials=9, late_leads=2, reports=[report(), alarm("age"), report()])
    assert tally == DriftTally(partials=9, windows=2, alarms=1, late_leads=2)
    assert tally.reports == 3
    assert tally.minus(DriftTally(partials=4, windows=1)) == DriftTally(5, 1, 1, 2)


def test_the_longest_horizon_with_enough_leads_is_shown() -> None:
    assert standing(
        [horizon("1h", field("age", 0.9, "critical"), field("score", 0.1)), too_few("24h")]
    ) == ("1 of 1 fields drifted over 1h (age)")
    assert (
        standing([horizon("1h"), horizon("24h")])
        == "3 of 5 fields drifted over 24h (job, euribor3m, education)"
    )


def test_without_enough_leads_or_windows_nothing_has_drifted() -> None:
    assert standing([too_few("1h"), too_few("24h")]) == "too few leads to measure drift"
    assert standing([]) == "no window closed yet"


def logged(caplog: pytest.LogCaptureFixture) -> list[dict[str, object]]:
    return [{"message": record.getMessage(), **vars(record)} for record in caplog.records]


def test_new_partials_are_logged_once_a_minute(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    progress = DriftProgress(100.0)
    for now, partials in ((130.0, 3), (160.0, 5), (200.0, 8), (220.0, 9)):
        progress.report(now, DriftTally(partials=partials), [horizon("24h")], 17)
    lines = logged(caplog)
    assert [line["message"] for line in lines] == ["drift progress"] * 2
    assert [line["partials"] for line in lines] == [5, 4]
    assert lines[0]["lag_partials"] == 17
    assert lines[0]["standing"] == "3 of 5 fields drifted over 24h (job, euribor3m, education)"


def test_the_totals_have_all_since_the_start(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    progress = DriftProgress(100.0)
    progress.report(160.0, DriftTally(partials=5), [], None)
    progress.report_totals(190.0, DriftTally(partials=7, windows=2), unfinished=3)
    last = logged(caplog)[-1]
    assert (last["message"], last["seconds"], last["unfinished"]) == ("drift totals", 90.0, 3)
    assert (last["partials"], last["reports"]) == (7, 2)
