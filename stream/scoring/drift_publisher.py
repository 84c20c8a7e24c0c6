"""The drift counts of a worker: blocks of the partitions that it reads, published as partials.

A block's counts are published when it is whole, before the batch that makes it so is done, and at
most once an interval while it is open. Whoever takes a partition over counts what lies between the
block's start and the first record that it reads, without emitting: so the counts are the same
whoever makes them, and a block is told again rather than not at all.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from aiokafka import TopicPartition
from aiokafka.errors import KafkaError, KafkaTimeoutError, UnknownError

from agents.drift import BLOCK, SPREAD, BlockCounts, CountedLeads, Counting, block_of
from agents.partials import Partial
from agents.scoring import Scorer
from schemas.errors import FatalError
from stream.consume.partition_progress import Batch
from stream.deliver.batch_producer import Emitter, Output, RecordsTooLargeError
from stream.kafka.log_reader import LogReader

__all__ = ["DriftPublisher"]

log = logging.getLogger(__name__)

PARTITION = 0
"""The partials' topic has one partition: the log that orders them."""
RETRY_PAUSE = 0.5
"""Seconds before another attempt at reading the head of a block."""
REPORT_INTERVAL = 60.0
"""Seconds between two log lines about leads that are not counted."""
HEAD_STEP = 250
"""Records that are counted again at once: a few milliseconds."""
T = TypeVar("T")
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
        Of the assignment under which the last batch was read.
    next_offset
        All of the block's leads below it are counted, or are being counted by `head`.
    before
        Must end before the block's counts may be told: the count of its head, or the telling of
        the block before. So event time goes forward in what is told.
    deliveries
        Of the outputs of what was counted, as far as they are not delivered. Counts are published
        after the outputs are delivered: the next owner finds out from the outputs how far the
        records may have been counted (stream/deliver/emitted_offsets.py).
    publishing
        Publishes what was counted of the open block.
    """

    scorer: Scorer
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
        """Whether the block's counts are all there is below `next_offset`, and may be told."""
        return _is_over(self.before)

    def continues(self, scorer: Scorer, since: int, generation: int, first: int) -> bool:
        """Return whether a batch follows on what is counted.

        An offset that is skipped within one generation is a gap of the log: a control record, an
        aborted one, or one that compaction took. A model that came back is another stretch, also
        where no record lies between: the next owner knows the later stretch only. What an earlier
        generation has counted is of use only where its outputs were delivered.
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
        Where they go, and where the leads come from.
    reader
        Reads the head of a block.
    crash
        Called with an error that nothing here can mend.
    out_of_order
        Called with how many leads were out of order, and so not counted, since the last call.
    interval
        Seconds between two looks for open blocks that have changed.
    """

    def __init__(
        self,
        *,
        emitter: Emitter,
        topic: str,
        source_topic: str,
        reader: LogReader,
        crash: Callable[[BaseException], Awaitable[None]],
        out_of_order: Callable[[int], None] = lambda _: None,
        interval: float = 1.0,
    ) -> None:
        self._emitter = emitter
        self._topic = topic
        self._source_topic = source_topic
        self._reader = reader
        self._crash = crash
        self._out_of_order = out_of_order
        self._unreported, self._reported_at = 0, -REPORT_INTERVAL
        self._interval = interval
        self._counted: dict[int, _Counted] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._publishing: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to publish open blocks."""
        self._publishing = asyncio.create_task(self._publish_until_stopped())

    async def stop(self, within: float) -> None:
        """Publish what is new, and end; call it when nothing is counted any more."""
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
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def count(
        self,
        batch: Batch,
        scorer: Scorer,
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
            They end when the blocks that the batch makes whole are published: the batch is not
            done before.
        """
        if scorer.counting is None:
            return ()
        number, first = batch.partition.partition, batch.records[0].offset
        state = self._counted.get(number)
        if state is None or not state.continues(scorer, batch.since, batch.generation, first):
            state = self._begin(
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
        """Forget the partitions that are not ours any more."""
        kept = set(partitions)
        self._counted = {n: state for n, state in self._counted.items() if n in kept}

    def take_over(
        self, number: int, scorer: Scorer, generation: int, position: int, since: int = 0
    ) -> None:
        """Count what was read of a partition's block by whoever had it before.

        Without it, leads that came last before a worker died would not be counted until another
        lead comes.

        Parameters
        ----------
        number
            The partition.
        scorer
            The model that scores.
        generation
            Of the assignment.
        position
            The offset that is read next.
        since
            Offset since which the partition is scored by this model: what lies before was counted
            under another one.
        """
        state = self._counted.get(number)
        if scorer.counting is None or (state is not None and state.generation >= generation):
            return
        if state is not None and state.continues(scorer, since, generation, position):
            state.generation = generation
            return
        self._begin(number, scorer, scorer.counting, generation, position, since)

    async def publish_rest(self, partitions: Iterable[int]) -> None:
        """Publish what is counted of partitions and not published yet: another model comes."""
        states = [self._counted[number] for number in partitions if number in self._counted]
        await asyncio.gather(*map(self._publish_part, states))

    # Blocks

    def _begin(
        self,
        number: int,
        scorer: Scorer,
        counting: Counting,
        generation: int,
        first: int,
        since: int,
    ) -> _Counted:
        """Start to count at an offset, and have the head of its block counted.

        The head is that of the record before, as that one's block may be whole, but not told; it
        begins where the partition's model does.
        """
        before = self._counted.get(number)
        if before is not None and (before.scorer is not scorer or before.since != since):
            self._follow(self._publish_part(before))
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
            state.before = self._follow(self._count_head(number, scorer, block, since, first))
        if first >= block.end:
            self._close(number, state, block_of(first))
        return state

    def _close(self, number: int, state: _Counted, next_block: int) -> asyncio.Task[None]:
        before = [task for task in (state.before, state.publishing) if task is not None]
        state.publishing = None
        state.before = self._follow(self._publish_whole(state.block, before, state.deliveries))
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
        """Publish what is counted of the open block, after what is under way now."""
        before = [task for task in (state.before, state.publishing) if task is not None]
        return self._publish_after(before, state, state.block)

    async def _publish_after(
        self, before: Sequence[asyncio.Task[None]], state: _Counted, block: BlockCounts
    ) -> None:
        for task in before:
            await asyncio.shield(task)
        if state.block is not block:
            return  # it is whole by now, and published as such
        partials = self._partials(block, state.next_offset)
        if await _are_delivered(state.deliveries):
            await self._publish(partials)

    async def _count_head(
        self, number: int, scorer: Scorer, block: BlockCounts, since: int, stop: int
    ) -> None:
        partition = TopicPartition(self._source_topic, number)
        counted = await self._count_again(partition, scorer, block, since, stop)
        if counted or scorer.counting is None:
            return
        # Nothing of it is there: a gap of the log, such as aborted records, that may have begun
        # before it. Who committed behind the gap may not have told the block before as whole.
        last = await _patiently(
            f"{partition} was expected to be readable below {stop}",
            lambda: self._reader.last_offset(partition, stop),
        )
        if last is not None and last >= since:
            before = BlockCounts(
                scorer.counting, self._source_topic, number, block_of(last), since=since
            )
            await self._count_again(partition, scorer, before, since, stop)
            await self._publish(before.partials(before.end))

    async def _count_again(
        self,
        partition: TopicPartition,
        scorer: Scorer,
        block: BlockCounts,
        since: int,
        stop: int,
    ) -> int:
        """Count a block's records, since <= offset < stop; returns how many there are.

        They are counted as they are read: a block of large leads does not fit in memory.
        """
        position, count = max(block.block * BLOCK, since), 0

        async def read_on() -> None:
            nonlocal position, count
            async for records in self._reader.read(partition, position, stop):
                for at in range(0, len(records), HEAD_STEP):
                    some = records[at : at + HEAD_STEP]
                    batch = scorer.decode(some)
                    features = scorer.features(batch)
                    block.add(scorer.counted(batch, features, scorer.predict(features)))
                    position, count = some[-1].offset + 1, count + len(some)
                    await asyncio.sleep(0)

        expected = f"{partition} was expected to be readable from {position} to {stop}"
        await _patiently(expected, read_on)
        return count

    # Publishing

    async def _publish_until_stopped(self) -> None:
        while True:
            await asyncio.sleep(self._interval)
            self._publish_open()

    def _publish_open(self) -> None:
        # Each for itself: a partition whose outputs are not delivered holds up no other.
        for state in list(self._counted.values()):
            if state.is_whole and _is_over(state.publishing):
                state.publishing = self._follow(self._publish_part(state))

    def _partials(self, block: BlockCounts, next_offset: int) -> list[Partial]:
        """Return what is new of a block, and report how many of its leads are out of order."""
        partials = block.partials(next_offset)
        if leads := block.take_out_of_order():
            self._report_out_of_order(leads)
        return partials

    def _report_out_of_order(self, leads: int) -> None:
        self._out_of_order(leads)
        self._unreported += leads
        now = asyncio.get_running_loop().time()
        if now - self._reported_at >= REPORT_INTERVAL:
            log.warning(
                "leads of %s are in no drift count: they are more than %d windows older than the"
                " leads before them; find who sends leads so late",
                self._source_topic,
                SPREAD,
                extra={"leads": self._unreported},
            )
            self._unreported, self._reported_at = 0, now

    async def _publish(self, partials: Sequence[Partial]) -> None:
        rows: list[Output] = [(partial.key, partial.encode(), []) for partial in partials]
        for delivery in await self._emitter.send(self._topic, PARTITION, rows):
            await delivery

    def _follow(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._end)
        return task

    def _end(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            crashing = asyncio.ensure_future(self._crash(error))
            crashing.add_done_callback(lambda _: None)


def _is_over(task: asyncio.Task[None] | None) -> bool:
    """Return whether there is nothing to wait for any more: it has ended, and without an error."""
    if task is None:
        return True
    return task.done() and not task.cancelled() and task.exception() is None


async def _are_delivered(deliveries: Deliveries) -> bool:
    """Wait for outputs; returns whether all were delivered."""
    if deliveries:
        await asyncio.wait(deliveries)
    return all(map(_is_delivered, deliveries))


def _is_delivered(delivery: asyncio.Future[None]) -> bool:
    """Return whether outputs were delivered, or refused as too large: dead letters follow."""
    if not delivery.done() or delivery.cancelled():
        return False
    error = delivery.exception()
    return error is None or isinstance(error, RecordsTooLargeError)


async def _patiently(expected: str, ask: Callable[[], Awaitable[T]]) -> T:
    """Ask for a part of the log until there is an answer; `expected` begins an error's sentence."""
    while True:
        try:
            return await ask()
        except KafkaError as error:
            # What aiokafka has no name for may pass too: a leader that was just elected says that
            # it does not know the log's end yet (78, OFFSET_NOT_AVAILABLE).
            if not (error.retriable or isinstance(error, (UnknownError, KafkaTimeoutError))):
                raise FatalError(
                    f"{expected}, for drift counts, but Kafka answered {error!r}: check the topic."
                ) from error
            log.warning("%s, for drift counts; trying again: %r", expected, error)
            await asyncio.sleep(RETRY_PAUSE)
