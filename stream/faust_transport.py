"""Faust's transport, with a consumer that reads past records which aiokafka can't decode.

Faust's own consumer crashes at such a record, and again after every restart. Here a source topic's
unreadable record is passed on as an empty one, which the agent ignores and acknowledges, so its
offset is committed. In a changelog it becomes an entry of the table that is no window: it may have
been the latest state of any window, so the table is repaired as a damaged one
(stream/drift/restoration.py). If it were skipped, the window would miss the counts of that state.

It overrides ``_fetch_records`` of faust-streaming 0.15.3 and ``_stopped_set`` of mode's threads,
which are private, and uses mode's event ``_shutdown``; unit tests and the integration tests of the
drift role fail if they change.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition
from faust.transport.drivers.aiokafka import AIOKafkaConsumerThread, Consumer, Transport

from stream.fetch.aiokafka_internals import positions
from stream.fetch.raw_batches import RawBatchReader, RawReader
from stream.fetch.raw_records import RawRecord, UnreadableRecord
from stream.kafka.lenient_polls import may_be_unreadable, readable

__all__ = ["LenientTransport"]

NO_ENTRY = b"\0"
"""The value of an unreadable record of a changelog. Faust would delete the key of an empty one."""

Records = Mapping[TopicPartition, Sequence[Any]]


class LenientThread(AIOKafkaConsumerThread):
    """The thread of Faust's consumer, which has its own event loop."""

    _beside: RawReader | None = None

    def _stopped_set(self) -> None:
        with suppress(RuntimeError):  # after a crash its loop is closed already
            super()._stopped_set()

    async def commit(self, offsets: Mapping[TopicPartition, int]) -> bool:
        """Commit offsets in the thread; return False if it has ended, as for a failed commit.

        After a crash Faust's own method waits forever: the thread that would answer has ended.
        """
        ended = asyncio.ensure_future(self._shutdown.wait())
        commit: asyncio.Future[bool] = asyncio.ensure_future(super().commit(offsets))
        try:
            await asyncio.wait((commit, ended), return_when=asyncio.FIRST_COMPLETED)
            return commit.done() and commit.result()
        except RuntimeError:  # its loop is closed already
            return False
        finally:
            ended.cancel()
            commit.cancel()

    async def on_thread_stop(self) -> None:
        """Close the connections."""
        if self._beside is not None:
            await self._beside.close()
        await super().on_thread_stop()

    async def _fetch_records(
        self,
        consumer: AIOKafkaConsumer,
        active_partitions: set[TopicPartition],
        timeout: float | None = None,  # noqa: ASYNC109 - the name is Faust's
        max_records: int | None = None,
    ) -> Records:
        starts = positions(consumer)
        try:
            fetched: Records = await super()._fetch_records(
                consumer, active_partitions, timeout, max_records
            )
        except Exception as error:
            if not may_be_unreadable(error):
                raise
            caught = error
        else:
            return fetched
        wanted = {
            at: starts[at] for at in starts if not active_partitions or at in active_partitions
        }
        for partition, start in wanted.items():
            consumer.seek(partition, start)  # the failed poll has moved the position
        found = {at: await self._read(consumer, at, start) for at, start in wanted.items()}
        after = positions(consumer)
        if all(after.get(at) == start for at, start in wanted.items()):
            raise caught
        return {at: records for at, records in found.items() if records}

    async def _read(
        self, consumer: AIOKafkaConsumer, partition: TopicPartition, start: int
    ) -> list[ConsumerRecord]:
        """Read one fetch of a partition."""
        if self._beside is None:
            settings = self.app.settings
            self._beside = RawBatchReader(settings.kafka_client_options(), "read_uncommitted")
        found: list[ConsumerRecord] = []
        async for step in self._beside.read(partition, start):
            readable(partition, step.records)  # logs the others
            is_changelog = partition.topic in self.app.tables.changelog_topics
            found += [
                _as_consumed(partition.topic, _replaced(record, is_changelog=is_changelog))
                for record in step.records
            ]
            consumer.seek(partition, step.next_offset)
        return found


def _replaced(record: RawRecord, *, is_changelog: bool) -> RawRecord:
    """Return what stands for a record: itself, if it is readable."""
    if not isinstance(record, UnreadableRecord):
        return record
    key = b"unreadable record at offset %d" % record.offset if is_changelog else None
    value = NO_ENTRY if is_changelog else b""
    return RawRecord(record.partition, record.offset, record.timestamp, key, value, ())


def _as_consumed(topic: str, record: RawRecord) -> ConsumerRecord:
    """Return a record as aiokafka's consumer does."""
    key, value = record.key, record.value
    return ConsumerRecord(
        topic,
        record.partition,
        record.offset,
        record.timestamp,
        0,  # the time stamp is that of the record's creation
        key,
        value,
        None,
        -1 if key is None else len(key),
        -1 if value is None else len(value),
        tuple(record.headers),
    )


class LenientConsumer(Consumer):
    """Faust's consumer."""

    def _new_consumer_thread(self) -> LenientThread:
        return LenientThread(self, loop=self.loop, beacon=self.beacon)


class LenientTransport(Transport):
    """Faust's transport with the lenient consumer."""

    Consumer = LenientConsumer
