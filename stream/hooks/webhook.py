"""A webhook that was received: its id, and the lead that it brings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from schemas.headers import REQUEST_ID_BYTES
from stream.rest.lead_writer import LeadRecord

__all__ = ["Webhook", "record_of"]


@dataclass(frozen=True, slots=True)
class Webhook:
    """One webhook; a request may bring several.

    Attributes
    ----------
    id
        Its id at the sender, the same each time it is sent; empty: it has none.
    lead
        The fields of the lead, with ``lead_id``; None: it brings no lead.
    """

    id: str
    lead: Mapping[str, Any] | None


def record_of(webhook: Webhook, now_ms: int) -> LeadRecord:
    """Return the record of a webhook's lead.

    Parameters
    ----------
    webhook
        With a lead; without ``created_at`` it gets the time ``now_ms``.
    now_ms
        Milliseconds since 1970.
    """
    assert webhook.lead is not None, "it brings a lead"
    headers: list[tuple[str, bytes | None]] = [("content-type", b"application/json")]
    request_id = webhook.id.encode()
    if 0 < len(request_id) <= REQUEST_ID_BYTES:
        headers.append(("x-request-id", request_id))
    lead = {"created_at": now_ms, **webhook.lead}
    return LeadRecord(str(lead["lead_id"]).encode(), orjson.dumps(lead), headers, now_ms)
