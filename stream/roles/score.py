"""Role score, and shadow: leads in; scored events, dead letters and drift counts out."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from functools import partial
from importlib.metadata import version
from typing import TYPE_CHECKING

from aiokafka import TopicPartition
from mode import Service

from monitoring.telemetry.canary_metrics import CanaryMetrics
from monitoring.telemetry.metrics import Metrics
from stream.consume.batch_source import BatchSource
from stream.consume.foreign_commits import ForeignCommits
from stream.consume.missing_commits import MissingCommits
from stream.consume.removed_partitions import RemovedPartitions
from stream.consume.source_options import SourceOptions
from stream.deliver.delivery import AtLeastOnce
from stream.deliver.emitted_offsets import EmittedReader
from stream.monitor import Monitor
from stream.process.logging import is_for_people
from stream.process.loop_watch import LoopWatch
from stream.roles.faust_agents import read_batches
from stream.roles.schema_waits import wait_for_schemas
from stream.scoring.assignment_checks import PartitionStart
from stream.scoring.canary import Canaries, CanaryJoiner
from stream.scoring.commit_watch import CommitWatch
from stream.scoring.drift_publisher import DriftPublisher
from stream.scoring.drift_resumption import DriftResumption
from stream.scoring.kafka_clients import KafkaClients
from stream.scoring.model_changes import ModelChanges
from stream.scoring.model_loader import ModelLoader
from stream.scoring.model_reloader import ModelReloader
from stream.scoring.observer import ScoringObserver
from stream.scoring.outcome_log import OutcomeLog
from stream.scoring.pinned_models import PinnedModels
from stream.scoring.pipeline import ScoringPipeline
from stream.scoring.role_settings import scoring_settings
from stream.scoring.service import ScoringService
from stream.scoring.serving_model import load_pin
from stream.scoring.source_metrics import SourceMetrics, partition_lags
from stream.scoring.stall_watch import StallWatch

if TYPE_CHECKING:
    from stream.faust_app import App

__all__ = ["ScoringRole", "wire"]

CHANGE_LIMIT = 1.0
"""Seconds for the commit of a change of model, at least once."""


def wire(app: App, monitor: Monitor) -> Sequence[Service]:
    """Wire the role to the app.

    Returns
    -------
    sequence of mode.Service
        In the order in which they start.
    """
    return ScoringRole(app, monitor).services


class ScoringRole:
    """The parts of the role; ``service`` starts the source, once a model is loaded.

    Parts refer to each other in circles: the source asks which model a partition starts with, a
    change of model asks the source how far the partition is. A part that is made later is looked up
    when it is needed.

    Parameters
    ----------
    app
        Gets the agent ``score``.
    monitor
        Gets the metrics and the description of the model.
    """

    def __init__(self, app: App, monitor: Monitor) -> None:
        self._app, self._health = app, monitor.health
        self.settings = scoring_settings(app.settings)
        self.metrics = Metrics(monitor.registry, version=version("leadscore"))
        self.kafka = KafkaClients(self.settings)
        self._registered = None if app.schemas is None else app.schemas.registered
        if app.schemas is not None:
            app.schemas.metrics = self.metrics.schemas
        self._canary_metrics = CanaryMetrics(monitor.registry)
        self._canary = CanaryJoiner(self._canary_metrics)
        self._make_pipeline()
        self._make_source()
        self._make_services()
        monitor.model_info = lambda: self.models.model_info

    def _make_pipeline(self) -> None:
        """Make what scores leads and delivers the outputs."""
        settings = self.settings
        self._outputs = (settings.leads_scored, settings.leads_created_dlq)
        counts = [settings.leads_drift_partials] if settings.drift else []
        self.emitter = self.kafka.emitter([*self._outputs, *counts])
        self._transactions = (
            self.kafka.transactions(self._outputs, self.emitter.limits)
            if settings.is_exactly_once
            else None
        )
        self.drift = self._drift_publisher()
        self.outcomes = OutcomeLog(
            lambda: partition_lags(self.source), is_for_people=is_for_people(settings)
        )
        self.pipeline = self._scoring_pipeline()
        self.changes = self.pipeline.changes = self._model_changes()

    def _make_source(self) -> None:
        """Make what reads leads, and the agent that passes them to the pipeline."""
        self._foreign_commits = ForeignCommits(
            lambda found: self.observer.on_foreign_commit(found),
            stops=self.settings.foreign_commits == "stop",
        )
        self.source: BatchSource = self._batch_source(self._partition_start())
        self.resumption: DriftResumption = DriftResumption(
            self.drift, self.changes, self.source, self._app.crash
        )
        self.observer: ScoringObserver = ScoringObserver(
            self.metrics, self._health, self.kafka.clock, self.outcomes, self.resumption
        )
        self.source.observer = self.observer
        accept, self.schema_wait = wait_for_schemas(self._app, self.source, self.pipeline.accept)
        read_batches(self._app, self.source, accept, name="score")

    def _make_services(self) -> None:
        """Make what changes the model, runs the parts and watches them."""
        self.models = self._model_reloader()
        self.service = self._scoring_service()
        self.commit_watch = CommitWatch(self.source, self.kafka.offsets, self._foreign_commits)
        self.stall_watch = StallWatch(
            self.source,
            lambda: partition_lags(self.source),
            self._fenced,
            self._health,
            self._app.crash,
        )
        self.loop_watch = LoopWatch()
        state = SourceMetrics(
            self.source, self.observer, self.stall_watch, self.loop_watch, self._health
        ).state
        self.metrics.watch_source(state)

    @property
    def services(self) -> Sequence[Service]:
        """The services in the order in which they start; they stop in reverse."""
        # The service stops before the models: a change of model under way must not be cancelled
        # while leads can still be scored. It stops before the commit watch, too, whose request may
        # wait for a broker that does not answer: the stop must not wait for it first. The other
        # watches ask Kafka nothing, and stop first: a stop is no stall.
        return (
            self.outcomes,
            self.models,
            *self.schema_wait,
            self.commit_watch,
            self.service,
            self.stall_watch,
            self.loop_watch,
        )

    def _drift_publisher(self) -> DriftPublisher:
        schemas = self._app.schemas
        return DriftPublisher(
            emitter=self.emitter,
            topic=self.settings.leads_drift_partials,
            source_topic=self.settings.leads_created,
            reader=self.kafka.source_log(),
            crash=self._app.crash,
            out_of_order=self.metrics.leads_out_of_order,
            before_decoding=None if schemas is None else schemas.resolve,
        )

    def _scoring_pipeline(self) -> ScoringPipeline:
        settings = self.settings
        return ScoringPipeline(
            delivery=self._transactions or AtLeastOnce(self.emitter),
            scored_topic=settings.leads_scored,
            dead_letter_topic=settings.leads_created_dlq,
            metrics=self.metrics if settings.metrics else None,
            drift=self.drift if settings.drift else None,
            crash=self._app.crash,
            on_done=lambda _, outcome: self.outcomes.on_done(outcome),
            in_flight=settings.batches_in_flight,
            now=self.kafka.clock.now,
        )

    def _model_changes(self) -> ModelChanges:
        return ModelChanges(
            assignment_now=lambda: self.source.assignment,
            commit=lambda by: self.source.commit(by),
            is_accepting=lambda: self.source.commit_overdue_for == 0,
            quiet=self.pipeline.quiet,
            publish_rest=lambda offsets: self.resumption.publish_rest(offsets),
            commit_limit=None if self.settings.is_exactly_once else CHANGE_LIMIT,
        )

    def _partition_start(self) -> PartitionStart:
        kafka, scored = self.kafka, self.settings.leads_scored
        output_log = kafka.output_log()
        end_of_scored = EmittedReader(kafka.committed_output_log(), [scored]).end
        return PartitionStart(
            changes=self.changes,
            models=self._pinned_models(),
            emitted=EmittedReader(output_log, self._outputs),
            bounds=output_log.bounds,
            topic_id=kafka.topic_ids.read,
            foreign=self._foreign_commits,
            missing=MissingCommits(
                lambda partition: self.source.remembers(partition),
                end_of_scored,
                output_log.bounds,
                self._foreign_commits,
                lambda loss: self.observer.on_loss(loss),
            ),
            removed=RemovedPartitions(
                lambda partition: self.source.remembers(partition),
                kafka.topic_ids.partitions,
                scored,
                end_of_scored,
                lambda loss: self.observer.on_loss(loss),
            ),
        )

    def _pinned_models(self) -> PinnedModels:
        load = partial(
            load_pin,
            self.settings,
            self._app.trials,
            self._canary.join,
            registered=self._registered,
        )
        return PinnedModels(
            self.changes,
            load,
            self.metrics.pinned_model_missing,
            ignores_pins=self.settings.pinned_model == "ignore",
        )

    def _batch_source(self, start: PartitionStart) -> BatchSource:
        kafka, transactions = self.kafka, self._transactions
        return BatchSource(
            self._app,
            self.settings.leads_created,
            lambda: kafka.consumer(self.source.refused),
            partial(transactions.committer, start_of=start.start_of)
            if transactions
            else kafka.group_committer(start.start_of),
            kafka.raw_reader(),
            options=SourceOptions.from_settings(self.settings, kafka.budget.in_flight_bytes),
        )

    def _model_reloader(self) -> ModelReloader:
        settings, app, registered = self.settings, self._app, self._registered
        return ModelReloader(
            ModelLoader(settings, self.metrics, app.trials, registered=registered),
            Canaries(
                settings, self._canary, self._canary_metrics, app.trials, registered=registered
            ),
            self.changes,
            self.pipeline,
            health=self._health,
            poll_seconds=settings.model_poll_seconds,
            crash=app.crash,
        )

    def _scoring_service(self) -> ScoringService:
        return ScoringService(
            self.source,
            self.pipeline,
            self.emitter,
            self.drift,
            self.resumption,
            self.models,
            self.kafka,
            publishes_drift=self.settings.drift,
            crash=self._app.crash,
        )

    def _fenced(self) -> Collection[TopicPartition]:
        return self._transactions.fenced if self._transactions else ()
