"""aiokafka's fetcher, woken only when requests may be due: what it requests, and when."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from types import SimpleNamespace
from typing import Any

import pytest
from aiokafka import TopicPartition
from aiokafka.consumer import consumer
from aiokafka.consumer.subscription_state import SubscriptionState
from aiokafka.errors import (
    GroupAuthorizationFailedError,
    KafkaError,
    NodeNotReadyError,
    NotLeaderForPartitionError,
)
from aiokafka.protocol.fetch import FetchResponse_v11

from stream.fetch.bounded_polls import BoundedConsumer
from stream.fetch.decompression import Codec
from stream.fetch.prompt_fetcher import PromptFetcher
from tests.unit.stream.fetch.compressed import Row, batch_of

PARTITIONS = [TopicPartition("leads", number) for number in range(3)]
LEADERS = {0: 1, 1: 1, 2: 2}


class Brokers:
    """A client whose requests a test answers."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._metadata_max_age_ms = 1000
        self.cluster = SimpleNamespace(leader_for_partition=lambda at: LEADERS[at.partition])
        self.requests: asyncio.Queue[tuple[int, dict[int, int], asyncio.Future[Any]]] = (
            asyncio.Queue()
        )
        self.updates = 0

    def force_metadata_update(self) -> asyncio.Future[None]:
        self.updates += 1
        return self._loop.create_future()

    async def send(self, node: int, request: Any) -> Any:
        response: asyncio.Future[Any] = self._loop.create_future()
        offsets = {at: offset for _, asked in request.topics for at, offset, _ in asked}
        self.requests.put_nowait((node, offsets, response))
        return await response

    async def next_request(self) -> tuple[int, dict[int, int], asyncio.Future[Any]]:
        async with asyncio.timeout(5):
            return await self.requests.get()


class Bed:
    """A running fetcher with an assignment."""

    def __init__(self) -> None:
        self.brokers = Brokers()
        self.subscriptions = SubscriptionState()
        self.subscriptions.subscribe({"leads"})
        self.fetcher: Any = PromptFetcher(
            self.brokers,
            self.subscriptions,
            fetcher_timeout=60,
            prefetch_backoff=60,
            retry_backoff_ms=1,
            auto_offset_reset="none",
        )

    def assign(self, *numbers: int) -> None:
        self.subscriptions.assign_from_subscribed([PARTITIONS[number] for number in numbers])
        for number in numbers:
            self.subscriptions.seek(PARTITIONS[number], 0)

    async def poll(self) -> dict[int, int]:
        found = await self.fetcher.fetched_records((), timeout=5)
        return {at.partition: len(records) for at, records in found.items()}


def leads(count: int) -> bytes:
    rows: list[Row] = [(b"1", b"lead", []) for _ in range(count)]
    return batch_of(Codec.NONE, rows)


def answer(response: asyncio.Future[Any], found: dict[int, bytes], error: int = 0) -> None:
    rows = [(number, error, 100, 100, 0, None, -1, data) for number, data in found.items()]
    response.set_result(FetchResponse_v11(0, 0, 0, [("leads", rows)]))


@pytest.fixture(name="bed")
async def _bed() -> AsyncIterator[Bed]:
    bed = Bed()
    bed.assign(0, 1, 2)
    yield bed
    with suppress(KafkaError):  # it has ended with one
        await bed.fetcher.close()


async def turns(count: int = 10) -> None:
    for _ in range(count):
        await asyncio.sleep(0)


def test_consumers_have_this_fetcher() -> None:
    assert consumer.Fetcher is PromptFetcher
    assert issubclass(BoundedConsumer, consumer.AIOKafkaConsumer)  # which imports bounded_polls


async def test_each_broker_is_asked_again_when_its_records_are_taken(bed: Bed) -> None:
    requests = {}
    for _ in range(2):
        node, offsets, response = await bed.brokers.next_request()
        requests[node] = offsets, response
    assert {node: sorted(offsets) for node, (offsets, _) in requests.items()} == {1: [0, 1], 2: [2]}
    answer(requests[1][1], {0: leads(3), 1: b""})
    await turns()
    assert bed.brokers.requests.empty(), "no request before the records are taken"
    assert await bed.poll() == {0: 3}
    node, offsets, _ = await bed.brokers.next_request()
    assert (node, offsets) == (1, {0: 3, 1: 0})
    assert bed.brokers.requests.empty(), "the other broker still has its request"


async def test_a_poll_that_waits_gets_the_records_of_a_response(bed: Bed) -> None:
    polled = asyncio.create_task(bed.poll())
    _, offsets, response = await bed.brokers.next_request()
    answer(response, {number: leads(2) for number in offsets})
    assert await polled == dict.fromkeys(offsets, 2)


