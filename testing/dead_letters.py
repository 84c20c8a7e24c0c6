"""Dead letters as workers write them, without a worker."""

from __future__ import annotations

import time
from collections.abc import Sequence

from schemas.errors import ErrorCode, InvalidEventError
from schemas.headers import dead_letter_headers
from testing.kafka_client import Record

__all__ = ["dead_letter"]


def dead_letter(
    value: bytes | None,
    key: bytes | None = None,
    *,
    code: ErrorCode = ErrorCode.WIRE_FORMAT,
    topic: str = "leads.created",
    partition: int = 0,
    offset: int = 0,
    timestamp: int | None = None,
    headers: Sequence[tuple[str, bytes | None]] = (),
    message: str = "expected a lead, got something else: send leads",
) -> Record:
    """Return the dead letter of a source record that failed for the first time.

    Parameters
    ----------
    value, key, headers
        The source record's.
    code, message
        Why it failed.
    topic, partition, offset, timestamp
        Where the source record is, and its time stamp in milliseconds since 1970; by default it is
        of now, as a broker soon removes a record that is older than its topic's retention.
    """
    ours = dead_letter_headers(
        headers,
        topic=topic,
        partition=partition,
        offset=offset,
        timestamp=int(time.time() * 1000) if timestamp is None else timestamp,
        error=InvalidEventError(code, message),
        schema=None,
    )
    return Record(value, key, ours, partition)
