"""The workload in a loop around aiokafka: ``python -m benchmarks.aiokafka_loop``.

Fetched events are scored as one batch and sent as one batch per partition; the next batch is scored
while the last is delivered. Offsets are committed every second, once all before them is delivered.
"""

from __future__ import annotations

import time
from collections import deque
from typing import Any

import uvloop
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

from benchmarks.plain_work import Position, Work, WorkOrder, work_order

IN_FLIGHT = 8
COMMIT_SECONDS = 1.0
WAIT_MS = 200


async def run(order: WorkOrder) -> None:
    """Score forever."""
    work = Work(order)
    producer = AIOKafkaProducer(
        bootstrap_servers=order.bootstrap,
        enable_idempotence=True,
        acks="all",
        max_batch_size=512 * 1024,
    )
    consumer = AIOKafkaConsumer(
        order.source,
        bootstrap_servers=order.bootstrap,
        group_id=order.group,
        enable_auto_commit=False,
        auto_offset_reset="earliest",
    )
    await producer.start()
    await consumer.start()
    await producer.partitions_for(order.target)
    pending: deque[Any] = deque()
    committed = time.monotonic()
    while True:
        fetched = await consumer.getmany(timeout_ms=WAIT_MS, max_records=order.batch)
        for partition, records in fetched.items():
            pending.append(await _send(producer, order, work, partition, records))
        while len(pending) > IN_FLIGHT:
            await pending.popleft()
        if time.monotonic() - committed > COMMIT_SECONDS:
            while pending:
                await pending.popleft()
            await consumer.commit()
            committed = time.monotonic()


async def _send(
    producer: AIOKafkaProducer,
    order: WorkOrder,
    work: Work,
    partition: TopicPartition,
    records: list[Any],
) -> Any:
    scored = work.score_batch(
        [record.value for record in records],
        [Position(record.partition, record.offset, record.timestamp) for record in records],
    )
    batch = producer.create_batch()
    for key, value in scored:
        taken = batch.append(timestamp=None, key=key, value=value)
        assert taken is not None, "a batch takes all that is scored at once"
    batch.close()
    return await producer.send_batch(batch, order.target, partition=partition.partition)


if __name__ == "__main__":
    uvloop.run(run(work_order()))
