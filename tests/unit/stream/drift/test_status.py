"""Effect of reports on the status, in their order."""

from __future__ import annotations

from typing import Any

from stream.drift.status import ALARMS, DriftStatus
from tests.unit.stream.drift.drift_made import END, OTHER_MODEL, WINDOW, alarm, read, report


def fed(*made: Any) -> tuple[DriftStatus, list[bool]]:
    status = DriftStatus("leads.created")
    return status, [status.take(read(one)) for one in made]


def test_nothing_is_known_at_first() -> None:
    status, _ = fed()
    assert status.window is None
    assert status.alarms == []


def test_the_newest_window_holds() -> None:
    status, news = fed(report(end=END - WINDOW), report(), report(end=END - 2 * WINDOW))
    assert news == [True, True, False]
    assert status.window is not None
    assert status.window["window_end"] == END


def test_the_report_of_most_leads_holds_for_a_window() -> None:
    status, news = fed(report(leads=50), report(leads=70), report(leads=60))
    assert news == [True, True, False]
    assert status.window is not None
    assert status.window["leads"] == 70


def test_a_repeated_report_changes_nothing() -> None:
    status, _ = fed(report(), report())
    assert status.window == read(report())


def test_a_new_model_holds_even_where_it_scores_older_leads() -> None:
    status, news = fed(report(), report(model=OTHER_MODEL, end=END - 9 * WINDOW))
    assert news == [True, True]
    assert status.window is not None
    assert status.window["model_version"] == "2"


def test_reports_on_another_topic_do_not_count() -> None:
    status, news = fed(report(topic="others"))
    assert news == [False]
    assert status.window is None


def test_alarms_are_listed_newest_first() -> None:
    status, news = fed(report(), alarm("age"), alarm("job"), alarm("age", detector="adwin"))
    assert news == [True, True, True, True]
    shown = [(one["alarm"]["stream"], one["alarm"]["detector"]) for one in status.alarms]
    assert shown == [("age", "adwin"), ("job", "windowed"), ("age", "windowed")]
    assert status.window is not None
    assert status.window["kind"] == "window"


def test_a_repeated_alarm_counts_once() -> None:
    status, news = fed(alarm("age"), alarm("job"), alarm("age"))
    assert news == [True, True, False]
    assert len(status.alarms) == 2


def test_alarms_are_bounded() -> None:
    status, _ = fed(*(alarm("age", end=END + n * WINDOW) for n in range(ALARMS + 5)))
    assert len(status.alarms) == ALARMS
    assert status.alarms[0]["window_end"] == END + (ALARMS + 4) * WINDOW
