"""Reports of old weeks are found by the keys of the topic."""

from __future__ import annotations

from dataclasses import replace

from agents.quality.old_reports import old_reports
from agents.quality.quality_report import Segment
from monitoring.quality.cohorts import WEEK_MS
from tests.unit.agents.quality.quality_reports import CHANGE, WEEK, report

TOPICS = ("leads.scored", "leads.scored.shadow")


def test_reports_segments_and_changes_of_earlier_weeks_are_old() -> None:
    old = [
        report(week=0),
        report(week=1, segment=Segment("country", "a/b")),
        report(week=1, change=CHANGE),
        report(week=1, topic="leads.scored.shadow"),
    ]
    kept = [
        *(replace(one, week=WEEK + 2 * WEEK_MS) for one in old),
        report(week=0, partition=1),  # of another worker
        report(week=0, topic="elsewhere.scored"),
    ]
    keys = [one.key for one in (*old, *kept)]
    assert old_reports(keys, TOPICS, {0: WEEK + 2 * WEEK_MS}) == [one.key for one in old]


def test_keys_of_something_else_are_left_alone() -> None:
    keys = [b"", b"\xff", b"leads.scored/0", b"leads.scored/0/ab/soon", b"leads.scored/x/ab/1"]
    assert old_reports(keys, TOPICS, {0: WEEK}) == []
