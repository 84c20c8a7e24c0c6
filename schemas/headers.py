"""Headers of events: CloudEvents' attributes, the trace, the request, and a dead letter's reasons.

CloudEvents 1.0, "Kafka protocol binding", binary content mode; W3C "Trace Context"; the names of
Kafka Connect's dead letters (KIP-298).
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from schemas.errors import ErrorCode, InvalidEventError
from schemas.wire import FORMATS, WireFormat

try:
    from schemas import _compiled
except ImportError:  # there was no compiler
    _compiled = None  # type: ignore[assignment]

__all__ = [
    "ATTEMPT",
    "CANARY",
    "CONNECT_ERRORS",
    "ERROR_CODE",
    "ERROR_MESSAGE",
    "GRADE",
    "SCHEMA_NAME",
    "SEGMENT",
    "SOURCE_OFFSET",
    "SOURCE_PARTITION",
    "SOURCE_TIMESTAMP",
    "SOURCE_TOPIC",
    "EventIds",
    "Headers",
    "LeadHeaders",
    "ScoredHeaders",
    "SourceOf",
    "attempts_of",
    "dead_letter_headers",
    "read_headers",
    "rfc3339",
]

Headers = list[tuple[str, bytes | None]]

EVENT_TYPE = b"leadscore.lead.scored.v1"

REQUEST_ID_NAMES = (
    "x-request-id",
    "x-correlation-id",
    "correlation-id",
    "correlation_id",
    "request-id",
    "request_id",
    "ce_correlationid",
)
"""Headers that may hold the request id, in order of precedence; case is ignored."""
TRACE_NAMES = ("traceparent", "tracestate")
REQUEST_ID_BYTES = 200
"""Longest request id; a longer value is ignored."""

ATTEMPT = "leadscore.attempt"
"""Number of times that any worker has processed the record. Without it, a record whose type is
that of scored events has been processed once."""
ERROR_CODE = "leadscore.error.code"
SCHEMA_NAME = "leadscore.schema"
SOURCE_TIMESTAMP = "leadscore.source.timestamp"
"""Header of a dead letter: the time stamp of its source record, milliseconds since 1970. The letter
itself is stamped with the time of sending."""
CONNECT_ERRORS = "__connect.errors."
"""Prefix of the headers that Kafka Connect's dead letters have, too (KIP-298)."""
SOURCE_TOPIC = f"{CONNECT_ERRORS}topic"
SOURCE_PARTITION = f"{CONNECT_ERRORS}partition"
SOURCE_OFFSET = f"{CONNECT_ERRORS}offset"
ERROR_CLASS = f"{CONNECT_ERRORS}exception.class.name"
ERROR_MESSAGE = f"{CONNECT_ERRORS}exception.message"
EVENT_TYPE_NAME = "ce_type"
REPLAY_ID = "leadscore.replay.id"
"""The replay that an output comes from; outputs of workers do not have it."""
CANARY = "leadscore.canary"
"""The model that scored a lead while there is a canary: see ``agents/canary_mark.py``."""
SEGMENT = "leadscore.segment."
"""Prefix of headers of a scored event, before the name of a field: the segment of the lead by this
field (agents/lead_segments.py). Only with LEADSCORE_OUTCOME_SEGMENTS."""
GRADE = "leadscore.grade"
"""Header of a scored event: the grade of the lead (agents/lead_grades.py). Only with
LEADSCORE_GRADE_RULES."""
OF_EACH = 3
"""Headers of a scored event that vary: its time, its id and the request's."""
_MARKS = {ATTEMPT, EVENT_TYPE_NAME}


class LeadHeaders(NamedTuple):
    """Values from the headers of a lead's record."""

    request_id: bytes | None = None
    """In UTF-8."""
    passed_on: Sequence[tuple[str, bytes | None]] = ()
    """Headers to copy to the scored event: the trace, and for a record that was processed before,
    the number of attempts."""
    attempts: int = 0
    """Number of times that the record was processed before."""
    is_last: bool = False
    """Whether the record is a copy of a dead letter with the code ATTEMPTS."""


