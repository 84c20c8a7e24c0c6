"""Find and count visible records from an offset on, by a bounded fetch."""

from __future__ import annotations

from aiokafka import TopicPartition

from stream.fetch.raw_batches import RawReader
from stream.fetch.record_batches import Limits
from stream.lag.figures import Backlog

__all__ = ["FETCH_BYTES", "SKIM", "look"]

FETCH_BYTES = 64 << 10
"""Most bytes of one fetch, except for a larger first batch."""
SKIM = Limits(value_bytes=0)
"""Limits of a reader that needs offsets and timestamps: keys, values and headers are skipped."""
COUNTED = 1000
"""Records after which counting stops."""
COUNT_FETCHES = 16
"""Fetches after which counting stops."""
SEARCH_FETCHES = 256
"""Fetches after which the search for the first visible record stops: 16 MiB of aborted
transactions, or more in larger batches."""


async def look(reader: RawReader, partition: TopicPartition, start: int, end: int) -> Backlog:
    """Find the first visible record, and count the visible records as far as the limits allow.

    Control records, aborted transactions (for a reader of committed records) and offsets that
    compaction has removed are skipped. A record that can't be read is visible: a consumer has to
    deal with it.

    Parameters
    ----------
    reader
        Reads the partition, with the limits ``SKIM``.
    partition
        The partition.
    start, end
        Offsets to look at: start <= offset < end.

    Raises
    ------
    KafkaError
        The partition can't be read.
    """
    at, counted, oldest_ms = start, 0, None
    for fetches in range(1, SEARCH_FETCHES + 1):
        before = at
        async for step in reader.read(partition, at, end):
            if step.records and not counted:
                oldest_ms = step.records[0].timestamp
            counted += len(step.records)
            at = max(at, step.next_offset)
        if at >= end or at == before:  # the latter: compaction left a gap up to the end
            return Backlog(counted, True, oldest_ms)
        if counted >= COUNTED or (counted and fetches >= COUNT_FETCHES):
            break
    return Backlog(counted + end - at, False, oldest_ms)
