"""Rows of a target, from scored events and from leads."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from agents.sales.account import account_of
from agents.sales.grade import grade_of
from agents.sales.rules import Rules
from stream.sinks.sink import Log, SinkRecord

__all__ = ["grade_row", "lead_row", "log_name", "overdue_row", "score_row", "time_of"]

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
SCORE_FIELDS = (
    *("event_id", "request_id", "score", "category", "label", "confidence"),
    *("feature_coverage", "low_coverage", "latency_ms", "model_id", "model_version", "replay_id"),
)
"""Fields of a scored event that a row has unchanged."""


def time_of(ms: Any) -> datetime:
    """Return a time, milliseconds since 1970.

    Raises
    ------
    ValueError
        It is no number, or outside the years 1 to 9999.
    """
    try:
        return EPOCH + timedelta(milliseconds=ms)
    except (TypeError, OverflowError):
        raise ValueError("expected a time in milliseconds since 1970, years 1 to 9999") from None


def log_name(log: Log) -> str:
    """Return what identifies a log: the topic and its id."""
    return f"{log.topic}@{log.topic_id}" if log.topic_id else log.topic


def score_row(record: SinkRecord) -> dict[str, Any]:
    """Return the row of a scored event, without its place in the log.

    Raises
    ------
    ValueError
        A field is missing or has a wrong type.
    """
    event = record.event
    try:
        row = {name: event.get(name) for name in SCORE_FIELDS}
        return row | {
            "lead_id": record.lead_id,
            "grade": record.grade,
            "score": float(event["score"]),
            "created_at": time_of(event["created_at"]),
            "scored_at": time_of(event["scored_at"]),
            "reasons": [dict(reason) for reason in event["reasons"]],
        }
    except (KeyError, TypeError) as error:
        raise ValueError(
            "expected a scored event with score, created_at, scored_at and reasons"
        ) from error


def overdue_row(record: SinkRecord) -> dict[str, Any]:
    """Return the row of a lead that is overdue, without its place in the log.

    ``minutes`` is the time that the timer gave.

    Raises
    ------
    ValueError
        A time is outside the years 1 to 9999.
    """
    event = record.event
    names = ("event_id", "timer", "score", "category", "model_id", "model_version")
    return {name: event[name] for name in names} | {
        "lead_id": record.lead_id,
        "minutes": (event["due_at"] - event["since"]) / 60_000,
        "since": time_of(event["since"]),
        "due_at": time_of(event["due_at"]),
    }


def lead_row(record: SinkRecord) -> dict[str, Any]:
    """Return the row of a lead, without its place in the log: all its fields in one column.

    Raises
    ------
    ValueError
        The record's time is outside the years 1 to 9999.
    """
    return {
        "lead_id": record.lead_id,
        "written_at": time_of(record.timestamp),
        "fields": _plain(record.event),
    }


def grade_row(record: SinkRecord, rules: Rules) -> dict[str, Any]:
    """Return the row of a lead's grade, without its place in the log.

    Raises
    ------
    ValueError
        The record's time is outside the years 1 to 9999.
    """
    grade = grade_of(record.event, rules, record.timestamp)
    return {
        "lead_id": record.lead_id,
        "grade": str(grade) or None,
        "fit": grade.fit or None,
        "engagement": grade.engagement or None,
        "fit_points": grade.fit_points if grade.fit else None,
        "engagement_points": grade.engagement_points if grade.engagement else None,
        "account": account_of(record.event, rules.account) if rules.account else None,
        "half_life_days": rules.account.half_life_days if rules.account else None,
        "written_at": time_of(record.timestamp),
    }


def _plain(value: Any) -> Any:
    """Return a value that JSON can hold: bytes as hex digits."""
    if isinstance(value, Mapping):
        return {str(name): _plain(inner) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(inner) for inner in value]
    if isinstance(value, bytes):
        return value.hex()
    return value
