"""Metrics and logs of the drift role."""

from __future__ import annotations

import logging
from types import SimpleNamespace
from typing import Any

import pytest
from prometheus_client import CollectorRegistry

from monitoring.telemetry.drift_gauges import DriftMetrics
from stream.drift.observer import DriftObserver
from tests.unit.stream.drift.drift_made import END, alarm, horizon, report


class Watch(SimpleNamespace):
    """As much of a drift watch as the observer looks at."""

    def __init__(self, **given: Any) -> None:
        known: dict[str, Any] = {"latest": None, "reached": END, "open_windows": 2}
        super().__init__(**known | given)

    def rolling(self) -> Any:
        return SimpleNamespace(mean=0.3, variance=0.01, quantiles={0.5: 0.25})

    def current(self, latest: str) -> Any:
        assert latest == "the latest window"
        return (horizon("24h"),)


class Place:
    """An observer, and what it shows."""

    def __init__(self, *, is_for_people: bool = False) -> None:
        self.registry = CollectorRegistry()
        self.observer: Any = DriftObserver(
            DriftMetrics(self.registry), 50, is_for_people=is_for_people
        )

    def value(self, name: str, **labels: str) -> float | None:
        return self.registry.get_sample_value(f"leadscore_{name}", labels)

    def turn(self, **given: Any) -> None:
        known: dict[str, Any] = {"partials": 0, "late": 0, "closed_early": 0, "reports": ()}
        self.observer.on_turn(Watch(), **known | given)


def names(place: Place) -> set[str]:
    return {family.name for family in place.registry.collect() if family.samples}


def test_a_window_is_counted_and_shown() -> None:
    place = Place()
    place.observer.on_reports([report()])
    assert place.value("drift_windows_closed_total") == 1
    assert place.value("drift_share_ratio", window="24h") == 0.6
    assert place.value("drift_share_ratio", window="5m") is None, "too few leads"


def test_an_alarm_is_counted_and_logged_with_its_sentence(
    caplog: pytest.LogCaptureFixture,
) -> None:
    place = Place()
    place.observer.on_reports([alarm("age", detector="adwin")])
    labels = {"detector": "adwin", "stream": "age", "confirmed": "true"}
    assert place.value("drift_alarms_total", **labels) == 1
    [line] = caplog.records
    assert (line.getMessage(), line.stream) == ("drift", "age")  # type: ignore[attr-defined]
    assert line.why.startswith("age: critical over 24h")  # type: ignore[attr-defined]


def test_a_turn_shows_the_state_of_the_watch() -> None:
    place = Place()
    place.turn(partials=7, late=3)
    assert place.value("drift_partials_total") == 7
    assert place.value("drift_late_leads_total") == 3
    assert place.value("drift_watermark_seconds") == END / 1000
    assert place.value("drift_open_windows") == 2
    assert place.value("drift_windows_closed_early_total") == 0


def test_windows_that_were_closed_early_are_counted_and_the_setting_is_named(
    caplog: pytest.LogCaptureFixture,
) -> None:
    place = Place()
    place.turn(closed_early=4)
    assert place.value("drift_windows_closed_early_total") == 4
    assert "LEADSCORE_DRIFT_OPEN_WINDOWS=50" in caplog.text


def test_the_latest_window_is_shown_again_after_a_restart() -> None:
    place = Place()
    place.observer.on_restored(Watch())
    assert place.value("drift_share_ratio", window="24h") is None
    place.observer.on_restored(Watch(latest="the latest window"))
    assert place.value("drift_share_ratio", window="24h") == 0.6


def test_gauges_go_with_the_partition_and_counters_stay() -> None:
    place = Place()
    place.observer.on_reports([report()])
    place.observer.on_revoked()
    assert place.value("drift_share_ratio", window="24h") is None
    assert place.value("drift_windows_closed_total") == 1


@pytest.mark.parametrize("is_for_people", [True, False])
def test_totals_are_logged_for_people_at_the_end(
    caplog: pytest.LogCaptureFixture, is_for_people: bool
) -> None:
    caplog.set_level(logging.INFO)
    place = Place(is_for_people=is_for_people)
    place.turn(partials=7, reports=[report()])
    place.observer.on_lag(3)
    place.observer.on_stop(unfinished=2)
    lines = [vars(record) for record in caplog.records]
    assert [(line["partials"], line["windows"], line["unfinished"]) for line in lines] == (
        [(7, 1, 2)] if is_for_people else []
    )
