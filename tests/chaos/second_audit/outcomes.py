"""Scored events and dead letters, read by the audit's own rules."""

from __future__ import annotations

import hashlib
import json
from typing import Any, NamedTuple

from tests.chaos.second_audit.avro_files import MARKER, AvroFiles
from tests.chaos.second_audit.records import Headers, Record

__all__ = ["DeadLetter", "ScoredEvent", "content_of", "event_id_of", "read_dead", "read_scored"]

OURS = ("__connect.errors.", "leadscore.")
"""How the names of the headers begin that a dead letter has beside those of its lead."""
LEFT_OUT = "leadscore.value.left.out.bytes"


class ScoredEvent(NamedTuple):
    """Fields of a scored event that the audit reads."""

    source: tuple[str, int, int]
    """Topic, partition and offset of its lead."""
    event_id: str
    model_sha256: str
    lead: tuple[str, int]
    """Its lead's id and time of creation."""
    score: float
    category: str
    label: str


class DeadLetter(NamedTuple):
    """Fields of a dead letter that the audit reads.

    Its smallest form does not name topic and partition: those are the topic's own, and its own.
    """

    topic: str | None
    partition: int
    offset: int
    code: str
    content: bytes
    """Digest of key, value and the lead's headers."""
    bare: bytes
    """Digest of key and value."""
    left_out: int | None
    """Bytes of the value where key, value and headers were left out."""


def read_scored(value: bytes | None, avro: AvroFiles) -> ScoredEvent:
    """Read a scored event in JSON or Avro.

    Raises
    ------
    Exception
        It is none; whatever reading it leads to.
    """
    assert value is not None
    event: Any = avro.read(value) if value[:2] == MARKER else json.loads(value)
    source = event["source"]
    return ScoredEvent(
        source=(source["topic"], source["partition"], source["offset"]),
        event_id=event["event_id"],
        model_sha256=event["model_sha256"],
        lead=(event["lead_id"], event["created_at"]),
        score=event["score"],
        category=event["category"],
        label=event["label"],
    )


def read_dead(record: Record) -> DeadLetter:
    """Read a dead letter.

    Raises
    ------
    Exception
        Its headers are none of a dead letter; whatever reading them leads to.
    """
    assert record.headers is not None
    headers = {name: value or b"" for name, value in record.headers}
    topic, left_out = headers.get("__connect.errors.topic"), headers.get(LEFT_OUT)
    return DeadLetter(
        topic=None if topic is None else topic.decode(),
        partition=int(headers.get("__connect.errors.partition", record.partition)),
        offset=int(headers["__connect.errors.offset"]),
        code=headers["leadscore.error.code"].decode(),
        content=content_of(record.key, record.value, record.headers),
        bare=content_of(record.key, record.value),
        left_out=None if left_out is None else int(left_out),
    )


def content_of(key: bytes | None, value: bytes | None, headers: Headers = ()) -> bytes:
    """Return a digest of a lead's record, without the headers that a dead letter adds."""
    digest = hashlib.blake2b(digest_size=16)
    given = [
        part for name, v in headers if not name.startswith(OURS) for part in (name.encode(), v)
    ]
    for part in (key, value, *given):
        digest.update(b"-" if part is None else b"%d:" % len(part) + part)
    return digest.digest()


def event_id_of(topic: str, model_sha256: str, partition: int, offset: int) -> str:
    """Return the identity that an event must have, after ADR 3."""
    base = hashlib.sha256(f"{topic}|{model_sha256}".encode()).hexdigest()[:16]
    return f"{base}-{partition}-{offset}"
