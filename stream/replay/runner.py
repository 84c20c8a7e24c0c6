"""Executes a plan, or a shard of it: the worker's own pipeline and delivery over fixed ranges."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Any

from aiokafka import TopicPartition
from aiokafka.errors import KafkaError

from schemas.errors import FatalError, LeadScoreError
from schemas.registered import RegisteredSchemas
from stream.archive.reader import Archive, ArchiveRawReader
from stream.consume.partition_progress import Batch
from stream.consume.start_offsets import Start
from stream.deliver.delivery import AtLeastOnce
from stream.fetch.closing import closed
from stream.fetch.raw_batches import RawReader
from stream.kafka.commit_metadata import Commit, metadata_of
from stream.kafka.committed_offsets import GroupOffsets
from stream.process.background_tasks import BackgroundTasks
from stream.process.deadlines import now
from stream.process.model_trial import Trials
from stream.replay.account import Account, AccountedPin, account_of
from stream.replay.archive_consumer import ArchiveConsumer
from stream.replay.plan import ReplayPlan
from stream.replay.progress import ReplayAssignment
from stream.replay.ranges import PartitionRange
from stream.replay.selection import load_selection
from stream.replay.source import Pace, ReplaySource, SourceLimits
from stream.replay.untouched import with_untouched
from stream.schema_registry.compatibility import verify_schemas
from stream.schema_registry.lookup import SchemaLookup
from stream.schema_registry.opened import open_lookup
from stream.scoring.drift_publisher import DriftPublisher
from stream.scoring.kafka_clients import KafkaClients
from stream.scoring.pipeline import ScoringPipeline
from stream.scoring.serving_model import Serving, load_pinned
from stream.settings import Settings

__all__ = ["Progress", "ReplayRun", "read_progress"]

COUNTS_LIMIT = 60.0
"""Seconds to publish the last counts for drift."""
CLOSE_LIMIT = 5.0
"""Seconds to close the connections after an error."""


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a range is.

    Attributes
    ----------
    range
        The range.
    offset
        Every offset of the range below is done.
    account
        What became of them.
    """

    range: PartitionRange
    offset: int
    account: Account

    @property
    def is_done(self) -> bool:
        """Whether every offset is done."""
        return self.offset >= self.range.end

    @property
    def is_balanced(self) -> bool:
        """Whether the account covers exactly the offsets that are done."""
        return self.account.offsets == self.offset - self.range.start


async def read_progress(settings: Settings, plan: ReplayPlan) -> list[Progress]:
    """Return how far a replay is, by the commits of its group: whichever process made them.

    Raises
    ------
    FatalError
        Kafka did not answer.
    """
    offsets = GroupOffsets(settings.kafka_client_options(), plan.group_id)
    try:
        found = {
            each.partition: await offsets.read(TopicPartition(plan.topic, each.partition))
            for each in plan.ranges
        }
    except KafkaError as error:
        raise FatalError(
            f"expected the commits of group {plan.group_id}, but Kafka answered {error!r}: check"
            " that this user may read the group"
        ) from error
    return [_progress(each, found[each.partition]) for each in plan.ranges]


def _progress(planned: PartitionRange, commit: Commit | None) -> Progress:
    offset = planned.start if commit is None else commit.offset
    return Progress(planned, offset, account_of(commit))


class _PlannedOffsets(GroupOffsets):
    """The commits of a replay's group; without one a partition starts where its range does."""

    def __init__(self, settings: Settings, plan: ReplayPlan) -> None:
        super().__init__(settings.kafka_client_options(), plan.group_id)
        self._starts = {
            TopicPartition(plan.topic, each.partition): each.start for each in plan.ranges
        }

    async def read(self, partition: TopicPartition) -> Commit | None:
        start = self._starts[partition]
        return await super().read(partition) or Commit(start, metadata_of(start, None))


