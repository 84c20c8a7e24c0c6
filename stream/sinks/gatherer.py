"""Gathers the batches of several polls, by partition, until there is enough for a write."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from aiokafka import TopicPartition

from stream.consume.partition_progress import Batch
from stream.process.deadlines import now
from stream.sinks.sink import Gathering

__all__ = ["Gatherer"]

WAITING_POLLS = 2
"""Polls that wait while a write is under way; then the source waits: back-pressure."""


class Gatherer:
    """Holds batches that have not begun: if their partition is revoked, the next owner reads them.

    Parameters
    ----------
    gathering
        How long records are gathered.
    most_bytes
        Batches of more bytes are written at once: the source waits while too much is in flight.
    """

    def __init__(self, gathering: Gathering, most_bytes: int) -> None:
        self.gathering = gathering
        self._most_bytes = most_bytes
        self._polls: asyncio.Queue[Sequence[Batch]] = asyncio.Queue(WAITING_POLLS)

    async def put(self, batches: Sequence[Batch]) -> None:
        """Add what a poll has brought; waits while there is too much."""
        await self._polls.put(batches)

    async def take(self) -> list[Sequence[Batch]]:
        """Return what was gathered, by partition, once there is enough or it is old enough."""
        gathered = list(await self._polls.get())
        deadline = now() + self.gathering.seconds
        while not self._is_enough(gathered):
            try:
                async with asyncio.timeout_at(deadline):
                    gathered += await self._polls.get()
            except TimeoutError:
                break
        by_partition: dict[TopicPartition, list[Batch]] = {}
        for batch in gathered:
            if not batch.is_revoked:
                by_partition.setdefault(batch.partition, []).append(batch)
        return list(by_partition.values())

    def _is_enough(self, gathered: Sequence[Batch]) -> bool:
        kept = [batch for batch in gathered if not batch.is_revoked]
        return (
            (not self.gathering.seconds and self._polls.empty())
            or sum(len(batch.records) for batch in kept) >= self.gathering.records
            or sum(batch.size for batch in kept) >= self._most_bytes
        )
