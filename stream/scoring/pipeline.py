"""From the batches of a poll to delivered outputs: decode, score, encode, send, done.

The batches of all partitions of a poll are scored in one call: it costs much the same for one lead
and for a hundred. Each batch is sent, and done, by itself.

There are two stages, so that the model scores one poll (ONNX Runtime releases the GIL) while the
next is decoded. Both are first in, first out: order per partition is kept.
"""

from __future__ import annotations

import asyncio
import logging
import os
import time
from collections.abc import (
    AsyncIterator,
    Awaitable,
    Callable,
    Iterable,
    Sequence,
)
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass

import numpy as np

from agents.dead_letters import forms_of, smallest_form
from agents.drift import CountedLeads
from agents.scoring import DeadLetter, Output, ReadBatch, ScoredBatch, Scorer, is_too_large
from features.matrix import Features
from model.serving.prediction import Prediction
from monitoring.telemetry.metrics import Metrics, Stage
from schemas.errors import FatalError, InvalidEventError
from schemas.record_time import are_plausible
from stream.consume.partition_progress import Batch
from stream.deliver.batch_producer import RecordsTooLargeError
from stream.deliver.delivery import Delivery, PartitionLostError
from stream.kafka.producer import record_bytes
from stream.process.background_tasks import BackgroundTasks, Crash
from stream.scoring.drift_publisher import DriftPublisher
from stream.scoring.model_changes import ModelChanges

__all__ = ["ScoringPipeline"]

log = logging.getLogger(__name__)

THREAD_FROM_ROWS = 64
"""Leads from which on the model runs in a thread; for fewer it ends before a thread wakes."""

GIVE_WAY_AFTER = 0.005
"""Seconds of work after which the event loop runs other tasks."""

OWN_HEADERS = 7
"""Headers of a scored event without a trace."""

OWN_BYTES = 1024
"""Most bytes of such an event beside its value and its ids, which are also in the value."""


