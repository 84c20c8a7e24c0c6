"""A record as it was sent, and the verdict on one that can't be read. No Kafka."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from schemas.errors import ErrorCode, InvalidEventError

__all__ = ["Problem", "RawRecord", "UnreadableRecord"]


class Problem(StrEnum):
    """Why a record can't be read."""

    CHECKSUM = "checksum"
    """The batch is not what its sender wrote."""
    COMPRESSION = "compression"
    """The batch can't be decompressed from the record on."""
    FORMAT = "format"
    """The batch is of a format or a codec that is not known here."""
    LENGTHS = "lengths"
    """Lengths in the record contradict each other."""
    HEADER_NAME = "header_name"
    """A header's name is not UTF-8."""
    UNSERVED = "unserved"
    """The broker has the offset and can't serve it."""
    TOO_LARGE = "too_large"
    """The value, the key or the headers are beyond the limit."""
    BATCH_TOO_LARGE = "batch_too_large"
    """The batch is larger than what is read of a response."""

    @property
    def is_damage(self) -> bool:
        """Whether the record is not what it should be, and not only too large."""
        return self not in (Problem.TOO_LARGE, Problem.BATCH_TOO_LARGE)


@dataclass(slots=True)
class RawRecord:
    """A record as it was sent; what scoring reads of it has aiokafka's names."""

    partition: int
    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None
    headers: Sequence[tuple[str, bytes | None]]

    @property
    def held_bytes(self) -> int:
        """Bytes that it keeps in memory, roughly."""
        headers = sum(len(name) + len(given or b"") for name, given in self.headers)
        return len(self.key or b"") + len(self.value or b"") + headers


@dataclass(slots=True)
class UnreadableRecord(RawRecord):
    """A record that can't be read, with what of it could be had.

    Attributes
    ----------
    problem, detail
        Why; the detail of damage completes the sentence "expected a readable record, but ...", and
        none holds anything of the record's content.
    value_bytes
        Size of a value that was left out for it; None where it is there, or not known.
    """

    problem: Problem
    detail: str
    value_bytes: int | None = None

    @property
    def error(self) -> InvalidEventError:
        """The verdict, as the dead letter tells it."""
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
