"""Delete dead letters up to fixed ends."""

from __future__ import annotations

from collections.abc import Mapping

from aiokafka import AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.admin.records_to_delete import RecordsToDelete
from aiokafka.errors import KafkaError, PolicyViolationError

from schemas.errors import FatalError
from stream.dead_letters.dead_letter_log import DeadLetterLog, Span
from stream.fetch.closing import closed
from stream.settings import Settings

__all__ = ["delete_letters"]


async def delete_letters(settings: Settings, log: DeadLetterLog, spans: Mapping[int, Span]) -> None:
    """Delete the letters of spans, whose starts are the starts of their partitions.

    A topic that is compacted and never deleted from gets a tombstone for each key instead; letters
    without a key, and those with the key of a later letter, stay.

    Raises
    ------
    FatalError
        Kafka refuses.
    """
    try:
        try:
            await _delete(settings, log.topic, spans)
        except PolicyViolationError:
            await _write_tombstones(settings, log, spans)
    except KafkaError as error:
        raise FatalError(
            f"expected to delete records of {log.topic}, but Kafka answered {error!r}: check that"
            " this user has the right Delete on the topic (`leadscore acls --role dlq-purge`)"
        ) from error


async def _delete(settings: Settings, topic: str, spans: Mapping[int, Span]) -> None:
    admin = AIOKafkaAdminClient(**settings.kafka_client_options())
    try:
        await admin.start()
        await admin.delete_records(
            {
                TopicPartition(topic, partition): RecordsToDelete(span.end)
                for partition, span in spans.items()
                if span.end > span.start
            }
        )
    finally:
        await closed(admin.close())


async def _write_tombstones(
    settings: Settings, log: DeadLetterLog, spans: Mapping[int, Span]
) -> None:
    producer = AIOKafkaProducer(**settings.kafka_client_options(), enable_idempotence=True)
    try:
        await producer.start()
        for partition, span in spans.items():
            keys = await _keys(log, partition, span)
            later = await _keys(log, partition, Span(span.end, (await log.bounds(partition)).end))
            for key in keys - later:
                await producer.send(log.topic, key=key, value=None, partition=partition)
        await producer.flush()
    finally:
        await closed(producer.stop())


async def _keys(log: DeadLetterLog, partition: int, span: Span) -> set[bytes]:
    return {
        record.key
        async for records in log.read(partition, span)
        for record in records
        if record.key is not None
    }
