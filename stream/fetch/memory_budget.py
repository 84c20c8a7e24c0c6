"""Division of a worker's memory: bytes for each stage of processing."""

from __future__ import annotations

from dataclasses import dataclass

from stream.fetch.bounded_batches import BatchLimits

__all__ = ["RECORD_OVERHEAD", "MemoryBudget", "least_budget_mb"]

MIB = 1 << 20

RECORD_OVERHEAD = 512
"""Approximate bytes of a record's Python objects, besides key, value and headers."""

LEAST_PARTITION_FETCH = 64 * 1024
MOST_PARTITION_FETCH = MIB
"""aiokafka's own default."""

LEAST_RECORD = MIB
"""Least size limit of records: the default limit of a topic, so that a lead that is too large to
score still reaches the dead-letter topic unchanged."""

LARGEST_BATCHES = 6
"""Batches of the largest size that fit into the budget; aiokafka briefly has three copies."""

ENVELOPE = 64 * 1024
"""Bytes reserved for a record's key and headers, besides a lead of the largest size."""


@dataclass(frozen=True, slots=True)
class MemoryBudget:
    """Limit of the bytes that leads take in a worker, whatever their size and compression.

    Attributes
    ----------
    total
        The whole budget. Measured: a worker's memory above that of an idle worker stays below it.
    max_event_bytes
        The largest lead that is scored.
    """

    total: int = 96 * MIB
    max_event_bytes: int = 262_144

    @property
    def largest_batch_bytes(self) -> int:
        """Compressed bytes of the largest batch that is read (see ``bounded_responses``)."""
        return self.total // LARGEST_BATCHES

    @property
    def fetch_bytes(self) -> int:
        """Bytes of one fetch; a single larger batch is returned anyway."""
        return self.total // 12

    def partition_fetch_bytes(self, partitions: int) -> int:
        """Return the bytes of one partition in a response, for a number of assigned partitions.

        aiokafka keeps the response of each partition in memory until it is polled.
        """
        share = self.total // 6 // max(partitions, 1)
        return min(max(share, LEAST_PARTITION_FETCH), MOST_PARTITION_FETCH)

    @property
    def batches(self) -> BatchLimits:
        """Limits of the decompression of a batch."""
        record = max(LEAST_RECORD, self.max_event_bytes + ENVELOPE)
        return BatchLimits(max(self.total // 24, 2 * record), record)

    @property
    def poll_bytes(self) -> int:
        """Bytes of a poll up to its last record; they are decoded and encoded in one go."""
        return self.total // 48

    @property
    def in_flight_bytes(self) -> int:
        """Bytes of records in flight; one more poll may come on top."""
        return self.total // 3

    @property
    def transaction_bytes(self) -> int:
        """Bytes of the records whose outputs one transaction holds, all of one partition."""
        return self.total // 12


def least_budget_mb(batch_bytes: int) -> int:
    """Return the least LEADSCORE_MEMORY_BUDGET_MB with which a batch can be read."""
    return -(-LARGEST_BATCHES * batch_bytes // MIB)
