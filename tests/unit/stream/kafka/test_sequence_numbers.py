"""Sequence numbers of an idempotent producer, beyond the largest one."""

from __future__ import annotations

from typing import Any, cast

import pytest
from aiokafka import TopicPartition

from stream.kafka.producer import open_producer, pack

LARGEST = 2**31 - 1
TO = TopicPartition("scored", 0)


@pytest.mark.parametrize("transactional_id", [None, "scorers/leads/0"])
async def test_the_number_after_the_largest_is_zero(transactional_id: str | None) -> None:
    """The broker refuses a batch whose first number is negative, and expects 0."""
    connection = {"bootstrap_servers": "127.0.0.1:1"}
    options: dict[str, Any] = {"transactional_id": transactional_id}
    producer = cast("Any", open_producer(connection, 10_000, **options))
    producer._closed = True  # it was never started
    manager, accumulator = producer._txn_manager, producer._message_accumulator
    manager.set_pid_and_epoch(5, 0)
    if transactional_id:
        manager.begin_transaction()
    manager._sequence_numbers[TO] = LARGEST - 1
    rows: Any = [(b"key", b"value", [])]
    firsts = []
    for count in (1, 2, 3, 1):  # the second batch has the largest number and 0
        [parcel] = pack(producer.create_batch, rows * count, timestamp_ms=1)
        accumulator._append_batch(parcel.builder, TO)
        batch = accumulator._pop_batch(TO)
        firsts.append(int.from_bytes(batch.get_data_buffer()[53:57], "big", signed=True))
        batch.done(0)
    assert firsts == [LARGEST - 1, LARGEST, 1, 4]
