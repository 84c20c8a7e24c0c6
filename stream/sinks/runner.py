"""The runner of every sink: read, write, retry, dead letters, done.

Batches of a partition are written one after the other, in the order of their offsets. While the
target is unavailable the runner waits with the batch that it could not write: no batch is done, the
source stops reading, and lag grows. Workers that score share nothing with it but the broker.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress

from monitoring.telemetry.health import Condition, Health
from monitoring.telemetry.sink_metrics import SinkMetrics
from schemas.errors import ErrorCode, InvalidEventError
from stream.consume.partition_progress import Batch
from stream.process.background_tasks import BackgroundTasks, Crash
from stream.process.backoff import Backoff
from stream.sinks.dead_letters import SinkDeadLetters
from stream.sinks.gatherer import Gatherer
from stream.sinks.reading import Read, Unwritable, read_batch
from stream.sinks.sink import Log, Sink, SinkBatch, SinkRecord, TargetUnavailableError
from stream.sinks.verdicts import refusals, to_retry

__all__ = ["SinkRunner"]

log = logging.getLogger(__name__)

FIRST_PAUSE, LONGEST_PAUSE = 0.2, 30.0
"""Seconds between two attempts to write, at first and at most."""


class SinkRunner:
    """Writes batches of the source to a sink; a batch is done when the sink has it.

    Parameters
    ----------
    sink
        Writes.
    read
        Reads the values of records.
    gatherer
        Gathers batches.
    dead_letters
        Takes what the sink will never take.
    topic_id
        Returns the id of a topic; None where it has none.
    is_ours
        Whether a batch belongs to the present assignment: else the next owner reads it again.
    metrics, health
        Where it is shown.
    crash
        Called with an unrecoverable error.
    """

    def __init__(
        self,
        sink: Sink,
        read: Read,
        gatherer: Gatherer,
        dead_letters: SinkDeadLetters,
        *,
        topic_id: Callable[[str], Awaitable[str | None]],
        is_ours: Callable[[Batch], bool],
        metrics: SinkMetrics,
        health: Health,
        crash: Crash,
    ) -> None:
        self._sink = sink
        self._read = read
        self._gatherer = gatherer
        self._dead_letters = dead_letters
        self._topic_id = topic_id
        self._is_ours = is_ours
        self._metrics = metrics
        self._health = health
        self._backoff = Backoff(FIRST_PAUSE, LONGEST_PAUSE)
        self._rebalanced = asyncio.Event()
        self._tasks = BackgroundTasks(crash)

    async def open(self) -> None:
        """Open the sink; tries until the target answers.

        Raises
        ------
        FatalError
            The sink can't work with the target.
        """
        while True:
            try:
                await self._sink.open()
            except TargetUnavailableError as error:
                await self._pause(error)
            else:
                self._reached()
                return

    def start(self) -> None:
        """Start to write what is accepted."""
        self._tasks.start(self._run())

    async def accept(self, batches: Sequence[Batch]) -> None:
        """Accept the batches of a poll; waits while earlier ones are being written."""
        await self._gatherer.put(batches)

    def rebalanced(self) -> None:
        """End a pause: the batch that waits may belong to another owner now."""
        self._rebalanced.set()

    async def stop(self) -> None:
        """Cancel what is under way, and close the sink."""
        await self._tasks.cancel()
        await self._sink.close()

    async def _run(self) -> None:
        while True:
            for batches in await self._gatherer.take():
                begun = [batch for batch in batches if batch.begin()]
                if begun:
                    await self._write(begun)

    async def _write(self, batches: Sequence[Batch]) -> None:
        """Write consecutive batches of one partition; leaves them open if they were revoked."""
        where = await self._log_of(batches[0])
        records: list[SinkRecord] = []
        dead: list[Unwritable] = []
        for batch in batches:
            readable, unwritable = read_batch(batch, self._read)
            records += readable
            dead += unwritable
        refused = await self._write_all(where, records, batches)
        if refused is None:
            for batch in batches:
                batch.release()
            return
        dead += [
            (record, InvalidEventError(ErrorCode.SINK_REFUSED, refused[record.offset]))
            for batch in batches
            for record in batch.records
            if record.offset in refused
        ]
        await self._dead_letters.send(where, sorted(dead, key=lambda found: found[0].offset))
        for _, error in dead:
            self._metrics.dead_letter(error.code)
        for batch in batches:
            batch.done()

    async def _log_of(self, batch: Batch) -> Log:
        topic, partition = batch.partition
        topic_id = batch.topic_id or await self._topic_id(topic)
        return Log(topic, partition, topic_id or "")

    async def _write_all(
        self, where: Log, records: Sequence[SinkRecord], batches: Sequence[Batch]
    ) -> dict[int, str] | None:
        """Write until no record is to be retried.

        Returns
        -------
        dict or None
            By offset, why the target refuses a record. None: the partition was revoked meanwhile.
        """
        refused: dict[int, str] = {}
        attempt, generation = 1, batches[0].generation
        while records:
            if not all(map(self._is_ours, batches)):
                log.info("a batch of %s is left to the next owner", batches[0].partition)
                return None
            started = time.perf_counter()
            try:
                verdicts = await self._sink.write(SinkBatch(where, records, attempt, generation))
            except TargetUnavailableError as error:
                await self._pause(error)
                attempt += 1
                continue
            self._reached()
            self._metrics.wrote(
                [verdict.outcome for verdict in verdicts], time.perf_counter() - started
            )
            refused |= refusals(records, verdicts)
            records, waits = to_retry(records, verdicts)
            if records:
                await self._sleep(max(self._backoff.fail(), *waits))
                attempt += 1
        self._backoff.reset()
        return refused

    async def _pause(self, error: TargetUnavailableError) -> None:
        """Show that the target is unavailable, and wait."""
        seconds = max(self._backoff.fail(), error.after or 0.0)
        if self._health.meets(Condition.TARGET_REACHED) or self._backoff.failures == 1:
            log.warning("the target can't be written to: %s; trying again", error)
        self._health.miss(Condition.TARGET_REACHED, str(error))
        self._metrics.target_unavailable()
        await self._sleep(seconds)

    async def _sleep(self, seconds: float) -> None:
        # Cleared afterwards: a rebalance during the write before it ends the pause, too.
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._rebalanced.wait()
        self._rebalanced.clear()

    def _reached(self) -> None:
        if not self._health.meets(Condition.TARGET_REACHED):
            log.info("the target can be written to")
        self._health.meet(Condition.TARGET_REACHED)
        self._metrics.target_reached()
