"""How a worker's memory is divided: bytes for each stage that a lead goes through."""

from __future__ import annotations

from dataclasses import dataclass

from stream.fetch.bounded_batches import BatchLimits

__all__ = ["RECORD_OVERHEAD", "MemoryBudget", "least_budget_mb"]

MIB = 1 << 20

RECORD_OVERHEAD = 512
"""Bytes that a record takes beside its key, value and headers, about: Python's objects."""

LEAST_PARTITION_FETCH = 64 * 1024
MOST_PARTITION_FETCH = MIB
"""aiokafka's own default."""

LEAST_RECORD = MIB
"""Bytes of the largest record that is read even where leads may only be smaller: what a topic
takes by default, so that a lead that is too large gets to the dead-letter topic as it came."""

LARGEST_BATCHES = 6
"""Batches of the largest size that the budget holds; aiokafka has three copies for a moment."""

ENVELOPE = 64 * 1024
"""Bytes of a record's key and headers that are allowed for beside a lead of the largest size."""


@dataclass(frozen=True, slots=True)
class MemoryBudget:
    """The bytes that leads may take in a worker, whatever their size and compression.

    Attributes
    ----------
    total
        All of it. Measured: what a worker takes above its idle memory stays below it.
    max_event_bytes
        The largest lead that is scored.
    """

    total: int = 96 * MIB
    max_event_bytes: int = 262_144

    @property
    def largest_batch_bytes(self) -> int:
        """Bytes of the largest batch, as it is sent, that is read (see ``bounded_responses``)."""
        return self.total // LARGEST_BATCHES

    @property
    def fetch_bytes(self) -> int:
        """Bytes that a broker is asked for at once; a single larger batch comes all the same."""
        return self.total // 12

    def partition_fetch_bytes(self, partitions: int) -> int:
        """Return the bytes of a partition in an answer, where a number of them is assigned.

        aiokafka keeps an answer's part of each partition until it is polled.
        """
        share = self.total // 6 // max(partitions, 1)
        return min(max(share, LEAST_PARTITION_FETCH), MOST_PARTITION_FETCH)

    @property
    def batches(self) -> BatchLimits:
        """How much of a compressed batch is in memory at once."""
        record = max(LEAST_RECORD, self.max_event_bytes + ENVELOPE)
        return BatchLimits(max(self.total // 24, 2 * record), record)

    @property
    def poll_bytes(self) -> int:
        """Bytes of a poll, up to its last record: decoded and encoded without a pause."""
        return self.total // 48

    @property
    def in_flight_bytes(self) -> int:
        """Bytes of records that were handed over and are not done; one poll more may be."""
        return self.total // 3

    @property
    def transaction_bytes(self) -> int:
        """Bytes of the records whose outputs one transaction holds, all of one partition."""
        return self.total // 12


def least_budget_mb(batch_bytes: int) -> int:
    """Return the least LEADSCORE_MEMORY_BUDGET_MB with which a batch is read."""
    return -(-LARGEST_BATCHES * batch_bytes // MIB)
