"""Leads of requests, as the records that the scorer reads."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import orjson

__all__ = ["SOURCE", "RestLead", "lead_of"]

SOURCE = "rest"
"""Value of ``source.topic`` in an answer."""
OFFSET_BITS = 63


class RestLead(NamedTuple):
    """A lead of a request: an ``agents.records.SourceRecord``."""

    offset: int
    """A hash of the lead, so that the same lead scored by the same model has the same event_id."""
    timestamp: int
    value: bytes
    headers: Sequence[tuple[str, bytes | None]]
    content: bytes
    """The value without what does not decide the score: ids, and a time that was filled in."""
    key: bytes | None = None
    partition: int = 0


def lead_of(fields: Mapping[str, Any], request_id: str, now_ms: int) -> RestLead:
    """Return a lead of a request.

    Parameters
    ----------
    fields
        The lead. Without ``lead_id`` it gets the request's id, without ``created_at`` the time
        ``now_ms``.
    request_id
        The request's id.
    now_ms
        Milliseconds since 1970.

    Raises
    ------
    TypeError
        A value is not one of JSON's.
    """
    filled_in = {"lead_id": request_id, "created_at": now_ms}
    value = orjson.dumps({**filled_in, **fields}, option=orjson.OPT_SORT_KEYS)
    content = {name: fields[name] for name in fields if name not in ("lead_id", "request_id")}
    digest = hashlib.sha256(value).digest()
    return RestLead(
        offset=int.from_bytes(digest[:8], "big") >> (64 - OFFSET_BITS),
        timestamp=now_ms,
        value=value,
        headers=[("x-request-id", request_id.encode())],
        content=orjson.dumps(content, option=orjson.OPT_SORT_KEYS),
    )
