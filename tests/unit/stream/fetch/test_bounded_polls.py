"""Polls bounded in bytes, through aiokafka's own fetcher: the private parts that they rest on."""

import asyncio
from collections import OrderedDict
from collections.abc import Sequence
from functools import partial
from importlib.util import find_spec
from types import SimpleNamespace
from typing import Any

import pytest
from aiokafka import TopicPartition
from aiokafka.consumer import fetcher
from aiokafka.consumer.fetcher import READ_COMMITTED, Fetcher, PartitionRecords
from aiokafka.consumer.subscription_state import Assignment
from aiokafka.errors import CorruptRecordException
from aiokafka.protocol.fetch import FetchRequest

from stream.fetch import bounded_polls
from stream.fetch.aiokafka_internals import watch_fetches
from stream.fetch.bounded_batches import BatchLimits, BoundedRecords
from stream.fetch.bounded_polls import (
    BoundedConsumer,
    BoundedFetchResult,
    SizedRecords,
    bytes_of,
    polled_within,
)
from stream.fetch.decompression import Codec
from stream.fetch.memory_budget import RECORD_OVERHEAD, MemoryBudget
from tests.record_batches import Made, batch
from tests.unit.stream.fetch.compressed import Row, batch_of

PARTITIONS = [TopicPartition("leads", number) for number in range(3)]
RECORD = 1000 + RECORD_OVERHEAD


