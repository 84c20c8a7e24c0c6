"""Rows of a target: times, fields, and what can't be a row."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from agents.sales.rules import AccountRule, Rules
from stream.sinks.rows import grade_row, lead_row, log_name, score_row, time_of
from stream.sinks.sink import Log, SinkRecord
from stream.sinks.sql_tables import GRADES, PLACE
from testing.sink_writer import record


def test_times_are_in_utc() -> None:
    assert time_of(1_790_000_000_123) == datetime(2026, 9, 21, 14, 13, 20, 123_000, UTC)


@pytest.mark.parametrize("ms", [10**18, -(10**18), None, "1"])
def test_a_time_that_no_target_has_is_refused(ms: object) -> None:
    with pytest.raises(ValueError, match="years 1 to 9999"):
        time_of(ms)


def test_a_row_has_the_reasons_and_no_calibration() -> None:
    row = score_row(record(3))
    assert row["reasons"] == [{"feature": "age", "value": "over 40", "contribution": 0.25}]
    assert "calibration" not in row


@pytest.mark.parametrize("missing", ["score", "scored_at", "reasons"])
def test_an_event_without_a_field_is_refused(missing: str) -> None:
    event = {name: value for name, value in record(3).event.items() if name != missing}
    with pytest.raises(ValueError, match="expected a scored event"):
        score_row(replace(record(3), event=event))


def test_bytes_of_a_lead_are_hex_digits() -> None:
    lead = SinkRecord(0, 0, "L-1", {"a": b"\x01", "b": {"c": [b"\xff", 2]}})
    assert lead_row(lead)["fields"] == {"a": "01", "b": {"c": ["ff", 2]}}


def test_logs_of_a_topic_that_was_created_again_have_other_names() -> None:
    assert log_name(Log("t", 0, "a")) != log_name(Log("t", 0, "b"))
    assert log_name(Log("t", 0)) == "t"


def test_a_row_of_a_grade_has_what_the_rules_have() -> None:
    lead = SinkRecord(0, 1_790_000_000_000, "L-1", {"lead_id": "L-1", "id": "A-7"})
    row = grade_row(lead, Rules(account=AccountRule(field="id")))
    assert (row["account"], row["grade"], row["fit_points"]) == ("A-7", None, None)
    assert {*row, *PLACE} == set(GRADES.columns.keys())
