"""Counts the heads of blocks for drift: records that an earlier owner of a partition has read."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

from aiokafka import TopicPartition
from aiokafka.errors import KafkaError, KafkaTimeoutError, UnknownError

from agents.batch_scorer import BatchScorer
from agents.drift import BLOCK, BlockCounts, block_of
from agents.partials import Partial
from agents.records import SourceRecord
from schemas.errors import FatalError
from stream.kafka.log_reader import LogReader
from stream.kafka.producer import is_retriable
from stream.process.backoff import LOG_PAUSE, retry

__all__ = ["BlockHeads"]

log = logging.getLogger(__name__)

STEP = 250
"""Records that are counted at once: a few milliseconds."""
T = TypeVar("T")


class BlockHeads:
    """Counts the records of a block that are below the first offset that this worker reads.

    They are counted, not scored: an earlier owner has emitted their outputs.

    Parameters
    ----------
    reader
        Reads the log.
    source_topic
        The topic of leads.
    before_decoding
        Called with records before they are decoded.
    """

    def __init__(
        self,
        reader: LogReader,
        source_topic: str,
        before_decoding: Callable[[Sequence[SourceRecord]], Awaitable[None]] | None = None,
    ) -> None:
        self._reader = reader
        self._source_topic = source_topic
        self._before_decoding = before_decoding

    async def count(
        self, number: int, scorer: BatchScorer, block: BlockCounts, since: int, stop: int
    ) -> Sequence[Partial]:
        """Count a block's records from ``since`` on, below ``stop``.

        Parameters
        ----------
        number
            The partition.
        scorer
            The model under which they are counted.
        block
            The counts are added to it.
        since, stop
            The first offset that this model scores, and the first offset that this worker reads.

        Returns
        -------
        sequence of Partial
            Complete counts of the block of the last record before a gap that hides the head; mostly
            empty. They must be published, too: the owner that committed an offset behind the gap
            may not have published that block as complete.

        Raises
        ------
        FatalError
            Kafka refuses the read.
        """
        partition = TopicPartition(self._source_topic, number)
        counted = await self._count(partition, scorer, block, since, stop)
        if counted or scorer.counting is None:
            return ()
        # The block is empty so far: a gap of the log, such as aborted records, which may start
        # before it.
        last = await _read_patiently(
            f"{partition} was expected to be readable below {stop}",
            lambda: self._reader.last_offset(partition, stop),
        )
        if last is None or last < since:
            return ()
        before = BlockCounts(
            scorer.counting, self._source_topic, number, block_of(last), since=since
        )
        await self._count(partition, scorer, before, since, stop)
        return before.partials(before.end)

    async def _count(
        self,
        partition: TopicPartition,
        scorer: BatchScorer,
        block: BlockCounts,
        since: int,
        stop: int,
    ) -> int:
        """Count a block's records, since <= offset < stop; return their number.

        Records are counted as they are read: a block of large leads does not fit in memory.
        """
        position, count = max(block.block * BLOCK, since), 0

        async def read_on() -> None:
            nonlocal position, count
            async for records in self._reader.read(partition, position, stop):
                for at in range(0, len(records), STEP):
                    some = records[at : at + STEP]
                    if self._before_decoding is not None:
                        await self._before_decoding(some)
                    block.add(scorer.counted_again(some))
                    position, count = some[-1].offset + 1, count + len(some)
                    await asyncio.sleep(0)

        expected = f"{partition} was expected to be readable from {position} to {stop}"
        await _read_patiently(expected, read_on)
        return count


async def _read_patiently(expected: str, read: Callable[[], Awaitable[T]]) -> T:
    """Read a part of the log until Kafka answers; `expected` begins the sentence of an error."""
    doing = f"{expected}, for drift counts"
    try:
        return await retry(read, doing=doing, may_pass=_may_pass, log=log, pause=LOG_PAUSE)
    except KafkaError as error:
        raise FatalError(
            f"{doing}, but Kafka answered {error!r}: check that the topic"
            " exists and that this user may read it."
        ) from error


def _may_pass(error: Exception) -> bool:
    # aiokafka has no name for 78, OFFSET_NOT_AVAILABLE: a leader that was just elected answers so
    # until it knows the end of its log.
    return is_retriable(error) or isinstance(error, (UnknownError, KafkaTimeoutError))
