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
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence

from aiokafka import TopicPartition
from aiokafka.errors import CorruptRecordException, IllegalStateError, KafkaError

from stream.books import Books, PartitionBooks, Record
from stream.consumer import Consumer, read_from

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
    is_going_back
        Whether positions say nothing: they are beyond what was handed over.
    """

    def __init__(
        self,
        consumer: Consumer,
        max_records: int,
        books_now: Callable[[], Books],
        hand_over: HandOver,
    ) -> None:
        self.at: dict[TopicPartition, int] = {}
        self.is_going_back = False
        self._consumer = consumer
        self._max_records = max_records
        self._books_now = books_now
        self._hand_over = hand_over

    def readable(self, partitions: Iterable[TopicPartition]) -> list[TopicPartition]:
        """Leave out what can't be read any further."""
        return [partition for partition in partitions if partition not in self.at]

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
        await self._go_back(books)
        by, alone = _now() + LIMIT, set[TopicPartition]()
        while _now() < by:
            for partition in self.readable(list(books)):
                if self._books_now() is not books:
                    return
                most = 1 if partition in alone else self._max_records
                try:
                    fetched = await self._consumer.getmany(
                        partition, timeout_ms=0, max_records=most
                    )
                except IllegalStateError:
                    return
                except Exception as found:
                    if may_be_unreadable(found):
                        if partition in alone:
                            await self._give_up(partition, found)
                            return
                        alone.add(partition)
                        await self._go_back({partition: books[partition]})
                    elif not (isinstance(found, KafkaError) and found.retriable):
                        raise
                else:
                    await self._hand_over(fetched)
            await asyncio.sleep(TURN)
        raise error

    async def _give_up(self, partition: TopicPartition, error: Exception) -> None:
        self.at[partition] = at = await self._consumer.position(partition)
        log.error(
            "%s was expected to be readable, but its record at offset %d is not (%r): nothing more "
            "of the partition is read. Have the sender mended, and move the group past the record's"
            " batch (docs/runbook.md#a-record-that-cant-be-read)",
            partition,
            at,
            error,
        )

    async def _go_back(self, books: Mapping[TopicPartition, PartitionBooks]) -> None:
        """Read partitions from the end of what was handed over."""
        self.is_going_back = True
        try:
            for partition, entry in list(books.items()):
                begin = entry.committed if entry.end is None else entry.end
                await read_from(self._consumer, partition, begin)
        except IllegalStateError:
            log.info("the partitions were taken away meanwhile")
        finally:
            self.is_going_back = False


def _now() -> float:
    return asyncio.get_running_loop().time()
