"""Reading on where a record can't be read: its partition is left alone, the others go on.

What is broken then is not a lead but the record around it: its checksum, its compression, a
header's name that is not UTF-8. aiokafka raises it from the poll that comes upon it, and with it
goes what the poll had taken of other partitions: their positions have moved, and nobody has the
records. So all partitions are sent back to the end of what was handed over, and read one by one
until the one that raises is known; of that one, what comes before the record is read alone.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence

from aiokafka import TopicPartition
from aiokafka.errors import CorruptRecordException, IllegalStateError, KafkaError

from stream.books import Books, PartitionBooks, Record
from stream.consumer import Consumer

__all__ = ["UnreadableRecords", "may_be_unreadable"]

log = logging.getLogger(__name__)

LIMIT = 10.0
"""Seconds to find the partition of a record that can't be read."""

TURN = 0.01
"""Seconds between two rounds over the partitions."""

HandOver = Callable[[Mapping[TopicPartition, Sequence[Record]]], Awaitable[None]]


def may_be_unreadable(error: Exception) -> bool:
    """Tell whether an error may come of a record, and not of the way to Kafka."""
    return isinstance(error, CorruptRecordException) or not isinstance(error, KafkaError)


class UnreadableRecords:
    """The partitions of an assignment that end, for us, in a record that can't be read.

    Parameters
    ----------
    consumer
        Reads.
    max_records
        Most records of a poll.
    books_now
        Gives the books of the assignment as it is.
    hand_over
        Takes what was read meanwhile.

    Attributes
    ----------
    at
        By partition: the record's offset.
    """

    def __init__(
        self,
        consumer: Consumer,
        max_records: int,
        books_now: Callable[[], Books],
        hand_over: HandOver,
    ) -> None:
        self.at: dict[TopicPartition, int] = {}
        self._consumer = consumer
        self._max_records = max_records
        self._books_now = books_now
        self._hand_over = hand_over

    async def leave_out(self, error: Exception) -> None:
        """Find the partition that raises; call it at once, with no await between.

        Returns when it is known, or when the partitions were taken away.

        Parameters
        ----------
        error
            What a poll has raised.

        Raises
        ------
        Exception
            The error, where it does not come of one partition's records.
        """
        books = self._books_now()
        by, alone = _now() + LIMIT, set[TopicPartition]()
        try:
            self._go_back(books)
            while self._books_now() is books:
                if _now() >= by:
                    raise error
                for partition in books.keys() - self.at.keys():
                    if self._books_now() is books and partition in books:
                        await self._read(partition, books, alone)
                        if partition in self.at:
                            return
                await asyncio.sleep(TURN)
        except IllegalStateError:
            log.info("the partitions were taken away meanwhile")

    async def _read(
        self, partition: TopicPartition, books: Books, alone: set[TopicPartition]
    ) -> None:
        """Read of one partition; of one that has raised before, record by record."""
        try:
            fetched = await self._consumer.getmany(
                partition, timeout_ms=0, max_records=1 if partition in alone else self._max_records
            )
        except Exception as found:
            if may_be_unreadable(found):
                if partition in alone:
                    await self._give_up(partition, found)
                elif partition in books:
                    alone.add(partition)
                    self._go_back({partition: books[partition]})
            elif not (isinstance(found, KafkaError) and found.retriable):
                raise
        else:
            await self._hand_over(fetched)

    async def _give_up(self, partition: TopicPartition, error: Exception) -> None:
        at = await self._consumer.position(partition)
        self._consumer.pause(partition)
        self.at[partition] = at
        log.error(
            "%s was expected to be readable, but its record at offset %d is not (%r): nothing more "
            "of the partition is read. Have the sender mended, and move the group past the record's"
            " batch (docs/runbook.md#a-record-that-cant-be-read)",
            partition,
            at,
            error,
        )

    def _go_back(self, books: Mapping[TopicPartition, PartitionBooks]) -> None:
        """Read partitions from the end of what was handed over."""
        for partition, entry in books.items():
            begin = entry.committed if entry.end is None else entry.end
            self._consumer.seek(partition, begin or 0)


def _now() -> float:
    return asyncio.get_running_loop().time()