@pytest.fixture(autouse=True, params=["compiled", "plain"])
def _loop(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Read by the compiled loop, and in plain Python."""
    if request.param == "plain":
        monkeypatch.setattr(bounded_polls, "_compiled", None)
    elif find_spec("agents._compiled") is None:
        pytest.skip("there was no compiler")


class FakeFetcher:
    """As much of aiokafka's fetcher as hands out what was fetched."""

    def __init__(
        self,
        content: bytes,
        position: int = 0,
        aborted: Sequence[tuple[int, int]] = (),
    ) -> None:
        assignment = Assignment(PARTITIONS)
        self._subscriptions = SimpleNamespace(
            reassignment_in_progress=False, is_assigned=lambda partition: True
        )
        self._wait_consume_future = None
        self._records: OrderedDict[TopicPartition, Any] = OrderedDict()
        for partition in PARTITIONS:
            assignment.state_value(partition).reset_to(position)
            records = PartitionRecords(
                partition,
                fetcher.MemoryRecords(content),
                aborted,
                position,
                *(None, None),
                True,
                READ_COMMITTED,
            )
            self._records[partition] = fetcher.FetchResult(
                partition, assignment=assignment, partition_records=records, backoff=0
            )
        self.assignment = assignment

    def _notify(self, future: Any) -> None:
        pass

    async def poll(self, most: int, max_records: int = 100) -> dict[TopicPartition, Any]:
        with polled_within(most):
            return await Fetcher.fetched_records(self, (), 0, max_records)  # type: ignore[arg-type]

    def positions(self) -> list[int]:
        return [self.assignment.state_value(partition).position for partition in PARTITIONS]


def leads(count: int, size: int = 1000) -> bytes:
    rows: list[Row] = [(b"1234", b"x" * (size - 4), []) for _ in range(count)]
    return batch_of(Codec.NONE, rows)


async def test_a_poll_ends_with_the_record_that_fills_it() -> None:
    fake = FakeFetcher(leads(10))
    found = await fake.poll(3 * RECORD + 1)
    assert {partition.partition: len(records) for partition, records in found.items()} == {0: 4}
    assert found[PARTITIONS[0]].size == 4 * RECORD
    assert fake.positions() == [4, 0, 0]


async def test_polls_continue_where_the_last_one_ended_and_leave_nothing_out() -> None:
    fake = FakeFetcher(leads(10))
    read: dict[int, list[int]] = {0: [], 1: [], 2: []}
    while found := await fake.poll(3 * RECORD):
        assert sum(map(bytes_of, found.values())) <= 4 * RECORD
        for partition, records in found.items():
            read[partition.partition] += [record.offset for record in records]
    assert read == {number: list(range(10)) for number in range(3)}
    assert not fake._records


async def test_a_poll_of_small_records_takes_of_all_partitions() -> None:
    fake = FakeFetcher(leads(10))
    found = await fake.poll(1 << 20)
    assert [len(records) for records in found.values()] == [10, 10, 10]


async def test_a_poll_is_bounded_in_records_too() -> None:
    fake = FakeFetcher(leads(10))
    found = await fake.poll(1 << 20, max_records=12)
    assert [len(records) for records in found.values()] == [10, 2]
    assert fake.positions() == [10, 2, 0]


async def test_one_record_that_is_larger_than_a_poll_is_handed_out() -> None:
    fake = FakeFetcher(leads(2, size=50_000))
    found = await fake.poll(1)
    assert [len(records) for records in found.values()] == [1]


@pytest.fixture
def small_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(BoundedRecords, "limits", BatchLimits(40_000, 20_000))


@pytest.mark.usefixtures("small_pieces")
@pytest.mark.parametrize("start", [0, 1, 37, 59, 60])
async def test_a_batch_is_read_from_any_offset_in_steps_and_nothing_is_left_out(start: int) -> None:
    """Records that are too large, and those before the position, are passed in steps."""
    rows: list[Row] = [
        (None, (b"%d." % i).ljust(500_000 if i in (20, 21, 58) else 9_000, b"x"), [])
        for i in range(60)
    ]
    fake = FakeFetcher(batch_of(Codec.ZSTD, rows), start)
    offsets: dict[int, list[int]] = {0: [], 1: [], 2: []}
    early = 0
    while fake._records:
        with polled_within(15_000) as allowance:
            found = await Fetcher.fetched_records(fake, (), 0, 100)  # type: ignore[arg-type]
        early += allowance.is_early
        for partition, records in found.items():
            offsets[partition.partition] += [record.offset for record in records]
            assert [len(r.value) for r in records if r.offset in (20, 21, 58)] in ([], [500_000])
    assert offsets == {number: [*range(start, 60)] for number in range(3)}
    assert early > 3 or start > 58


async def test_headers_count() -> None:
    rows: list[Row] = [(None, None, [("h", b"v" * 999)]) for _ in range(5)]
    fake = FakeFetcher(batch_of(Codec.NONE, rows))
    found = await fake.poll(2 * 1000)
    assert [len(records) for records in found.values()] == [2]


TRANSACTIONAL, CONTROL, LOG_APPEND_TIME = 0x10, 0x20, 0x08
ABORT, COMMIT = bytes(4), bytes([0, 0, 0, 1])
LOG = b"".join(
    [
        batch([Made(b"a", None, [(b"h", b"1"), (b"i", None)]), Made(None, timestamp_delta=9)]),
        batch([Made(b"gap"), Made(b"s", offset_delta=5)], base=4, last_delta=7),  # compacted
        batch([Made(b"aborted")] * 2, base=20, attributes=TRANSACTIONAL, producer=7),
        batch([Made(b"", ABORT)], base=22, attributes=TRANSACTIONAL | CONTROL, producer=7),
        batch([Made(b"kept")] * 2, base=23, attributes=TRANSACTIONAL, producer=7),
        batch([Made(b"", COMMIT)], base=25, attributes=TRANSACTIONAL | CONTROL, producer=7),
        batch([Made(b"z" * 99)] * 3, base=26, codec="zstd", attributes=LOG_APPEND_TIME),
    ]
)
ATTRIBUTES = ("topic", "partition", "offset", "timestamp", "timestamp_type", "key", "value")


@pytest.mark.parametrize("start", [0, 1, 5, 6, 21, 26, 27])
@pytest.mark.parametrize("most", [1, 2, 3, 100])
async def test_the_records_and_positions_are_those_of_aiokafka(start: int, most: int) -> None:
    """Gaps, aborted and committed transactions, control records, a batch within its limits."""
    found, expected = (FakeFetcher(LOG, start, [(7, 20)]) for _ in range(2))
    while expected._records:
        polled = await found.poll(1 << 20, most)
        records = await Fetcher.fetched_records(expected, (), 0, most)  # type: ignore[arg-type]
        assert found.positions() == expected.positions()
        assert polled.keys() == records.keys()
        for partition in records:
            for one, other in zip(polled[partition], records[partition], strict=True):
                assert [getattr(one, name) for name in ATTRIBUTES] == [
                    getattr(other, name) for name in ATTRIBUTES
                ]
                assert tuple(one.headers) == tuple(other.headers)
                assert one.value not in (b"aborted", b"")
    assert not found._records


async def test_a_damaged_batch_is_reported_after_the_records_before_it() -> None:
    content = batch([Made(b"a")] * 3) + batch([Made(b"b")], base=3, crc_error=1)
    fake = FakeFetcher(content)
    found = await fake.poll(1 << 20, max_records=3)
    assert [len(records) for records in found.values()] == [3]
    with pytest.raises(CorruptRecordException):
        await fake.poll(1 << 20)
    assert fake.positions() == [3, 0, 0]


async def test_a_consumer_of_another_class_is_not_bounded() -> None:
    fake = FakeFetcher(leads(10))
    found = await Fetcher.fetched_records(fake, (), 0, None)  # type: ignore[arg-type]
    assert [len(records) for records in found.values()] == [10, 10, 10]


async def test_a_consumer_has_its_fetches_bounded_and_shared_among_its_partitions(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    budget = MemoryBudget(96 << 20)
    consumer = BoundedConsumer(budget=budget, bootstrap_servers="127.0.0.1:1")
    assert fetcher.FetchResult is BoundedFetchResult
    consumer._fetcher = SimpleNamespace(
        _records={},
        _max_partition_fetch_bytes=consumer._max_partition_fetch_bytes,
        fetched_records=nothing,
    )
    assert consumer._fetch_max_bytes == budget.fetch_bytes
    assert consumer._fetcher._max_partition_fetch_bytes == 1 << 20
    partitions = [TopicPartition("leads", number) for number in range(64)]
    monkeypatch.setattr(consumer, "assignment", lambda: frozenset(partitions))
    consumer._coordinator = SimpleNamespace(check_errors=lambda: None)
    await consumer.getmany()
    assert consumer._fetcher._max_partition_fetch_bytes == 256 << 10
    consumer._closed = True  # it was never started


async def test_a_poll_of_a_consumer_takes_no_more_than_its_budget_gives_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    budget = MemoryBudget(48 * 3 * RECORD)
    consumer = BoundedConsumer(budget=budget, bootstrap_servers="127.0.0.1:1")
    consumer._fetcher = SimpleNamespace(
        _records={},
        _max_partition_fetch_bytes=1000,
        fetched_records=partial(Fetcher.fetched_records, FakeFetcher(leads(10))),
    )
    consumer._coordinator = SimpleNamespace(check_errors=lambda: None)
    monkeypatch.setattr(consumer, "assignment", lambda: frozenset(PARTITIONS))
    found = await consumer.getmany(max_records=100)
    assert sum(map(bytes_of, found.values())) == budget.poll_bytes == 3 * RECORD
    consumer._closed = True  # it was never started


async def test_an_offset_that_the_broker_cannot_serve_is_raised_by_the_poll(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """aiokafka logs an error that names no offset, and polls are empty from then on."""
    consumer = BoundedConsumer(bootstrap_servers="127.0.0.1:1")
    first, second = (TopicPartition("leads", number) for number in range(2))
    request = FetchRequest(200, 1, 1000, 0, [("leads", [(0, 17, 1000), (1, 23, 1000)])])
    answer = SimpleNamespace(topics=[("leads", [(0, 0, 50, b"records"), (1, 2, -1, b"")])])

    async def send(*_: Any, **__: Any) -> Any:
        return answer

    consumer._client = SimpleNamespace(send=send)
    watch_fetches(consumer, consumer._may_fetch, consumer._unserved.__setitem__)
    consumer._fetcher = SimpleNamespace(
        _records={}, _max_partition_fetch_bytes=1000, fetched_records=nothing
    )
    consumer._coordinator = SimpleNamespace(check_errors=lambda: None)
    monkeypatch.setattr(consumer, "assignment", lambda: frozenset([first, second]))
    assert await consumer._client.send(1, request) is answer
    assert await consumer.getmany(first) == {}
    with pytest.raises(CorruptRecordException, match=r"partition=1.* at offset 23"):
        await consumer.getmany()
    assert await consumer.getmany() == {}
    consumer._closed = True  # it was never started


async def test_fetches_that_are_held_back_are_sent_when_they_are_released() -> None:
    consumer = BoundedConsumer(bootstrap_servers="127.0.0.1:1")
    sent: list[Any] = []

    async def send(_: int, request: Any) -> Any:
        sent.append(request)
        return SimpleNamespace(topics=[])

    consumer._client = SimpleNamespace(send=send)
    watch_fetches(consumer, consumer._may_fetch, consumer._unserved.__setitem__)
    consumer.hold_fetches()
    fetch = FetchRequest(200, 1, 1000, 0, [])
    fetching = asyncio.create_task(consumer._client.send(1, fetch))
    await consumer._client.send(1, "another request")
    assert sent == ["another request"]
    consumer.release_fetches()
    await fetching
    await consumer._client.send(1, fetch)
    assert sent == ["another request", fetch, fetch]
    consumer._closed = True  # it was never started


async def nothing(*_: Any, **__: Any) -> dict[Any, Any]:
    return {}


def test_records_that_were_not_polled_are_measured() -> None:
    record = SimpleNamespace(key=b"12", value=b"345", headers=[("h", b"67"), ("i", None)])
    assert bytes_of([record, record]) == 2 * (9 + RECORD_OVERHEAD)
    sized = SizedRecords([record])
    sized.size = 5
    assert bytes_of(sized) == 5
