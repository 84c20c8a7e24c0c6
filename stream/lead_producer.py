"""The connection of `leadscore produce` to Kafka, and its end by signals."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from typing import Any

from aiokafka import AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

from schemas.errors import StartupError

__all__ = ["connected_producer", "stop_on_signals"]

MAX_BATCH_BYTES = 262_144
ABANDON_SECONDS = 1.0
"""How long a producer that is told to stop at once may take to say goodbye."""


@asynccontextmanager
async def connected_producer(topic: str, clients: dict[str, Any]) -> AsyncIterator[Any]:
    """Open an idempotent producer for a topic that exists.

    Parameters
    ----------
    topic
        What is to be produced to. It is not created.
    clients
        Address and security, see ``Settings.kafka_client_options``.

    Yields
    ------
    AIOKafkaProducer
        Started. When the body ends, what it has queued is delivered; when it is cancelled, not.

    Raises
    ------
    StartupError
        If Kafka can't be reached or has no such topic.
    """
    producer = AIOKafkaProducer(
        **clients,
        client_id="leadscore-produce",
        enable_idempotence=True,
        max_batch_size=MAX_BATCH_BYTES,
    )
    patience: float | None = None
    try:
        await _check_topic(topic, clients)
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
    """Give an event that SIGINT and SIGTERM set; a second signal cancels the current task."""
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


async def _check_topic(topic: str, clients: dict[str, Any]) -> None:
    # The producer would wait for an unknown topic, and may have the broker create it.
    admin = AIOKafkaAdminClient(**clients)
    try:
        await admin.start()
        topics = await admin.list_topics()
    except (KafkaError, OSError) as error:
        raise StartupError(
            f"expected Kafka at {clients['bootstrap_servers']}, but can't talk to it ({error}): "
            f"start it, or name another with --bootstrap-servers or KAFKA_BOOTSTRAP_SERVERS"
        ) from error
    finally:
        await admin.close()
    if topic not in topics:
        raise StartupError(
            f"Kafka has no topic {topic!r}: create the topics with `leadscore topics create`, or "
            f"name another with --topic"
        )
