"""Hands records to the joins: live scores from the source, the rest from the follower."""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable, Collection, Sequence

import numpy as np
from aiokafka import TopicPartition

from agents.outcomes.partition_join import ArrivedOutcome, PartitionJoin, Tally
from agents.outcomes.progress import OUTCOMES, SCORES
from agents.records import SourceRecord as Record
from monitoring.telemetry.outcome_metrics import OutcomeMetrics
from schemas.errors import InvalidEventError
from schemas.lead_outcome import OutcomeReader
from schemas.record_time import EARLIEST_MS
from stream.consume.partition_progress import Batch
from stream.outcomes.partitions import OutcomePartitions
from stream.outcomes.score_reader import ScoreReader
from stream.process.background_tasks import Crash
from stream.process.thread_calls import in_thread
from stream.sinks.dead_letters import SinkDeadLetters
from stream.sinks.reading import Unwritable
from stream.sinks.sink import Log

__all__ = ["OutcomeRunner"]

LIVE, SHADOW = range(2)
"""Channels of scores."""


class OutcomeRunner:
    """Reads records and adds them to the join of their partition.

    Parameters
    ----------
    partitions
        The joins.
    scores, outcomes
        Read the values.
    by_creation
        Whether times are those of creation: an outcome then arrives when it occurs, as the time of
        its record is that of the play.
    dead_letters
        Delivers what is no outcome.
    caught_up
        Waits until the outcomes, and the shadow's scores, of a partition that were there at its
        start are read, or the partition is revoked: leads must not mature before.
    read_to_end
        Waits until those that are there now are read: what was written before a live score is
        joined before the score moves the time on, however fast the past is played.
    see
        Is shown the records.
    shadow_topic
        Topic of the shadow's scores.
    metrics
        Where it is shown.
    crash
        Called with an unrecoverable error.

    Attributes
    ----------
    taken
        Number of batches of live scores that were added.
    """

    def __init__(
        self,
        partitions: OutcomePartitions,
        scores: ScoreReader,
        outcomes: OutcomeReader,
        *,
        by_creation: bool,
        dead_letters: SinkDeadLetters,
        caught_up: Callable[[int], Awaitable[None]],
        read_to_end: Callable[[], Awaitable[None]],
        see: Callable[[TopicPartition, Sequence[Record]], None],
        shadow_topic: str,
        metrics: OutcomeMetrics,
        crash: Crash,
    ) -> None:
        self.taken = 0
        self._see = see
        self._shadow_topic = shadow_topic
        self._partitions = partitions
        self._scores = scores
        self._outcomes = outcomes
        self._by_creation = by_creation
        self._dead_letters = dead_letters
        self._caught_up = caught_up
        self._read_to_end = read_to_end
        self._metrics = metrics
        self._end_worker = crash

    async def accept(self, batches: Sequence[Batch]) -> None:
        """Add the live scores of a poll."""
        try:
            for number in {batch.partition.partition for batch in batches}:
                await self._caught_up(number)
            await self._read_to_end()
            for batch in batches:
                await self._accept(batch)
        except Exception as error:
            await self._end_worker(error)

    async def _accept(self, batch: Batch) -> None:
        async with self._partitions.turn:
            join = self._partitions.joins.get(batch.partition.partition)
            if join is None or not batch.begin():
                return
            self._see(batch.partition, batch.records)
            await in_thread(lambda: self._add_scores(join, LIVE, batch.records))
            batch.done()
            self.taken += 1

    async def accept_followed(self, at: TopicPartition, records: Sequence[Record]) -> None:
        """Add outcomes, or the shadow's scores; nothing if the partition was revoked."""
        async with self._partitions.turn:
            join = self._partitions.joins.get(at.partition)
            if join is None or not records:
                return
            self._see(at, records)
            if at.topic == self._shadow_topic:
                await in_thread(lambda: self._add_scores(join, SHADOW, records))
            else:
                await self._add_outcomes(join, at, records)

    def _add_scores(self, join: PartitionJoin, channel: int, records: Sequence[Record]) -> None:
        first, records = _not_before(join.progress.offsets.get(SCORES[channel], 0), records)
        if not records:
            return
        is_shadow = channel == SHADOW
        read = self._scores.read(records, is_shadow=is_shadow)
        scores = read.scores
        if is_shadow:
            scores = scores.take(np.flatnonzero(join.can_join(scores.at)))
        tally = join.add_scores(channel, scores, first, records[-1].offset + 1)
        self._metrics.scores_read(
            is_shadow,
            joined=len(scores),
            unusable=read.unusable,
            late=read.late + len(read.scores) - len(scores),
        )
        self._metrics.treated(tally)

    async def _add_outcomes(
        self, join: PartitionJoin, at: TopicPartition, records: Sequence[Record]
    ) -> None:
        first, records = _not_before(join.progress.offsets.get(OUTCOMES, 0), records)
        if not records:
            return
        arrived, dead = self._read_outcomes(records)
        # Delivered before the store moves on: after a crash they may be there twice, never not.
        await self._dead_letters.send(Log(at.topic, at.partition, ""), dead)
        for _, error in dead:
            self._metrics.dead_letter(error.code)
        stop = records[-1].offset + 1
        tally: Tally = await in_thread(lambda: join.add_outcomes(arrived, first, stop))
        self._metrics.treated(tally + Counter({"invalid": len(dead)}))

    def _read_outcomes(
        self, records: Collection[Record]
    ) -> tuple[list[ArrivedOutcome], list[Unwritable]]:
        arrived: list[ArrivedOutcome] = []
        dead: list[Unwritable] = []
        for record in records:
            if record.value is None:
                continue  # a tombstone, as of an erasure
            try:
                outcome = self._outcomes.read(record.value, record.timestamp)
            except InvalidEventError as error:
                dead.append((record, error.without_frames()))
                continue
            is_known = record.timestamp >= EARLIEST_MS and not self._by_creation
            at = record.timestamp if is_known else outcome.occurred_at
            arrived.append(ArrivedOutcome(outcome, record.offset, at))
        return arrived, dead


def _not_before(offset: int, records: Sequence[Record]) -> tuple[int, Sequence[Record]]:
    """Return the records that were not added yet, and the first of their offsets."""
    left = [record for record in records if record.offset >= offset]
    return (left[0].offset if left else offset), left
