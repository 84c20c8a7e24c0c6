"""The size of a record in a batch, and batches that are sent without waiting."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from aiokafka import TopicPartition

from stream.kafka.producer import open_producer, pack, record_bytes


def test_the_size_of_a_record_is_never_below_that_of_its_batch() -> None:
    from aiokafka.record.default_records import DefaultRecordBatchBuilder

    headers = [("ce_id", b"1" * 30), ("näme", b""), ("none", None)] * 3
    for key, value in [(None, None), (b"", b""), (b"k" * 200, b"v" * 70_000), (b"k", None)]:
        builder = DefaultRecordBatchBuilder(2, 0, 0, -1, -1, 0, 1)
        builder.append(0, 2**41, key, value, headers)
        exact = builder.size()
        assert exact <= record_bytes(key, value, headers) <= exact + 150


async def test_a_batch_is_sent_at_once_only_where_nothing_has_to_be_awaited() -> None:
    producer: Any = open_producer({"bootstrap_servers": "127.0.0.1:1"}, 1000)
    cluster = producer.client.cluster
    cluster._partitions = {"scored": {0: SimpleNamespace(leader=1), 1: SimpleNamespace(leader=1)}}

    def sent_at_once(topic: str, partition: int) -> Any:
        [parcel] = pack(producer.create_batch, [(b"key", b"value", [])], timestamp_ms=1)
        return producer.send_batch_at_once(parcel.builder, topic, partition=partition)

    sent = sent_at_once("scored", 0)
    assert sent_at_once("scored", 0) is None, "a batch of the partition waits"
    assert sent_at_once("scored", 2) is None, "the topic has no such partition"
    assert sent_at_once("unknown", 0) is None
    producer._message_accumulator._closed = True
    assert sent_at_once("scored", 1) is None
    producer._message_accumulator._closed = False
    assert sent_at_once("scored", 1) is not None
    [batch] = producer._message_accumulator._batches[TopicPartition("scored", 0)]
    batch.done(base_offset=7)
    assert (await sent).offset == 7
    producer._closed = True  # it was never started


async def test_a_transaction_sends_no_batch_at_once() -> None:
    producer: Any = open_producer(
        {"bootstrap_servers": "127.0.0.1:1"}, 1000, transactional_id="writer"
    )
    producer.client.cluster._partitions = {"scored": {0: SimpleNamespace(leader=1)}}
    [parcel] = pack(producer.create_batch, [(b"key", b"value", [])], timestamp_ms=1)
    assert producer.send_batch_at_once(parcel.builder, "scored", partition=0) is None
    producer._closed = True  # it was never started
