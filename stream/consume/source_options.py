"""How the batch source reads: sizes, pauses and time limits."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

from stream.consume.unreadable_records import UnreadablePolicy
from stream.settings import Settings

__all__ = ["SourceOptions"]

STOP_RESERVE = 3.5
"""Seconds of a worker's stop that are kept for the producer, the HTTP port and the event loop."""


@dataclass(frozen=True, slots=True)
class SourceOptions:
    """How the source reads; all times in seconds.

    Attributes
    ----------
    max_records
        Most records of a poll, all partitions together.
    ahead
        Most polls on the channel: read while the agent is busy.
    in_flight_bytes
        No poll starts while batches in flight hold this many bytes.
    small_poll
        A poll of fewer records is followed by a linger.
    linger
        How long records may accumulate in the broker after a small poll: less work per event at a
        low rate, for about half of this time in latency. 0: never.
    commit_interval
        Between two commits: bounds what is read twice after a crash.
    commit_limit
        For one commit; without an answer it is tried again in the next interval.
    revoke_limit
        For batches in flight to finish when partitions are revoked. With ``commit_limit`` shorter
        than the consumer's rebalance time-out.
    stop_limit
        For the whole stop: batches in flight, the last commit, leaving the group.
    topic_limit
        How long the topic may be missing before the worker ends.
    unreadable
        What happens to a record that can't be read (stream/consume/unreadable_records.py).
    """

    max_records: int = 2000
    ahead: int = 2
    in_flight_bytes: int = 32 << 20
    small_poll: int = 500
    linger: float = 0.004
    commit_interval: float = 1.0
    commit_limit: float = 5.0
    revoke_limit: float = 5.0
    stop_limit: float = 8.0
    topic_limit: float = 120.0
    unreadable: UnreadablePolicy = "dead_letter"

    @classmethod
    def from_settings(cls, settings: Settings, in_flight_bytes: int) -> Self:
        """Return the options for a worker with these settings."""
        return cls(
            max_records=settings.batch_max_records,
            in_flight_bytes=in_flight_bytes,
            linger=settings.fetch_linger_ms / 1000,
            commit_interval=settings.commit_seconds,
            stop_limit=max(settings.stop_timeout_seconds - STOP_RESERVE, 1.0),
            unreadable=settings.unreadable,
        )
