"""From the batches of a poll to delivered outputs: decode, score, encode, send, done.

The batches of all partitions of a poll are scored in one call: it costs much the same for one lead
and for a hundred. Each batch is sent, and marked as done, separately.

There are two stages, so that the model scores one poll (ONNX Runtime releases the GIL) while the
next is decoded. Both are first in, first out: order per partition is kept.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import (
    AsyncIterator,
    Awaitable,
    Callable,
    Iterable,
    Sequence,
)
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

from agents.batch_scorer import BatchScorer
from agents.drift import CountedLeads
from agents.read_batch import ReadBatch
from agents.scored_batch import ScoredBatch
from monitoring.telemetry.metrics import Metrics, Stage
from schemas.errors import InvalidEventError
from stream.consume.partition_progress import Batch
from stream.deliver.delivery import Delivery, PartitionLostError
from stream.process.background_tasks import BackgroundTasks, Crash
from stream.scoring.batch_counts import BatchCounts
from stream.scoring.drift_publisher import DriftPublisher
from stream.scoring.model_changes import ModelChanges
from stream.scoring.model_thread import ModelThread
from stream.scoring.output_delivery import OutputDelivery, SentOutputs

__all__ = ["ScoringPipeline"]

GIVE_WAY_AFTER = 0.005
"""Seconds of work after which the event loop runs other tasks."""


@dataclass(slots=True)
class _Poll:
    """A poll in the pipeline; it holds a slot until its last batch has left."""

    scorer: BatchScorer
    open: int
    """Batches that have not left the pipeline."""


@dataclass(slots=True)
class _ReadPoll:
    """A poll between the two stages: decoded, with its prediction under way."""

    poll: _Poll
    batches: Sequence[Batch]
    read: ReadBatch
    features: Any
    prediction: Awaitable[Any]
    started: float
    """Seconds of the performance counter."""

    @property
    def sizes(self) -> list[int]:
        """The number of records of each batch."""
        return [len(batch.records) for batch in self.batches]


class ScoringPipeline:
    """Scores batches of the agent; a batch is done when all its outputs are delivered.

    Parameters
    ----------
    delivery
        Delivers the outputs to Kafka.
    scored_topic, dead_letter_topic
        The output topics; outputs keep the partition number of their source.
    metrics
        Metrics of the batches; None: there are none.
    drift
        Counts leads for drift; None: they are not counted.
    crash
        Called with an unrecoverable error; the batch is not committed then.
    on_done
        Called with each batch that is done, and its outcome, before another task runs.
    in_flight
        Most polls in flight.
    cores
        Cores that the process may use: with one, the model gets no thread.
    now
        The wall clock, seconds since 1970.

    Attributes
    ----------
    scorer
        The current model, for partitions without another in ``changes``; None before the first.
    changes
        The model of each partition.
    in_flight
        As given.
    """

    def __init__(
        self,
        *,
        delivery: Delivery,
        scored_topic: str,
        dead_letter_topic: str,
        metrics: Metrics | None,
        drift: DriftPublisher | None = None,
        crash: Crash,
        on_done: Callable[[Batch, ScoredBatch], None] = lambda _batch, _outcome: None,
        in_flight: int = 8,
        cores: int | None = None,
        now: Callable[[], float] = time.time,
    ) -> None:
        self.scorer: BatchScorer | None = None
        self.changes: ModelChanges | None = None
        self._outputs = OutputDelivery(delivery, scored_topic, dead_letter_topic)
        self._metrics = metrics
        self._drift = drift
        self._crash = crash
        self._on_done = on_done
        self._now = now
        self.in_flight = in_flight
        self._slots = asyncio.Semaphore(in_flight)
        self._gate = asyncio.Lock()
        self._read_polls: asyncio.Queue[_ReadPoll] = asyncio.Queue()
        self._model = ModelThread(cores, partial(self._took, "model"))
        self._tasks = BackgroundTasks(crash)
        self._is_stopped = False
        self._counts = None if metrics is None else BatchCounts(metrics, now)

    def start(self) -> None:
        """Start to send scored batches."""
        self._tasks.start(self._emit_in_order())

    async def stop(self) -> None:
        """Drop the batches in flight; call it once the partitions are revoked."""
        self._is_stopped = True
        await self._tasks.cancel()
        self._model.stop()

    async def accept(self, batches: Sequence[Batch]) -> None:
        """Decode the batches of a poll and start their prediction.

        Waits while too many polls are in flight.
        """
        try:
            if self.changes is not None:
                await self.changes.before(batches)
            async with self._gate:
                await self._accept(batches)
        except Exception as error:
            await self._crash(error)

    @asynccontextmanager
    async def quiet(self, within: float) -> AsyncIterator[None]:
        """Hold the pipeline empty while the body runs.

        Raises
        ------
        TimeoutError
            The polls in flight were not done within the seconds given.
        """
        taken = 0
        async with self._gate:
            try:
                async with asyncio.timeout(within):
                    for _ in range(self.in_flight):
                        await self._slots.acquire()
                        taken += 1
                yield
            finally:
                for _ in range(taken):
                    self._slots.release()

    async def _accept(self, batches: Sequence[Batch]) -> None:
        await self._slots.acquire()
        valid = [batch for batch in batches if batch.begin()]
        if not valid:
            self._slots.release()
            return
        is_first = True
        for scorer, its_batches in self._by_scorer(valid):
            if not is_first:
                await self._slots.acquire()
            is_first = False
            self._read_polls.put_nowait(await self._read(its_batches, scorer))

    def _by_scorer(self, batches: Sequence[Batch]) -> Iterable[tuple[BatchScorer, Sequence[Batch]]]:
        if self.changes is None:
            assert self.scorer is not None, "the source is started once there is a model"
            return [(self.scorer, batches)]
        found: dict[BatchScorer, list[Batch]] = {}
        for batch in batches:
            scorer, batch.since = self.changes.scorer(batch.partition)
            found.setdefault(scorer, []).append(batch)
        return found.items()

    async def _read(self, batches: Sequence[Batch], scorer: BatchScorer) -> _ReadPoll:
        started = time.perf_counter()
        records = batches[0].records
        if len(batches) > 1:
            records = [record for batch in batches for record in batch.records]
        read = scorer.decode(records, _verdicts(batches))
        self._took("decode", time.perf_counter() - started)
        resumed = await _give_way(started)
        features = scorer.features(read)
        self._took("features", time.perf_counter() - resumed)
        resumed = await _give_way(resumed)
        prediction = self._model.predict(scorer, features)
        await _give_way(resumed)
        poll = _Poll(scorer, open=len(batches))
        return _ReadPoll(poll, batches, read, features, prediction, started)

    def _leave(self, poll: _Poll, batch: Batch) -> None:
        batch.release()
        poll.open -= 1
        if not poll.open:
            self._slots.release()

    def _took(self, stage: Stage, seconds: float) -> None:
        if self._metrics is not None:
            self._metrics.observe_stage(stage, seconds)

    async def _emit_in_order(self) -> None:
        while True:
            read_poll = await self._read_polls.get()
            await self._emit(read_poll, await read_poll.prediction)

    async def _emit(self, read_poll: _ReadPoll, prediction: Any) -> None:
        started = time.perf_counter()
        poll = read_poll.poll
        outcome = poll.scorer.outputs(
            read_poll.read,
            read_poll.features,
            prediction,
            scored_at=int(self._now() * 1000),
            too_large=partial(self._outputs.limits.too_large, own_headers=poll.scorer.headers),
        )
        outcomes = outcome.split(read_poll.sizes)
        encoded = time.perf_counter()
        self._took("encode", encoded - started)
        if self._metrics is not None:
            self._metrics.observe_scoring(encoded - read_poll.started)
        resumed = await _give_way(started)
        counted = self._counted(read_poll, prediction)
        for batch, outcome, leads in zip(read_poll.batches, outcomes, counted, strict=True):
            resumed = await _give_way(resumed)
            sent = await self._outputs.send(batch, outcome)
            if sent is None:
                self._leave(poll, batch)
                continue
            blocks = self._count_for_drift(batch, poll.scorer, leads, [*sent.scored, *sent.dead])
            self._await_delivery(poll, sent, blocks, encoded)

    def _counted(self, read_poll: _ReadPoll, prediction: Any) -> Sequence[CountedLeads | None]:
        """Return the leads to count for drift, batch by batch."""
        if self._drift is None:
            return [None] * len(read_poll.batches)
        scorer, read, features = read_poll.poll.scorer, read_poll.read, read_poll.features
        counted = scorer.counted(read, features, prediction)
        part = scorer.to_count(read, features)
        return [counted.take(rows) for rows in part.rows(read_poll.sizes)]

    def _count_for_drift(
        self,
        batch: Batch,
        scorer: BatchScorer,
        leads: CountedLeads | None,
        deliveries: Sequence[asyncio.Future[None]],
    ) -> Sequence[Awaitable[None]]:
        if self._drift is None or leads is None:
            return ()
        started = time.perf_counter()
        blocks = self._drift.count(batch, scorer, leads, deliveries)
        self._took("drift", time.perf_counter() - started)
        return blocks

    def verify_limits(self) -> None:
        """Check that the dead-letter topic takes the smallest dead letter.

        Raises
        ------
        FatalError
            It does not.
        """
        self._outputs.limits.verify()

    def _await_delivery(
        self, poll: _Poll, sent: SentOutputs, blocks: Sequence[Awaitable[None]], since: float
    ) -> None:
        """Mark a batch as done once it is delivered: most have one delivery, and need no task."""
        if blocks or sent.dead or len(sent.scored) != 1:
            self._tasks.start(self._deliver(poll, sent, blocks, since))
        else:
            sent.scored[0].add_done_callback(partial(self._delivered, poll, sent, since))

    def _delivered(
        self, poll: _Poll, sent: SentOutputs, since: float, delivery: asyncio.Future[None]
    ) -> None:
        if self._is_stopped or delivery.cancelled():
            return
        if delivery.exception() is not None:
            self._tasks.start(self._deliver(poll, sent, (), since))
            return
        try:
            self._end(poll, sent.batch, sent.outcome, since)
        except Exception as error:
            self._tasks.crash(error)

    async def _deliver(
        self, poll: _Poll, sent: SentOutputs, blocks: Sequence[Awaitable[None]], since: float
    ) -> None:
        """Await the delivery of a batch, and mark it as done.

        Parameters
        ----------
        poll, sent, blocks
            The batch's poll, its outputs, and its counts for drift.
        since
            When its outputs were encoded: seconds of the performance counter.
        """
        batch = sent.batch
        try:
            outcome = await self._outputs.delivered(sent, poll.scorer)
            for block in blocks:
                await block
        except PartitionLostError:
            self._leave(poll, batch)
            return
        except Exception as error:
            await self._crash(error)
            return
        self._end(poll, batch, outcome, since)

    def _end(self, poll: _Poll, batch: Batch, outcome: ScoredBatch, since: float) -> None:
        """Mark a batch as done, all of whose outputs are delivered, and count it."""
        consumed = len(batch.records)
        self._outputs.done(batch)
        self._leave(poll, batch)
        self._on_done(batch, outcome)
        self._took("deliver", time.perf_counter() - since)
        if self._counts is not None:
            self._counts.add(consumed, outcome)


async def _give_way(since: float) -> float:
    """Yield to other tasks if much time has passed.

    Parameters
    ----------
    since
        When the work started: seconds of the performance counter.

    Returns
    -------
    float
        When the next work starts.
    """
    if time.perf_counter() - since > GIVE_WAY_AFTER:
        await asyncio.sleep(0)
    return time.perf_counter()


def _verdicts(batches: Sequence[Batch]) -> dict[int, InvalidEventError]:
    """Return the verdicts on records that can't be read, by position in all that was polled."""
    verdicts: dict[int, InvalidEventError] = {}
    first = 0
    for batch in batches:
        if batch.verdicts:
            verdicts.update({first + at: error for at, error in batch.verdicts.items()})
        first += len(batch.records)
    return verdicts
