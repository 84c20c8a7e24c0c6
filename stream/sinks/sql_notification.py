"""Payload of PostgreSQL's NOTIFY: which leads a transaction has written."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import orjson

from stream.sinks.sink import Log

__all__ = ["MOST_BYTES", "notification"]

MOST_BYTES = 7999
"""PostgreSQL takes less than 8000 bytes (its manual, "NOTIFY")."""


def notification(log: Log, rows: Sequence[Mapping[str, Any]]) -> str:
    """Return the payload: JSON with the place in the log, and the ids of the leads if they fit.

    Without ``lead_ids`` a listener reads the rows of these offsets.
    """
    place = {
        "topic": log.topic,
        "partition": log.partition,
        "first_offset": rows[0]["kafka_offset"],
        "last_offset": rows[-1]["kafka_offset"],
    }
    ids = list(dict.fromkeys(row["lead_id"] for row in rows))
    whole = orjson.dumps(place | {"leads": len(ids), "lead_ids": ids})
    if len(whole) <= MOST_BYTES:
        return whole.decode()
    return orjson.dumps(place | {"leads": len(ids)}).decode()