class ReplayRun:
    """One process's part of a replay.

    Parameters
    ----------
    settings
        Addresses; the rules are the plan's.
    plan
        The plan.
    ranges
        The ranges of this part.
    pace
        How fast records are read.
    """

    def __init__(
        self,
        settings: Settings,
        plan: ReplayPlan,
        ranges: Sequence[PartitionRange],
        pace: Pace,
    ) -> None:
        self._settings = plan.settings_of(settings)
        self._plan = plan
        self._ranges = ranges
        self._pace = pace
        self._assignment = ReplayAssignment(
            1, [TopicPartition(plan.topic, each.partition) for each in ranges]
        )
        self._trials = Trials()

    def progress(self) -> list[Progress]:
        """Return how far the ranges of this part are; at most one commit interval old."""
        found = []
        for each in self._ranges:
            progress = self._assignment.progress(TopicPartition(self._plan.topic, each.partition))
            if progress is not None:
                offset = progress.resume_offset
                found.append(Progress(each, offset or each.start, progress.account))
        return found

    async def run(self, stop: asyncio.Event) -> bool:
        """Execute the part until its ranges are done or the event is set.

        Returns
        -------
        bool
            Whether all of its ranges are done.

        Raises
        ------
        BundleError
            The model of the plan is not in the registry any more, or must not be used.
        InputError
            The archive of the plan is not there, or its files contradict each other.
        FatalError
            Kafka did not take the outputs or the commits, or another process has taken a partition.
        """
        settings, plan = self._settings, self._plan
        schemas = open_lookup(settings)
        if schemas is not None:
            await verify_schemas(settings, schemas, None)
        registered = None if schemas is None else schemas.registered
        serving = await asyncio.to_thread(self._load, registered)
        selection = await with_untouched(
            *(await asyncio.to_thread(load_selection, plan, settings), settings, plan),
            *(serving.scorer, None if schemas is None else schemas.resolve),
        )
        kafka = KafkaClients(settings)
        kafka.offsets = _PlannedOffsets(settings, plan)
        failure: asyncio.Future[BaseException] = asyncio.get_running_loop().create_future()

        async def crash(error: BaseException) -> None:
            if not failure.done():
                failure.set_result(error)

        outputs = (plan.out, plan.dead_letters)
        counts = [plan.drift_partials] if plan.drift_partials else []
        emitter = kafka.emitter([*outputs, *counts])
        drift = DriftPublisher(
            emitter=emitter,
            topic=settings.leads_drift_partials,
            source_topic=plan.topic,
            reader=kafka.source_log(),
            crash=crash,
            before_decoding=None if schemas is None else schemas.resolve,
        )
        is_exactly_once = settings.is_exactly_once
        transactions = kafka.transactions(outputs, emitter.limits) if is_exactly_once else None
        source: ReplaySource
        pipeline = ScoringPipeline(
            delivery=transactions or AtLeastOnce(emitter),
            scored_topic=plan.out,
            dead_letter_topic=plan.dead_letters,
            metrics=None,
            drift=drift if counts else None,
            crash=crash,
            on_done=lambda batch, outcome: source.on_done(batch, outcome),
            in_flight=settings.batches_in_flight,
            now=kafka.clock.now,
        )
        pipeline.scorer = serving.scorer
        consumer: Any = kafka.consumer(lambda _: None)
        reader: RawReader = kafka.raw_reader()
        if plan.archive is not None:
            archive = await asyncio.to_thread(Archive, plan.archive, plan.topic)
            consumer = ArchiveConsumer(consumer, archive, kafka.budget.poll_bytes)
            reader = ArchiveRawReader(archive)
        make_committer = (
            partial(transactions.committer, start_of=self._start_of)
            if transactions
            else kafka.group_committer(self._start_of)
        )
        source = ReplaySource(
            plan.topic,
            self._ranges,
            assignment=self._assignment,
            consumer=consumer,
            committer=make_committer(consumer, lambda _: None, crash),
            reader=reader,
            accept=pipeline.accept if schemas is None else partial(_accept, pipeline, schemas),
            selection=selection,
            pace=self._pace,
            limits=SourceLimits(
                max_records=settings.batch_max_records,
                in_flight_bytes=kafka.budget.in_flight_bytes,
                commit_interval=settings.commit_seconds,
                finish_limit=settings.delivery_timeout_seconds,
                unreadable=settings.unreadable,
            ),
        )
        tasks = BackgroundTasks(crash)

        async def execute() -> bool:
            await kafka.clock.compare()
            await emitter.start()
            pipeline.verify_limits()
            pipeline.start()
            await source.start()
            if counts:
                self._resume_counts(drift, serving)
            committing = tasks.start(source.commit_regularly())
            await source.read(stop)
            committing.cancel()
            await asyncio.wait([committing])
            is_done = await source.finish()
            if counts:
                await drift.stop(COUNTS_LIMIT)
            return is_done

        try:
            return await _first(tasks.start(execute()), failure)
        finally:
            await tasks.cancel()
            await pipeline.stop()
            if schemas is not None:
                await schemas.close()
            if transactions:  # open only after an error
                by = now() + CLOSE_LIMIT
                await asyncio.gather(*(each.close(by) for each in transactions.writers.values()))
            with suppress(TimeoutError):
                async with asyncio.timeout(CLOSE_LIMIT):
                    await closed(consumer.stop())
                    await reader.close()
                    await emitter.stop()

    def _resume_counts(self, drift: DriftPublisher, serving: Serving) -> None:
        """Count the open blocks of partitions again that an earlier process has begun."""
        drift.start()
        for each in self._ranges:
            progress = self._assignment.progress(TopicPartition(self._plan.topic, each.partition))
            if progress is not None and progress.committed is not None:
                drift.resume(
                    *(each.partition, serving.scorer, self._assignment.generation),
                    *(progress.committed, each.start),
                )

    def _load(self, registered: RegisteredSchemas | None) -> Serving:
        plan = self._plan
        load = partial(load_pinned, registered=registered, replay_id=plan.id, ages_at=plan.ages_at)
        return load(self._settings, self._trials, plan.model)

    async def _start_of(self, partition: TopicPartition, commit: Commit | None) -> Start:
        assert commit is not None
        since = commit.offset if commit.pin is None else commit.pin.since
        pin = AccountedPin(self._plan.model, since, account=account_of(commit))
        return Start(commit.offset, pin)


async def _accept(
    pipeline: ScoringPipeline, schemas: SchemaLookup, batches: Sequence[Batch]
) -> None:
    """Hand batches to the pipeline once their schema ids are known."""
    for batch in batches:
        await schemas.resolve(batch.records)
    await pipeline.accept(batches)


async def _first(task: asyncio.Task[bool], failure: asyncio.Future[BaseException]) -> bool:
    """Return the result of a task, or raise what failed beside it."""
    both: set[asyncio.Future[Any]] = {task, failure}
    await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
    error = failure.result() if failure.done() else task.exception()
    if error is None:
        return task.result()
    if isinstance(error, LeadScoreError) or not isinstance(error, KafkaError):
        raise error
    raise FatalError(
        f"The replay was expected to read, write and commit, but Kafka answered {error!r}: check"
        " the brokers and this user's rights, and resume the replay."
    ) from error
