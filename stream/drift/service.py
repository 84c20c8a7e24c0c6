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
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Any

from aiokafka import TopicPartition
from aiokafka.errors import KafkaError
from mode import Service

from agents.drift_reports import Report, decode_report
from agents.drift_watch import DriftWatch, WatchedModel, WatchOptions
from agents.drift_windows import Watermark
from agents.partials import Partial, decode_partial
from features.counts import CountLayout
from model.bundle import describe_bundle
from model.registry import ModelNotFoundError, Registry
from monitoring.drift.assessment import Assessment, Assessor
from monitoring.drift.change_confirmation import ChangeConfirmation
from monitoring.drift.detectors import RollingDetectors
from monitoring.drift.field_drift import DriftThresholds
from monitoring.telemetry.drift_gauges import DriftMetrics
from monitoring.telemetry.health import Condition
from schemas.errors import FatalError
from schemas.model_identity import ModelIdentity
from stream.deliver.batch_producer import EmitOptions, Emitter
from stream.drift.progress import DriftProgress, DriftTally
from stream.drift.window_table import DriftTable, Windows, damaged_keys
from stream.kafka.access import REFUSALS
from stream.kafka.broker_clock import clock_reader
from stream.kafka.committed_offsets import GroupOffsets
from stream.kafka.log_reader import LogReader
from stream.kafka.producer import producer_opener
from stream.kafka.record_clock import RecordClock
from stream.kafka.topic_limits import limit_reader
from stream.monitor import STALL_LIMIT, Vitals
from stream.process.logging import is_for_people

if TYPE_CHECKING:
    from stream.faust_app import App

__all__ = ["DriftService"]

log = logging.getLogger(__name__)

TURN = 0.5
"""Seconds between two batches of partials."""
PENDING = 5000
"""Most partials that may wait for the next batch: it bounds memory."""
REPLAYED_REPORTS = 2000
REPLAYED_PARTIALS = 2000
"""Latest records that are replayed at start-up: reports of closed windows, and the samples of the
detectors. The horizon `longer` starts within them: it needs 1,000 leads, and every reported window
has at least one."""
REHEARSED_AT_ONCE = 50
"""Partials replayed before yielding to the event loop: up to 256 leads of each go to the
detectors."""
MODEL_RETRY = 60.0
"""Seconds until the registry is asked again for a model that it did not have."""
LAG_LOOK = 5.0
"""Seconds between two checks of the consumer's lag."""


