"""Contents of a webhook: which fields an event has, and the bodies that are built in.

A body is JSON with placeholders (stream/sinks/webhook_template.py).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from stream.sinks.previous_scores import Score
from stream.sinks.rows import SCORE_FIELDS, overdue_row, score_row
from stream.sinks.sink import Log, SinkRecord
from stream.sinks.webhook_targets import STANDARD

__all__ = ["CONTENTS", "OVERDUE", "SCORES", "WebhookContent", "event_fields"]

PLACE = ("topic", "partition", "offset")


@dataclass(frozen=True)
class WebhookContent:
    """A kind of events that a webhook can have.

    Attributes
    ----------
    sample
        The fields of an event, in their order, with values of their types.
    bodies
        The built-in templates, by name.
    row
        Returns the fields of a record but those of its place and of the score before it; raises a
        ValueError if it is no such event.
    """

    sample: Mapping[str, Any]
    bodies: Mapping[str, Any]
    row: Callable[[SinkRecord], dict[str, Any]]

    @property
    def fields(self) -> tuple[str, ...]:
        """Names of placeholders."""
        return tuple(self.sample)


def _sample(names: tuple[str, ...], **typed: Any) -> Mapping[str, Any]:
    return {name: typed.get(name, "text") for name in names}


def _standard(kind: str, timestamp: str, fields: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the body that Standard Webhooks recommends."""
    data = {name: f"{{{name}}}" for name in fields}
    return {"type": kind, "timestamp": f"{{{timestamp}}}", "data": data}


def _slack(text: str, markup: str, *context: str) -> Mapping[str, Any]:
    """Return a message of Slack; the text is for notifications."""
    elements = [{"type": "mrkdwn", "text": element} for element in context]
    return {
        "text": text,
        "blocks": [
            {"type": "section", "text": {"type": "mrkdwn", "text": markup}},
            {"type": "context", "elements": elements},
        ],
    }


TIME = datetime(2026, 1, 1)
MODEL = "model {model_id!slack} {model_version!slack}"

SCORE_SAMPLE = _sample(
    (
        *("lead_id", *SCORE_FIELDS, "grade", "reasons", "created_at", "scored_at"),
        *(*PLACE, "previous_score", "previous_category"),
    ),
    **dict.fromkeys(("score", "confidence", "feature_coverage", "previous_score"), 0.5),
    **dict.fromkeys(("latency_ms", "partition", "offset"), 1),
    **dict.fromkeys(("created_at", "scored_at"), TIME),
    low_coverage=False,
    reasons=[],
)
SCORES = WebhookContent(
    sample=SCORE_SAMPLE,
    bodies={
        STANDARD: _standard("lead.scored", "scored_at", SCORE_SAMPLE),
        "slack": _slack(
            "{category!slack} lead {lead_id!slack}: {score:.0%}",
            "*{category!slack} lead* {lead_id!slack}: *{score:.0%}*",
            "{reasons!slack}",
            MODEL,
        ),
    },
    row=score_row,
)
"""Scored events."""

OVERDUE_SAMPLE = _sample(
    (
        *("lead_id", "event_id", "timer", "minutes", "since", "due_at", "score", "category"),
        *("model_id", "model_version", *PLACE),
    ),
    **dict.fromkeys(("score", "minutes"), 0.5),
    **dict.fromkeys(("since", "due_at"), TIME),
    **dict.fromkeys(("partition", "offset"), 1),
)
OVERDUE = WebhookContent(
    sample=OVERDUE_SAMPLE,
    bodies={
        STANDARD: _standard("lead.overdue", "due_at", OVERDUE_SAMPLE),
        "slack": _slack(
            "No contact with {category!slack} lead {lead_id!slack} ({score:.0%})"
            " within {minutes:g} minutes",
            "*No contact* with {category!slack} lead {lead_id!slack} (*{score:.0%}*)"
            " within *{minutes:g} minutes*",
            "timer {timer!slack}, since {since}",
            MODEL,
        ),
    },
    row=overdue_row,
)
"""Leads that nobody contacted in time."""

CONTENTS: Mapping[str, WebhookContent] = {"scores": SCORES, "overdue": OVERDUE}
"""By the setting `sink_content`."""


def event_fields(
    content: WebhookContent, log: Log, record: SinkRecord, before: Score | None
) -> dict[str, Any]:
    """Return the fields of an event, for filters and templates.

    Parameters
    ----------
    content
        What the event is.
    log, record
        The record, and where it is.
    before
        The lead's score before it; None where there is none, or it is not known.

    Raises
    ------
    ValueError
        The record is no such event.
    """
    row = content.row(record)
    event_id = row["event_id"]
    if not (
        isinstance(event_id, str) and event_id.isascii() and event_id.isprintable() and event_id
    ):
        raise ValueError("expected an event with event_id, of printable ASCII characters")
    return row | {
        "topic": log.topic,
        "partition": log.partition,
        "offset": record.offset,
        "previous_score": before.score if before else None,
        "previous_category": before.category if before else None,
    }
