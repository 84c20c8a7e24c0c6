"""The parts of aiokafka that are not its public interface, all in one place.

Fetching a record batch as it is on the broker's disk needs them: the public consumer returns
decoded records only. tests/unit/stream/fetch/test_aiokafka_internals.py and the integration ring
fail if a release of aiokafka changes one of them.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.client import AIOKafkaClient
from aiokafka.errors import CorruptRecordException, LeaderNotAvailableError, NoError, for_code
from aiokafka.protocol.fetch import FetchRequest
from aiokafka.record.memory_records import MemoryRecords
from aiokafka.record.util import calc_crc32c

from stream.fetch.bounded_responses import BoundedConnection
from stream.fetch.closing import closed

__all__ = [
    "FetchClient",
    "Fetched",
    "crc32c",
    "positions",
    "read_legacy_batch",
    "watch_fetches",
]

ISOLATION_LEVELS = {"read_uncommitted": 0, "read_committed": 1}
MAX_WAIT_MS = 200
"""Longest time in milliseconds that the broker waits for new records."""


@dataclass(frozen=True, slots=True)
class Fetched:
    """Response of a broker to a fetch of one partition.

    Attributes
    ----------
    data
        Record batches, one after the other; the last may be cut off.
    high_watermark
        Offset after the last record that is replicated.
    aborted
        Producer id and first offset of each aborted transaction in there; only where committed
        records were asked for.
    last_stable_offset
        Offset before which no transaction is open; -1 where any records were asked for.
    most_bytes
        Size of the largest batch that is received whole; of a larger one, data has the start.
    """

    data: bytes
    high_watermark: int
    aborted: Sequence[tuple[int, int]]
    last_stable_offset: int = -1
    most_bytes: int = BoundedConnection.limit

    @property
    def end(self) -> int:
        """Offset after the last record that can be read."""
        is_known = self.last_stable_offset >= 0
        return self.last_stable_offset if is_known else self.high_watermark


class FetchClient:
    """A connection to the brokers that fetches record batches undecoded.

    Parameters
    ----------
    connection
        aiokafka's ``bootstrap_servers`` and security options.
    isolation_level
        "read_uncommitted" or "read_committed".
    request_timeout
        Seconds to wait for one answer.
    """

    def __init__(
        self, connection: Mapping[str, Any], isolation_level: str, request_timeout: float
    ) -> None:
        self._client = AIOKafkaClient(
            **connection, request_timeout_ms=round(request_timeout * 1000)
        )
        self._isolation_level = ISOLATION_LEVELS[isolation_level]

    async def start(self) -> None:
        """Connect.

        Raises
        ------
        KafkaConnectionError
            No broker answers.
        """
        await self._client.bootstrap()

    async def close(self) -> None:
        """Close the connections."""
        await closed(self._client.close())

    async def fetch(self, partition: TopicPartition, offset: int, max_bytes: int) -> Fetched:
        """Fetch batches, starting with the one that holds an offset or is the next after it.

        Parameters
        ----------
        partition
            The partition.
        offset
            First requested offset; batches are returned whole, so records below it may be included.
        max_bytes
            Most bytes of the response; the first batch is returned even if it is larger (KIP-74).

        Raises
        ------
        KafkaError
            The broker refuses, or does not answer in time.
        """
        await self._client._wait_on_metadata(partition.topic)
        leader = self._client.cluster.leader_for_partition(partition)
        if leader is None or leader < 0:
            await self._client.force_metadata_update()
            raise LeaderNotAvailableError(partition)
        request = FetchRequest(
            MAX_WAIT_MS,
            1,
            max_bytes,
            self._isolation_level,
            [(partition.topic, [(partition.partition, offset, max_bytes)])],
        )
        response = await self._client.send(leader, request)
        [(_, [(_, error_code, high_watermark, *rest)])] = response.topics
        error = for_code(error_code)
        if error is not NoError:
            if getattr(error, "invalid_metadata", False):
                await self._client.force_metadata_update()
            raise error(f"{partition} at offset {offset}")
        # Before the records: version 4 to 10 has the aborted transactions, 11 and later also the
        # preferred replica.
        aborted = rest[-3 if response.API_VERSION >= 11 else -2]
        return Fetched(
            bytes(rest[-1] or b""),
            int(high_watermark),
            list(aborted or ()),
            rest[0],
            BoundedConnection.limit,
        )


def positions(consumer: AIOKafkaConsumer) -> dict[TopicPartition, int]:
    """Return the known positions of a consumer without waiting.

    Its public ``position`` waits for offset lookups and rebalances.
    """
    subscription = consumer._subscription.subscription
    if subscription is None or subscription.assignment is None:
        return {}
    states = {at: subscription.assignment.state_value(at) for at in subscription.assignment.tps}
    return {at: int(state.position) for at, state in states.items() if state.has_valid_position}


def watch_fetches(
    consumer: AIOKafkaConsumer,
    may_fetch: asyncio.Event,
    on_unserved: Callable[[TopicPartition, int], None],
) -> None:
    """Hold fetches back, and call back with each offset that can't be served (CORRUPT_MESSAGE).

    Of such an offset aiokafka logs "Unexpected error while fetching data", without topic or offset,
    and retries forever.

    Parameters
    ----------
    consumer
        A started consumer.
    may_fetch
        While it is not set, requests wait before they are sent. To aiokafka they are on their way:
        pausing the partitions would have the same effect, but it rebuilds the request at each end
        of a pause.
    on_unserved
        Called with the requested offset.
    """
    client = consumer._client
    send = client.send

    async def watched(node_id: int, request: Any, **options: Any) -> Any:
        if not isinstance(request, FetchRequest):
            return await send(node_id, request, **options)
        if not may_fetch.is_set():
            await may_fetch.wait()
        response = await send(node_id, request, **options)
        for partition, offset in _unserved(request, response):
            on_unserved(partition, offset)
        return response

    client.send = watched


def _unserved(request: Any, response: Any) -> Iterator[tuple[TopicPartition, int]]:
    refused = {
        (topic, number)
        for topic, partitions in response.topics
        for number, error_code, *_ in partitions
        if error_code == CorruptRecordException.errno
    }
    if refused:
        for topic, partitions in request.topics:
            for number, offset, *_ in partitions:
                if (topic, number) in refused:
                    yield TopicPartition(topic, number), offset


def crc32c(data: memoryview) -> int:
    """Return the CRC-32C (Castagnoli) of data, as record batches have it."""
    return int(calc_crc32c(data))


def read_legacy_batch(data: bytes) -> Iterator[Any]:
    """Read a message set of format 0 or 1, which Kafka 4 refuses to write but may still store.

    Raises
    ------
    Exception
        Whatever aiokafka raises of a damaged one.
    """
    batches = MemoryRecords(data)
    while batches.has_next():
        batch = batches.next_batch()
        if not batch.validate_crc():
            raise ValueError("the checksum of its message set is wrong")
        yield from batch
