"""The whole wiring of a worker: its agents, services, topics and tables. Read this page first.

::

    leads.created ──▶ BatchSource ──▶ score agent ──▶ ScoringPipeline ──▶ leads.scored
                      (consume)                        (scoring)          ├▶ leads.created.dlq
                                                                          └▶ leads.drift.partials
    leads.created ──▶ the same, as a shadow in a group of its own ──▶ leads.scored.shadow
                                                                  └▶ leads.scored.shadow.dlq
    leads.drift.partials ──▶ drift agent ──▶ DriftService ──▶ leads.drift
                                              (drift, table drift_windows)
    leads.created ──▶ BatchSource ──▶ archive agent ──▶ ArchiveWriter ──▶ Parquet files
    leads.scored ──▶ BatchSource ──▶ join agent ──▶ OutcomeRunner ──▶ leads.quality
    leads.outcomes, leads.scored.shadow ──▶ Follower ──┘ (outcomes)  └▶ leads.outcomes.dlq
    leads.scored, dead letters, leads.outcomes ──▶ RolloutService ──▶ history of aliases
                                                   (rollout)          └▶ leads.models
    leads.scored ──▶ BatchSource ──▶ write agent ──▶ SinkRunner ──▶ files, databases, webhooks
    (or the leads)   (consume)                       (sinks)      └▶ leads.sinks.dlq
    leads.retrain ──▶ retrain agent ──▶ RetrainService ──▶ leads.retrains, the registry
                                         (retraining)

========  ========================  ===================================================
role      agents and tables         services
========  ========================  ===================================================
any                                 Monitor: health, metrics and their HTTP port
score     agent ``score``           OutcomeLog, ModelReloader, CommitWatch, ScoringService,
                                    BatchSource, StallWatch, LoopWatch; SchemaWait if a schema
                                    registry is set
drift     agent ``drift``,          DriftService, DriftStallWatch
          table ``drift_windows``
all       those of score and drift  those of score and drift
shadow    those of score            those of score
sink      agent ``write``           SinkService, BatchSource, StallWatch, LoopWatch; SchemaWait
                                    if a schema registry is set
rollout   agent ``rollout``         RolloutService
archive   agent ``archive``         ArchiveService, BatchSource, ArchiveWatch, LoopWatch
trainer   agent ``retrain``         RetrainService, LoopWatch
outcomes  agent ``join``            OutcomeService, BatchSource, StallWatch, LoopWatch
========  ========================  ===================================================

Role score: the source hands over a poll, a batch of each partition. The agent passes it to the
pipeline, which scores all of it at once and marks a batch done when all its outputs are delivered.
The source commits the offsets of done batches; with LEADSCORE_DELIVERY=exactly_once outputs and
offsets are one transaction (stream/deliver/transactions.py). What happens to the leads of a batch
is in agents/scoring.py, without Kafka. While a model has a canary, the two share each batch
(agents/split_scoring.py).

Role shadow: the role score with the settings of stream/scoring/role_settings.py, which name other
outputs, another group and the model with the alias ``shadow``. It counts nothing for drift.

Role drift: an agent of stock Faust reads the counts of blocks of leads. What is computed from them
is in agents/drift_watch.py, without Kafka.

Role rollout: the topic of changes has one partition, and who is assigned it decides. It reads a
sample of the outputs beside any group; what it decides is in agents/rollout, without Kafka.

Role sink: the source hands over batches as in role score. The runner writes them to the target and
marks them done; while the target is away it waits, and so does the source.

Role archive: as the role score, in a group of its own; a batch is done when the file that holds it
is durable. The files, and not the commits, say where a partition goes on (stream/archive).

Role trainer: an agent of stock Faust reads requests; triggers write some. A plan is written before
a retraining begins, in a child process, and an account when it ends (stream/retraining).

Role outcomes: scores come in batches as in role score, in a group of its own; their outcomes, and
the shadow's scores, are read beside them from the partitions of the same number. Joins and counts
are in local stores, which say where to go on (agents/outcomes, stream/outcomes).

Nothing else constructs an agent, a service, a topic or a table (tests/unit/stream/test_topology.py
holds the code to it).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass, replace
from functools import partial
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from aiokafka import TopicPartition
from mode import Service

from model.registry import followed_model
from monitoring.telemetry.canary_metrics import CanaryMetrics
from monitoring.telemetry.health import Condition
from monitoring.telemetry.metrics import Metrics
from stream.consume.batch_source import BatchSource
from stream.consume.foreign_commits import ForeignCommits
from stream.consume.missing_commits import MissingCommits
from stream.consume.offset_committer import GroupCommitter
from stream.consume.partition_progress import Batch
from stream.consume.removed_partitions import RemovedPartitions
from stream.consume.source_options import SourceOptions
from stream.deliver.batch_producer import EmitOptions, Emitter
from stream.deliver.delivery import AtLeastOnce
from stream.deliver.emitted_offsets import EmittedReader
from stream.fetch.bounded_batches import bound_batches
from stream.fetch.bounded_responses import bound_responses
from stream.fetch.raw_batches import RawBatchReader
from stream.fetch.record_batches import raw_limits
from stream.kafka.access import Use
from stream.kafka.broker_clock import clock_reader
from stream.kafka.committed_offsets import GroupOffsets
from stream.kafka.consumer import open_consumer
from stream.kafka.log_reader import LogReader
from stream.kafka.producer import producer_opener
from stream.kafka.record_clock import RecordClock
from stream.kafka.topic_ids import TopicIds
from stream.kafka.topic_limits import limit_reader
from stream.monitor import Monitor
from stream.process.logging import is_for_people
from stream.process.loop_watch import LoopWatch
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
from stream.scoring.schema_wait import SchemaWait
from stream.scoring.service import ScoringService
from stream.scoring.serving_model import load_pin
from stream.scoring.source_metrics import SourceMetrics, partition_lags
from stream.scoring.stall_watch import StallWatch

if TYPE_CHECKING:
    from stream.faust_app import App

__all__ = [
    *("READY", "ScoringRole", "archive", "join_outcomes", "retrain", "roll_out", "score"),
    *("watch_drift", "wire", "write"),
]

SCORES = (
    Condition.MODEL_LOADED,
    Condition.PARTITIONS_ASSIGNED,
    Condition.PARTITIONS_MOVE,
)
READY = {
    "score": SCORES,
    "drift": (Condition.RECOVERED,),
    "rollout": (Condition.RECOVERED,),
    "all": (*SCORES, Condition.RECOVERED),
    "shadow": SCORES,
    "sink": (
        Condition.TARGET_REACHED,
        Condition.PARTITIONS_ASSIGNED,
        Condition.PARTITIONS_MOVE,
    ),
    "archive": (Condition.PARTITIONS_ASSIGNED, Condition.ARCHIVE_HAS_ROOM),
    "trainer": (Condition.PARTITIONS_ASSIGNED,),
    "outcomes": (Condition.PARTITIONS_ASSIGNED, Condition.PARTITIONS_MOVE),
}
"""Conditions of readiness by role, besides that Kafka answers."""

Accept = Callable[[Sequence[Batch]], Awaitable[None]]
"""Accepts the batches of a poll."""

CHANGE_LIMIT = 1.0
"""Seconds for the commit of a change of model, at least once."""


def wire(app: App) -> Sequence[Service]:
    """Connect the agents and services that the app's role needs.

    Returns
    -------
    sequence of mode.Service
        In the order in which they start; they stop in reverse.
    """
    role = app.settings.role
    monitor = Monitor(app.settings, READY[role])
    services: list[Service] = [monitor]
    if app.settings.is_scorer:
        services += score(app, monitor).services
    if role in ("drift", "all"):
        services += watch_drift(app, monitor)
    if role == "archive":
        services += archive(app, monitor)
    if role == "outcomes":
        services += join_outcomes(app, monitor)
    if role == "rollout":
        services += roll_out(app, monitor)
    if role == "sink":
        services += write(app, monitor)
    if role == "trainer":
        services += retrain(app, monitor)

    @app.task
    async def start() -> None:
        for service in services:
            await app.add_runtime_dependency(service)

    @app.on_before_shutdown.connect
    async def stop(*_: Any, **__: Any) -> None:
        for service in reversed(services):
            await service.stop()

    return services


@dataclass(frozen=True, slots=True)
class ScoringRole:
    """The parts of the role score; ``service`` starts the source, once a model is loaded."""

    kafka: KafkaClients
    metrics: Metrics
    emitter: Emitter
    drift: DriftPublisher
    pipeline: ScoringPipeline
    changes: ModelChanges
    source: BatchSource
    resumption: DriftResumption
    observer: ScoringObserver
    outcomes: OutcomeLog
    models: ModelReloader
    service: ScoringService
    stall_watch: StallWatch
    commit_watch: CommitWatch
    loop_watch: LoopWatch
    schema_wait: Sequence[SchemaWait] = ()

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


def score(app: App, monitor: Monitor) -> ScoringRole:
    """Wire the roles score and shadow: leads in; scored events, dead letters, drift counts out."""
    settings, health = scoring_settings(app.settings), monitor.health
    outputs = (settings.leads_scored, settings.leads_created_dlq)
    counts = settings.leads_drift_partials
    metrics = Metrics(monitor.registry, version=version("leadscore"))
    kafka = KafkaClients(settings)
    schemas = app.schemas
    if schemas is not None:
        schemas.metrics = metrics.schemas
    registered = None if schemas is None else schemas.registered
    # Made last, as others refer to them and they to others: the source asks which model a partition
    # starts with, a change of model asks the source how far the partition is.
    source: BatchSource
    resumption: DriftResumption
    observer: ScoringObserver

    emitter = kafka.emitter([*outputs, *([counts] if settings.drift else [])])
    transactions = kafka.transactions(outputs, emitter.limits) if settings.is_exactly_once else None
    drift = DriftPublisher(
        emitter=emitter,
        topic=counts,
        source_topic=settings.leads_created,
        reader=kafka.source_log(),
        crash=app.crash,
        out_of_order=metrics.leads_out_of_order,
        before_decoding=None if schemas is None else schemas.resolve,
    )
    outcomes = OutcomeLog(lambda: partition_lags(source), is_for_people=is_for_people(settings))
    pipeline = ScoringPipeline(
        delivery=transactions or AtLeastOnce(emitter),
        scored_topic=settings.leads_scored,
        dead_letter_topic=settings.leads_created_dlq,
        metrics=metrics if settings.metrics else None,
        drift=drift if settings.drift else None,
        crash=app.crash,
        on_done=lambda _, outcome: outcomes.on_done(outcome),
        in_flight=settings.batches_in_flight,
        now=kafka.clock.now,
    )

    changes = pipeline.changes = ModelChanges(
        assignment_now=lambda: source.assignment,
        commit=lambda by: source.commit(by),
        is_accepting=lambda: source.commit_overdue_for == 0,
        quiet=pipeline.quiet,
        publish_rest=lambda offsets: resumption.publish_rest(offsets),
        commit_limit=None if settings.is_exactly_once else CHANGE_LIMIT,
    )
    foreign_commits = ForeignCommits(
        lambda found: observer.on_foreign_commit(found), stops=settings.foreign_commits == "stop"
    )
    output_log = kafka.output_log()
    end_of_scored = EmittedReader(kafka.committed_output_log(), [settings.leads_scored]).end
    canary_metrics = CanaryMetrics(monitor.registry)
    canary = CanaryJoiner(canary_metrics)
    partition_start = PartitionStart(
        changes=changes,
        models=PinnedModels(
            changes,
            partial(load_pin, settings, app.trials, canary.join, registered=registered),
            metrics.pinned_model_missing,
            ignores_pins=settings.pinned_model == "ignore",
        ),
        emitted=EmittedReader(output_log, outputs),
        bounds=output_log.bounds,
        topic_id=kafka.topic_ids.read,
        foreign=foreign_commits,
        missing=MissingCommits(
            lambda partition: source.remembers(partition),
            end_of_scored,
            output_log.bounds,
            foreign_commits,
            lambda loss: observer.on_loss(loss),
        ),
        removed=RemovedPartitions(
            lambda partition: source.remembers(partition),
            kafka.topic_ids.partitions,
            settings.leads_scored,
            end_of_scored,
            lambda loss: observer.on_loss(loss),
        ),
    )
    source = BatchSource(
        app,
        settings.leads_created,
        lambda: kafka.consumer(source.refused),
        partial(transactions.committer, start_of=partition_start.start_of)
        if transactions
        else kafka.group_committer(partition_start.start_of),
        kafka.raw_reader(),
        options=SourceOptions.from_settings(settings, kafka.budget.in_flight_bytes),
    )
    resumption = DriftResumption(drift, changes, source, app.crash)
    observer = ScoringObserver(metrics, health, kafka.clock, outcomes, resumption)
    source.observer = observer
    accept, schema_wait = _wait_for_schemas(app, source, pipeline.accept)

    @app.agent(source.channel, name="score")
    async def score_leads(polls: Any) -> None:
        async for batches in polls:
            await accept(batches)

    models = ModelReloader(
        ModelLoader(settings, metrics, app.trials, registered=registered),
        Canaries(settings, canary, canary_metrics, app.trials, registered=registered),
        changes,
        pipeline,
        health=health,
        poll_seconds=settings.model_poll_seconds,
        crash=app.crash,
    )
    service = ScoringService(
        source,
        pipeline,
        emitter,
        drift,
        resumption,
        models,
        kafka,
        publishes_drift=settings.drift,
        crash=app.crash,
    )

    def fenced() -> Collection[TopicPartition]:
        return transactions.fenced if transactions else ()

    stall_watch = StallWatch(source, lambda: partition_lags(source), fenced, health, app.crash)
    loop_watch = LoopWatch()
    metrics.watch_source(SourceMetrics(source, observer, stall_watch, loop_watch, health).state)
    monitor.model_info = lambda: models.model_info
    return ScoringRole(
        kafka=kafka,
        metrics=metrics,
        emitter=emitter,
        drift=drift,
        pipeline=pipeline,
        changes=changes,
        source=source,
        resumption=resumption,
        observer=observer,
        outcomes=outcomes,
        models=models,
        service=service,
        stall_watch=stall_watch,
        commit_watch=CommitWatch(source, kafka.offsets, foreign_commits),
        loop_watch=loop_watch,
        schema_wait=schema_wait,
    )


def watch_drift(app: App, monitor: Monitor) -> Sequence[Service]:
    """Wire the role drift: counts of blocks of leads in, drift reports out.

    Returns
    -------
    sequence of mode.Service
        In the order in which they start.
    """
    # Only where it is needed: it brings river along, seconds and memory.
    from monitoring.telemetry.drift_gauges import DriftMetrics
    from stream.drift.observer import DriftObserver
    from stream.drift.records import DriftRecords
    from stream.drift.restoration import Restoration
    from stream.drift.service import DriftService
    from stream.drift.stall_watch import DriftStallWatch
    from stream.drift.watched_models import WatchedModels

    settings = app.settings
    changelog = app.topic(
        settings.drift_changelog,
        key_serializer="raw",
        value_serializer="raw",
        partitions=1,
        compacting=True,
        acks=False,
        internal=True,
        allow_empty=True,
    )
    table = app.Table(
        "drift_windows",
        partitions=1,
        key_type=bytes,
        value_type=bytes,  # and so they are kept raw
        changelog_topic=changelog,
    )
    partials = app.topic(
        settings.leads_drift_partials,
        key_serializer="raw",
        value_serializer="raw",
        value_type=bytes,
        allow_empty=True,
    )
    metrics = DriftMetrics(monitor.registry)
    clock = RecordClock(clock_reader(settings.kafka_client_options()))
    log_reader = LogReader(settings.kafka_client_options(), "read_uncommitted")
    records = DriftRecords(settings)
    observer = DriftObserver(
        metrics, settings.drift_open_windows, is_for_people=is_for_people(settings)
    )
    watching = DriftService(
        app,
        table,
        emitter=Emitter(
            [settings.leads_drift],
            producer_opener(settings),
            limit_reader(settings.kafka_client_options()),
            options=EmitOptions(delivery_limit=settings.delivery_timeout_seconds),
            clock=clock,
        ),
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

    @app.agent(partials, name="drift")
    async def drift(stream: Any) -> None:
        # Faust would acknowledge at the end of the loop's body, even if it raised.
        async for event in stream.noack().events():
            await watching.accept(event)

    @app.on_partitions_revoked.connect
    async def revoked(*_: Any, **__: Any) -> None:
        watching.revoked()

    @app.on_rebalance_complete.connect
    async def recovered(*_: Any, **__: Any) -> None:
        watching.recovered()

    return watching, stall_watch


def retrain(app: App, monitor: Monitor) -> Sequence[Service]:
    """Wire the role trainer: requests in; plans, accounts and models out.

    Returns
    -------
    sequence of mode.Service
        In the order in which they start.
    """
    from monitoring.telemetry.retrain_metrics import RetrainMetrics
    from stream.retraining.plan_log import RetrainLog
    from stream.retraining.service import RetrainService
    from stream.retraining.trainer_work import TrainerWork

    settings = app.settings
    requests = app.topic(
        settings.leads_retrain,
        key_serializer="raw",
        value_serializer="raw",
        value_type=bytes,
        allow_empty=True,
    )
    training = RetrainService(
        settings,
        is_owner=lambda: any(
            at.topic == settings.leads_retrain for at in app.consumer.assignment()
        ),
        plans=RetrainLog(settings, Use.TRAIN),
        work=TrainerWork(settings),
        metrics=RetrainMetrics(monitor.registry),
        health=monitor.health,
        crash=app.crash,
    )

    @app.agent(requests, name="retrain")
    async def take_requests(stream: Any) -> None:
        # Faust would acknowledge at the end of the loop's body, even if it raised.
        async for event in stream.noack().events():
            await training.accept(event)

    @app.on_partitions_revoked.connect
    async def revoked(*_: Any, **__: Any) -> None:
        training.revoked()

    @app.on_rebalance_complete.connect
    async def assigned(*_: Any, **__: Any) -> None:
        training.assigned()

    return training, LoopWatch()


def roll_out(app: App, monitor: Monitor) -> Sequence[Service]:
    """Wire the role rollout: outputs of the workers in, changes of aliases out.

    Returns
    -------
    sequence of mode.Service
        In the order in which they start.
    """
    from agents.rollout.triggers import Trigger
    from monitoring.telemetry.rollout_metrics import RolloutMetrics
    from stream.rollout.change_log import ChangeLog
    from stream.rollout.outputs import OutputTail
    from stream.rollout.service import RolloutService

    settings = app.settings
    model = followed_model(settings.model)
    assert model is not None, "the settings require it for the role"
    kafka = KafkaClients(settings)
    changes = app.topic(
        settings.leads_models,
        key_serializer="raw",
        value_serializer="raw",
        value_type=bytes,
        allow_empty=True,
    )
    emitter = kafka.emitter([settings.leads_models])
    log_reader = kafka.committed_output_log()
    service = RolloutService(
        model,
        settings,
        tail=OutputTail(settings, log_reader, kafka.topic_ids),
        changes=ChangeLog(model, settings.leads_models, emitter, log_reader),
        emitter=emitter,
        metrics=RolloutMetrics(monitor.registry, [*Trigger]),
        health=monitor.health,
        is_ours=lambda: any(
            partition.topic == settings.leads_models for partition in app.consumer.assignment()
        ),
        crash=app.crash,
    )

    @app.agent(changes, name="rollout")
    async def rollout(stream: Any) -> None:
        async for _ in stream:
            pass  # its partition makes one process of the group the active one

    @app.on_partitions_revoked.connect
    async def revoked(*_: Any, **__: Any) -> None:
        service.revoked()

    @app.on_rebalance_complete.connect
    async def assigned(*_: Any, **__: Any) -> None:
        service.assigned()

    return (service,)


def archive(app: App, monitor: Monitor) -> Sequence[Service]:
    """Wire the role archive: leads in, Parquet files out.

    Returns
    -------
    sequence of mode.Service
        In the order in which they start.
    """
    from monitoring.telemetry.archive_metrics import ArchiveMetrics
    from stream.archive.observer import ArchiveObserver
    from stream.archive.service import ArchiveService, ArchiveWatch
    from stream.archive.writer import ArchiveWriter, archive_budget, roll_options

    settings = app.settings
    assert settings.archive is not None, "the settings require it for the role"
    connection, group_id = settings.kafka_client_options(), f"{settings.group_id}-archive"
    budget = archive_budget(settings)
    bound_batches(budget.batches)
    bound_responses(budget.largest_batch_bytes)
    metrics = ArchiveMetrics(monitor.registry)
    observer: ArchiveObserver
    source: BatchSource

    writer = ArchiveWriter(
        settings.archive,
        roll_options(settings, budget),
        topic_id=TopicIds(connection).read,
        crash=app.crash,
        on_complete=lambda completed: observer.on_complete(completed),
        on_room=lambda sentence: observer.on_room(sentence),
    )
    observer = ArchiveObserver(metrics, monitor.health, writer)
    source = BatchSource(
        app,
        settings.leads_created,
        lambda: open_consumer(
            connection,
            group_id=group_id,
            session_timeout=settings.session_timeout_ms / 1000,
            metadata_max_age=settings.metadata_max_age_ms / 1000,
            isolation_level=settings.isolation_level,
            on_refusal=source.refused,
            budget=budget,
        ),
        partial(
            GroupCommitter,
            read_committed=GroupOffsets(connection, group_id).read,
            start_of=writer.start_of,
            start_limit=settings.delivery_timeout_seconds,
        ),
        RawBatchReader(
            connection, settings.isolation_level, limits=raw_limits(settings.max_event_bytes)
        ),
        # A record that can't be read is a row of the archive, and no reason to stop.
        options=replace(
            SourceOptions.from_settings(settings, budget.in_flight_bytes), unreadable="dead_letter"
        ),
    )
    source.observer = observer

    @app.agent(source.channel, name="archive")
    async def archive_leads(polls: Any) -> None:
        async for batches in polls:
            await writer.accept(batches)

    metrics.watch_lags(lambda: partition_lags(source))
    return (
        ArchiveService(source, writer, app.crash),
        ArchiveWatch(source, writer, monitor.health, app.crash),
        LoopWatch(),
    )


def join_outcomes(app: App, monitor: Monitor) -> Sequence[Service]:
    """Wire the role outcomes: scores and outcomes in, reports on quality and dead letters out.

    Returns
    -------
    sequence of mode.Service
        In the order in which they start.
    """
    from monitoring.telemetry.outcome_metrics import OutcomeMetrics
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
    from stream.outcomes.partitions import OutcomePartitions
    from stream.outcomes.placement_watch import PlacementWatch
    from stream.outcomes.publisher import QualityPublisher
    from stream.outcomes.rocks_store import RocksStore
    from stream.outcomes.runner import OutcomeRunner
    from stream.outcomes.score_reader import ScoreReader
    from stream.outcomes.service import OutcomeService
    from stream.sinks.dead_letters import SinkDeadLetters

    settings, health = outcome_settings(app.settings), monitor.health
    topics = settings.leads_outcomes, settings.leads_scored_shadow
    by_creation = settings.outcome_time == "created_at"
    metrics = OutcomeMetrics(monitor.registry)
    kafka = KafkaClients(settings)
    source: BatchSource
    runner: OutcomeRunner
    catch_up: CatchUp

    emitter = kafka.emitter([settings.leads_outcomes_dlq, settings.leads_quality])
    dead_letters = SinkDeadLetters(
        emitter, settings.leads_outcomes_dlq, sink=None, content="lead_outcome"
    )
    follower = Follower(
        kafka.source_log(),
        topics,
        lambda at, records: runner.accept_followed(at, records),
        app.crash,
    )
    partitions = OutcomePartitions(
        settings,
        RocksStore,
        topic_id=kafka.topic_ids.read,
        on_open=lambda number, progress: follower.follow(number, followed(settings, progress)),
        crash=app.crash,
        make_watch=concept_watch(),
    )
    placement = PlacementWatch(
        settings.leads_created, settings.leads_scored, settings.leads_outcomes, metrics
    )
    runner = OutcomeRunner(
        partitions,
        ScoreReader(by_creation=by_creation),
        outcome_reader(settings),
        by_creation=by_creation,
        dead_letters=dead_letters,
        caught_up=follower.caught_up,
        read_to_end=follower.read_to_end,
        see=placement.see,
        shadow_topic=settings.leads_scored_shadow,
        metrics=metrics,
        crash=app.crash,
    )
    source = BatchSource(
        app,
        settings.leads_scored,
        lambda: kafka.consumer(source.refused),
        kafka.group_committer(partitions.start_of),
        kafka.raw_reader(),
        options=SourceOptions.from_settings(settings, kafka.budget.in_flight_bytes),
    )
    catch_up = CatchUp(source, follower.is_caught_up)

    def assigned(assignment: frozenset[TopicPartition]) -> None:
        catch_up.assigned()
        follower.assigned([at.partition for at in assignment])
        partitions.assigned(assignment)

    source.observer = OutcomeObserver(metrics, health, kafka.clock, assigned, app.crash)
    publisher = QualityPublisher(
        partitions,
        emitter,
        settings.leads_quality,
        channels=(settings.leads_scored, settings.leads_scored_shadow),
        is_caught_up=catch_up.is_caught_up,
        now_ms=kafka.clock.now,
    )

    @app.agent(source.channel, name="join")
    async def join_scores(polls: Any) -> None:
        async for batches in polls:
            await runner.accept(batches)

    metrics.watch_lags(lambda: lags_of(source, follower))
    service = OutcomeService(
        source,
        follower,
        partitions,
        emitter,
        dead_letters,
        publisher,
        placement,
        kafka.clock,
        count_partitions=lambda: partition_counts(
            kafka.topic_ids.partitions, (settings.leads_scored, *topics)
        ),
        report_seconds=settings.outcome_report_seconds,
        crash=app.crash,
    )
    stall_watch = StallWatch(source, lambda: partition_lags(source), lambda: (), health, app.crash)
    return service, stall_watch, LoopWatch()


def write(app: App, monitor: Monitor) -> Sequence[Service]:
    """Wire the role sink: scored events or leads in; rows of a target and dead letters out.

    Returns
    -------
    sequence of mode.Service
        In the order in which they start.
    """
    # Only where it is needed: a sink brings its client along.
    from monitoring.telemetry.schema_metrics import SchemaMetrics
    from monitoring.telemetry.sink_metrics import SinkMetrics
    from schemas.store import SchemaStore
    from stream.sinks.assembly import TURNS, gathering_of, sink_settings
    from stream.sinks.dead_letters import SinkDeadLetters
    from stream.sinks.gatherer import Gatherer
    from stream.sinks.kinds import make_sink
    from stream.sinks.log_start import LogStart
    from stream.sinks.observer import SinkObserver
    from stream.sinks.reading import reader_of
    from stream.sinks.runner import SinkRunner
    from stream.sinks.service import SinkService

    settings, health = sink_settings(app.settings), monitor.health
    name, content = settings.sink_label, settings.sink_content
    metrics = SinkMetrics(monitor.registry, name=name, kind=settings.sink, content=content)
    schemas = app.schemas
    if schemas is not None:
        schemas.metrics = SchemaMetrics(monitor.registry)
    kafka = KafkaClients(settings)
    source: BatchSource
    observer: SinkObserver

    emitter = kafka.emitter([settings.leads_sinks_dlq])
    dead_letters = SinkDeadLetters(emitter, settings.leads_sinks_dlq, sink=name, content=content)
    sink = make_sink(settings)
    gathering = gathering_of(settings, sink)
    runner = SinkRunner(
        sink,
        reader_of(
            content,
            SchemaStore.load(*settings.schema_folders),
            None if schemas is None else schemas.registered,
        ),
        Gatherer(gathering, kafka.budget.in_flight_bytes // 2),
        dead_letters,
        topic_id=kafka.topic_ids.read,
        is_ours=lambda batch: batch.generation == source.assignment.generation,
        metrics=metrics,
        health=health,
        crash=app.crash,
    )
    start = LogStart(
        kafka.topic_ids.read,
        lambda partition: source.remembers(partition),
        lambda loss: observer.on_loss(loss),
    )
    source = BatchSource(
        app,
        settings.sink_topic,
        lambda: kafka.consumer(source.refused),
        kafka.group_committer(start.start_of),
        kafka.raw_reader(),
        # A poll is written as a whole: a slow target would hold many records for long.
        options=replace(
            SourceOptions.from_settings(settings, kafka.budget.in_flight_bytes),
            max_records=min(settings.batch_max_records, gathering.records),
        ),
    )
    observer = SinkObserver(metrics, health, kafka.clock, runner.rebalanced)
    source.observer = observer
    accept, schema_wait = _wait_for_schemas(app, source, runner.accept)

    @app.agent(source.channel, name="write")
    async def write_records(polls: Any) -> None:
        async for batches in polls:
            await accept(batches)

    service = SinkService(source, runner, emitter, dead_letters, kafka.clock, crash=app.crash)
    stall_watch = StallWatch(
        source,
        lambda: partition_lags(source),
        lambda: (),
        health,
        app.crash,
        held_for=gathering.seconds + TURNS,
    )
    loop_watch = LoopWatch()
    metrics.watch_source(SourceMetrics(source, observer, stall_watch, loop_watch, health).state)
    return *schema_wait, service, stall_watch, loop_watch


def _wait_for_schemas(
    app: App, source: BatchSource, accept: Accept
) -> tuple[Accept, Sequence[SchemaWait]]:
    """Put the wait for schema ids before a function that accepts batches, if a registry is set."""
    if app.schemas is None:
        return accept, ()
    wait = SchemaWait(
        app.schemas, accept, hold=source.hold, release=source.release, crash=app.crash
    )
    return wait.accept, (wait,)
