"""Kafka records as scoring reads and writes them, without Kafka."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from schemas.headers import (
    Headers,
)

try:
    from agents import _compiled
except ImportError:  # installed without a compiler
    _compiled = None  # type: ignore[assignment]

__all__ = ["Output", "RecordColumns", "SourceRecord"]


Output = tuple[bytes | None, bytes | None, Headers]
"""Key, value and headers of a record to send."""


class SourceRecord(Protocol):
    """The fields of a Kafka record that scoring reads (``aiokafka.ConsumerRecord`` has them)."""

    @property
    def partition(self) -> int:
        """Number of its partition."""

    @property
    def offset(self) -> int:
        """Its place in the partition."""

    @property
    def timestamp(self) -> int:
        """Milliseconds since 1970."""

    @property
    def key(self) -> bytes | None:
        """Its key, untouched."""

    @property
    def value(self) -> bytes | None:
        """Its value, untouched."""

    @property
    def headers(self) -> Sequence[tuple[str, bytes | None]]:
        """Its headers in their order; a name may be there more than once."""


class RecordColumns(NamedTuple):
    """The columns of n records.

    Attributes
    ----------
    values
        Their values; a list of its own.
    partitions
        Their partitions.
    offsets, timestamps
        int64, shape (n,); time stamps in milliseconds since 1970.
    has_headers
        Whether one of them has headers.
    """

    values: list[bytes | None]
    partitions: list[int]
    offsets: NDArray[np.int64]
    timestamps: NDArray[np.int64]
    has_headers: bool

    @classmethod
    def of(cls, records: Sequence[SourceRecord]) -> RecordColumns:
        """Read the columns of records."""
        found = None if _compiled is None else _compiled.columns_of(records)
        if found is not None:
            return cls(*found)
        return cls(
            [record.value for record in records],
            [record.partition for record in records],
            np.array([record.offset for record in records], dtype=np.int64),
            np.array([record.timestamp for record in records], dtype=np.int64),
            any(record.headers for record in records),
        )

    def take(self, rows: Sequence[int]) -> RecordColumns:
        """Return the columns of some of the records, by their indices."""
        return RecordColumns(
            [self.values[row] for row in rows],
            [self.partitions[row] for row in rows],
            self.offsets[rows],
            self.timestamps[rows],
            self.has_headers,
        )
