"""Role sink: scored events, leads or overdue leads in; rows of a target and dead letters out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from mode import Service

from monitoring.telemetry.schema_metrics import SchemaMetrics
from monitoring.telemetry.sink_metrics import SinkMetrics
from schemas.store import SchemaStore
from stream.consume.batch_source import BatchSource
from stream.consume.source_options import SourceOptions
from stream.monitor import Monitor
from stream.process.loop_watch import LoopWatch
from stream.roles.faust_agents import read_batches
from stream.roles.schema_waits import wait_for_schemas
from stream.scoring.kafka_clients import KafkaClients
from stream.scoring.source_metrics import SourceMetrics, partition_lags
from stream.scoring.stall_watch import StallWatch
from stream.sinks.assembly import TURNS, gathering_of, sink_settings
from stream.sinks.dead_letters import SinkDeadLetters
from stream.sinks.gatherer import Gatherer
from stream.sinks.kinds import make_sink
from stream.sinks.log_start import LogStart
from stream.sinks.observer import SinkObserver
from stream.sinks.reading import reader_of
from stream.sinks.runner import SinkRunner
from stream.sinks.service import SinkService
from stream.sinks.sink import Sink

if TYPE_CHECKING:
    from stream.faust_app import App

__all__ = ["SinkRole", "wire"]


def wire(app: App, monitor: Monitor) -> Sequence[Service]:
    """Wire the role to the app; return its services in the order in which they start."""
    return SinkRole(app, monitor).services


class SinkRole:
    """The parts of the role. Those made later are looked up when they are needed.

    Parameters
    ----------
    app
        Gets the agent ``write``.
    monitor
        Gets the metrics.

    Attributes
    ----------
    services
        In the order in which they start; they stop in reverse.
    """

    def __init__(self, app: App, monitor: Monitor) -> None:
        self._app, self._health = app, monitor.health
        self._settings = settings = sink_settings(app.settings)
        self._metrics = SinkMetrics(
            monitor.registry,
            name=settings.sink_label,
            kind=settings.sink,
            content=settings.sink_content,
        )
        if app.schemas is not None:
            app.schemas.metrics = SchemaMetrics(monitor.registry)
        self._kafka = kafka = KafkaClients(settings)
        self._emitter = kafka.emitter([settings.leads_sinks_dlq])
        self._dead_letters = SinkDeadLetters(
            self._emitter,
            settings.leads_sinks_dlq,
            sink=settings.sink_label,
            content=settings.sink_content,
        )
        sink = make_sink(settings)
        self._gathering = gathering_of(settings, sink)
        self.runner = self._sink_runner(sink)
        self.source: BatchSource = self._batch_source()
        self.observer: SinkObserver = SinkObserver(
            self._metrics, self._health, kafka.clock, self.runner.rebalanced
        )
        self.source.observer = self.observer
        accept, schema_wait = wait_for_schemas(app, self.source, self.runner.accept)
        read_batches(app, self.source, accept, name="write")
        self.services: Sequence[Service] = (*schema_wait, *self._make_services())

    def _sink_runner(self, sink: Sink) -> SinkRunner:
        settings, schemas = self._settings, self._app.schemas
        return SinkRunner(
            sink,
            reader_of(
                settings.sink_content,
                SchemaStore.load(*settings.schema_folders),
                None if schemas is None else schemas.registered,
            ),
            Gatherer(self._gathering, self._kafka.budget.in_flight_bytes // 2),
            self._dead_letters,
            topic_id=self._kafka.topic_ids.read,
            is_ours=lambda batch: batch.generation == self.source.assignment.generation,
            metrics=self._metrics,
            health=self._health,
            crash=self._app.crash,
        )

    def _batch_source(self) -> BatchSource:
        settings, kafka = self._settings, self._kafka
        start = LogStart(
            kafka.topic_ids.read,
            lambda partition: self.source.remembers(partition),
            lambda loss: self.observer.on_loss(loss),
        )
        options = SourceOptions.from_settings(settings, kafka.budget.in_flight_bytes)
        return BatchSource(
            self._app,
            settings.sink_topic,
            lambda: kafka.consumer(self.source.refused),
            kafka.group_committer(start.start_of),
            kafka.raw_reader(),
            # A poll is written as a whole: a slow target would hold many records for long.
            options=replace(
                options, max_records=min(settings.batch_max_records, self._gathering.records)
            ),
        )

    def _make_services(self) -> Sequence[Service]:
        source, crash = self.source, self._app.crash
        service = SinkService(
            source, self.runner, self._emitter, self._dead_letters, self._kafka.clock, crash=crash
        )
        stall_watch = StallWatch(
            source,
            lambda: partition_lags(source),
            lambda: (),
            self._health,
            crash,
            held_for=self._gathering.seconds + TURNS,
        )
        loop_watch = LoopWatch()
        self._metrics.watch_source(
            SourceMetrics(source, self.observer, stall_watch, loop_watch, self._health).state
        )
        return service, stall_watch, loop_watch
