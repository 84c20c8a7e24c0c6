"""The workload in a loop around confluent-kafka: ``python -m benchmarks.confluent_loop``.

Consumed events are scored as one batch and produced record by record; librdkafka forms batches.
Offsets are committed every second, once all before them is delivered.
"""

from __future__ import annotations

import time
from typing import Any

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, Producer

from benchmarks.plain_work import Position, Work, WorkOrder, work_order

COMMIT_SECONDS = 1.0
WAIT_SECONDS = 0.005
"""Time that `consume` waits for a full batch; it delays a single event by this much."""


def run(order: WorkOrder) -> None:
    """Score forever."""
    work = Work(order)
    producer = Producer(
        {
            "bootstrap.servers": order.bootstrap,
            "enable.idempotence": True,
            "linger.ms": order.linger_ms,
            "delivery.report.only.error": True,
            "on_delivery": _not_delivered,
        }
    )
    consumer = Consumer(
        {
            "bootstrap.servers": order.bootstrap,
            "group.id": order.group,
            "enable.auto.commit": False,
            "auto.offset.reset": "earliest",
        }
    )
    consumer.subscribe([order.source])
    committed, changed = time.monotonic(), False
    while True:
        messages = consumer.consume(order.batch, WAIT_SECONDS)
        if messages:
            _score(work, producer, order.target, messages)
            changed = True
        producer.poll(0)
        if changed and time.monotonic() - committed > COMMIT_SECONDS:
            producer.flush()
            consumer.commit(asynchronous=False)
            committed, changed = time.monotonic(), False


def _score(work: Work, producer: Producer, target: str, messages: list[Message]) -> None:
    for message in messages:
        error = message.error()
        if error is not None:
            raise KafkaException(error)
    positions = [Position(m.partition(), m.offset(), m.timestamp()[1]) for m in messages]
    scored = work.score_batch([m.value() for m in messages], positions)
    for (key, value), position in zip(scored, positions, strict=True):
        while True:
            try:
                producer.produce(target, value, key, position.partition)
                break
            except BufferError:  # its queue is full: wait for deliveries
                producer.poll(0.01)


def _not_delivered(error: KafkaError | None, message: Any) -> None:
    if error is not None:
        raise KafkaException(error)


if __name__ == "__main__":
    run(work_order())
