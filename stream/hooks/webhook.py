"""A webhook that was received: its id, and the lead that it brings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from schemas.headers import REQUEST_ID_BYTES

__all__ = ["LeadRecord", "Webhook", "record_of"]


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


@dataclass(frozen=True, slots=True)
class LeadRecord:
    """A lead as it is written to Kafka: the key is its id, which determines the partition."""

    key: bytes
    value: bytes
    headers: Sequence[tuple[str, bytes]]


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
    headers = [("content-type", b"application/json")]
    request_id = webhook.id.encode()
    if 0 < len(request_id) <= REQUEST_ID_BYTES:
        headers.append(("x-request-id", request_id))
    lead = {"created_at": now_ms, **webhook.lead}
    return LeadRecord(str(lead["lead_id"]).encode(), orjson.dumps(lead), headers)
