"""Role archive: leads in, Parquet files out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from mode import Service

from monitoring.telemetry.archive_metrics import ArchiveMetrics
from stream.archive.observer import ArchiveObserver
from stream.archive.service import ArchiveService, ArchiveWatch
from stream.archive.writer import ArchiveWriter, archive_budget, roll_options
from stream.consume.batch_source import BatchSource
from stream.consume.offset_committer import GroupCommitter
from stream.consume.source_options import SourceOptions
from stream.fetch.bounded_batches import bound_batches
from stream.fetch.bounded_responses import bound_responses
from stream.fetch.raw_batches import RawBatchReader
from stream.fetch.record_batches import raw_limits
from stream.kafka.committed_offsets import GroupOffsets
from stream.kafka.consumer import Consumer, open_consumer
from stream.kafka.topic_ids import TopicIds
from stream.monitor import Monitor
from stream.process.loop_watch import LoopWatch
from stream.roles.faust_agents import read_batches
from stream.scoring.source_metrics import partition_lags

if TYPE_CHECKING:
    from stream.faust_app import App

__all__ = ["ArchiveRole", "wire"]


def wire(app: App, monitor: Monitor) -> Sequence[Service]:
    """Wire the role to the app; return its services in the order in which they start."""
    return ArchiveRole(app, monitor).services


class ArchiveRole:
    """The parts of the role. Those made later are looked up when they are needed.

    Parameters
    ----------
    app
        Gets the agent ``archive``.
    monitor
        Gets the metrics.

    Attributes
    ----------
    services
        In the order in which they start; they stop in reverse.
    """

    def __init__(self, app: App, monitor: Monitor) -> None:
        self._app = app
        self._settings = settings = app.settings
        assert settings.archive is not None, "the settings require it for the role"
        self._connection = settings.kafka_client_options()
        self._group_id = f"{settings.group_id}-archive"
        self._budget = archive_budget(settings)
        bound_batches(self._budget.batches)
        bound_responses(self._budget.largest_batch_bytes)
        metrics = ArchiveMetrics(monitor.registry)

        self.writer = ArchiveWriter(
            settings.archive,
            roll_options(settings, self._budget),
            topic_id=TopicIds(self._connection).read,
            crash=app.crash,
            on_complete=lambda completed: self.observer.on_complete(completed),
            on_room=lambda sentence: self.observer.on_room(sentence),
        )
        self.observer: ArchiveObserver = ArchiveObserver(metrics, monitor.health, self.writer)
        self.source = self._batch_source()
        self.source.observer = self.observer
        read_batches(app, self.source, self.writer.accept, name="archive")
        metrics.watch_lags(lambda: partition_lags(self.source))
        self.services: Sequence[Service] = (
            ArchiveService(self.source, self.writer, app.crash),
            ArchiveWatch(self.source, self.writer, monitor.health, app.crash),
            LoopWatch(),
        )

    def _batch_source(self) -> BatchSource:
        settings = self._settings
        options = SourceOptions.from_settings(settings, self._budget.in_flight_bytes)
        return BatchSource(
            self._app,
            settings.leads_created,
            self._consumer,
            partial(
                GroupCommitter,
                read_committed=GroupOffsets(self._connection, self._group_id).read,
                start_of=self.writer.start_of,
                start_limit=settings.delivery_timeout_seconds,
            ),
            RawBatchReader(
                self._connection,
                settings.isolation_level,
                limits=raw_limits(settings.max_event_bytes),
            ),
            # A record that can't be read is a row of the archive, and no reason to stop.
            options=replace(options, unreadable="dead_letter"),
        )

    def _consumer(self) -> Consumer:
        settings = self._settings
        return open_consumer(
            self._connection,
            group_id=self._group_id,
            session_timeout=settings.session_timeout_ms / 1000,
            metadata_max_age=settings.metadata_max_age_ms / 1000,
            isolation_level=settings.isolation_level,
            on_refusal=self.source.refused,
            budget=self._budget,
        )