async def test_a_poll_without_records_ends_in_time(bed: Bed) -> None:
    assert await bed.fetcher.fetched_records((), timeout=0.01) == {}
    assert await bed.fetcher.fetched_records(()) == {}
    assert not bed.fetcher._fetch_waiters


async def test_a_poll_that_waits_ends_in_time_though_a_rebalance_has_begun(bed: Bed) -> None:
    polled = asyncio.create_task(bed.fetcher.fetched_records((), timeout=0.01))
    await turns()
    bed.subscriptions.begin_reassignment()
    async with asyncio.timeout(5):
        assert await polled == {}


async def test_a_poll_that_waits_ends_with_the_fetcher_though_a_rebalance_has_begun(
    bed: Bed,
) -> None:
    polled = asyncio.create_task(bed.fetcher.fetched_records((), timeout=60))
    await turns()
    bed.subscriptions.begin_reassignment()
    await bed.fetcher.close()
    async with asyncio.timeout(5):
        assert await polled == {}


async def test_a_poll_that_waits_raises_an_error_of_the_group(bed: Bed) -> None:
    polled = asyncio.create_task(bed.poll())
    await turns()
    bed.subscriptions.abort_waiters(GroupAuthorizationFailedError("scorers"))
    with pytest.raises(GroupAuthorizationFailedError):
        await polled


async def test_a_broker_that_has_nothing_is_asked_again(bed: Bed) -> None:
    node, offsets, response = await bed.brokers.next_request()
    await bed.brokers.next_request()
    answer(response, dict.fromkeys(offsets, b""))
    assert (await bed.brokers.next_request())[:2] == (node, offsets)


async def test_a_request_that_fails_is_sent_again(bed: Bed) -> None:
    node, offsets, response = await bed.brokers.next_request()
    await bed.brokers.next_request()
    response.set_exception(KafkaError("broken"))
    assert (await bed.brokers.next_request())[:2] == (node, offsets)


async def test_a_leader_that_has_moved_is_looked_up(bed: Bed) -> None:
    _, offsets, response = await bed.brokers.next_request()
    answer(response, dict.fromkeys(offsets, b""), NotLeaderForPartitionError.errno)
    await turns()
    assert bed.brokers.updates == len(offsets)


async def test_records_that_no_one_takes_hold_their_broker_back_for_a_time(bed: Bed) -> None:
    bed.fetcher._prefetch_backoff = 0.01
    first, second = [await bed.brokers.next_request() for _ in range(2)]
    _, _, response = min(first, second, key=lambda request: request[0])
    answer(response, {0: leads(3), 1: b""})
    node, offsets, _ = await bed.brokers.next_request()
    assert (node, offsets) == (1, {1: 0})


async def test_a_new_assignment_drops_requests_and_records_of_the_one_before(bed: Bed) -> None:
    _, offsets, response = await bed.brokers.next_request()
    answer(response, {number: leads(1) for number in offsets})
    _, _, other = await bed.brokers.next_request()
    await turns()
    bed.assign(2)
    assert (await bed.brokers.next_request())[1] == {2: 0}
    assert other.cancelled()
    assert not bed.fetcher._records


@pytest.mark.parametrize("after", range(6))
async def test_it_stops_while_it_drops_requests_of_the_assignment_before(
    bed: Bed, after: int
) -> None:
    for _ in range(2):
        await bed.brokers.next_request()
    await turns()
    bed.assign(2)
    await turns(after)
    closing = asyncio.create_task(bed.fetcher.close())
    _, pending = await asyncio.wait({closing}, timeout=5)
    assert not pending


async def test_it_stops_in_the_pause_after_a_request_that_failed(bed: Bed) -> None:
    """A command that lost its broker ended like one that Ctrl-C stopped."""
    bed.fetcher._retry_backoff = 60
    for _ in range(2):
        _, _, response = await bed.brokers.next_request()
        response.set_exception(NodeNotReadyError("away"))
    await turns()
    await bed.fetcher.close()
    assert not bed.fetcher._pending_tasks


async def test_a_partition_that_is_paused_is_fetched_once_it_is_resumed(bed: Bed) -> None:
    bed.subscriptions.pause(PARTITIONS[2])
    bed.assign(2)
    bed.subscriptions.pause(PARTITIONS[2])
    await turns()
    while not bed.brokers.requests.empty():
        bed.brokers.requests.get_nowait()
    bed.subscriptions.resume(PARTITIONS[2])
    assert (await bed.brokers.next_request())[1] == {2: 0}


async def test_an_error_of_the_fetcher_ends_it_with_a_clear_error(bed: Bed) -> None:
    _, _, response = await bed.brokers.next_request()
    response.set_exception(ValueError("broken"))
    with pytest.raises(KafkaError, match="Unexpected error during data retrieval"):
        await bed.fetcher.error_future
