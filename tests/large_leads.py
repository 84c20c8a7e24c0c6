"""Leads of any size in batches that are compressed a hundredfold, as a client may send them."""

from __future__ import annotations

import random
import re
import string
from collections.abc import Iterable
from pathlib import Path

from aiokafka import AIOKafkaProducer

PROMISED_MB = 300
"""Memory of a worker, whatever the leads."""
PROMISED_SECONDS = 0.1
"""Processor time for which nothing holds the event loop longer."""
HELD = 'leadscore_event_loop_hold_seconds{clock="cpu"}'

BLOCK = "".join(random.Random(7).choices(string.ascii_letters, k=1500))
"""The repeated part of a lead's text."""


def large_lead(number: int, size: int) -> bytes:
    """Return a lead of about a number of bytes, as JSON, most of it a field that no model reads."""
    text = (BLOCK * (size // len(BLOCK) + 1))[: max(size - 60, 0)]
    return b'{"lead_id":"large-%d","created_at":1700000000000,"text":"%s"}' % (
        number,
        text.encode(),
    )


async def send_compressed(
    bootstrap: str,
    topic: str,
    codec: str | None,
    batches: Iterable[Iterable[bytes]],
    partitions: int = 4,
) -> int:
    """Write values in batches as they are given, to the partitions in turn.

    Returns
    -------
    int
        Bytes of the largest batch as it was sent.
    """
    largest = 0
    async with AIOKafkaProducer(
        bootstrap_servers=bootstrap, compression_type=codec, max_batch_size=1 << 30
    ) as producer:
        await producer.partitions_for(topic)
        for number, values in enumerate(batches):
            batch = producer.create_batch()
            for value in values:
                batch.append(timestamp=None, key=b"key", value=value, headers=[("from", b"test")])
            batch.close()
            await (await producer.send_batch(batch, topic, partition=number % partitions))
            largest = max(largest, batch.size())
    return largest


def peak_mb(pid: int) -> float:
    """Return the most memory that a process has had resident, in MB."""
    status = Path(f"/proc/{pid}/status").read_text()
    found = re.search(r"VmHWM:\s+(\d+) kB", status)
    assert found is not None
    return int(found[1]) / 1024