class EventIds:
    """Computes event ids of a topic's scored events: a function of record and model alone.

    Parameters
    ----------
    topic
        The source topic.
    model_sha256
        The model, in hex.
    ages_at
        Time at which dates have their age, milliseconds since 1970: another score of the same
        record and model; None: at the creation of each lead.

    Examples
    --------
    >>> EventIds("leads.created", "ab12").of([3, 4], [17, 18])
    [b'7831dffd205ca9ea-3-17', b'7831dffd205ca9ea-4-18']
    """

    def __init__(self, topic: str, model_sha256: str, ages_at: int | None = None) -> None:
        base = _base(topic, model_sha256 if ages_at is None else f"{model_sha256}|{ages_at}")
        self._base = base.encode()

    def of(
        self, partitions: Sequence[int], offsets: Sequence[int] | NDArray[np.int64]
    ) -> list[bytes]:
        """Return the event ids of records, given their partitions and offsets."""
        prefixes = {number: b"%s-%d-" % (self._base, number) for number in set(partitions)}
        if _compiled is not None:
            return _compiled.event_ids(
                prefixes, list(partitions), np.asarray(offsets, dtype=np.int64)
            )
        return [
            b"%s%d" % (prefixes[number], offset)
            for number, offset in zip(partitions, offsets, strict=True)
        ]


def _base(topic: str, model_sha256: str) -> str:
    return hashlib.sha256(f"{topic}|{model_sha256}".encode()).hexdigest()[:16]


class SourceOf:
    """Finds the source record of an output by its headers.

    Parameters
    ----------
    topic, partition
        The source.
    models
        Only events of the models with these SHA-256, and dead letters, are recognised; None: events
        of any model.

    Examples
    --------
    >>> source_of = SourceOf("leads.created", 3, ["ab12"])
    >>> event_id = EventIds("leads.created", "ab12").of([3], [17])[0]
    >>> source_of([("ce_source", b"/leadscore/leads.created"), ("ce_id", event_id)])
    17
    """

    def __init__(self, topic: str, partition: int, models: Collection[str] | None) -> None:
        self._topic = topic.encode()
        self._partition = b"%d" % partition
        self._bases = (
            None if models is None else {_base(topic, sha256).encode() for sha256 in models}
        )

    def __call__(self, headers: Sequence[tuple[str, bytes | None]]) -> int | None:
        """Return the source record's offset; None in other partitions, and for no output.

        Outputs of a replay do not count: they do not show how far a worker has got.
        """
        found = dict(headers)
        if REPLAY_ID in found:
            return None
        # First: a dead letter also has the headers of its source record, whatever the sender wrote.
        if SOURCE_TOPIC in found:
            offset = found.get(SOURCE_OFFSET) or b""
            is_ours = (
                found[SOURCE_TOPIC] == self._topic
                and found.get(SOURCE_PARTITION) == self._partition
            )
        else:
            base, _, place = (found.get("ce_id") or b"").partition(b"-")
            partition, _, offset = place.partition(b"-")
            is_ours = (
                found.get("ce_source") == b"/leadscore/" + self._topic
                and partition == self._partition
                and (self._bases is None or base in self._bases)
            )
        return int(offset) if is_ours and offset.isdigit() and len(offset) < 19 else None


class ScoredHeaders:
    """Builds the headers of scored events.

    Parameters
    ----------
    topic
        The source topic.
    wire
        How the events are written.
    replay_id
        The replay that they come from; None for a worker's.

    Attributes
    ----------
    count
        Number of headers of an event whose lead brings no trace.
    """

    def __init__(self, topic: str, wire: WireFormat, replay_id: str | None = None) -> None:
        self._constant: Headers = [
            ("ce_specversion", b"1.0"),
            (EVENT_TYPE_NAME, EVENT_TYPE),
            ("ce_source", f"/leadscore/{topic}".encode()),
            ("content-type", FORMATS[wire].content_type),
        ]
        if replay_id is not None:
            self._constant.append((REPLAY_ID, replay_id.encode()))
        self.count = len(self._constant) + OF_EACH

    def of_batch(self, scored_at: int) -> Headers:
        """Return the headers shared by all events that are scored at a time (ms since 1970)."""
        return [*self._constant, ("ce_time", rfc3339(scored_at).encode())]


