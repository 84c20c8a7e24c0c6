"""The workload on stock Faust, written as in its documentation.

Started by the bench: ``faust -A benchmarks.stock_faust worker``, settings by environment. Event by
event, or with ``take(BENCH_TAKE)``, batch by batch.
"""

from __future__ import annotations

import os
from typing import Any

import faust

from benchmarks.plain_work import Position, Work, work_order

TAKE = int(os.environ.get("BENCH_TAKE", "0"))
TAKE_WITHIN = 0.05

order = work_order()
work = Work(order)
app = faust.App(
    order.group,
    broker=f"kafka://{order.bootstrap}",
    value_serializer="raw",
    key_serializer="raw",
    web_enabled=False,
    topic_disable_leader=True,
    consumer_auto_offset_reset="earliest",
    producer_acks=-1,
)
source = app.topic(order.source, value_serializer="raw", key_serializer="raw")
target = app.topic(order.target, value_serializer="raw", key_serializer="raw")


def _position(event: Any) -> Position:
    message = event.message
    return Position(message.partition, message.offset, round(message.timestamp * 1000))


async def _send(event: Any, scored: tuple[bytes, bytes]) -> None:
    key, value = scored
    # Delivery is not awaited, as in its documentation: awaiting each event would be far slower.
    await target.send(key=key, value=value, partition=event.message.partition)


async def one_by_one(stream: Any) -> None:
    """Score each event alone."""
    async for event in stream.events():
        await _send(event, work.score(event.value, _position(event)))


async def by_batches(stream: Any) -> None:
    """Score the events of a short time as one batch."""
    async for events in stream.take_events(TAKE, within=TAKE_WITHIN):
        scored = work.score_batch([e.value for e in events], [_position(e) for e in events])
        for event, one in zip(events, scored, strict=True):
            await _send(event, one)


app.agent(source)(by_batches if TAKE else one_by_one)