class DriftService(Service):
    """Monitors drift: aggregates partials into windows and publishes reports.

    Parameters
    ----------
    app
        The Faust app that has the table.
    table
        The table of windows.
    vitals
        Health and metrics of the worker.
    """

    def __init__(self, app: App, table: DriftTable, vitals: Vitals) -> None:
        super().__init__()
        self.app = app
        self.settings = settings = app.settings
        self.metrics = DriftMetrics(vitals.registry)
        self.health = vitals.health
        self._table = table
        self._partials = TopicPartition(settings.leads_drift_partials, 0)
        self._reports = TopicPartition(settings.leads_drift, 0)
        self._reader = LogReader(settings.kafka_client_options(), "read_uncommitted")
        self._clock = RecordClock(clock_reader(settings.kafka_client_options()))
        self._emitter = Emitter(
            [settings.leads_drift],
            producer_opener(settings),
            limit_reader(settings.kafka_client_options()),
            options=EmitOptions(delivery_limit=settings.delivery_timeout_seconds),
            clock=self._clock,
        )
        self._connections = AsyncExitStack()
        self._watch: DriftWatch | None = None
        self._is_recovered = False
        self._revocations = 0
        self._pending: list[Any] = []
        self._has_room = asyncio.Event()
        self._missing: dict[str, float] = {}
        self._tally = DriftTally()
        self._horizons: Sequence[Assessment] = ()
        self._lag: int | None = None
        self._progress = DriftProgress(time.monotonic()) if is_for_people(settings) else None

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
        self.metrics.forget()

    def recovered(self) -> None:
        """Mark the table as recovered from its changelog."""
        self.health.meet(Condition.RECOVERED)
        self._is_recovered = self._is_ours()
        if not self._is_recovered:
            log.info("on standby: another worker monitors drift")

    def _is_ours(self) -> bool:
        return any(tp.topic == self._partials.topic for tp in self.app.consumer.assignment())

    # Start and stop

    async def on_start(self) -> None:
        """Start the producer of the reports, and a consumer that only fetches offsets."""
        self._table.clock = self._clock
        await self._clock.compare()
        await self._emitter.start()
        self._connections.push_async_callback(self._emitter.stop)
        offsets = GroupOffsets(self.settings.kafka_client_options(), self.app.conf.id)
        self._read_committed = offsets.read
        self._offsets = await self._connections.enter_async_context(
            self._reader.open(group_id=self.app.conf.id)
        )
        self._offsets.assign([self._partials])

    async def on_stop(self) -> None:
        """Log the account."""
        if self._progress is not None:
            unfinished = len(self._pending)
            self._progress.farewell(time.monotonic(), self._tally, unfinished=unfinished)

    async def on_shutdown(self) -> None:
        """Close the connections after the tasks that use them have ended.

        aiokafka's ``committed`` retries for ever once its consumer is closed. Partials that were
        not acknowledged are read again.
        """
        await self._connections.aclose()

    async def _restore(self) -> None:
        """Restore the state; partials that arrive meanwhile are queued."""
        before = self._revocations
        windows = Windows(self._table, self._damaged())
        watch = await self._restored(windows)
        if before == self._revocations:  # else the partition was revoked, and maybe assigned again
            windows.repaired()
            self._watch = watch
            if watch.latest is not None:  # without it the `for` time of an alert would restart
                self._horizons = watch.current(watch.latest)
                self.metrics.show_window(self._horizons)

    async def _restored(self, windows: Windows) -> DriftWatch:
        settings, now = self.settings, time.monotonic()
        watch = DriftWatch(
            windows,
            self._find_model,
            Watermark(idle_after=settings.drift_idle_seconds, started_at=now),
            WatchOptions(
                horizons=settings.drift_horizons,
                lateness_ms=round(settings.drift_lateness_seconds * 1000),
                open_windows=settings.drift_open_windows,
                stretch=settings.drift_stretch,
            ),
        )
        wall_ms = round(time.time() * 1000)
        longest = max(settings.drift_horizons) * settings.drift_window_ms
        reports = await self._reader.last(
            self._reports,
            REPLAYED_REPORTS,
            since_ms=wall_ms - longest - settings.drift_season_ms,
        )
        watch.restore(self._decoded_reports(record.value for record in reports))
        commit = await self._read_committed(self._partials)
        taken = None if commit is None else commit.offset
        if taken is not None and windows.is_damaged:
            async for records in self._reader.read(self._partials, 0, taken):
                for some in _in_parts([record.value for record in records], REHEARSED_AT_ONCE):
                    watch.rehearse(self._decoded(some), now)
                    await asyncio.sleep(0)
        elif taken is not None:
            span = settings.drift_window_seconds + settings.drift_lateness_seconds
            replayed = await self._reader.last(
                self._partials,
                REPLAYED_PARTIALS,
                before=taken,
                since_ms=wall_ms - round((2 * span + settings.drift_idle_seconds) * 1000),
            )
            for some in _in_parts([record.value for record in replayed], REHEARSED_AT_ONCE):
                watch.rehearse(self._decoded(some), now)
                await asyncio.sleep(0)
        log.info(
            "monitoring drift",
            extra={"open_windows": watch.open_windows, "reports": len(reports)},
        )
        return watch

    def _damaged(self) -> list[bytes]:
        """Return the keys of the table that hold no window, and log each."""
        damaged = damaged_keys(self._table)
        for key in damaged:
            log.error(
                "expected a window under each key of the table's changelog %s, but key %r has none:"
                " it is removed, and its leads are counted again from %s",
                *(self._table.changelog_topic_name, key, self._partials.topic),
            )
        return damaged

    def _find_model(self, identity: ModelIdentity) -> WatchedModel | None:
        now = time.monotonic()
        if now < self._missing.get(identity.sha256, now):
            return None
        try:
            location = Registry(self.settings.registry).resolve(f"{identity.id}/{identity.version}")
            bundle = describe_bundle(location, self.app.trials)
        except (ModelNotFoundError, FatalError) as error:
            self._missing[identity.sha256] = now + MODEL_RETRY
            log.warning("leads of an unknown model are counted but not assessed: %s", error)
            return None
        if bundle.sha256 != identity.sha256:
            self._missing[identity.sha256] = now + MODEL_RETRY
            log.warning(
                "leads are counted but not assessed: they were scored by %s/%s with sha256 %s, but"
                " the registry has %s",
                *(identity.id, identity.version, identity.sha256[:16], bundle.sha256[:16]),
            )
            return None
        metadata = bundle.metadata
        layout = CountLayout(metadata.shown_reference)
        engagement = (metadata.engagement.low, metadata.engagement.high)
        self.metrics.show_engagement_range(*engagement)
        return WatchedModel(
            identity=identity,
            layout=layout,
            assessor=Assessor(
                layout,
                importance=metadata.shown_importance,
                engagement=engagement,
                thresholds=DriftThresholds(min_leads=self.settings.drift_min_leads),
            ),
            detectors=RollingDetectors(layout, page_hinkley=self.settings.drift_page_hinkley),
            confirmation=ChangeConfirmation(season_ms=self.settings.drift_season_ms),
        )

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
            await self.app.crash(error)

    async def _turn(self, watch: DriftWatch) -> None:
        events, self._pending = self._pending, []
        self._has_room.set()
        partials = list(self._decoded(event.message.value for event in events))
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
            self._show(closing.reports)
            reports += closing.reports
        if not await self._is_written() or self._watch is not watch:
            return
        for event in events:
            event.ack()
        self.metrics.partials_taken(len(partials))
        self.metrics.late(watch.late - late)
        self._tally = self._tally.plus(
            partials=len(partials), late_leads=watch.late - late, reports=reports
        )
        if self._progress is not None:
            self._progress.report(time.monotonic(), self._tally, self._horizons, self._lag)
        self._report_closed_early(watch.closed_early - closed_early)
        self._show_state(watch)

    async def _is_written(self) -> bool:
        """Wait until the changelog has every change; return False where the worker ends before.

        Faust's producer sends nothing once a part of the app has crashed, so there would be nothing
        to wait for. The events are not acknowledged then: the next worker counts them.
        """
        result = await self.wait(self._table.written())
        return not result.stopped

    def _decoded(self, values: Iterable[bytes | None]) -> Iterable[Partial]:
        for value in values:
            try:
                partial = decode_partial(value)
            except ValueError as error:
                log.warning("ignored an invalid record of %s: %s", self._partials.topic, error)
                continue
            if partial.topic == self.settings.leads_created:
                yield partial

    def _decoded_reports(self, values: Iterable[bytes | None]) -> Iterable[Mapping[str, Any]]:
        for value in values:
            try:
                record = decode_report(value)
            except ValueError as error:
                log.warning("ignored an invalid record of %s: %s", self._reports.topic, error)
                continue
            if record["topic"] == self.settings.leads_created:
                yield record

    async def _publish(self, reports: Iterable[Report]) -> None:
        rows: Any = [(report.key, report.encode(), []) for report in reports]
        for delivery in await self._emitter.send(self._reports.topic, 0, rows):
            await delivery

    def _show(self, reports: Iterable[Report]) -> None:
        for report in reports:
            alarm = report.alarm
            if alarm is None:
                self.metrics.window_closed()
                self.metrics.show_window(report.horizons)
                self._horizons = report.horizons
                continue
            self.metrics.alarm(
                detector=alarm.detector, stream=alarm.stream, is_confirmed=alarm.is_confirmed
            )
            log.warning(
                "drift",
                extra={"stream": alarm.stream, "detector": alarm.detector, "why": alarm.sentence},
            )

    def _report_closed_early(self, windows: int) -> None:
        if windows:
            self.metrics.windows_closed_early(windows)
            log.warning(
                "closed windows early: more than LEADSCORE_DRIFT_OPEN_WINDOWS=%d were open; their"
                " further leads count as late",
                self.settings.drift_open_windows,
                extra={"windows": windows},
            )

    def _show_state(self, watch: DriftWatch) -> None:
        self.metrics.watermark(watch.reached)
        self.metrics.open_windows(watch.open_windows)
        if (rolling := watch.rolling()) is not None:
            self.metrics.rolling(
                mean=rolling.mean, variance=rolling.variance, quantiles=rolling.quantiles
            )

    # Stall detection

    @Service.task
    async def _end_if_stalled(self) -> None:
        """Stop a worker whose consumer is alive but reads nothing: Faust does not detect it."""
        moved_at, seen = time.monotonic(), -1
        while not self.should_stop:
            await self.sleep(LAG_LOOK)
            if self.should_stop:
                return
            try:
                end = (await self._offsets.end_offsets([self._partials]))[self._partials]
                taken = await self._offsets.committed(self._partials)
            except REFUSALS as error:  # Faust's own consumer would retry for ever
                await self.app.crash(error)
                return
            except (KafkaError, TimeoutError):
                moved_at = time.monotonic()
                continue
            self._lag = end - (taken or 0)
            if taken is None or taken >= end or taken != seen or self._watch is None:
                moved_at, seen = time.monotonic(), -1 if taken is None else taken
            elif time.monotonic() - moved_at > STALL_LIMIT:
                await self.app.crash(
                    FatalError(
                        f"{self._partials.topic} has {end - taken} unread partials, but none was"
                        f" processed for {STALL_LIMIT:.0f} s: the worker exits so that its"
                        " supervisor restarts it."
                    )
                )


def _in_parts(values: Sequence[bytes | None], size: int) -> Iterator[Sequence[bytes | None]]:
    for start in range(0, len(values), size):
        yield values[start : start + size]
