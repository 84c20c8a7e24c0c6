"""Connection of `leadscore produce` to Kafka, and its signal handling."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from typing import Any

from aiokafka import AIOKafkaProducer

from schemas.errors import StartupError
from stream.kafka.access import Use
from stream.kafka.sequence_numbers import wrap_at_zero
from stream.kafka.topic_admin import partition_counts
from stream.settings import Settings

__all__ = ["connected_producer", "stop_on_signals"]

MAX_BATCH_BYTES = 262_144
ABANDON_SECONDS = 1.0
"""Longest time in seconds to close a producer that must stop at once."""


@asynccontextmanager
async def connected_producer(
    settings: Settings, *, with_outcomes: bool = False
) -> AsyncIterator[Any]:
    """Open an idempotent producer for ``settings.leads_created``, which must exist.

    Parameters
    ----------
    settings
        Kafka's address and security, and the topic.
    with_outcomes
        Whether it is for ``settings.leads_outcomes``, too.

    Yields
    ------
    AIOKafkaProducer
        A started producer. Queued records are delivered when the body ends, but not when it is
        cancelled.

    Raises
    ------
    StartupError
        Kafka can't be reached or has no such topic.
    """
    # The producer would wait for an unknown topic, and may cause the broker to create it.
    if settings.leads_created not in await partition_counts(settings, Use.PRODUCE):
        raise StartupError(
            f"expected the topic {settings.leads_created}, but it does not exist: create it with "
            "`leadscore topics create`, or name another with --topic"
        )
    if with_outcomes:
        found = await partition_counts(settings, Use.PRODUCE_OUTCOMES)
        if settings.leads_outcomes not in found:
            raise StartupError(
                f"expected the topic {settings.leads_outcomes}, but it does not exist: create it"
                " with `leadscore topics create`, or set LEADSCORE_LEADS_OUTCOMES"
            )
    producer = AIOKafkaProducer(
        **settings.kafka_client_options(),
        client_id="leadscore-produce",
        enable_idempotence=True,
        max_batch_size=MAX_BATCH_BYTES,
    )
    wrap_at_zero(producer)
    patience: float | None = None
    try:
        await producer.start()
        yield producer
    except asyncio.CancelledError:
        patience = ABANDON_SECONDS
        raise
    finally:
        with suppress(TimeoutError):
            await asyncio.wait_for(producer.stop(), patience)


@contextmanager
def stop_on_signals() -> Iterator[asyncio.Event]:
    """Yield an event that SIGINT and SIGTERM set; a second signal cancels the current task."""
    loop, task, stop = asyncio.get_running_loop(), asyncio.current_task(), asyncio.Event()
    assert task is not None

    def heard() -> None:
        if stop.is_set():
            task.cancel()
        stop.set()

    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, heard)
    try:
        yield stop
    finally:
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.remove_signal_handler(number)
