"""The workload on Quix Streams, event by event: ``python -m benchmarks.quix_loop``.

It runs in an environment of its own (`benchmarks.environments`).
"""

from __future__ import annotations

from typing import Any

from quixstreams import Application, message_context

from benchmarks.plain_work import Position, Work, WorkOrder, work_order

COMMIT_SECONDS = 1.0


def run(order: WorkOrder) -> None:
    """Score forever."""
    work = Work(order)

    def score(value: bytes, key: bytes, timestamp: int, headers: Any) -> bytes:
        at = message_context()
        position = Position(at.partition, at.offset, timestamp)
        return work.score(value, position)[1]

    app = Application(
        broker_address=order.bootstrap,
        consumer_group=order.group,
        auto_offset_reset="earliest",
        auto_create_topics=False,
        commit_interval=COMMIT_SECONDS,
        processing_guarantee="at-least-once",
        producer_extra_config={"linger.ms": order.linger_ms},
        state_dir=str(order.folder / "state"),
        loglevel="WARNING",
    )
    source = app.topic(order.source, value_deserializer="bytes", key_deserializer="bytes")
    target = app.topic(order.target, value_serializer="bytes", key_serializer="bytes")
    # A lead's record is keyed by lead_id already, and a frame keeps the key.
    app.dataframe(source).apply(score, metadata=True).to_topic(target)
    app.run()


if __name__ == "__main__":
    run(work_order())
