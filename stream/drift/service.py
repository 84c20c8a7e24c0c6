"""The drift role of a worker: partials in, reports out, the windows between them in a Faust table.

The topic of partials has one partition, so one worker of the group is assigned it; the others are
on standby. Every half second the service processes the partials received: it writes each changed
window to the table once, waits for the changelog, publishes a report for each complete window, and
only then acknowledges the partials.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from mode import Service

from agents.drift_reports import Report
from agents.drift_watch import DriftWatch
from monitoring.telemetry.health import Condition, Health
from stream.deliver.batch_producer import Emitter
from stream.drift.observer import DriftObserver
from stream.drift.records import DriftRecords
from stream.drift.restoration import Restoration
from stream.drift.window_table import DriftTable
from stream.kafka.record_clock import RecordClock

if TYPE_CHECKING:
    from stream.faust_app import App

__all__ = ["DriftService"]

log = logging.getLogger(__name__)

TURN = 0.5
"""Seconds between two batches of partials."""
PENDING = 5000
"""Most partials that may wait for the next batch: it bounds memory."""


class DriftService(Service):
    """A service that aggregates partials into windows and publishes reports.

    Parameters
    ----------
    app
        The Faust app, with the consumer of partials.
    table
        The table of windows.
    emitter
        Sends the reports.
    clock
        Gives records their time stamps.
    restoration
        Restores the state when the partition is assigned.
    records
        Decodes partials.
    observer
        Shows what is found.
    health
        Learns when the role is ready.
    """

    def __init__(
        self,
        app: App,
        table: DriftTable,
        *,
        emitter: Emitter,
        clock: RecordClock,
        restoration: Restoration,
        records: DriftRecords,
        observer: DriftObserver,
        health: Health,
    ) -> None:
        super().__init__()
        self._app = app
        self._partials_topic = app.settings.leads_drift_partials
        self._reports_topic = app.settings.leads_drift
        self._table = table
        self._emitter = emitter
        self._clock = clock
        self._restoration = restoration
        self._records = records
        self._observer = observer
        self._health = health
        self._watch: DriftWatch | None = None
        self._is_recovered = False
        self._revocations = 0
        self._pending: list[Any] = []
        self._has_room = asyncio.Event()

    @property
    def is_watching(self) -> bool:
        """Whether this worker has the partition of partials, and has restored its state."""
        return self._watch is not None

    # Callbacks of Faust

    async def accept(self, event: Any) -> None:
        """Queue the event of a partial; it is acknowledged once all its effects are written."""
        while len(self._pending) >= PENDING:
            self._has_room.clear()
            await self._has_room.wait()
        self._pending.append(event)

    def revoked(self) -> None:
        """Discard all state: the next owner resumes at the last acknowledged partial."""
        self._watch, self._is_recovered = None, False
        self._revocations += 1
        self._pending.clear()
        self._has_room.set()
        self._observer.on_revoked()

    def recovered(self) -> None:
        """Mark the table as recovered from its changelog."""
        self._health.meet(Condition.RECOVERED)
        self._is_recovered = self._is_ours()
        if not self._is_recovered:
            log.info("on standby: another worker monitors drift")

    def _is_ours(self) -> bool:
        return any(tp.topic == self._partials_topic for tp in self._app.consumer.assignment())

    # Start and stop

    async def on_start(self) -> None:
        """Open the producer of the reports."""
        self._table.clock = self._clock
        await self._clock.compare()
        await self._emitter.start()

    async def on_stop(self) -> None:
        """Log the totals."""
        self._observer.on_stop(unfinished=len(self._pending))

    async def on_shutdown(self) -> None:
        """Close it, once no turn is under way; what was not acknowledged is read again."""
        await self._emitter.stop()

    # Processing, every half second

    @Service.task
    async def _turn_until_stopped(self) -> None:
        try:
            while not self.should_stop:
                await self.sleep(TURN)
                if self._is_recovered and self._watch is None:
                    await self._restore()
                if self._watch is not None:
                    await self._turn(self._watch)
        except Exception as error:
            await self._app.crash(error)

    async def _restore(self) -> None:
        """Restore the state; partials that arrive meanwhile are queued."""
        before = self._revocations
        windows = self._restoration.windows_of(self._table)
        watch = await self._restoration.restore(windows)
        if before == self._revocations:  # else the partition was revoked, and maybe assigned again
            windows.repaired()
            self._watch = watch
            self._observer.on_restored(watch)

    async def _turn(self, watch: DriftWatch) -> None:
        events, self._pending = self._pending, []
        self._has_room.set()
        partials = list(self._records.partials(event.message.value for event in events))
        late, closed_early = watch.late, watch.closed_early
        watch.take(partials, time.monotonic())
        reports: list[Report] = []
        if not await self._is_written():
            return
        for keys in watch.due(time.monotonic(), round(time.time() * 1000)):
            if self._watch is not watch:
                return  # the partition was revoked meanwhile
            # Permutation tests take up to seconds: they must not block the event loop.
            closing = await asyncio.to_thread(watch.close, keys, round(time.time() * 1000))
            if self._watch is not watch:
                return
            await self._publish(closing.reports)
            watch.settle(closing)
            self._observer.on_reports(closing.reports)
            reports += closing.reports
        if not await self._is_written() or self._watch is not watch:
            return
        for event in events:
            event.ack()
        self._observer.on_turn(
            watch,
            partials=len(partials),
            late=watch.late - late,
            closed_early=watch.closed_early - closed_early,
            reports=reports,
        )

    async def _is_written(self) -> bool:
        """Wait until the changelog has every change; return False if the worker ends before.

        Faust's producer sends nothing once a part of the app has crashed, so there would be nothing
        to wait for. The events are not acknowledged then: the next worker counts them.
        """
        result = await self.wait(self._table.written())
        return not result.stopped

    async def _publish(self, reports: Iterable[Report]) -> None:
        rows: Any = [(report.key, report.encode(), []) for report in reports]
        for delivery in await self._emitter.send(self._reports_topic, 0, rows):
            await delivery
