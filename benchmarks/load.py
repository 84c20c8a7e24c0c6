"""A steady load: a constant number of leads per second, independent of the contender."""

from __future__ import annotations

import asyncio
import gc
import time
from collections import deque
from typing import Any

from aiokafka import AIOKafkaProducer

from benchmarks.testbed import DISTINCT
from benchmarks.workload import events
from stream.simulator.run import partition_of

__all__ = ["SteadyLoad"]

TICK_SECONDS = 0.002


class SteadyLoad:
    """Sends leads at a constant rate, a few every two milliseconds, evenly to all partitions.

    Parameters
    ----------
    bootstrap, topic, partitions
        Destination.
    """

    def __init__(self, bootstrap: str, topic: str, partitions: int) -> None:
        self._topic = topic
        self._producer = AIOKafkaProducer(bootstrap_servers=bootstrap, max_batch_size=512 * 1024)
        self._rows: list[list[tuple[bytes, bytes]]] = [[] for _ in range(partitions)]
        for key, value in events(DISTINCT):
            self._rows[partition_of(key, partitions)].append((key, value))
        self._next = [0] * partitions
        self._turn = 0
        self._pending: deque[Any] = deque()
        self.sent = 0

    async def __aenter__(self) -> SteadyLoad:
        await self._producer.start()
        await self._producer.partitions_for(self._topic)
        return self

    async def __aexit__(self, *error: object) -> None:
        await self._producer.stop()

    async def send(self, count: int) -> None:
        """Send a number of leads at once."""
        partitions = len(self._rows)
        share, more = divmod(count, partitions)
        for i in range(partitions):
            partition = (self._turn + i) % partitions
            await self._send_to(partition, share + (i < more))
        self._turn = (self._turn + more) % partitions
        self.sent += count

    async def keep(self, rate: float, seconds: float) -> float:
        """Send at a rate for a time; return the actual rate in leads per second."""
        gc.collect()
        gc.disable()  # a garbage collection causes a gap, then a late burst
        try:
            return await self._keep(rate, seconds)
        finally:
            gc.enable()

    async def _keep(self, rate: float, seconds: float) -> float:
        began, first = time.monotonic(), self.sent
        while (passed := time.monotonic() - began) < seconds:
            due = int(rate * passed) - (self.sent - first)
            if due > 0:
                await self.send(due)
            await asyncio.sleep(TICK_SECONDS)
        await self.delivered()
        return (self.sent - first) / (time.monotonic() - began)

    async def delivered(self) -> None:
        """Wait until all leads are delivered."""
        while self._pending:
            await self._pending.popleft()

    async def _send_to(self, partition: int, count: int) -> None:
        rows, at = self._rows[partition], self._next[partition]
        self._next[partition] = at + count
        while count > 0:
            batch = self._producer.create_batch()
            while count > 0:
                key, value = rows[at % len(rows)]
                if batch.append(timestamp=None, key=key, value=value) is None:
                    break
                at, count = at + 1, count - 1
            batch.close()
            self._pending.append(
                await self._producer.send_batch(batch, self._topic, partition=partition)
            )
            while self._pending and self._pending[0].done():
                self._pending.popleft().result()
