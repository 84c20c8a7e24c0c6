"""A summary in a line."""

from __future__ import annotations

from tests.unit.stream.snapshot.test_archive import SUMMARY


def test_a_summary_says_in_a_line_what_was_found() -> None:
    assert SUMMARY.model_copy(update={"report": "report.html"}).sentence == (
        "2026-05-01 09:00 to 2026-05-01 10:00 UTC: 9,998 of 36,000 leads, 20% of the fields"
        " drifted (age, job), and so did the scores"
    )
    assert "no lead in leads.created" in SUMMARY.sentence
    few = SUMMARY.model_copy(update={"report": "report.html", "drift_share": None})
    assert "too few to assess drift" in few.sentence
