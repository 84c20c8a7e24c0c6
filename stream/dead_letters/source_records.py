"""The records that dead letters were made of, as they are sent again."""

from __future__ import annotations

from aiokafka import TopicPartition
from aiokafka.errors import OffsetOutOfRangeError

from stream.dead_letters.account import LeftReason
from stream.dead_letters.deny_list import sendable
from stream.dead_letters.letter import DeadLetter
from stream.fetch.raw_batches import RawReader
from stream.fetch.raw_records import RawRecord, UnreadableRecord
from stream.kafka.topic_limits import TopicLimits

__all__ = ["SourceRecords"]


class SourceRecords:
    """Restores source records: from the letter, or from the source topic if it lacks the value.

    Parameters
    ----------
    topic, partitions
        The source topic, and its number of partitions.
    reader
        Reads it.
    limits
        Size limit of the source topic, and of others.

    Attributes
    ----------
    limits
        As given.
    """

    def __init__(self, topic: str, partitions: int, reader: RawReader, limits: TopicLimits) -> None:
        self._topic = topic
        self._partitions = partitions
        self._reader = reader
        self.limits = limits

    async def restore(self, letter: DeadLetter) -> RawRecord | LeftReason:
        """Return the record to send, with the partition and offset of the source record.

        Key, value and time stamp are the source record's. Its headers are those that are not on the
        deny-list, and the number of attempts.

        Returns
        -------
        RawRecord or LeftReason
            The record, or why it can't be sent.

        Raises
        ------
        KafkaError
            The source topic can't be read.
        """
        is_ours = letter.source_topic in (None, self._topic)
        if not is_ours or letter.source.partition >= self._partitions:
            return LeftReason.FOREIGN
        source = await self._fetched(letter) if letter.is_left_out else _of_letter(letter)
        if isinstance(source, LeftReason):
            return source
        source.headers = sendable(source.headers, letter.attempt)
        if not self.limits.fits(self._topic, source.key, source.value, source.headers):
            return LeftReason.TOO_LARGE
        return source

    async def _fetched(self, letter: DeadLetter) -> RawRecord | LeftReason:
        partition, offset = letter.source
        at = TopicPartition(self._topic, partition)
        try:
            async for step in self._reader.read(at, offset, offset + 1):
                for record in step.records:
                    if record.offset != offset:
                        continue
                    if isinstance(record, UnreadableRecord):
                        return LeftReason.SOURCE_UNREADABLE
                    return record if _is_source(record, letter) else LeftReason.SOURCE_GONE
        except OffsetOutOfRangeError:
            pass
        return LeftReason.SOURCE_GONE


def _is_source(record: RawRecord, letter: DeadLetter) -> bool:
    """Return whether a record is the letter's source: in a topic that was re-created it is not."""
    has_its_time = letter.source_timestamp in (None, record.timestamp)
    return has_its_time and letter.key in (None, record.key)


def _of_letter(letter: DeadLetter) -> RawRecord:
    # Letters of earlier versions do not have the time stamp: their own is the nearest.
    timestamp = letter.source_timestamp or letter.timestamp
    return RawRecord(*letter.source, timestamp, letter.key, letter.value, letter.headers)
