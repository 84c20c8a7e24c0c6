"""Explanations as lines of JSON: complete, and the same for a lead whose record is gone."""

from __future__ import annotations

from typing import Any

from agents.score_changes import Cause, Part
from stream.cli.explain_lines import change_line, explanation_line, score_line
from stream.dead_letters.letter import Place
from stream.explanation.emission import Emission, SourceRead
from stream.explanation.explaining import Change, ExplainedScore
from stream.explanation.subject import RecordPlace


def gone(event_id: str = "a", score: float = 0.25) -> ExplainedScore:
    """Return a score whose record was removed."""
    event: dict[str, Any] = {
        "lead_id": "L-1",
        "event_id": event_id,
        "scored_at": 1_700_000_000_000,
        "score": score,
        "category": "Low",
        "model_id": "bank",
        "model_version": "3",
        "model_sha256": "ab" * 32,
        "reasons": [{"feature": "age", "value": "41", "contribution": 0.5}],
        "source": {"topic": "leads.created", "partition": 2, "offset": 7},
    }
    return ExplainedScore(
        Emission(RecordPlace("leads.scored", Place(2, 9)), event), SourceRead(None, is_expired=True)
    )


def test_a_score_without_its_record_says_so() -> None:
    line = explanation_line(gone())
    assert line["kind"] == "explanation"
    assert (line["is_expired"], line["is_reproduced"], line["recomputed_score"]) == (
        True,
        None,
        None,
    )
    assert (line["place"], line["source"]) == ("leads.scored/2/9", "leads.created/2/7")
    assert line["reasons"][0]["feature"] == "age"
    assert score_line(gone())["kind"] == "score"


def test_a_change_has_its_parts() -> None:
    parts = (Part(Cause.LEAD, 0.5, "age", 41, None), Part(Cause.MODEL, -0.25))
    line = change_line(Change(gone("a"), gone("b"), parts))
    assert (line["before"], line["after"], line["log_odds"]) == ("a", "b", 0.0)
    assert line["parts"][0] == {
        "cause": "lead",
        "log_odds": 0.5,
        "field": "age",
        "before": 41,
        "after": None,
    }
