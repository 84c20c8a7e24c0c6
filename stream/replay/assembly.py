"""The parts of a replay: the worker's own pipeline and delivery, over the ranges of a plan."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Any

from aiokafka import TopicPartition

from schemas.registered import RegisteredSchemas
from stream.archive.reader import Archive, ArchiveRawReader
from stream.consume.offset_committer import Committer
from stream.consume.partition_progress import Batch
from stream.consume.start_offsets import Start
from stream.deliver.delivery import AtLeastOnce
from stream.fetch.closing import closed
from stream.fetch.raw_batches import RawReader
from stream.kafka.commit_metadata import Commit, metadata_of
from stream.kafka.committed_offsets import GroupOffsets
from stream.process.background_tasks import Crash
from stream.process.deadlines import now
from stream.process.model_trial import Trials
from stream.replay.account import AccountedPin, account_of
from stream.replay.archive_consumer import ArchiveConsumer
from stream.replay.plan import ReplayPlan
from stream.replay.progress import ReplayAssignment
from stream.replay.ranges import PartitionRange
from stream.replay.selection import Selection, load_selection
from stream.replay.source import ReplaySource
from stream.replay.source_limits import Pace, SourceLimits
from stream.replay.untouched import with_untouched
from stream.schema_registry.compatibility import verify_schemas
from stream.schema_registry.lookup import SchemaLookup
from stream.schema_registry.opened import open_lookup
from stream.scoring.drift_publisher import DriftPublisher
from stream.scoring.kafka_clients import KafkaClients
from stream.scoring.pipeline import ScoringPipeline
from stream.scoring.serving_model import Serving, load_pinned
from stream.settings import Settings

__all__ = ["Loaded", "Part", "ReplayParts", "load"]

CLOSE_LIMIT = 5.0
"""Seconds to close the connections after an error."""


@dataclass(frozen=True, slots=True)
class Part:
    """The part of a plan that a process executes.

    Attributes
    ----------
    plan
        The plan.
    ranges
        The ranges of the part.
    assignment
        Their progress.
    pace
        How fast records are read.
    """

    plan: ReplayPlan
    ranges: Sequence[PartitionRange]
    assignment: ReplayAssignment
    pace: Pace


@dataclass(frozen=True, slots=True)
class Loaded:
    """The model, filters and archive of a replay, which are read before its first record.

    Attributes
    ----------
    serving
        The model of the plan.
    selection
        Which records are scored.
    schemas
        Looks up schema ids; None: no schema registry is set.
    archive
        The archive that is read in place of the topic; None: the topic is read.
    """

    serving: Serving
    selection: Selection
    schemas: SchemaLookup | None
    archive: Archive | None


async def load(settings: Settings, plan: ReplayPlan, trials: Trials) -> Loaded:
    """Load the model, the filters and the archive of a plan.

    Raises
    ------
    BundleError
        The model of the plan is not in the registry any more, or must not be used.
    InputError
        The archive of the plan is not there, or its files contradict each other.
    FatalError
        Kafka stopped answering while untouched leads were searched.
    """
    schemas = open_lookup(settings)
    if schemas is not None:
        await verify_schemas(settings, schemas, None)
    registered = None if schemas is None else schemas.registered
    serving = await asyncio.to_thread(_load_model, settings, plan, trials, registered)
    selection = await asyncio.to_thread(load_selection, plan, settings)
    resolve = None if schemas is None else schemas.resolve
    return Loaded(
        serving=serving,
        selection=await with_untouched(selection, settings, plan, serving.scorer, resolve),
        schemas=schemas,
        archive=None
        if plan.archive is None
        else await asyncio.to_thread(Archive, plan.archive, plan.topic),
    )


def _load_model(
    settings: Settings, plan: ReplayPlan, trials: Trials, registered: RegisteredSchemas | None
) -> Serving:
    return load_pinned(
        *(settings, trials, plan.model),
        registered=registered,
        replay_id=plan.id,
        ages_at=plan.ages_at,
    )


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


class ReplayParts:
    """The parts that read, score, deliver and commit; none is connected here.

    Parameters
    ----------
    settings
        Addresses and limits, with the rules of the plan.
    part
        What is read.
    loaded
        The model and the filters.
    crash
        Called with an unrecoverable error.

    Attributes
    ----------
    kafka, emitter, drift, pipeline, source
        The parts.
    counts
        Whether the leads are counted for drift.
    """

    def __init__(self, settings: Settings, part: Part, loaded: Loaded, crash: Crash) -> None:
        self._settings, self._part, self._loaded, self._crash = settings, part, loaded, crash
        plan = part.plan
        self.kafka = KafkaClients(settings)
        self.kafka.offsets = _PlannedOffsets(settings, plan)
        outputs = (plan.out, plan.dead_letters)
        self.counts = bool(plan.drift_partials)
        counted = [plan.drift_partials] if plan.drift_partials else []
        self.emitter = self.kafka.emitter([*outputs, *counted])
        self._transactions = (
            self.kafka.transactions(outputs, self.emitter.limits)
            if settings.is_exactly_once
            else None
        )
        self.drift = self._drift_publisher()
        self.pipeline = self._scoring_pipeline()
        self._consumer, self._reader = self._input()
        self.source: ReplaySource = self._replay_source()

    def _drift_publisher(self) -> DriftPublisher:
        schemas = self._loaded.schemas
        return DriftPublisher(
            emitter=self.emitter,
            topic=self._settings.leads_drift_partials,
            source_topic=self._part.plan.topic,
            reader=self.kafka.source_log(),
            crash=self._crash,
            before_decoding=None if schemas is None else schemas.resolve,
        )

    def _scoring_pipeline(self) -> ScoringPipeline:
        plan = self._part.plan
        pipeline = ScoringPipeline(
            delivery=self._transactions or AtLeastOnce(self.emitter),
            scored_topic=plan.out,
            dead_letter_topic=plan.dead_letters,
            metrics=None,
            drift=self.drift if self.counts else None,
            crash=self._crash,
            on_done=lambda batch, outcome: self.source.on_done(batch, outcome),
            in_flight=self._settings.batches_in_flight,
            now=self.kafka.clock.now,
        )
        pipeline.scorer = self._loaded.serving.scorer
        return pipeline

    def _input(self) -> tuple[Any, RawReader]:
        """Return a consumer, and a reader of records that it can't decode."""
        consumer = self.kafka.consumer(lambda _: None)
        if (archive := self._loaded.archive) is None:
            return consumer, self.kafka.raw_reader()
        by_file = ArchiveConsumer(consumer, archive, self.kafka.budget.poll_bytes)
        return by_file, ArchiveRawReader(archive)

    def _replay_source(self) -> ReplaySource:
        part, settings = self._part, self._settings
        return ReplaySource(
            part.plan.topic,
            part.ranges,
            assignment=part.assignment,
            consumer=self._consumer,
            committer=self._committer(),
            reader=self._reader,
            accept=self._accept,
            selection=self._loaded.selection,
            pace=part.pace,
            limits=SourceLimits(
                max_records=settings.batch_max_records,
                in_flight_bytes=self.kafka.budget.in_flight_bytes,
                commit_interval=settings.commit_seconds,
                finish_limit=settings.delivery_timeout_seconds,
                unreadable=settings.unreadable,
            ),
        )

    def _committer(self) -> Committer:
        make = (
            partial(self._transactions.committer, start_of=self._start_of)
            if self._transactions
            else self.kafka.group_committer(self._start_of)
        )
        return make(self._consumer, lambda _: None, self._crash)

    async def _start_of(self, partition: TopicPartition, commit: Commit | None) -> Start:
        assert commit is not None
        since = commit.offset if commit.pin is None else commit.pin.since
        pin = AccountedPin(self._part.plan.model, since, account=account_of(commit))
        return Start(commit.offset, pin)

    async def _accept(self, batches: Sequence[Batch]) -> None:
        """Hand batches to the pipeline once their schema ids are known."""
        if self._loaded.schemas is not None:
            for batch in batches:
                await self._loaded.schemas.resolve(batch.records)
        await self.pipeline.accept(batches)

    async def start(self) -> None:
        """Connect, and continue where the commits of the group are."""
        await self.kafka.clock.compare()
        await self.emitter.start()
        self.pipeline.verify_limits()
        self.pipeline.start()
        await self.source.start()
        if self.counts:
            self._resume_counts()

    def _resume_counts(self) -> None:
        """Count again the blocks that an earlier process has left open."""
        self.drift.start()
        assignment, scorer = self._part.assignment, self._loaded.serving.scorer
        for each in self._part.ranges:
            progress = assignment.progress(TopicPartition(self._part.plan.topic, each.partition))
            if progress is not None and progress.committed is not None:
                self.drift.resume(
                    *(each.partition, scorer, assignment.generation),
                    *(progress.committed, each.start),
                )

    async def close(self) -> None:
        """Close the connections, also those that an error has left open."""
        await self.pipeline.stop()
        if self._loaded.schemas is not None:
            await self._loaded.schemas.close()
        if self._transactions:  # open only after an error
            by = now() + CLOSE_LIMIT
            await asyncio.gather(*(each.close(by) for each in self._transactions.writers.values()))
        with suppress(TimeoutError):
            async with asyncio.timeout(CLOSE_LIMIT):
                await closed(self._consumer.stop())
                await self._reader.close()
                await self.emitter.stop()
