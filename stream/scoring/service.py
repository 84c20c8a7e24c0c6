"""The scoring role of a worker: its parts, started and stopped in the right order."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Mapping
from functools import partial
from importlib.metadata import version
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from aiokafka import TopicPartition
from aiokafka.errors import KafkaError
from mode import Service

from agents.scoring import ScoredBatch
from monitoring.telemetry.health import Condition
from monitoring.telemetry.loop_watch import LongestHold
from monitoring.telemetry.metrics import Metrics, PartitionLag, SourceState
from schemas.errors import FatalError
from stream.consume.batch_source import BatchSource, SourceOptions
from stream.consume.foreign_commits import ForeignCommit, ForeignCommits
from stream.consume.lag import lag_of
from stream.consume.large_batches import warn_of_large_batches
from stream.consume.lost_records import Loss
from stream.consume.offset_committer import GroupCommitter
from stream.consume.partition_progress import Batch
from stream.consume.stuck_partitions import StuckPartitions
from stream.deliver.batch_producer import EmitOptions, Emitter
from stream.deliver.delivery import AtLeastOnce
from stream.deliver.emitted_offsets import EmittedReader
from stream.deliver.transactional_writer import WriterOptions
from stream.deliver.transactions import Transactions
from stream.fetch.bounded_batches import bound_batches
from stream.fetch.bounded_responses import bound_responses
from stream.fetch.memory_budget import MemoryBudget
from stream.fetch.raw_batches import RawBatchReader
from stream.fetch.record_batches import raw_limits
from stream.kafka.broker_clock import clock_reader
from stream.kafka.commit_metadata import Commit, ModelPin
from stream.kafka.committed_offsets import GroupOffsets
from stream.kafka.consumer import open_consumer
from stream.kafka.log_reader import LogReader
from stream.kafka.producer import producer_opener, transactional_opener
from stream.kafka.record_clock import RecordClock
from stream.kafka.shared_settings import shared_settings
from stream.kafka.topic_limits import limit_reader
from stream.monitor import STALL_LIMIT, Vitals
from stream.process.logging import is_for_people
from stream.scoring.assignment_checks import PartitionStart
from stream.scoring.drift_publisher import DriftPublisher
from stream.scoring.model_loader import ModelLoader
from stream.scoring.model_reloader import ModelChanges
from stream.scoring.pipeline import ScoringPipeline
from stream.scoring.progress import ProgressReporter
from stream.scoring.serving_model import Serving, load_pinned
from stream.scoring.tally import DeadLetterLog, Tally

if TYPE_CHECKING:
    from stream.faust_app import App

__all__ = ["ScoringService"]

log = logging.getLogger(__name__)

CHANGE_LIMIT = 1.0
"""Seconds for the commit of a change of model, at least once."""
COMMIT_LOOK = 15.0
"""Seconds between two looks at the group's commits."""
LOOK = 1.0
"""Seconds between two looks at the source, told to health."""
LOOP_LOOK = 0.02
"""Seconds between two looks whether the event loop is held: the error of what is measured."""
STOP_RESERVE = 3.5
"""Seconds of the stop that are kept for closing the producer, the HTTP door and the event loop."""
DRIFT_STOP_LIMIT = 0.5
"""Seconds: what is not published is counted again by the next owner."""
EMITTER_STOP_LIMIT = 1.0
"""Seconds: what was not delivered before the source gave up is not committed, and read again."""


