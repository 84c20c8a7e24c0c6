"""Stops a drift worker whose consumer is alive but reads nothing: Faust does not detect it."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import AsyncExitStack

from aiokafka import TopicPartition
from aiokafka.errors import KafkaError
from mode import Service

from schemas.errors import FatalError
from stream.kafka.log_reader import LogReader
from stream.monitor import STALL_LIMIT
from stream.process.background_tasks import Crash
from stream.process.refusals import REFUSALS

__all__ = ["DriftStallWatch"]

LOOK = 5.0
"""Seconds between two checks of the consumer's lag."""


class DriftStallWatch(Service):
    """A service that compares the committed offset with the end of the topic of partials.

    Parameters
    ----------
    partials
        The partition that is watched.
    reader
        Opens the consumer that asks.
    group_id
        The group of the drift role.
    on_lag
        Called with the number of partials that are written and not acknowledged.
    is_watching
        Whether this worker has the partition, and has restored its state.
    crash
        Ends the worker.
    """

    def __init__(
        self,
        partials: TopicPartition,
        reader: LogReader,
        group_id: str,
        on_lag: Callable[[int], None],
        is_watching: Callable[[], bool],
        crash: Crash,
    ) -> None:
        super().__init__()
        self._partials = partials
        self._reader = reader
        self._group_id = group_id
        self._on_lag = on_lag
        self._is_watching = is_watching
        self._end_worker = crash
        self._connections = AsyncExitStack()

    async def on_start(self) -> None:
        """Open a consumer that only asks how far the group is."""
        self._offsets = await self._connections.enter_async_context(
            self._reader.open(group_id=self._group_id)
        )
        self._offsets.assign([self._partials])

    async def on_shutdown(self) -> None:
        """Close it, once the task below has ended.

        aiokafka's ``committed`` retries forever once its consumer is closed.
        """
        await self._connections.aclose()

    @Service.task
    async def _watch(self) -> None:
        moved_at, seen = time.monotonic(), -1
        while not self.should_stop:
            await self.sleep(LOOK)
            if self.should_stop:
                return
            try:
                end = (await self._offsets.end_offsets([self._partials]))[self._partials]
                taken = await self._offsets.committed(self._partials)
            except REFUSALS as error:  # Faust's own consumer would retry forever
                await self._end_worker(error)
                return
            except (KafkaError, TimeoutError):
                moved_at = time.monotonic()
                continue
            self._on_lag(end - (taken or 0))
            if taken is None or taken >= end or taken != seen or not self._is_watching():
                moved_at, seen = time.monotonic(), -1 if taken is None else taken
            elif time.monotonic() - moved_at > STALL_LIMIT:
                await self._end_worker(
                    FatalError(
                        f"{self._partials.topic} has {end - taken} unread partials, but none was"
                        f" processed for {STALL_LIMIT:.0f} s: the worker exits so that its"
                        " supervisor restarts it."
                    )
                )
