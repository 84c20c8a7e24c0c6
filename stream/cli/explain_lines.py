"""Explanations of scores that workers gave, as lines of JSON."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from stream.explanation.explaining import Change, ExplainedScore

__all__ = ["change_line", "explanation_line", "score_line"]


def score_line(found: ExplainedScore) -> dict[str, Any]:
    """Return a score of a lead's history, without its explanation."""
    event, again = found.emission.event, found.recomputed
    return {
        "kind": "score",
        "lead_id": event["lead_id"],
        "event_id": event["event_id"],
        "place": str(found.emission.at),
        "source": str(found.emission.source),
        "scored_at": found.emission.scored_at,
        "score": event["score"],
        "category": event["category"],
        "model": f"{event['model_id']}/{event['model_version']}",
        "model_sha256": event["model_sha256"],
        "replay_id": event.get("replay_id"),
        "is_expired": again is None,
        "is_reproduced": None if again is None else again.is_reproduced,
        "recomputed_score": None if again is None or again.event is None else again.event["score"],
        "refusal": None if again is None else again.refusal,
        "differing": [] if again is None else list(again.differing),
    }


def explanation_line(found: ExplainedScore) -> dict[str, Any]:
    """Return a score with its explanation."""
    line = score_line(found) | {"kind": "explanation"}
    line["reasons"] = found.emission.event["reasons"]
    again = found.recomputed
    explanation = None if again is None else again.explanation
    if again is None or explanation is None:
        return line
    return line | {
        "base": explanation.base,
        "shapley_base": again.shapley_base,
        "fields": [asdict(field) for field in again.fields],
        "calibration": {"slope": explanation.slope, "intercept": explanation.intercept},
        "logit": explanation.logit,
    }


def change_line(change: Change) -> dict[str, Any]:
    """Return the parts of the difference of two scores."""
    return {
        "kind": "change",
        "before": change.before.emission.event["event_id"],
        "after": change.after.emission.event["event_id"],
        "log_odds": change.log_odds,
        "parts": [asdict(part) for part in change.parts],
    }
