"""A summary in a line."""

from __future__ import annotations

from pathlib import Path

from stream.snapshot.summary import ChangedCorrelation, SnapshotSummary
from tests.unit.stream.snapshot.test_archive import SUMMARY


def test_a_summary_says_in_a_line_what_was_found() -> None:
    assert SUMMARY.model_copy(update={"report": "report.html"}).sentence == (
        "2026-05-01 09:00 to 2026-05-01 10:00 UTC: 9,998 of 36,000 leads, 20% of the fields"
        " drifted (age, job), and so did the scores"
    )
    assert "no lead in leads.created" in SUMMARY.sentence
    few = SUMMARY.model_copy(update={"report": "report.html", "drift_share": None})
    assert "too few to assess drift" in few.sentence


def test_pairs_of_fields_that_are_no_longer_related_as_before_are_named() -> None:
    pair = ChangedCorrelation(
        field="age", other="job", before=0.5, now=0.1, leads=900, p_adjusted=1e-6
    )
    found = SUMMARY.model_copy(update={"report": "report.html", "correlations": (pair,)})
    assert found.sentence.endswith("; no longer related as before: age and job")
    assert SnapshotSummary.model_validate_json(found.model_dump_json()) == found.model_copy(
        update={"report": Path("report.html")}
    )


def test_a_summary_of_an_earlier_release_is_read() -> None:
    older = SUMMARY.model_dump_json(exclude={"correlations"})
    assert SnapshotSummary.model_validate_json(older).correlations == ()
