"""Role outcomes: scores and outcomes in; reports on quality, leads overdue, dead letters out."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from aiokafka import TopicPartition
from mode import Service

from agents.records import SourceRecord
from monitoring.telemetry.outcome_metrics import OutcomeMetrics
from monitoring.telemetry.schema_metrics import SchemaMetrics
from stream.consume.batch_source import BatchSource
from stream.consume.source_options import SourceOptions
from stream.monitor import Monitor
from stream.outcomes.assembly import (
    concept_watch,
    followed,
    lags_of,
    outcome_reader,
    outcome_settings,
    partition_counts,
)
from stream.outcomes.catch_up import CatchUp
from stream.outcomes.follower import Follower
from stream.outcomes.observer import OutcomeObserver
from stream.outcomes.overdue_publisher import OverduePublisher, OverdueService
from stream.outcomes.partitions import OutcomePartitions, join_options
from stream.outcomes.placement_watch import PlacementWatch
from stream.outcomes.publisher import QualityPublisher
from stream.outcomes.report_cleaner import ReportCleaner
from stream.outcomes.rocks_store import RocksStore
from stream.outcomes.runner import OutcomeRunner
from stream.outcomes.score_reader import ScoreReader
from stream.outcomes.service import OutcomeService
from stream.outcomes.timer_clock import ReadTimes
from stream.process.loop_watch import LoopWatch
from stream.roles.faust_agents import read_batches
from stream.roles.schema_waits import wait_for_schemas
from stream.scoring.kafka_clients import KafkaClients
from stream.scoring.source_metrics import partition_lags
from stream.scoring.stall_watch import StallWatch
from stream.sinks.dead_letters import SinkDeadLetters

if TYPE_CHECKING:
    from stream.faust_app import App

__all__ = ["OutcomesRole", "wire"]


def wire(app: App, monitor: Monitor) -> Sequence[Service]:
    """Wire the role to the app; return its services in the order in which they start."""
    return OutcomesRole(app, monitor).services


class OutcomesRole:
    """The parts of the role. Those made later are looked up when they are needed.

    Parameters
    ----------
    app
        Gets the agent ``join``.
    monitor
        Gets the metrics.

    Attributes
    ----------
    services
        In the order in which they start; they stop in reverse.
    """

    def __init__(self, app: App, monitor: Monitor) -> None:
        self._app, self._health = app, monitor.health
        self._settings = settings = outcome_settings(app.settings)
        self._metrics = OutcomeMetrics(monitor.registry)
        self._kafka = kafka = KafkaClients(settings)
        self._emitter = kafka.emitter(
            [
                *(settings.leads_outcomes_dlq, settings.leads_quality),
                *([settings.leads_overdue] if settings.has_timers else []),
            ]
        )
        self._dead_letters = SinkDeadLetters(
            self._emitter, settings.leads_outcomes_dlq, sink=None, content="lead_outcome"
        )
        if app.schemas is not None:
            app.schemas.metrics = SchemaMetrics(monitor.registry)
        self._followed_topics = settings.leads_outcomes, settings.leads_scored_shadow
        self.follower = Follower(
            kafka.source_log(), self._followed_topics, self._accept_followed, app.crash
        )
        self.partitions = self._outcome_partitions()
        self._placement = PlacementWatch(
            settings.leads_created, settings.leads_scored, settings.leads_outcomes, self._metrics
        )
        self.runner: OutcomeRunner = self._outcome_runner()
        self.source: BatchSource = self._batch_source()
        self._catch_up = CatchUp(self.source, self.follower.is_caught_up)
        self._overdue = self._overdue_publisher() if settings.has_timers else None
        self.source.observer = OutcomeObserver(
            self._metrics, self._health, kafka.clock, self._assigned, app.crash
        )
        accept, schema_wait = wait_for_schemas(app, self.source, self.runner.accept)
        read_batches(app, self.source, accept, name="join")
        self._metrics.watch_lags(lambda: lags_of(self.source, self.follower))
        self.services: Sequence[Service] = (
            *schema_wait,
            self._outcome_service(),
            *self._overdue_services(),
            self._stall_watch(),
            LoopWatch(),
        )

    def _assigned(self, assignment: frozenset[TopicPartition]) -> None:
        self._catch_up.assigned()
        self.follower.assigned([at.partition for at in assignment])
        self.partitions.assigned(assignment)
        if self._overdue is not None:
            self._overdue.assigned()

    async def _accept_followed(self, at: TopicPartition, records: Sequence[SourceRecord]) -> None:
        """Hand over outcomes, or the shadow's scores once their schema ids are known."""
        schemas = self._app.schemas
        if schemas is not None and at.topic == self._settings.leads_scored_shadow:
            await schemas.resolve(records)
        await self.runner.accept_followed(at, records)

    def _outcome_partitions(self) -> OutcomePartitions:
        settings = self._settings
        return OutcomePartitions(
            settings,
            RocksStore,
            topic_id=self._kafka.topic_ids.read,
            on_open=lambda number, progress: self.follower.follow(
                number, followed(settings, progress)
            ),
            crash=self._app.crash,
            make_watch=concept_watch(),
        )

    def _outcome_runner(self) -> OutcomeRunner:
        settings, schemas = self._settings, self._app.schemas
        by_creation = settings.outcome_time == "created_at"
        return OutcomeRunner(
            self.partitions,
            ScoreReader(
                by_creation=by_creation,
                late_ms=join_options(settings).late_ms,
                registered=None if schemas is None else schemas.registered,
            ),
            outcome_reader(settings),
            by_creation=by_creation,
            dead_letters=self._dead_letters,
            caught_up=self.follower.caught_up,
            read_to_end=self.follower.read_to_end,
            see=self._placement.see,
            shadow_topic=settings.leads_scored_shadow,
            metrics=self._metrics,
            crash=self._app.crash,
        )

    def _batch_source(self) -> BatchSource:
        kafka = self._kafka
        return BatchSource(
            self._app,
            self._settings.leads_scored,
            lambda: kafka.consumer(self.source.refused),
            kafka.group_committer(self.partitions.start_of),
            kafka.raw_reader(),
            options=SourceOptions.from_settings(self._settings, kafka.budget.in_flight_bytes),
        )

    def _publisher(self) -> QualityPublisher:
        settings = self._settings
        return QualityPublisher(
            self.partitions,
            self._emitter,
            settings.leads_quality,
            channels=(settings.leads_scored, settings.leads_scored_shadow),
            is_caught_up=self._catch_up.is_caught_up,
            now_ms=self._kafka.clock.stamp,
        )

    def _cleaner(self) -> ReportCleaner:
        settings = self._settings
        return ReportCleaner(
            self._kafka.output_log(),
            self._emitter,
            settings.leads_quality,
            channels=(settings.leads_scored, settings.leads_scored_shadow),
            first_weeks=self._first_weeks,
            clock=time.monotonic,
        )

    def _first_weeks(self) -> Mapping[int, int]:
        return {
            number: join.first_reported_week
            for number, join in self.partitions.joins.items()
            if self._catch_up.is_caught_up(number)
        }

    def _overdue_publisher(self) -> OverduePublisher:
        settings, kafka = self._settings, self._kafka
        times = ReadTimes(
            self.partitions,
            self.source,
            is_caught_up=self._catch_up.is_caught_up,
            read_to_end=self.follower.read_to_end,
            end_of=kafka.source_log().end_offset,
            now_ms=None if settings.outcome_time == "created_at" else kafka.clock.stamp,
        )
        return OverduePublisher(
            self.partitions,
            times,
            self._emitter,
            settings.leads_overdue,
            reader=kafka.output_log(),
            late_ms=round(settings.overdue_late_hours * 3_600_000),
            metrics=self._metrics,
        )

    def _overdue_services(self) -> Sequence[Service]:
        if self._overdue is None:
            return ()
        topic = self._settings.leads_overdue
        return (OverdueService(self._overdue.publish, topic, self._app.crash),)

    def _outcome_service(self) -> OutcomeService:
        topics = (self._settings.leads_scored, *self._followed_topics)
        return OutcomeService(
            self.source,
            self.follower,
            self.partitions,
            self._emitter,
            self._dead_letters,
            self._publisher(),
            self._cleaner(),
            self._placement,
            self._kafka.clock,
            count_partitions=lambda: partition_counts(self._kafka.topic_ids.partitions, topics),
            report_seconds=self._settings.outcome_report_seconds,
            crash=self._app.crash,
        )

    def _stall_watch(self) -> StallWatch:
        source = self.source
        return StallWatch(
            source, lambda: partition_lags(source), lambda: (), self._health, self._app.crash
        )
