"""Answers with the names that clients of earlier scoring APIs expect."""

from __future__ import annotations

from stream.rest.predictions import as_prediction


def test_a_scored_event_keeps_its_fields_and_gets_those_of_earlier_apis() -> None:
    event = {"score": 0.25, "category": "Low", "scored_at": 1_700_000_000_123, "latency_ms": 0}
    assert as_prediction(event, 1.23456) == {
        "score": 0.25,
        "category": "Low",
        "scored_at": 1_700_000_000_123,
        "lead_score": 0.25,
        "score_category": "Low",
        "prediction_timestamp": "2023-11-14T22:13:20.123+00:00",
        "latency_ms": 1.235,
    }
