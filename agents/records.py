"""Kafka records as scoring reads and writes them, without Kafka."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from schemas.headers import (
    Headers,
)

__all__ = ["Output", "SourceRecord"]


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
