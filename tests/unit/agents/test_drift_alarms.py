"""From assessments to alarms: state of each stream, since when, and what is said of it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from agents.drift_alarms import alarms_of, since_reported, since_when, states_of
from monitoring.drift.assessment import Assessment
from monitoring.drift.change_confirmation import ConfirmedChange
from monitoring.drift.detectors import Change
from monitoring.drift.diagnosis import ADVICE, Diagnosis
from monitoring.drift.field_drift import DriftState, FieldDrift
from monitoring.drift.seasonality import Stream
from tests.unit.drift_assessments import assessment

AGE, SCORE = Stream("age", False), Stream("score", True)
OK, WARN, CRITICAL = DriftState.OK, DriftState.WARN, DriftState.CRITICAL
TOO_FEW = DriftState.TOO_FEW


def drift(name: str, state: DriftState, since: int | None = None) -> FieldDrift:
    is_known = state is not TOO_FEW
    return FieldDrift(
        name=name,
        is_score=name == "score",
        state=state,
        is_drifted=state in (WARN, CRITICAL) if is_known else None,
        test="ks",
        psi=0.42 if is_known else None,
        since=since,
    )


def horizon(
    name: str, age: DriftState, score: DriftState, *, since: int | None = None
) -> Assessment:
    fields = drift("age", age, since), drift("score", score)
    return assessment(name, *fields, end=1000, leads=12_345, state=age)


def test_drift_counts_since_the_first_window_in_which_the_field_left_ok() -> None:
    first = since_when([horizon("1h", WARN, OK)], {}, start=1000)
    assert first == {("1h", 0): 1000}
    assert since_when([horizon("1h", CRITICAL, WARN)], first, start=2000) == {
        ("1h", 0): 1000,
        ("1h", 1): 2000,
    }


def test_too_few_leads_neither_begin_nor_end_a_drift() -> None:
    before = {("1h", 0): 1000}
    assert since_when([horizon("1h", TOO_FEW, TOO_FEW)], before, start=2000) == before


def test_a_field_that_is_ok_again_has_no_drift_any_more() -> None:
    assert since_when([horizon("1h", OK, OK)], {("1h", 0): 1000}, start=2000) == {}


def test_since_when_is_read_back_from_reported_assessments() -> None:
    reported = [horizon("1h", WARN, OK, since=1000), horizon("24h", OK, OK)]
    assert since_reported(reported) == {("1h", 0): 1000}


def test_the_state_of_a_stream_is_its_worst_over_the_horizons() -> None:
    horizons = [horizon("1h", CRITICAL, OK), horizon("24h", WARN, TOO_FEW)]
    assert states_of(horizons, {AGE, SCORE}, {}) == {AGE: CRITICAL, SCORE: OK}


def test_seasonal_drift_is_ok() -> None:
    assert states_of([horizon("1h", CRITICAL, WARN)], {SCORE}, {}) == {AGE: OK, SCORE: WARN}


@pytest.mark.parametrize(("before", "after"), [({AGE: CRITICAL}, CRITICAL), ({}, TOO_FEW)])
def test_too_few_leads_end_no_alarm(before: dict[Stream, DriftState], after: DriftState) -> None:
    assert states_of([horizon("1h", TOO_FEW, OK)], (), before)[AGE] is after


def test_a_stream_that_became_worse_is_an_alarm_with_horizon_psi_and_advice() -> None:
    horizons = [horizon("1h", OK, OK), horizon("24h", CRITICAL, OK)]
    [alarm] = alarms_of(horizons, {AGE: WARN}, {AGE: CRITICAL, SCORE: OK}, [])
    assert (alarm.detector, alarm.stream, alarm.is_confirmed) == ("windowed", "age", True)
    assert alarm.sentence == (
        "age: critical over 24h of 12,345 leads, PSI 0.42. " + ADVICE[Diagnosis.COVARIATE].sentence
    )


@pytest.mark.parametrize(
    ("before", "now"), [(CRITICAL, CRITICAL), (CRITICAL, WARN), (WARN, OK), (OK, TOO_FEW)]
)
def test_a_stream_that_is_no_worse_raises_no_alarm(before: DriftState, now: DriftState) -> None:
    horizons = [horizon("1h", now, OK)]
    assert alarms_of(horizons, {AGE: before}, {AGE: now, SCORE: OK}, []) == []


@pytest.mark.parametrize(("mean", "from_mean"), [(0.5, " from 0.500"), (None, "")])
def test_a_confirmed_change_is_an_alarm_with_both_means(mean: float | None, from_mean: str) -> None:
    change = Change("score", True, "adwin", mean, 0.7)
    confirmed = ConfirmedChange(change, 900, replace(horizon("24h", OK, OK)))
    [alarm] = alarms_of([horizon("1h", OK, OK)], {}, {AGE: OK, SCORE: OK}, [confirmed])
    assert (alarm.detector, alarm.stream, alarm.before, alarm.after) == (
        "adwin",
        "score",
        mean,
        0.7,
    )
    assert alarm.sentence.startswith(
        f"score: adwin saw the mean go{from_mean} to 0.700, and 24h of 12,345 leads agree. "
    )
