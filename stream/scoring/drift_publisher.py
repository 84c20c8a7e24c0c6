"""The drift counts of a worker: blocks of the partitions that it reads, published as partials.

A block's counts are published when the block is complete, before the batch that completes it is
done, and at most once an interval while it is open. A new owner of a partition also counts the
records between the block's start and the first record that it reads, without scoring events for
them. So the counts do not depend on the owner, and a block is published again rather than not at
all.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from agents.batch_scorer import BatchScorer
from agents.drift import BLOCK, SPREAD, BlockCounts, CountedLeads, Counting, block_of
from agents.partials import Partial
from agents.records import SourceRecord
from schemas.errors import FatalError
from stream.consume.partition_progress import Batch
from stream.deliver.batch_producer import Emitter, Output
from stream.deliver.sending import RecordsTooLargeError
from stream.kafka.log_reader import LogReader
from stream.process.background_tasks import BackgroundTasks, Crash
from stream.process.deadlines import now
from stream.scoring.block_heads import BlockHeads

__all__ = ["DriftPublisher"]

log = logging.getLogger(__name__)

PARTITION = 0
"""The partials' topic has one partition: the log that orders them."""
REPORT_INTERVAL = 60.0
"""Seconds between two log lines about leads that are not counted."""
Deliveries = Sequence[asyncio.Future[None]]


@dataclass(slots=True)
class _Counted:
    """How far a partition is counted.

    Attributes
    ----------
    scorer, counting
        The model, and how its leads are counted.
    since
        Offset since which the partition is scored by this model.
    generation
        Number of the assignment in which the last batch was read.
    next_offset
        All of the block's leads below it are counted, or are being counted by `before`.
    before
        Must end before the block's counts may be published: the count of its head, or the
        publication of the block before. So event time advances in what is published.
    deliveries
        Deliveries of the outputs of counted leads that are not complete. Counts are published after
        the outputs are delivered: the next owner finds out from the outputs how far the records may
        have been counted (stream/deliver/emitted_offsets.py).
    publishing
        Publishes what was counted of the open block.
    """

    scorer: BatchScorer
    counting: Counting
    since: int
    generation: int
    next_offset: int
    block: BlockCounts
    before: asyncio.Task[None] | None = None
    deliveries: Deliveries = ()
    publishing: asyncio.Task[None] | None = None

    @property
    def is_whole(self) -> bool:
        """Whether all leads of the block below `next_offset` are counted: it may be published."""
        return _is_over(self.before)

    def continues(self, scorer: BatchScorer, since: int, generation: int, first: int) -> bool:
        """Return whether a batch continues the counts.

        An offset that is skipped within one generation is a gap of the log: a control record, an
        aborted or a compacted one. A model that is changed back starts another stretch, even if no
        record lies between: the next owner knows only the later stretch. Counts of an earlier
        generation are valid only if its outputs were delivered.
        """
        if scorer is not self.scorer or since != self.since:
            return False
        is_same = generation == self.generation
        if not (is_same or all(map(_is_delivered, self.deliveries))):
            return False
        return first == self.next_offset or (is_same and first > self.next_offset)