def read_headers(headers: Sequence[tuple[str, bytes | None]]) -> LeadHeaders:
    """Read the request's id, the trace and the attempts from a lead's headers.

    Parameters
    ----------
    headers
        The record's headers. A value that is empty, too long or not UTF-8 is not an id.
    """
    found: dict[str, bytes] = {}
    for name, value in headers:
        if value:
            found.setdefault(name.lower(), value)
    passed_on: Headers = [(name, found[name]) for name in TRACE_NAMES if name in found]
    attempts, is_last = 0, False
    if not _MARKS.isdisjoint(found):
        attempts = attempts_of(headers)
        is_last = (ERROR_CODE, ErrorCode.ATTEMPTS.value.encode()) in headers
    if attempts:
        passed_on.append((ATTEMPT, b"%d" % (attempts + 1)))
    return LeadHeaders(_request_id(found), passed_on, attempts, is_last)


def _request_id(found: Mapping[str, bytes]) -> bytes | None:
    for name in REQUEST_ID_NAMES:
        value = found.get(name)
        if value is not None and len(value) <= REQUEST_ID_BYTES:
            try:
                value.decode()
            except UnicodeDecodeError:
                continue
            return value
    return None


def dead_letter_headers(
    headers: Sequence[tuple[str, bytes | None]],
    *,
    topic: str,
    partition: int,
    offset: int,
    timestamp: int,
    error: InvalidEventError,
    schema: str | None,
    replay_id: str | None = None,
) -> Headers:
    """Return a dead letter's headers: the source's, unchanged, then the error and the source.

    If the record was a dead letter before, the error headers are replaced and the attempt is
    counted.

    Parameters
    ----------
    headers
        The source's.
    topic, partition, offset, timestamp
        The source record; the time stamp in milliseconds since 1970.
    error
        The verdict.
    schema
        Name of the schema that the lead was written with; None if it is not known.
    replay_id
        The replay that found the error; None for a worker.
    """
    ours: Headers = [
        (SOURCE_TOPIC, topic.encode()),
        (SOURCE_PARTITION, b"%d" % partition),
        (SOURCE_OFFSET, b"%d" % offset),
        (SOURCE_TIMESTAMP, b"%d" % timestamp),
        (ERROR_CLASS, type(error).__name__.encode()),
        (ERROR_MESSAGE, error.message.encode()),
        (ERROR_CODE, error.code.value.encode()),
        (SCHEMA_NAME, (schema or "unknown").encode()),
        (ATTEMPT, b"%d" % (attempts_of(headers) + 1)),
    ]
    if replay_id is not None:
        ours.append((REPLAY_ID, replay_id.encode()))
    names = {REPLAY_ID, CANARY, *(name for name, _ in ours)}
    return [*((name, value) for name, value in headers if name not in names), *ours]


def attempts_of(headers: Sequence[tuple[str, bytes | None]]) -> int:
    """Return the number of times that a record was processed: by headers of ours, in exact case."""
    for name, value in headers:
        if name == ATTEMPT and value and value.isdigit() and len(value) <= 10:
            return int(value)
    return int((EVENT_TYPE_NAME, EVENT_TYPE) in headers)


def rfc3339(ms: int) -> str:
    """Return a time, milliseconds since 1970, as RFC 3339 in UTC.

    Examples
    --------
    >>> rfc3339(0)
    '1970-01-01T00:00:00.000Z'
    """
    second, millis = divmod(ms, 1000)
    return f"{_second(second)}.{millis:03d}Z"


@lru_cache(maxsize=16)
def _second(second: int) -> str:
    return f"{datetime.fromtimestamp(second, UTC):%Y-%m-%dT%H:%M:%S}"
