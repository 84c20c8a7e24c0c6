"""A dead letter: the record that failed, where it was, and why."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from agents.dead_letters import VALUE_BYTES
from agents.records import SourceRecord as Record
from schemas.errors import ErrorCode
from schemas.headers import (
    ERROR_CODE,
    ERROR_MESSAGE,
    SCHEMA_NAME,
    SOURCE_OFFSET,
    SOURCE_PARTITION,
    SOURCE_TIMESTAMP,
    SOURCE_TOPIC,
    attempts_of,
)

__all__ = ["DeadLetter", "Place"]

LONGEST_NUMBER = 19
"""Digits of the largest offset."""
NEVER_READ = (ErrorCode.UNREADABLE, ErrorCode.TOO_LARGE)
"""Codes of letters that may lack a value because a worker could not read it."""


class Place(NamedTuple):
    """A partition's number and an offset in it.

    Examples
    --------
    >>> str(Place(2, 17))
    '2/17'
    """

    partition: int
    offset: int

    def __str__(self) -> str:
        return f"{self.partition}/{self.offset}"


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A record of the dead-letter topic.

    Attributes
    ----------
    place
        Its place in the dead-letter topic.
    timestamp
        Time at which it was written, milliseconds since 1970.
    code
        The error code; a newer worker may write one that is not in ``ErrorCode``.
    error, schema
        The sentence, and the name of the schema; None if its topic took only a reduced letter.
    source_topic
        None if its topic took only a reduced letter.
    source
        Place of the source record.
    source_timestamp
        Time stamp of the source record, milliseconds since 1970; None in letters of version 0.1.
    attempt
        Number of times that the record was processed.
    key, value, headers
        As in the record, with the headers that the worker added.
    left_out_bytes
        Size of a value that was left out; None if the value is here, or its size is unknown.
    """

    place: Place
    timestamp: int
    code: str
    error: str | None
    schema: str | None
    source_topic: str | None
    source: Place
    source_timestamp: int | None
    attempt: int
    key: bytes | None
    value: bytes | None
    headers: Sequence[tuple[str, bytes | None]]
    left_out_bytes: int | None

    @classmethod
    def from_record(cls, record: Record) -> DeadLetter | None:
        """Read a record of the topic; None if no worker of LeadScore wrote it."""
        headers = dict(record.headers)
        code, offset = _text(headers, ERROR_CODE), _number(headers, SOURCE_OFFSET)
        if code is None or offset is None:
            return None
        # The smallest form of a letter has no partition: it is the source's.
        partition = _number(headers, SOURCE_PARTITION)
        return cls(
            place=Place(record.partition, record.offset),
            timestamp=record.timestamp,
            code=code,
            error=_text(headers, ERROR_MESSAGE),
            schema=_text(headers, SCHEMA_NAME),
            source_topic=_text(headers, SOURCE_TOPIC),
            source=Place(record.partition if partition is None else partition, offset),
            source_timestamp=_number(headers, SOURCE_TIMESTAMP),
            attempt=attempts_of(record.headers),
            key=record.key,
            value=record.value,
            headers=record.headers,
            left_out_bytes=_number(headers, VALUE_BYTES),
        )

    @property
    def is_left_out(self) -> bool:
        """Whether only the source record has the value."""
        if self.value is not None:
            return False
        return self.left_out_bytes is not None or self.code in NEVER_READ


def _text(headers: Mapping[str, bytes | None], name: str) -> str | None:
    given = headers.get(name)
    return None if given is None else given.decode(errors="backslashreplace")


def _number(headers: Mapping[str, bytes | None], name: str) -> int | None:
    given = headers.get(name)
    is_number = given is not None and given.isdigit() and len(given) <= LONGEST_NUMBER
    return int(given or b"") if is_number else None
