"""How much the source of a replay reads, and how long it waits."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from stream.consume.unreadable_records import UnreadablePolicy

__all__ = ["Pace", "SourceLimits"]


class Pace(Protocol):
    """Limits how fast a replay reads."""

    async def allowance(self, most: int) -> int:
        """Wait a moment if need be; return how many records may be read now, at most as given."""

    def spent(self, records: int) -> None:
        """Count records that were read."""


@dataclass(frozen=True, slots=True)
class SourceLimits:
    """Limits of a replay's source; times in seconds.

    Attributes
    ----------
    max_records
        Most records of a poll, all partitions together.
    in_flight_bytes
        No poll starts while batches in flight hold this many bytes.
    commit_interval
        Between two commits: bounds what is scored twice after a kill, at least once.
    commit_limit
        For one commit.
    finish_limit
        For batches in flight and the last commit at the end.
    unreadable
        What happens to a record that can't be read.
    """

    max_records: int = 2000
    in_flight_bytes: int = 32 << 20
    commit_interval: float = 1.0
    commit_limit: float = 5.0
    finish_limit: float = 120.0
    unreadable: UnreadablePolicy = "dead_letter"
