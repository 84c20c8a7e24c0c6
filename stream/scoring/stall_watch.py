"""Watches the progress of the source, and ends a worker that makes none though it has work."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Sequence

from aiokafka import TopicPartition
from mode import Service

from monitoring.telemetry.health import Condition, Health
from monitoring.telemetry.metrics import PartitionLag
from stream.consume.batch_source import BatchSource
from stream.consume.stalls import stall_of
from stream.consume.stuck_partitions import StuckPartitions
from stream.monitor import STALL_LIMIT
from stream.process.background_tasks import Crash

__all__ = ["StallWatch"]

LOOK = 1.0
"""Seconds between two looks at the source."""


class StallWatch(Service):
    """A service that shows stuck partitions in health and crashes a stalled worker.

    Parameters
    ----------
    source
        Is watched, once it is started.
    lags
        Returns how far each partition is behind.
    fenced
        Returns the partitions whose transactional id another producer has.
    health
        Where it is shown.
    crash
        Ends the worker, so that its supervisor starts a new one.
    held_for
        Seconds for which records may be held back before they are processed.

    Attributes
    ----------
    stuck
        Partitions that have work and make no progress.
    """

    def __init__(
        self,
        source: BatchSource,
        lags: Callable[[], Sequence[PartitionLag]],
        fenced: Callable[[], Collection[TopicPartition]],
        health: Health,
        crash: Crash,
        held_for: float = 0.0,
    ) -> None:
        super().__init__()
        self.stuck = StuckPartitions(held_for)
        self._source = source
        self._lags = lags
        self._fenced = fenced
        self._health = health
        self._end_worker = crash

    @Service.task
    async def _watch(self) -> None:
        while not self.should_stop:
            if self._source.started:
                now = time.monotonic()
                self.show_progress(now)
                self._show_stuck(now)
                await self.end_if_stalled()
            await self.sleep(LOOK)

    def show_progress(self, now: float) -> None:
        """Show in health how far the source is, and whether it has work; now is monotonic."""
        done = sum(entry.done_offset or 0 for entry in self._source.assignment.values())
        source = self._source
        # What lies behind an unreadable record is no work; nor is what waits for a schema, as a
        # restart would not help.
        idle = source.stopped_at.keys() | source.held
        has_work = any(
            lag.records
            for lag in self._lags()
            if TopicPartition(lag.topic, lag.partition) not in idle
        )
        self._health.source_seen(now, finished=done, has_work=has_work)

    def _show_stuck(self, now: float) -> None:
        assigned = self._source.assigned
        if not all(map(self._health.meets, (Condition.BROKER_REACHED, Condition.TARGET_REACHED))):
            assigned = frozenset()  # none can move then, and that is reported already
        stopped_at = self._source.stopped_at
        self.stuck.look(now, assigned, self._source.assignment, self._fenced(), stopped_at)
        if stuck := self.stuck.now:
            reasons = [f"{at.topic}/{at.partition}: {reason}" for at, reason in stuck.items()]
            self._health.miss(Condition.PARTITIONS_MOVE, "; ".join(reasons))
        else:
            self._health.meet(Condition.PARTITIONS_MOVE)

    async def end_if_stalled(self) -> None:
        """Crash the worker if it has made no progress for ``STALL_LIMIT`` seconds."""
        is_broker_reached = self._health.meets(Condition.BROKER_REACHED)
        stall = stall_of(self._source, STALL_LIMIT, is_broker_reached=is_broker_reached)
        if stall is not None:
            await self._end_worker(stall)
