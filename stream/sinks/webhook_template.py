"""Templates of a webhook's body: JSON whose texts have placeholders for fields of the event.

`{lead_id}` is replaced by the field's value, `{score:.0%}` by the value in a format of Python, and
`{lead_id!slack}` by the value as Slack's markup shows it literally. A text that is a placeholder
alone, such as `"{score}"`, becomes the value itself: a number stays a number.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from operator import itemgetter
from pathlib import Path
from typing import Any

import orjson

from schemas.errors import StartupError
from stream.sinks.rows import SCORE_FIELDS
from stream.sinks.webhook_targets import STANDARD

__all__ = ["FIELDS", "Template", "read_template"]

FIELDS = (
    *("lead_id", *SCORE_FIELDS, "reasons", "created_at", "scored_at"),
    *("topic", "partition", "offset", "previous_score", "previous_category"),
)
"""Names of placeholders."""

PLACEHOLDER = re.compile(r"\{(\w+)(!slack)?(?::([^{}]*))?\}")
NO_REASONS = "no reasons"
SAMPLE: Mapping[str, Any] = {
    **dict.fromkeys(FIELDS, "text"),
    **dict.fromkeys(("score", "confidence", "feature_coverage", "previous_score"), 0.5),
    **dict.fromkeys(("latency_ms", "partition", "offset"), 1),
    **dict.fromkeys(("created_at", "scored_at"), datetime(2026, 1, 1)),
    "low_coverage": False,
    "reasons": [],
}
"""Values with the types of the fields: a template is rendered with them when it is read."""

BUILT_IN: Mapping[str, Any] = {
    STANDARD: {
        "type": "lead.scored",
        "timestamp": "{scored_at}",
        "data": {name: f"{{{name}}}" for name in FIELDS},
    },
    "slack": {
        "text": "{category!slack} lead {lead_id!slack}: {score:.0%}",
        "blocks": [
            {
                "type": "section",
                "text": {
                    "type": "mrkdwn",
                    "text": "*{category!slack} lead* {lead_id!slack}: *{score:.0%}*",
                },
            },
            {
                "type": "context",
                "elements": [
                    {"type": "mrkdwn", "text": "{reasons!slack}"},
                    {"type": "mrkdwn", "text": "model {model_id!slack} {model_version!slack}"},
                ],
            },
        ],
    },
}

Template = Callable[[Mapping[str, Any]], bytes]
"""Returns a body; raises a ValueError if a value can't be written."""


def read_template(name: str) -> Template:
    """Return the template of a name, or of a file.

    Raises
    ------
    StartupError
        The file can't be read, is no JSON, or has a placeholder that is none.
    """
    if name in BUILT_IN:
        return _template_of(BUILT_IN[name])
    try:
        body = orjson.loads(Path(name).read_bytes())
    except OSError as error:
        raise StartupError(
            f"expected a template: {', '.join(BUILT_IN)} or a readable file, but {name}:"
            f" {error.strerror}"
        ) from None
    except orjson.JSONDecodeError:
        raise StartupError(f"expected the template {name} to be JSON") from None
    template = _template_of(body)
    try:
        template(SAMPLE)
    except (KeyError, ValueError) as error:
        raise StartupError(
            f"expected placeholders such as {{lead_id}} or {{score:.0%}} in the template {name},"
            f" but {error} can't be written; the names are {', '.join(FIELDS)}"
        ) from None
    return template


def _template_of(body: Any) -> Template:
    fill = _filler(body)
    return lambda fields: orjson.dumps(fill(fields), option=orjson.OPT_NON_STR_KEYS)


def _filler(body: Any) -> Callable[[Mapping[str, Any]], Any]:
    """Return the function that fills a part of a template; placeholders are looked for once."""
    if isinstance(body, dict):
        values = {name: _filler(value) for name, value in body.items()}
        return lambda fields: {name: fill(fields) for name, fill in values.items()}
    if isinstance(body, list):
        parts = [_filler(value) for value in body]
        return lambda fields: [fill(fields) for fill in parts]
    if not isinstance(body, str) or PLACEHOLDER.search(body) is None:
        return lambda _: body
    alone = PLACEHOLDER.fullmatch(body)
    if alone and not alone[2] and alone[3] is None:
        return itemgetter(alone[1])
    return lambda fields: PLACEHOLDER.sub(lambda found: _text(found, fields), body)


def _text(found: re.Match[str], fields: Mapping[str, Any]) -> str:
    name, is_slack, spec = found.groups()
    value = fields[name]
    if isinstance(value, list | tuple):
        text = _reasons_text(value)
    elif value is None:
        text = ""
    elif isinstance(value, datetime) and not spec:
        text = value.isoformat()
    else:
        text = format(value, spec or "")
    return _slack(text) if is_slack else text


def _reasons_text(reasons: Sequence[Mapping[str, Any]]) -> str:
    shown = [
        f"{reason.get('feature')}: {reason.get('value')} ({reason.get('contribution', 0.0):+.2f})"
        for reason in reasons
    ]
    return "; ".join(shown) or NO_REASONS


def _slack(text: str) -> str:
    """Escape the three characters that Slack's markup gives a meaning."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