class ScoringService(Service):
    """Reads leads, scores them and writes the outcome, from the model's arrival to the stop.

    Parameters
    ----------
    app
        The Faust app: its settings say everything else.
    vitals
        Where health and metrics are told.
    """

    def __init__(self, app: App, vitals: Vitals) -> None:
        super().__init__()
        self.app = app
        self.settings = settings = app.settings
        self.budget = MemoryBudget(settings.memory_budget_mb << 20, settings.max_event_bytes)
        bound_batches(self.budget.batches)
        bound_responses(self.budget.largest_batch_bytes)
        self.metrics = Metrics(vitals.registry, version=version("leadscore"))
        self.health = vitals.health
        vitals.model_info = self._model_info
        self.clock = RecordClock(clock_reader(settings.kafka_client_options()))
        self._read_limits = limit_reader(settings.kafka_client_options())
        self.emitter = Emitter(
            [
                settings.leads_scored,
                settings.leads_created_dlq,
                *([settings.leads_drift_partials] if settings.drift else []),
            ],
            producer_opener(settings),
            self._read_limits,
            options=EmitOptions(
                delivery_limit=settings.delivery_timeout_seconds, stop_limit=EMITTER_STOP_LIMIT
            ),
            clock=self.clock,
        )
        self.offsets = GroupOffsets(settings.kafka_client_options(), settings.group_id)
        self.transactions = self._transactions() if settings.is_exactly_once else None
        self.source = BatchSource(
            app,
            settings.leads_created,
            self._connect_consumer,
            self.transactions.committer
            if self.transactions
            else partial(
                GroupCommitter,
                read_committed=self.offsets.read,
                pin_of=self._pin_of,
                start_limit=settings.delivery_timeout_seconds,
            ),
            RawBatchReader(
                settings.kafka_client_options(),
                settings.isolation_level,
                limits=raw_limits(settings.max_event_bytes),
            ),
            options=SourceOptions(
                max_records=settings.batch_max_records,
                in_flight_bytes=self.budget.in_flight_bytes,
                linger=settings.fetch_linger_ms / 1000,
                commit_interval=settings.commit_seconds,
                stop_limit=max(settings.stop_timeout_seconds - STOP_RESERVE, 1.0),
                unreadable=settings.unreadable,
            ),
            observer=self,
        )
        self.drift = DriftPublisher(
            emitter=self.emitter,
            topic=settings.leads_drift_partials,
            source_topic=settings.leads_created,
            reader=LogReader(
                settings.kafka_client_options(), settings.isolation_level, self.budget
            ),
            crash=self.app.crash,
            out_of_order=self.metrics.leads_out_of_order,
        )
        self.pipeline = ScoringPipeline(
            delivery=self.transactions or AtLeastOnce(self.emitter),
            scored_topic=settings.leads_scored,
            dead_letter_topic=settings.leads_created_dlq,
            metrics=self.metrics if settings.metrics else None,
            drift=self.drift if settings.drift else None,
            crash=self.app.crash,
            on_done=self._on_done,
            in_flight=settings.batches_in_flight,
            now=self.clock.now,
        )
        self.tally = Tally()
        self._taken = 0
        self._dead_letter_log = DeadLetterLog()
        self._reporter = ProgressReporter(time.monotonic()) if is_for_people(settings) else None
        self.loader = ModelLoader(settings, self.metrics, app.trials)
        self.changes = self.pipeline.changes = ModelChanges(
            assignment_now=lambda: self.source.assignment,
            commit=self.source.commit,
            is_accepting=lambda: self.source.put_off_for == 0,
            quiet=self.pipeline.quiet,
            publish_rest=self._publish_rest,
            commit_limit=None if settings.is_exactly_once else CHANGE_LIMIT,
        )
        self.foreign_commits = ForeignCommits(
            self._count_foreign, stops=settings.foreign_commits == "stop"
        )
        self._start = self._partition_start()
        self.stuck = StuckPartitions()
        self._serving: Serving | None = None
        self._committed_at: float | None = None
        self._holds = {"wall": LongestHold(), "cpu": LongestHold()}
        self.metrics.watch_source(self._source_state)

    # Start and stop

    @Service.task
    async def _run(self) -> None:
        try:
            if await self._wait_for_model():
                await self._open_kafka()
        except Exception as error:
            await self.app.crash(error)

    async def on_stop(self) -> None:
        """Finish what is in flight, commit, leave the group, close the connections."""
        self.loader.stop()
        if self.source.started:
            await self.source.stop()
            await self.pipeline.stop()
            await self.drift.stop(DRIFT_STOP_LIMIT)
            await self.emitter.stop()
        self._report_the_end()

    def _on_done(self, outcome: ScoredBatch) -> None:
        """Count what became of a batch."""
        self.tally = self.tally.plus(outcome)
        if outcome.dead_letters or outcome.dropped:
            self._dead_letter_log.note(outcome)

    def _report(self) -> None:
        """Log dead letters, and for people how scoring goes."""
        now = time.monotonic()
        self._dead_letter_log.log(now)
        if self._reporter is not None:
            lags = self._lags() if self.source.started else ()
            self._reporter.report(now, self.tally, lags)

    def _report_the_end(self) -> None:
        now = time.monotonic()
        self._dead_letter_log.log(now, all_of_it=True)
        if self._reporter is not None:
            self._reporter.farewell(now, self.tally, taken=self._taken)

    async def _wait_for_model(self) -> bool:
        while not self.should_stop:
            await self._take_up_model()
            if self._serving is not None:
                return True
            await self.sleep(self.settings.model_poll_seconds)
        return False

    @Service.task
    async def _follow_model(self) -> None:
        """Take up another model between two batches when the settings' reference leads to one."""
        while not self.should_stop:
            await self.sleep(self.settings.model_poll_seconds)
            if self._serving is not None:
                await self._take_up_model()

    async def _take_up_model(self) -> None:
        """Serve the model that the reference leads to, once it can be loaded."""
        serving = await self.loader.look()
        if serving is not None:
            self._serve(serving)
        elif self._serving is None and self.loader.problem is not None:
            self.health.miss(Condition.MODEL_LOADED, self.loader.problem)

    def _serve(self, serving: Serving) -> None:
        self._serving = serving
        self.changes.serve(serving)
        self.pipeline.scorer = serving.scorer
        self.metrics.model_loaded(
            name=serving.identity.id,
            version=serving.identity.version,
            sha256=serving.identity.sha256,
            engine=serving.engine,
            calibration=serving.calibration,
            published=serving.published,
        )
        self.health.meet(Condition.MODEL_LOADED)
        log.info("model", extra={"model": dict(serving.info), "loops": _loops()})

    async def _open_kafka(self) -> None:
        await self.clock.compare()
        await self.emitter.start()
        self.pipeline.verify_limits()
        self.pipeline.start()
        if self.settings.drift:
            self.drift.start()
        self.add_future(
            warn_of_large_batches(self._read_limits, self.settings.leads_created, self.budget)
        )
        await self.source.start()

    def _transactions(self) -> Transactions:
        settings = self.settings
        return Transactions(
            topics=[settings.leads_scored, settings.leads_created_dlq],
            connect=transactional_opener(settings),
            read_committed=self.offsets.read,
            pin_of=self._pin_of,
            limits=self.emitter.limits,
            options=WriterOptions(
                group_id=settings.group_id,
                most_bytes=self.budget.transaction_bytes,
                delivery_limit=settings.delivery_timeout_seconds,
            ),
            clock=self.clock,
        )

    def _partition_start(self) -> PartitionStart:
        settings = self.settings
        # Uncommitted outputs, too: drift counts of them may have been published.
        reader = LogReader(settings.kafka_client_options(), "read_uncommitted")

        async def end_offset(partition: TopicPartition) -> int:
            async with reader.open() as consumer:
                return int((await consumer.end_offsets([partition]))[partition])

        return PartitionStart(
            changes=self.changes,
            emitted=EmittedReader(reader, (settings.leads_scored, settings.leads_created_dlq)),
            end_offset=end_offset,
            load=partial(load_pinned, settings, self.app.trials),
            foreign=self.foreign_commits,
            missing=self.metrics.pinned_model_missing,
            ignores_pins=settings.pinned_model == "ignore",
        )

    async def _pin_of(self, partition: TopicPartition, commit: Commit | None) -> ModelPin | None:
        return await self._start.begin(partition, commit)

    def _count_foreign(self, found: ForeignCommit) -> None:
        at = found.partition
        self.metrics.foreign_commit(at.topic, at.partition, found.direction, found.moved)

    def _connect_consumer(self) -> Any:
        settings = self.settings
        return open_consumer(
            settings.kafka_client_options(),
            group_id=settings.group_id,
            session_timeout=settings.session_timeout_ms / 1000,
            metadata_max_age=settings.metadata_max_age_ms / 1000,
            isolation_level=settings.isolation_level,
            group_protocol=settings.group_protocol,
            shared=shared_settings(settings),
            on_refusal=self.source.refused,
            budget=self.budget,
        )

    # What the source tells (stream/consume/observer.py)

    def on_fetch(self, batch: Batch) -> None:
        """Count what was handed over."""
        self._taken += len(batch.records)
        partition = batch.partition
        self.metrics.batch_consumed(partition.topic, partition.partition, len(batch.records))
        self.clock.seen(batch.records[-1].timestamp)

    def on_commit(self, offsets: Mapping[TopicPartition, int]) -> None:
        """Remember when Kafka accepted a commit."""
        self._committed_at = time.monotonic()

    def on_rebalance(self, assignment: frozenset[TopicPartition]) -> None:
        """Say which partitions are ours from now on."""
        self.metrics.rebalanced()
        if self._committed_at is None:
            self._committed_at = time.monotonic()
        self.health.meet(Condition.PARTITIONS_ASSIGNED)
        partitions = sorted(tp.partition for tp in assignment)
        self.drift.assigned(partitions)
        self.add_future(self._take_over(assignment, self.source.assignment.generation))
        log.info("partitions assigned", extra={"partitions": partitions})

    def on_loss(self, loss: Loss) -> None:
        """Count records that were lost, and list them in /readyz."""
        where = loss.partition
        self.metrics.records_lost(where.topic, where.partition, loss.reason, loss.records)
        self.health.add_loss(time.monotonic(), loss.as_fields())

    async def _take_over(self, assignment: frozenset[TopicPartition], generation: int) -> None:
        """Have what was read of our partitions' blocks before counted for drift."""
        for partition in sorted(assignment):
            position = await self.source.position(partition)
            if generation != self.source.assignment.generation:
                return
            if position is not None and self.changes.current is not None:
                scorer, since = self.changes.scorer(partition)
                self.drift.take_over(partition.partition, scorer, generation, position, since)

    async def _publish_rest(self, offsets: Mapping[TopicPartition, int]) -> None:
        """Publish all drift counts of partitions whose model is about to change.

        Also those that an earlier owner did not publish before it died: the partition may have
        been assigned a moment ago, and its next owner counts from the change on.
        """
        for partition, offset in offsets.items():
            scorer, since = self.changes.scorer(partition)
            number, generation = partition.partition, self.source.assignment.generation
            self.drift.take_over(number, scorer, generation, offset, since)
        await self.drift.publish_rest(partition.partition for partition in offsets)

    # What others ask

    @Service.task
    async def _watch(self) -> None:
        """Tell health how far the source is; end a worker that stalls."""
        while not self.should_stop:
            now = time.monotonic()
            if self.source.started:
                lags = self._lags()
                done = sum(entry.done_offset or 0 for entry in self.source.assignment.values())
                has_work = any(lag.records for lag in lags)
                self.health.source_seen(now, finished=done, has_work=has_work)
                self._look_for_stuck(now)
                await self._end_if_stalled()
            self._report()
            await self.sleep(LOOK)

    @Service.task
    async def _watch_loop(self) -> None:
        """Measure how long the event loop is held."""
        while not self.should_stop:
            before, worked = time.monotonic(), time.thread_time()
            await asyncio.sleep(LOOP_LOOK)
            now, late = time.monotonic(), time.monotonic() - before - LOOP_LOOK
            self._holds["wall"].observe(now, late)
            self._holds["cpu"].observe(now, min(late, time.thread_time() - worked))

    @Service.task
    async def _change_models(self) -> None:
        """Change the model of partitions of which no lead comes; else the next lead does so."""
        while not self.should_stop:
            try:
                await self.changes.change()
            except Exception as error:
                await self.app.crash(error)
            await self.sleep(LOOK)

    @Service.task
    async def _watch_commits(self) -> None:
        """Look for commits of our partitions that no LeadScore worker made."""
        while not self.should_stop:
            await self.sleep(COMMIT_LOOK)
            assignment = self.source.assignment
            expected = {at: entry.committed for at, entry in assignment.items()}
            if expected:
                try:
                    found = await self.offsets.fetch(list(expected))
                except KafkaError as error:
                    log.info("the group's commits could not be fetched: %r", error)
                else:
                    self.foreign_commits.found_while_assigned(assignment, expected, found)

    def _look_for_stuck(self, now: float) -> None:
        writers = self.transactions.writers if self.transactions else {}
        assigned = self.source.assigned
        if not self.health.meets(Condition.BROKER_REACHED):
            assigned = frozenset()  # none can move then, and that is reported already
        fenced = {at for at, writer in writers.items() if writer.is_lost}
        self.stuck.look(now, assigned, self.source.assignment, fenced)
        if stuck := self.stuck.now:
            reasons = [f"{at.topic}/{at.partition}: {reason}" for at, reason in stuck.items()]
            self.health.miss(Condition.PARTITIONS_MOVE, "; ".join(reasons))
        else:
            self.health.meet(Condition.PARTITIONS_MOVE)

    async def _end_if_stalled(self) -> None:
        put_off = self.source.put_off_for
        if put_off > STALL_LIMIT and self.health.meets(Condition.BROKER_REACHED):
            # Seen after a broker's restart: the client looks for its coordinator for ever.
            await self.app.crash(
                FatalError(
                    f"Kafka answers, but has accepted no commit for {put_off:.0f} s: the worker "
                    "ends so that its supervisor starts it anew; what is not committed is read "
                    "again."
                )
            )
        stalled = self.source.stalled_for
        if stalled > STALL_LIMIT:
            await self.app.crash(
                FatalError(
                    f"{self.source.topic} has records, but none has come for {stalled:.0f} s: the "
                    "worker ends so that its supervisor starts it anew."
                )
            )

    def _lags(self) -> tuple[PartitionLag, ...]:
        lags = lag_of(
            self.source, wall_time=time.time(), loop_time=asyncio.get_running_loop().time()
        )
        return tuple(
            PartitionLag(tp.topic, tp.partition, lag.messages, lag.seconds)
            for tp, lag in lags.items()
        )

    def _source_state(self) -> SourceState:
        is_started = self.source.started
        age = None if self._committed_at is None else time.monotonic() - self._committed_at
        return SourceState(
            lags=self._lags() if is_started else (),
            assigned_partitions=len(self.source.assignment),
            last_commit_age=age,
            is_ready=self.health.ready()[0],
            in_flight_bytes=self.source.in_flight_bytes,
            longest_holds={clock: hold.value for clock, hold in self._holds.items()},
            stuck={(at.topic, at.partition): at in self.stuck.now for at in self.source.assigned},
        )

    def _model_info(self) -> Mapping[str, Any] | None:
        return None if self._serving is None else self._serving.info


def _loops() -> str:
    """Tell what the inner loops are run by: see schemas/column_reader.py."""
    found = map(find_spec, ("schemas._compiled", "features._compiled"))
    return "compiled" if all(found) else "python"
