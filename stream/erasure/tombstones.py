"""Tombstones: records with a key and no value, after which compaction removes the key's records."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import NamedTuple

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from schemas.errors import FatalError
from stream.fetch.closing import closed
from stream.settings import Settings

__all__ = ["Tombstone", "write_tombstones"]


AT_ONCE = 1000
"""Tombstones that wait for their acknowledgements together."""


class Tombstone(NamedTuple):
    """Where a tombstone is written, and of which key."""

    topic: str
    partition: int
    key: bytes


async def write_tombstones(
    settings: Settings,
    tombstones: Sequence[Tombstone],
    on_written: Callable[[int], None] = lambda _: None,
) -> None:
    """Write tombstones, and return when all in-sync replicas have them.

    A part of them may be written if it is stopped or fails: what finds the records of the leads
    again finds which are left.

    Parameters
    ----------
    settings
        Kafka's address and security.
    tombstones
        The tombstones.
    on_written
        Called with the number of tombstones of each part that is written.

    Raises
    ------
    FatalError
        Kafka did not take one.
    """
    if not tombstones:
        return
    producer = AIOKafkaProducer(
        **settings.kafka_client_options(), acks="all", enable_idempotence=True
    )
    try:
        await producer.start()
        for start in range(0, len(tombstones), AT_ONCE):
            part = tombstones[start : start + AT_ONCE]
            deliveries = [
                await producer.send(topic, key=key, value=None, partition=partition)
                for topic, partition, key in part
            ]
            await asyncio.gather(*deliveries)
            on_written(len(part))
    except KafkaError as error:
        raise FatalError(
            f"expected Kafka to take a tombstone, but it answered {error!r}: check that this user"
            " has Write on the compacted topics (docs/rights.md), and run the command again"
        ) from error
    finally:
        await closed(producer.stop())
