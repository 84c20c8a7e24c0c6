"""Role drift: counts of blocks of leads in, drift reports out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from aiokafka import TopicPartition
from mode import Service

from monitoring.telemetry.drift_gauges import DriftMetrics
from stream.deliver.batch_producer import EmitOptions, Emitter
from stream.drift.observer import DriftObserver
from stream.drift.records import DriftRecords
from stream.drift.restoration import Restoration
from stream.drift.service import DriftService
from stream.drift.stall_watch import DriftStallWatch
from stream.drift.watched_models import WatchedModels
from stream.kafka.broker_clock import clock_reader
from stream.kafka.committed_offsets import GroupOffsets
from stream.kafka.log_reader import LogReader
from stream.kafka.producer import producer_opener
from stream.kafka.record_clock import RecordClock
from stream.kafka.topic_limits import limit_reader
from stream.monitor import Monitor
from stream.process.logging import is_for_people
from stream.roles.faust_agents import follow_assignment, raw_topic, read_events
from stream.settings import Settings

if TYPE_CHECKING:
    from stream.faust_app import App

__all__ = ["wire"]


def wire(app: App, monitor: Monitor) -> Sequence[Service]:
    """Wire the role to the app: the agent ``drift``, and the table ``drift_windows``.

    Returns
    -------
    sequence of mode.Service
        In the order in which they start.
    """
    settings = app.settings
    metrics = DriftMetrics(monitor.registry)
    clock = RecordClock(clock_reader(settings.kafka_client_options()))
    log_reader = LogReader(settings.kafka_client_options(), "read_uncommitted")
    records = DriftRecords(settings)
    observer = DriftObserver(
        metrics, settings.drift_open_windows, is_for_people=is_for_people(settings)
    )
    watching = DriftService(
        app,
        _window_table(app),
        emitter=_report_emitter(settings, clock),
        clock=clock,
        restoration=Restoration(
            settings,
            log_reader,
            GroupOffsets(settings.kafka_client_options(), app.conf.id).read,
            WatchedModels(settings, app.trials, metrics),
            records,
        ),
        records=records,
        observer=observer,
        health=monitor.health,
    )
    stall_watch = DriftStallWatch(
        TopicPartition(settings.leads_drift_partials, 0),
        log_reader,
        app.conf.id,
        observer.on_lag,
        lambda: watching.is_watching,
        app.crash,
    )
    read_events(app, raw_topic(app, settings.leads_drift_partials), watching.accept, name="drift")
    follow_assignment(app, revoked=watching.revoked, assigned=watching.recovered)
    return watching, stall_watch


def _window_table(app: App) -> Any:
    """Return the table of drift windows; Faust restores it from its changelog."""
    changelog = app.topic(
        app.settings.drift_changelog,
        key_serializer="raw",
        value_serializer="raw",
        partitions=1,
        compacting=True,
        acks=False,
        internal=True,
        allow_empty=True,
    )
    return app.Table(
        "drift_windows",
        partitions=1,
        key_type=bytes,
        value_type=bytes,  # and so they are kept raw
        changelog_topic=changelog,
    )


def _report_emitter(settings: Settings, clock: RecordClock) -> Emitter:
    return Emitter(
        [settings.leads_drift],
        producer_opener(settings),
        limit_reader(settings.kafka_client_options()),
        options=EmitOptions(delivery_limit=settings.delivery_timeout_seconds),
        clock=clock,
    )
