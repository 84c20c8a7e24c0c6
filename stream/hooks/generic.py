"""Webhooks of any other system: leads as JSON, signed as Standard Webhooks are.

The specification (github.com/standard-webhooks/standard-webhooks, "Payload structure") recommends
``{"type": "lead.created", "timestamp": "...", "data": {...}}``; here ``data`` is a lead or a list
of leads. A bare lead, or a list of leads, is accepted, too.
"""

from __future__ import annotations

from typing import Any

import orjson

from stream.hooks.webhook import Webhook
from stream.rest.problems import Problem

__all__ = ["MOST_LEADS", "read_generic"]

MOST_LEADS = 1000


def read_generic(webhook_id: str, body: bytes) -> list[Webhook]:
    """Return the webhooks of a request, one for each lead.

    Parameters
    ----------
    webhook_id
        Id of the request; that of a lead in a list also has its position.
    body
        JSON.

    Raises
    ------
    Problem
        422: the body is no lead and no list of leads; 413: there are too many.
    """
    try:
        found = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise Problem(
            422, "DECODE", f"expected the body to be JSON, but at byte {error.pos}: {error.msg}"
        ) from None
    if isinstance(found, dict) and "lead_id" not in found:
        found = found.get("data")
    if isinstance(found, list):
        if len(found) > MOST_LEADS:
            raise Problem(413, "TOO_MANY_LEADS", f"expected at most {MOST_LEADS:,} leads")
        return [Webhook(f"{webhook_id}/{at}", _lead(each)) for at, each in enumerate(found)]
    return [Webhook(webhook_id, _lead(found))]


def _lead(found: Any) -> dict[str, Any]:
    if not isinstance(found, dict):
        raise Problem(
            422, "VALIDATION", "expected a lead (a JSON object), or data with a lead or leads"
        )
    lead_id = found.get("lead_id")
    if not isinstance(lead_id, str) or not lead_id:
        raise Problem(422, "VALIDATION", "expected lead_id to be a string that is not empty")
    if found.get("created_at") is None:
        return {name: value for name, value in found.items() if name != "created_at"}
    return found
