"""Faults of drift counts: each is found, and nothing else is."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from tests.chaos.second_audit.records import Record
from tests.unit.second_audit.forged import (
    CREATED,
    NEXT_SHA,
    PLACES,
    WINDOW_MS,
    Run,
    dead,
    lead,
    partial,
    report,
    scored,
)

LEADS = [lead(offset) for offset in range(20)]
EVENTS = [scored(source) for source in LEADS]


def faults_of(*partials: Record, leads: Sequence[Record] = LEADS, **run: Any) -> dict[str, int]:
    return Run(leads, [scored(source) for source in leads], partials=partials, **run).faults()


def test_exact_counts_have_no_fault() -> None:
    assert faults_of(partial(*LEADS)) == {}


def test_an_older_version_of_a_block_does_not_count() -> None:
    assert faults_of(partial(*LEADS), partial(*LEADS[:7])) == {}


@pytest.mark.parametrize(
    "changed",
    [
        {"counts": [20, 20, 20, 20, 19]},
        {"codes": [0, *PLACES[1:]]},
        {"codes": [*PLACES[:-1], 25]},
        {"leads": 19},
        {"present": 79},
        {"score_sum": 1},
        {"engaged": 19},
        {"first_event": CREATED + 1},
        {"last_event": CREATED + 1},
        {"sample_offsets": [0]},
        {"sample_scores": b"\0" * 8},
        {"sample_codes": b"\0" * 16},
        {"topic": "other"},
        {"window_ms": 1},
        {"is_closed": True},
    ],
    ids=lambda changed: "-".join(changed),
)
def test_a_wrong_number_in_a_block_is_a_fault_of_its_counts(changed: dict[str, Any]) -> None:
    assert faults_of(partial(*LEADS, **changed)) == {"drift_counts": 1}


def test_a_block_that_was_not_counted_is_a_fault() -> None:
    assert faults_of() == {"drift_not_counted": 1}


def test_a_block_of_no_lead_is_a_fault() -> None:
    assert faults_of(partial(*LEADS), partial(lead(4096))) == {"drift_of_no_lead": 1}


def test_a_block_that_is_counted_under_both_models_is_a_fault() -> None:
    partials = partial(*LEADS), partial(*LEADS, sha=NEXT_SHA)
    assert faults_of(*partials) == {"drift_of_no_lead": 1}


def test_a_change_of_model_within_a_block_is_no_fault() -> None:
    events = [*EVENTS[:9], *(scored(source, NEXT_SHA) for source in LEADS[9:])]
    partials = partial(*LEADS[:9]), partial(*LEADS[9:], sha=NEXT_SHA)
    assert Run(LEADS, events, partials=partials).faults() == {}


def test_two_versions_that_count_up_to_the_same_offset_and_differ_are_a_fault() -> None:
    partials = partial(*LEADS), partial(*LEADS, engaged=3)
    assert faults_of(*partials) == {"partials_differ": 1}


def test_a_lead_that_is_counted_in_another_window_is_a_fault() -> None:
    late = [lead(0), lead(1, created_at=CREATED - 1)]
    split = (
        partial(late[0]),
        partial(
            late[1],
            window_start=CREATED - WINDOW_MS,
            first_event=CREATED - 1,
            last_event=CREATED - 1,
        ),
    )
    assert faults_of(*split, leads=late) == {}
    assert faults_of(partial(*late), leads=late) == {"drift_counts": 1, "drift_not_counted": 1}


def test_a_lead_from_the_future_is_counted_at_the_time_of_its_record() -> None:
    assert faults_of(partial(lead(0)), leads=[lead(0, created_at=CREATED + WINDOW_MS)]) == {}


def test_a_partial_with_the_key_of_another_block_is_a_fault() -> None:
    assert faults_of(partial(*LEADS)._replace(key=b"1/0")) == {"partial_key": 1}


def test_a_partial_that_cannot_be_read_is_a_fault() -> None:
    found = faults_of(partial(*LEADS)._replace(value=b"\xc3\x01"))
    assert found == {"partial_unreadable": 1, "drift_not_counted": 1}


def test_a_block_of_which_retention_removed_leads_is_not_checked() -> None:
    assert faults_of(partial(*LEADS), leads=LEADS[5:], start=5) == {}


def test_a_block_with_a_lead_whose_score_is_not_known_is_not_checked() -> None:
    letters = [dead(LEADS[19], "OUTPUT_TOO_LARGE")]
    assert Run(LEADS, EVENTS[:19], letters, partials=[partial(*LEADS)]).faults() == {}


def test_missing_values_and_unknown_levels_have_bins_of_their_own() -> None:
    given: dict[str, Any] = {"age": None, "job": "astronaut", "note": " N/A ", "seen": None}
    counted = partial(
        lead(1), codes=[4, 7, 12, 21, 24], present=1, sample_codes=b"", sample_scores=b""
    )
    assert faults_of(counted, leads=[lead(1, **given)]) == {}


def test_exact_reports_have_no_fault() -> None:
    assert faults_of(partial(*LEADS), reports=[report(20), report(9)]) == {}


@pytest.mark.parametrize(
    ("changed", "rule"),
    [
        ({"counts": [20, 20, 20, 20, 19]}, "report_counts"),
        ({"present": 79}, "report_counts"),
        ({"window_start": CREATED - WINDOW_MS}, "report_of_no_lead"),
        ({"model_sha256": NEXT_SHA}, "report_of_no_lead"),
    ],
)
def test_a_wrong_report_is_a_fault(changed: dict[str, Any], rule: str) -> None:
    assert faults_of(partial(*LEADS), reports=[report(20, **changed)]) == {rule: 1}


def test_an_alarm_is_no_report_of_a_window() -> None:
    assert faults_of(partial(*LEADS), reports=[report(3, kind="alarm")]) == {}


def test_a_report_of_a_window_with_leads_that_retention_removed_is_not_checked() -> None:
    found = faults_of(partial(*LEADS), leads=LEADS[5:], start=5, reports=[report(20)])
    assert found == {}