class DriftPublisher:
    """Counts leads in blocks and publishes the counts.

    Parameters
    ----------
    emitter
        Sends the partials.
    topic, source_topic
        The topics of partials and of leads.
    reader
        Reads the head of a block.
    crash
        Called with an unrecoverable error.
    out_of_order
        Called with the number of leads that are out of order, and so not counted, since the last
        call.
    interval
        Seconds between two publications of open blocks.
    before_decoding
        Called with records before they are decoded to be counted again.
    """

    def __init__(
        self,
        *,
        emitter: Emitter,
        topic: str,
        source_topic: str,
        reader: LogReader,
        crash: Crash,
        out_of_order: Callable[[int], None] = lambda _: None,
        interval: float = 1.0,
        before_decoding: Callable[[Sequence[SourceRecord]], Awaitable[None]] | None = None,
    ) -> None:
        self._emitter = emitter
        self._topic = topic
        self._source_topic = source_topic
        self._heads = BlockHeads(reader, source_topic, before_decoding)
        self._out_of_order = out_of_order
        self._unreported, self._reported_at = 0, -REPORT_INTERVAL
        self._interval = interval
        self._counted: dict[int, _Counted] = {}
        self._tasks = BackgroundTasks(crash)
        self._publishing: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Start to publish open blocks."""
        self._publishing = self._tasks.start(self._publish_until_stopped())

    async def stop(self, within: float) -> None:
        """Publish the last counts, and end; call it when no more leads are counted."""
        if self._publishing is not None:
            self._publishing.cancel()
            await asyncio.gather(self._publishing, return_exceptions=True)
            try:
                async with asyncio.timeout(within):
                    await self.publish_rest(
                        number for number, state in self._counted.items() if state.is_whole
                    )
            except (TimeoutError, FatalError) as error:
                log.warning("drift counts not published, the next owner counts again: %r", error)
        await self._tasks.cancel()

    def count(
        self,
        batch: Batch,
        scorer: BatchScorer,
        leads: CountedLeads,
        deliveries: Deliveries = (),
    ) -> Sequence[Awaitable[None]]:
        """Count a batch's leads; call it in the order of the partition's records.

        Parameters
        ----------
        batch
            Its ``since`` bounds what is counted under its model.
        scorer
            The batch's model.
        leads
            What is counted.
        deliveries
            End when the batch's outputs are delivered; the counts are published after that.

        Returns
        -------
        sequence of awaitables
            They end when the blocks that the batch completes are published: the batch is not done
            before.
        """
        if scorer.counting is None:
            return ()
        number, first = batch.partition.partition, batch.records[0].offset
        state = self._counted.get(number)
        if state is None or not state.continues(scorer, batch.since, batch.generation, first):
            state = self._start_at(
                number, scorer, scorer.counting, batch.generation, first, batch.since
            )
        state.generation = batch.generation
        open_deliveries = [it for it in state.deliveries if not _is_delivered(it)]
        state.deliveries = [*open_deliveries, *deliveries]
        closings = []
        for block, rows in leads.by_block():
            if block > state.block.block:
                closings.append(self._close(number, state, block))
            state.block.add(rows)
        state.next_offset = batch.next_offset
        if batch.next_offset >= state.block.end:
            closings.append(self._close(number, state, block_of(batch.next_offset)))
        return closings

    def assigned(self, partitions: Iterable[int]) -> None:
        """Forget all partitions but these."""
        kept = set(partitions)
        self._counted = {n: state for n, state in self._counted.items() if n in kept}

    def resume(
        self, number: int, scorer: BatchScorer, generation: int, position: int, since: int = 0
    ) -> None:
        """Count the records of a partition's block that an earlier owner has read.

        Without it, the last leads before a worker died would not be counted until another lead
        comes.

        Parameters
        ----------
        number
            The partition.
        scorer
            The model that scores.
        generation
            Number of the assignment.
        position
            The offset that is read next.
        since
            Offset since which this model scores the partition: leads before it are counted under
            another one.
        """
        state = self._counted.get(number)
        if scorer.counting is None or (state is not None and state.generation >= generation):
            return
        if state is not None and state.continues(scorer, since, generation, position):
            state.generation = generation
            return
        self._start_at(number, scorer, scorer.counting, generation, position, since)

    async def publish_rest(self, partitions: Iterable[int]) -> None:
        """Publish the open counts of partitions, before their model changes."""
        states = [self._counted[number] for number in partitions if number in self._counted]
        await asyncio.gather(*map(self._publish_part, states))

    # Blocks

    def _start_at(
        self,
        number: int,
        scorer: BatchScorer,
        counting: Counting,
        generation: int,
        first: int,
        since: int,
    ) -> _Counted:
        """Start to count at an offset, and count the head of its block in the background.

        The block is that of the record before the offset: it may be complete, but not published.
        Its head starts where the partition's model does.
        """
        before = self._counted.get(number)
        if before is not None and (before.scorer is not scorer or before.since != since):
            self._tasks.start(self._publish_part(before))
        block = BlockCounts(
            counting,
            self._source_topic,
            number,
            block_of(max(first - 1, 0)),
            since=since,
            own_from=first,
        )
        state = _Counted(scorer, counting, since, generation, first, block)
        self._counted[number] = state
        if first > max(block.block * BLOCK, since):
            state.before = self._tasks.start(self._count_head(number, scorer, block, since, first))
        if first >= block.end:
            self._close(number, state, block_of(first))
        return state

    def _close(self, number: int, state: _Counted, next_block: int) -> asyncio.Task[None]:
        before = [task for task in (state.before, state.publishing) if task is not None]
        state.publishing = None
        state.before = self._tasks.start(self._publish_whole(state.block, before, state.deliveries))
        state.block = BlockCounts(state.counting, self._source_topic, number, next_block)
        return state.before

    async def _publish_whole(
        self, block: BlockCounts, before: Sequence[asyncio.Task[None]], deliveries: Deliveries
    ) -> None:
        for task in before:
            await asyncio.shield(task)
        partials = self._partials(block, block.end)
        if await _are_delivered(deliveries):
            await self._publish(partials)

    def _publish_part(self, state: _Counted) -> Coroutine[Any, Any, None]:
        """Publish the counts of the open block, after publications that are under way."""
        before = [task for task in (state.before, state.publishing) if task is not None]
        return self._publish_after(before, state, state.block)

    async def _publish_after(
        self, before: Sequence[asyncio.Task[None]], state: _Counted, block: BlockCounts
    ) -> None:
        for task in before:
            await asyncio.shield(task)
        if state.block is not block:
            return  # it is complete by now, and published as such
        partials = self._partials(block, state.next_offset)
        if await _are_delivered(state.deliveries):
            await self._publish(partials)

    async def _count_head(
        self, number: int, scorer: BatchScorer, block: BlockCounts, since: int, stop: int
    ) -> None:
        if before := await self._heads.count(number, scorer, block, since, stop):
            await self._publish(before)

    # Publishing

    async def _publish_until_stopped(self) -> None:
        while True:
            await asyncio.sleep(self._interval)
            self._publish_open()

    def _publish_open(self) -> None:
        # In separate tasks: a partition whose outputs are not delivered must not block others.
        for state in list(self._counted.values()):
            if state.is_whole and _is_over(state.publishing):
                state.publishing = self._tasks.start(self._publish_part(state))

    def _partials(self, block: BlockCounts, next_offset: int) -> list[Partial]:
        """Return the new partials of a block; report its leads that are out of order."""
        partials = block.partials(next_offset)
        if leads := block.take_out_of_order():
            self._report_out_of_order(leads)
        return partials

    def _report_out_of_order(self, leads: int) -> None:
        self._out_of_order(leads)
        self._unreported += leads
        time = now()
        if time - self._reported_at >= REPORT_INTERVAL:
            log.warning(
                "leads of %s are in no drift count: they are more than %d windows older than the"
                " leads before them; find who sends leads so late",
                self._source_topic,
                SPREAD,
                extra={"leads": self._unreported},
            )
            self._unreported, self._reported_at = 0, time

    async def _publish(self, partials: Sequence[Partial]) -> None:
        rows: list[Output] = [(partial.key, partial.encode(), []) for partial in partials]
        for delivery in await self._emitter.send(self._topic, PARTITION, rows):
            await delivery


def _is_over(task: asyncio.Task[None] | None) -> bool:
    """Return whether a task has ended without an error, or there is none."""
    if task is None:
        return True
    return task.done() and not task.cancelled() and task.exception() is None


async def _are_delivered(deliveries: Deliveries) -> bool:
    """Wait for outputs; return whether all were delivered."""
    if deliveries:
        await asyncio.wait(deliveries)
    return all(map(_is_delivered, deliveries))


def _is_delivered(delivery: asyncio.Future[None]) -> bool:
    """Return whether outputs were delivered, or refused as too large: dead letters follow."""
    if not delivery.done() or delivery.cancelled():
        return False
    error = delivery.exception()
    return error is None or isinstance(error, RecordsTooLargeError)
