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
from stream.sinks.webhook_content import WebhookContent

__all__ = ["Template", "read_template"]

PLACEHOLDER = re.compile(r"\{(\w+)(!slack)?(?::([^{}]*))?\}")
NO_REASONS = "no reasons"

Template = Callable[[Mapping[str, Any]], bytes]
"""Returns a body; raises a ValueError if a value can't be written."""


def read_template(name: str, content: WebhookContent) -> Template:
    """Return the template of a name, or of a file, for events of a content.

    Raises
    ------
    StartupError
        The file can't be read, is no JSON, or has a placeholder that is none.
    """
    if name in content.bodies:
        return _template_of(content.bodies[name])
    try:
        body = orjson.loads(Path(name).read_bytes())
    except OSError as error:
        raise StartupError(
            f"expected a template: {', '.join(content.bodies)} or a readable file, but {name}:"
            f" {error.strerror}"
        ) from None
    except orjson.JSONDecodeError:
        raise StartupError(f"expected the template {name} to be JSON") from None
    template = _template_of(body)
    try:
        template(content.sample)
    except (KeyError, ValueError) as error:
        raise StartupError(
            f"expected placeholders such as {{lead_id}} or {{score:.0%}} in the template {name},"
            f" but {error} can't be written; the names are {', '.join(content.fields)}"
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
