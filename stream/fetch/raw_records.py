"""A raw record, and the verdict on an unreadable one. No Kafka."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from schemas.errors import ErrorCode, InvalidEventError

__all__ = ["Problem", "RawRecord", "UnreadableRecord"]


class Problem(StrEnum):
    """Why a record can't be read."""

    CHECKSUM = "checksum"
    """The checksum of the batch is wrong."""
    COMPRESSION = "compression"
    """The batch can't be decompressed from this record on."""
    FORMAT = "format"
    """The batch has an unknown format or codec."""
    LENGTHS = "lengths"
    """Lengths in the record contradict each other."""
    HEADER_NAME = "header_name"
    """A header's name is not UTF-8."""
    UNSERVED = "unserved"
    """The broker can't serve the offset from its log."""
    TOO_LARGE = "too_large"
    """The value, the key or the headers exceed the limit."""
    BATCH_TOO_LARGE = "batch_too_large"
    """The batch exceeds the limit of a response."""

    @property
    def is_damage(self) -> bool:
        """Whether the record is damaged, rather than only too large."""
        return self not in (Problem.TOO_LARGE, Problem.BATCH_TOO_LARGE)


@dataclass(slots=True)
class RawRecord:
    """A record as it was sent, with aiokafka's names for the attributes that scoring reads.

    Attributes
    ----------
    timestamp_type
        Who set the timestamp: 0 the producer, 1 the broker.
    """

    partition: int
    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None
    headers: Sequence[tuple[str, bytes | None]]
    timestamp_type: int = field(default=0, kw_only=True)

    @property
    def held_bytes(self) -> int:
        """Approximate bytes in memory."""
        headers = sum(len(name) + len(given or b"") for name, given in self.headers)
        return len(self.key or b"") + len(self.value or b"") + headers


@dataclass(slots=True)
class UnreadableRecord(RawRecord):
    """An unreadable record, with the parts that could be read.

    Attributes
    ----------
    problem, detail
        Kind and reason. For damage the reason completes the sentence "expected a readable record,
        but ...". It never has any of the record's content.
    value_bytes
        Size of a value that was skipped; None if the value is present, or its size is unknown.
    """

    problem: Problem
    detail: str
    value_bytes: int | None = None

    @property
    def error(self) -> InvalidEventError:
        """The error for the dead letter."""
        if self.problem is Problem.BATCH_TOO_LARGE:
            return InvalidEventError(
                ErrorCode.TOO_LARGE,
                f"{self.detail}: send smaller batches, or raise LEADSCORE_MEMORY_BUDGET_MB",
            )
        if self.problem is Problem.TOO_LARGE:
            return InvalidEventError(
                ErrorCode.TOO_LARGE, f"{self.detail}: send less, or raise LEADSCORE_MAX_EVENT_BYTES"
            )
        return InvalidEventError(
            ErrorCode.UNREADABLE,
            f"expected a readable Kafka record, but {self.detail}: fix what sends it, or look at"
            " the brokers' disks where a checksum is wrong (docs/runbook.md#a-record-that-cant-be-"
            "read)",
        )
