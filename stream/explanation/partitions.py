"""The order in which the partitions of a topic are searched for a key."""

from __future__ import annotations

import zlib

from aiokafka.partitioner import DefaultPartitioner

__all__ = ["likely_partitions"]


def likely_partitions(key: bytes, count: int) -> list[int]:
    """Return all partitions, the ones first where the usual partitioners put a key.

    Those are murmur2, of Kafka's Java client and of aiokafka, and CRC-32, of librdkafka. A sender
    may use another, and a topic may have got partitions later: so the others follow.

    Parameters
    ----------
    key
        The record's key.
    count
        Number of partitions.
    """
    numbers = list(range(count))
    by_murmur2 = DefaultPartitioner()(key, numbers, numbers)
    return list(dict.fromkeys([by_murmur2, zlib.crc32(key) % count, *numbers]))