def available_cores() -> int:
    """Return how many cores the process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


@dataclass(slots=True)
class _Poll:
    """A poll in the pipeline; it holds a slot until its last batch has left."""

    scorer: Scorer
    open: int
    """Batches that have not left the pipeline."""


@dataclass(slots=True)
class _ReadPoll:
    """A poll between the two stages: decoded, with its prediction under way."""

    poll: _Poll
    batches: Sequence[Batch]
    read: ReadBatch
    features: Features
    prediction: Awaitable[Prediction]
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
        Called with the outcome of each batch that is done.
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
        on_done: Callable[[ScoredBatch], None] = lambda _: None,
        in_flight: int = 8,
        cores: int | None = None,
        now: Callable[[], float] = time.time,
    ) -> None:
        self.scorer: Scorer | None = None
        self.changes: ModelChanges | None = None
        self._delivery = delivery
        self._scored_topic = scored_topic
        self._dead_letter_topic = dead_letter_topic
        self._metrics = metrics
        self._drift = drift
        self._crash = crash
        self._on_done = on_done
        self._now = now
        self.in_flight = in_flight
        self._slots = asyncio.Semaphore(in_flight)
        self._gate = asyncio.Lock()
        self._read_polls: asyncio.Queue[_ReadPoll] = asyncio.Queue()
        self._has_cores = (available_cores() if cores is None else cores) > 1
        self._model_thread = ThreadPoolExecutor(1, thread_name_prefix="model")
        self._tasks = BackgroundTasks(crash)

    def start(self) -> None:
        """Start to send scored batches."""
        self._tasks.start(self._emit_in_order())

    async def stop(self) -> None:
        """Drop the batches in flight; call it once the partitions are revoked."""
        await self._tasks.cancel()
        self._model_thread.shutdown(wait=False, cancel_futures=True)

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

    def _by_scorer(self, batches: Sequence[Batch]) -> Iterable[tuple[Scorer, Sequence[Batch]]]:
        if self.changes is None:
            assert self.scorer is not None, "the source is started once there is a model"
            return [(self.scorer, batches)]
        found: dict[Scorer, list[Batch]] = {}
        for batch in batches:
            scorer, batch.since = self.changes.scorer(batch.partition)
            found.setdefault(scorer, []).append(batch)
        return found.items()

    async def _read(self, batches: Sequence[Batch], scorer: Scorer) -> _ReadPoll:
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
        prediction = self._predict(scorer, features)
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

    def _predict(self, scorer: Scorer, features: Features) -> Awaitable[Prediction]:
        loop = asyncio.get_running_loop()
        if self._has_cores and len(features.matrix) >= THREAD_FROM_ROWS:
            return loop.run_in_executor(self._model_thread, self._timed_predict, scorer, features)
        done: asyncio.Future[Prediction] = loop.create_future()
        done.set_result(self._timed_predict(scorer, features))
        return done

    def _timed_predict(self, scorer: Scorer, features: Features) -> Prediction:
        started = time.perf_counter()
        prediction = scorer.predict(features)
        self._took("model", time.perf_counter() - started)
        return prediction

    async def _emit_in_order(self) -> None:
        while True:
            read_poll = await self._read_polls.get()
            await self._emit(read_poll, await read_poll.prediction)

    async def _emit(self, read_poll: _ReadPoll, prediction: Prediction) -> None:
        started = time.perf_counter()
        poll = read_poll.poll
        outcome = poll.scorer.outputs(
            read_poll.read,
            read_poll.features,
            prediction,
            scored_at=int(self._now() * 1000),
            too_large=self._too_large,
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
            if not await self._delivery.admit(batch):
                self._leave(poll, batch)
                continue
            scored = await self._delivery.send(self._scored_topic, batch, outcome.scored)
            dead = await self._send_dead(batch, outcome.dead_letters)
            blocks = self._count_for_drift(batch, poll.scorer, leads, [*scored, *dead])
            self._tasks.start(self._deliver(poll, batch, outcome, scored, dead, blocks, encoded))

    def _counted(
        self, read_poll: _ReadPoll, prediction: Prediction
    ) -> Sequence[CountedLeads | None]:
        """Return the leads to count for drift, batch by batch."""
        if self._drift is None:
            return [None] * len(read_poll.batches)
        counted = read_poll.poll.scorer.counted(read_poll.read, read_poll.features, prediction)
        return [counted.take(rows) for rows in read_poll.read.rows(read_poll.sizes)]

    def _count_for_drift(
        self,
        batch: Batch,
        scorer: Scorer,
        leads: CountedLeads | None,
        deliveries: Sequence[asyncio.Future[None]],
    ) -> Sequence[Awaitable[None]]:
        if self._drift is None or leads is None:
            return ()
        started = time.perf_counter()
        blocks = self._drift.count(batch, scorer, leads, deliveries)
        self._took("drift", time.perf_counter() - started)
        return blocks

    def _too_large(self, outputs: Sequence[Output]) -> Sequence[int]:
        limit = self._delivery.limits.max_bytes(self._scored_topic)
        # Exact sizes only for the few near the limit. The ids are in the value, too: hence twice.
        longest = max([len(value or b"") for _, value, _ in outputs], default=0)
        most_headers = max([len(headers) for _, _, headers in outputs], default=0)
        if 2 * longest + OWN_BYTES <= limit and most_headers <= OWN_HEADERS:
            return ()
        rough = [
            2 * len(value or b"")
            + OWN_BYTES
            + sum([len(given or b"") for _, given in headers[OWN_HEADERS:]])
            for _, value, headers in outputs
        ]
        return [
            row
            for row, size in enumerate(rough)
            if size > limit and record_bytes(*outputs[row]) > limit
        ]

    async def _send_dead(
        self, batch: Batch, letters: Sequence[DeadLetter]
    ) -> Sequence[asyncio.Future[None]]:
        if not letters:
            return ()
        rows = [self._fitting(letter) for letter in letters]
        return await self._delivery.send(self._dead_letter_topic, batch, rows)

    def _fitting(self, letter: DeadLetter) -> Output:
        """Return the largest form of a dead letter that its topic takes.

        Raises
        ------
        FatalError
            The topic does not take even the smallest.
        """
        topic, limits = self._dead_letter_topic, self._delivery.limits
        for form in forms_of(letter.output):
            if limits.fits(topic, *form):
                if form is not letter.output:
                    log.warning(
                        "a dead letter is sent without its value, as it is too large for %s", topic
                    )
                return form
        raise too_small(topic, limits.max_bytes(topic))

    def verify_limits(self) -> None:
        """Check that the dead-letter topic takes the smallest dead letter.

        Raises
        ------
        FatalError
            It does not.
        """
        topic, limits = self._dead_letter_topic, self._delivery.limits
        if not limits.fits(topic, *smallest_form()):
            raise too_small(topic, limits.max_bytes(topic))

    async def _deliver(
        self,
        poll: _Poll,
        batch: Batch,
        outcome: ScoredBatch,
        scored: Sequence[Awaitable[None]],
        dead: Sequence[Awaitable[None]],
        blocks: Sequence[Awaitable[None]],
        sent: float,
    ) -> None:
        letters = outcome.dead_letters
        try:
            refused = await self._refused(scored)
            if refused:
                outcome = self._bury(poll.scorer, batch, outcome, refused)
                buried = outcome.dead_letters[len(letters) :]
                await self._settle(batch, buried, await self._send_dead(batch, buried))
            await self._settle(batch, letters, dead)
            for block in blocks:
                await block
        except PartitionLostError:
            self._leave(poll, batch)
            return
        except Exception as error:
            await self._crash(error)
            return
        consumed = len(batch.records)
        self._delivery.done(batch)
        self._leave(poll, batch)
        self._on_done(outcome)
        self._took("deliver", time.perf_counter() - sent)
        if self._metrics is not None:
            self._count(self._metrics, consumed, outcome)

    async def _settle(
        self, batch: Batch, letters: Sequence[DeadLetter], deliveries: Sequence[Awaitable[None]]
    ) -> None:
        """Await dead letters; send those refused as too large in a smaller form."""
        refused = [letters[row] for row in await self._refused(deliveries)]
        while refused:  # each refusal lowers the limit
            sent = await self._send_dead(batch, refused)
            refused = [refused[row] for row in await self._refused(sent)]

    @staticmethod
    async def _refused(deliveries: Sequence[Awaitable[None]]) -> list[int]:
        """Await deliveries; return the rows that the broker refused as too large."""
        refused: list[int] = []
        for delivery in deliveries:
            try:
                await delivery
            except RecordsTooLargeError as error:
                refused += error.positions
        return refused

    @staticmethod
    def _bury(
        scorer: Scorer, batch: Batch, outcome: ScoredBatch, refused: Sequence[int]
    ) -> ScoredBatch:
        """Replace scored events that the broker refused by dead letters."""
        letters = [
            scorer.dead_letter(batch.records[position], position, is_too_large())
            for position in (outcome.positions[row] for row in refused)
        ]
        return outcome.without(set(refused), letters)

    def _count(self, metrics: Metrics, consumed: int, outcome: ScoredBatch) -> None:
        now_ms = self._now() * 1000
        timestamps = outcome.timestamps[are_plausible(outcome.timestamps, now_ms)]
        metrics.observe_batch(
            consumed=consumed,
            scores=outcome.scores,
            coverage=outcome.coverage,
            low_coverage=outcome.low_coverage,
            latency_seconds=np.maximum(now_ms - timestamps, 0.0) / 1000,
            dead_letters=outcome.codes,
            dropped=len(outcome.dropped),
        )


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


def too_small(topic: str, limit: int) -> FatalError:
    """Return the error for a dead-letter topic that takes not even the smallest dead letter."""
    return FatalError(
        f"Topic {topic} was expected to take records of {record_bytes(*smallest_form())} bytes, "
        f"the smallest dead letter, but takes {limit} bytes at most: raise its max.message.bytes."
    )


def _verdicts(batches: Sequence[Batch]) -> dict[int, InvalidEventError]:
    """Return the verdicts on records that can't be read, by position in all that was polled."""
    verdicts: dict[int, InvalidEventError] = {}
    first = 0
    for batch in batches:
        if batch.verdicts:
            verdicts.update({first + at: error for at, error in batch.verdicts.items()})
        first += len(batch.records)
    return verdicts
