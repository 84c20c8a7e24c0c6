"""Produce requests that are written at once: one per broker, errors as aiokafka handles them."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any, cast

import pytest
from aiokafka import TopicPartition
from aiokafka.client import ConnectionGroup
from aiokafka.errors import (
    KafkaConnectionError,
    MessageSizeTooLargeError,
    NotLeaderForPartitionError,
    OutOfOrderSequenceNumber,
    RequestTimedOutError,
)
from aiokafka.protocol.produce import ProduceRequest_v7, ProduceResponse_v7

from stream.fetch.bounded_responses import BoundedConnection
from stream.kafka.producer import open_producer, pack

BASE_SEQUENCE = slice(53, 57)
"""Where a record batch has the sequence number of its first record (KIP-98)."""


class Connection(BoundedConnection):
    """A connection whose responses a test gives."""

    def __init__(self) -> None:
        self.sent: list[tuple[Any, asyncio.Future[Any]]] = []
        self.is_open = True
        self.closed_for: Any = None
        self.error: Exception | None = None
        self.has_sent = asyncio.Event()

    def __del__(self) -> None:
        pass

    def send(self, request: Any, expect_response: bool = True) -> asyncio.Future[Any]:
        if self.error is not None:
            raise self.error
        response: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self.sent.append((request.build(ProduceRequest_v7), response))
        self.has_sent.set()
        return response

    async def another_request(self) -> None:
        self.has_sent.clear()
        async with asyncio.timeout(5):
            await self.has_sent.wait()

    def connected(self) -> bool:
        return self.is_open

    def close(self, reason: Any = None, exc: Any = None) -> Any:
        self.closed_for = reason

    def requests(self) -> list[dict[int, bytes]]:
        """Return the records of each request, by partition."""
        return [
            {
                number: bytes(records)
                for _, partitions in request.topics
                for number, records in partitions
            }
            for request, _ in self.sent
        ]

    def answer(self, errors: dict[int, type[Any]] | None = None, *, at: int = -1) -> None:
        """Answer a request: with an error for some partitions."""
        request, response = self.sent[at]
        topics = [
            (
                topic,
                [
                    (number, (errors or {}).get(number, SimpleNamespace(errno=0)).errno, 7, -1, 0)
                    for number, _ in partitions
                ],
            )
            for topic, partitions in request.topics
        ]
        response.set_result(ProduceResponse_v7(topics, 0))


class Bed:
    """A producer that is not started: a test is its broker and its sender."""

    def __init__(self) -> None:
        connection = {"bootstrap_servers": "127.0.0.1:1"}
        self.producer = cast("Any", open_producer(connection, 10_000, retry_backoff_ms=1))
        self.producer._closed = True  # it was never started
        self.producer._txn_manager.set_pid_and_epoch(5, 0)
        self.client = self.producer.client
        self.client.force_metadata_update = lambda: None  # there is no broker to ask
        self.lead_by({0: 1, 1: 1, 2: 2})
        self.brokers = {node: Connection() for node in (1, 2)}
        for node, connection in self.brokers.items():
            self.client._conns[node, ConnectionGroup.DEFAULT] = connection

    def lead_by(self, leaders: dict[int, int]) -> None:
        self.client.cluster._partitions = {
            "scored": {number: SimpleNamespace(leader=node) for number, node in leaders.items()}
        }

    def send(self, partition: int, value: bytes = b"value") -> asyncio.Future[Any]:
        [parcel] = pack(self.producer.create_batch, [(b"key", value, [])], timestamp_ms=1)
        delivered = self.producer.send_batch_at_once(parcel.builder, "scored", partition=partition)
        assert isinstance(delivered, asyncio.Future)
        return delivered

    @property
    def is_left_to_sender(self) -> bool:
        return bool(self.producer._message_accumulator.waiter().done())

    @property
    def is_idle(self) -> bool:
        accumulator, sender = self.producer._message_accumulator, self.producer._sender
        return not (
            accumulator._batches
            or accumulator._pending_batches
            or sender._in_flight
            or sender._muted_partitions
        )


async def turns(count: int = 4) -> None:
    """Allow the event loop to run what is due."""
    for _ in range(count):
        await asyncio.sleep(0)


async def test_the_batches_of_one_turn_go_in_one_request_to_each_broker() -> None:
    bed = Bed()
    deliveries = [bed.send(partition) for partition in range(3)]
    await turns()
    assert [sorted(one) for broker in bed.brokers.values() for one in broker.requests()] == [
        [0, 1],
        [2],
    ]
    for broker in bed.brokers.values():
        broker.answer()
    assert [(await each).offset for each in deliveries] == [7, 7, 7]
    await turns()
    assert bed.is_idle
    assert not bed.is_left_to_sender


async def test_a_batch_waits_for_the_request_before_it_and_has_the_next_sequence_number() -> None:
    bed = Bed()
    first = bed.send(0, b"first")
    await turns()
    second = bed.send(0, b"second")
    await turns()
    broker = bed.brokers[1]
    assert len(broker.sent) == 1
    broker.answer()
    await first
    await turns()
    assert len(broker.sent) == 2
    numbers = [int.from_bytes(one[0][BASE_SEQUENCE], "big") for one in broker.requests()]
    assert numbers == [0, 1]
    broker.answer()
    await second
    await turns()
    assert bed.is_idle


@pytest.mark.parametrize("error", [NotLeaderForPartitionError, RequestTimedOutError])
async def test_a_batch_that_may_succeed_later_is_sent_again_as_it_is(error: Any) -> None:
    bed = Bed()
    refused, taken = bed.send(0), bed.send(1)
    await turns()
    broker = bed.brokers[1]
    broker.answer({0: error})
    assert (await taken).offset == 7
    await broker.another_request()
    again = broker.requests()
    assert again[1] == {0: again[0][0]}, "with the same sequence number"
    broker.answer()
    assert (await refused).offset == 7
    await turns()
    assert bed.is_idle


@pytest.mark.parametrize("error", [MessageSizeTooLargeError, OutOfOrderSequenceNumber])
async def test_a_batch_that_is_refused_fails_alone(error: Any) -> None:
    bed = Bed()
    refused, taken = bed.send(0), bed.send(1)
    await turns()
    bed.brokers[1].answer({0: error})
    assert (await taken).offset == 7
    with pytest.raises(error):
        await refused
    await turns()
    assert bed.is_idle


async def test_a_late_response_closes_the_connection_and_the_batch_is_sent_again() -> None:
    bed = Bed()
    delivered = bed.send(0)
    await turns()
    broker = bed.brokers[1]
    broker.sent[0][1].set_exception(TimeoutError())
    await broker.another_request()
    assert broker.closed_for is not None
    broker.answer()
    assert (await delivered).offset == 7


async def test_a_connection_that_breaks_leaves_the_batch_to_be_sent_again() -> None:
    bed = Bed()
    broker = bed.brokers[1]
    broker.error = KafkaConnectionError("broken")
    delivered = bed.send(0)
    await turns()
    broker.error = None
    await broker.another_request()
    broker.answer()
    assert (await delivered).offset == 7


async def test_an_unexpected_error_fails_the_batches_and_frees_the_broker() -> None:
    bed = Bed()
    delivered = bed.send(0)
    await turns()
    bed.brokers[1].sent[0][1].set_result(
        SimpleNamespace(topics=[("scored", [(0, 1)])], API_VERSION=7)
    )
    with pytest.raises(Exception, match="unexpected error of a produce request"):
        await delivered
    await turns()
    assert bed.is_idle


@pytest.mark.parametrize("is_known", [True, False])
async def test_batches_that_cannot_be_sent_at_once_are_left_to_the_sender(is_known: bool) -> None:
    bed = Bed()
    bed.brokers[1].is_open = False
    if not is_known:
        bed.lead_by({0: -1})
    bed.send(0)
    await turns()
    assert bed.is_left_to_sender
    assert not bed.brokers[1].sent
    batches, is_unknown = bed.producer._message_accumulator.drain_by_nodes(ignore_nodes=set())
    assert (bool(batches), is_unknown) == (is_known, not is_known)


async def test_an_empty_batch_of_aiokafka_is_left_to_the_sender() -> None:
    bed = Bed()
    bed.send(0)
    await turns()
    accumulator = bed.producer._message_accumulator
    accumulator._append_batch(bed.producer.create_batch(), TopicPartition("scored", 1))
    accumulator.drain_by_nodes(ignore_nodes={1})
    bed.brokers[1].answer()
    await turns()
    assert bed.is_left_to_sender
    assert len(bed.brokers[1].sent) == 1


async def test_a_request_of_the_sender_holds_the_next_one_back() -> None:
    bed = Bed()
    sender = bed.producer._sender
    sender._in_flight.add(1)
    sender._muted_partitions.add(TopicPartition("scored", 2))
    bed.send(0)
    bed.send(2)
    await turns()
    assert [len(broker.sent) for broker in bed.brokers.values()] == [0, 0]


async def test_a_stop_ends_a_retry_that_waits() -> None:
    bed = Bed()
    bed.producer._sender._retry_backoff = 1e9
    bed.send(0)
    await turns()
    bed.brokers[1].answer({0: NotLeaderForPartitionError})
    await turns()
    assert len(bed.producer._direct_sends._retries) == 1
    async with asyncio.timeout(5):
        await bed.producer.stop()
    assert not bed.producer._direct_sends._retries
