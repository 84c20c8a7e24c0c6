import asyncio
import itertools
from collections import Counter
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from aiokafka.errors import KafkaTimeoutError, MessageSizeTooLargeError
from aiokafka.partitioner import murmur2

from schemas.errors import ErrorCode, InputError
from stream.simulator.playing import AsRecorded, Event, Lead, Steady
from stream.simulator.run import BATCH_RECORDS, Clock, Played, partition_of, play


class FakeBatch:
    def __init__(self) -> None:
        self.records: list[Any] = []
        self.closed = False

    def append(self, *, timestamp: Any, key: Any, value: Any, headers: Any) -> Any:
        assert not self.closed
        self.records.append((key, value, headers))
        return object()

    def record_count(self) -> Any:
        return len(self.records)

    def close(self) -> None:
        self.closed = True


class FakeProducer:
    """An in-memory topic; ``refuses`` says which batches are refused, and with what."""

    def __init__(
        self, partitions: Any = 4, refuses: Any = lambda records: None, first_offset: Any = 0
    ) -> None:
        self.log: dict[int, list[Any]] = {partition: [] for partition in range(partitions)}
        self.batches: list[tuple[int, list[Any]]] = []
        self.refuses = refuses
        self.first_offset = first_offset
        self.on_send: Callable[[], None] = lambda: None

    async def partitions_for(self, topic: Any) -> Any:
        return set(self.log)

    def create_batch(self) -> Any:
        return FakeBatch()

    async def send_batch(self, batch: Any, topic: Any, *, partition: Any) -> Any:
        assert batch.closed
        self.on_send()
        delivery = asyncio.get_running_loop().create_future()
        error = self.refuses(batch.records)
        if error is not None:
            delivery.set_exception(error)
            return delivery
        offset = self.first_offset + len(self.log[partition])
        self.log[partition] += batch.records
        self.batches.append((partition, batch.records))
        # The broker's answer comes later.
        asyncio.get_running_loop().call_soon(delivery.set_result, SimpleNamespace(offset=offset))
        return delivery


class FakeTime:
    def __init__(self) -> None:
        self.now = 100.0
        self.naps: list[float] = []

    async def sleep(self, seconds: Any) -> None:
        self.naps.append(seconds)
        self.now += seconds

    def clock(self) -> Any:
        return Clock(elapsed=lambda: self.now, sleep=self.sleep)


def leads(count: Any) -> Any:
    return [Lead(f"lead-{index}", index * 1000, {}) for index in range(count)]


def as_event(lead: Any) -> Any:
    return Event(lead.lead_id.encode(), b"{}", [("content-type", b"application/json")])


# From Kafka's own UtilsTest (clients, org.apache.kafka.common.utils), where ints are signed.
@pytest.mark.parametrize(
    ("key", "java"),
    [
        (b"21", -973932308),
        (b"foobar", -790332482),
        (b"a-little-bit-long-string", -985981536),
        (b"a-little-bit-longer-string", -1486304829),
        (b"lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58897971),
        (b"abc", 479470107),
    ],
)
def test_the_partition_is_the_one_that_kafkas_own_clients_choose(key: bytes, java: int) -> None:
    assert murmur2(key) == java & 0xFFFFFFFF
    for partitions in (1, 4, 7):
        assert partition_of(key, partitions) == (java & 0x7FFFFFFF) % partitions


async def test_every_lead_is_delivered_to_its_partition_in_order() -> None:
    producer = FakeProducer()
    played = await play(leads(2500), producer, topic="leads", as_event=as_event)
    keys = {partition: [key for key, _, _ in log] for partition, log in producer.log.items()}
    assert sorted(itertools.chain(*keys.values())) == sorted(
        lead.lead_id.encode() for lead in leads(2500)
    )
    for partition, own in keys.items():
        assert {partition_of(key, 4) for key in own} == {partition}
        assert own == sorted(own, key=lambda key: int(key[5:]))
    assert played.sent == played.delivered["lead"] == 2500
    assert played.complete
    assert not played.stopped
    assert played.offsets == {part: [range(len(own))] for part, own in keys.items()}
    assert producer.log[0][0][2] == [("content-type", b"application/json")]


async def test_batches_are_of_bounded_size() -> None:
    producer = FakeProducer(partitions=1)
    await play(leads(BATCH_RECORDS * 2 + 1), producer, topic="leads", as_event=as_event)
    assert [len(records) for _, records in producer.batches] == [BATCH_RECORDS, BATCH_RECORDS, 1]


async def test_broken_events_are_found_again_by_partition_and_offset() -> None:
    def some_broken(lead: Any) -> Any:
        if int(lead.lead_id[5:]) % 10:
            return as_event(lead)
        return Event(lead.lead_id.encode(), b"", [], "empty", ErrorCode.WIRE_FORMAT)

    producer = FakeProducer(first_offset=40)
    played = await play(leads(1000), producer, topic="leads", as_event=some_broken)
    assert played.delivered == {"lead": 900, "empty": 100}
    for event in played.broken:
        key, value, _ = producer.log[event.partition][event.offset - 40]
        assert (key.decode(), value) == (event.lead_id, b"")
    good = set(played.good())
    assert len(good) == 900
    assert good.isdisjoint(played.dead_letters(refuse_few_fields=False))
    assert len(played.dead_letters(refuse_few_fields=False)) == 100


async def test_a_lead_with_few_fields_is_a_dead_letter_only_where_such_are_refused() -> None:
    def bare(lead: Any) -> Any:
        return Event(lead.lead_id.encode(), b"{}", [], "too_few_fields", ErrorCode.FEATURES)

    played = await play(leads(1), FakeProducer(), topic="leads", as_event=bare)
    assert played.dead_letters(refuse_few_fields=False) == {}
    assert list(played.dead_letters(refuse_few_fields=True).values()) == [ErrorCode.FEATURES]


async def test_a_large_event_is_alone_in_its_batch() -> None:
    def one_large(lead: Any) -> Any:
        value = b"x" * 300_000 if lead.lead_id == "lead-7" else b"{}"
        return Event(lead.lead_id.encode(), value, [])

    producer = FakeProducer(
        partitions=1,
        refuses=lambda records: (
            MessageSizeTooLargeError()
            if any(len(value) > 9999 for _, value, _ in records)
            else None
        ),
    )
    played = await play(leads(8), producer, topic="leads", as_event=one_large)
    assert played.failed == {"MessageSizeTooLargeError": 1}
    assert played.sent == 7
    assert not played.complete


async def test_a_failed_delivery_ends_the_run_and_is_counted() -> None:
    producer = FakeProducer(partitions=1)
    producer.refuses = lambda records: KafkaTimeoutError() if len(producer.batches) >= 2 else None
    taken = itertools.count()

    def endless() -> Iterator[Any]:
        for index in taken:
            yield Lead(f"lead-{index}", 0, {})

    played = await play(endless(), producer, topic="leads", as_event=as_event)
    assert played.sent == 2 * BATCH_RECORDS
    assert played.failed["KafkaTimeoutError"] >= BATCH_RECORDS
    # What was taken is accounted for, but for the one lead in the loop's hand when it ended.
    assert next(taken) - 1 == played.sent + played.failed.total()


async def test_a_broker_that_takes_no_batch_is_a_failure_too() -> None:
    producer = FakeProducer()

    async def refuse(batch: Any, topic: Any, *, partition: Any) -> None:
        raise KafkaTimeoutError

    producer.send_batch = refuse  # type: ignore[method-assign]
    played = await play(leads(10), producer, topic="leads", as_event=as_event)
    assert (played.sent, played.failed) == (0, {"KafkaTimeoutError": 10})


async def test_stopping_delivers_what_is_in_flight() -> None:
    stop, producer = asyncio.Event(), FakeProducer(partitions=1)
    producer.on_send = stop.set

    def endless() -> Iterator[Any]:
        for index in itertools.count():
            yield Lead(f"lead-{index}", 0, {})

    played = await play(endless(), producer, topic="leads", as_event=as_event, stop=stop)
    assert played.stopped
    assert played.complete
    assert played.sent == len(producer.log[0]) >= BATCH_RECORDS


async def test_stopping_does_not_wait_for_a_lead_that_is_due_much_later() -> None:
    stop, time = asyncio.Event(), FakeTime()
    producer = FakeProducer()
    producer.on_send = stop.set
    played = await play(
        leads(2),
        producer,
        topic="leads",
        as_event=as_event,
        pace=Steady(1e-6),
        stop=stop,
        clock=time.clock(),
    )
    assert played.sent == 1
    assert time.now < 101


async def test_leads_before_one_that_cannot_be_written_are_delivered() -> None:
    def second_fails(lead: Any) -> Any:
        if lead.lead_id == "lead-1":
            raise InputError("no")
        return as_event(lead)

    producer = FakeProducer()
    with pytest.raises(InputError):
        await play(leads(3), producer, topic="leads", as_event=second_fails)
    assert sum(len(log) for log in producer.log.values()) == 1


async def test_a_steady_rate_is_kept() -> None:
    time, sent_at = FakeTime(), []
    producer = FakeProducer(partitions=1)
    producer.on_send = lambda: sent_at.append(time.now)
    played = await play(
        leads(1001),
        producer,
        topic="leads",
        as_event=as_event,
        pace=Steady(1000),
        clock=time.clock(),
    )
    assert played.seconds == pytest.approx(1.0, abs=0.02)
    assert played.rate == pytest.approx(1001, rel=0.02)
    gaps = [after - before for before, after in itertools.pairwise(sent_at)]
    assert max(gaps) < 0.03, "leads come evenly, not in bursts"


async def test_a_recorded_run_is_played_faster() -> None:
    time = FakeTime()
    played = await play(
        leads(61),
        FakeProducer(),
        topic="leads",
        as_event=as_event,
        pace=AsRecorded(30),
        clock=time.clock(),
    )
    assert played.seconds == pytest.approx(2.0, abs=0.05)


async def test_a_stop_after_the_end_leaves_the_run_complete() -> None:
    stop, producer = asyncio.Event(), FakeProducer(partitions=1)
    producer.on_send = stop.set
    played = await play(leads(3), producer, topic="leads", as_event=as_event, stop=stop)
    assert (played.sent, played.stopped) == (3, False)


async def test_progress_is_reported_with_every_delivery() -> None:
    seen = []
    await play(
        leads(1200),
        FakeProducer(partitions=1),
        topic="leads",
        as_event=as_event,
        on_progress=lambda played: seen.append(played.sent),
    )
    assert seen == [500, 1000, 1200]


async def test_nothing_to_play_is_no_failure() -> None:
    played = await play([], FakeProducer(), topic="leads", as_event=as_event)
    assert (played.sent, played.complete, played.rate) == (0, True, 0.0)


def test_two_runs_add_up() -> None:
    first, second = Played(seconds=1.0), Played(seconds=2.0, stopped=True)
    broken = Event(b"L-1", b"", [], "garbage", ErrorCode.DECODE)
    first.add(0, 0, Counter(lead=2), [])
    second.add(0, 2, Counter(lead=1, garbage=1), [(1, broken)])
    second.add(1, 0, Counter(lead=1), [])
    second.failed["KafkaError"] += 1
    first.join(second)
    assert (first.sent, first.seconds, first.stopped, first.complete) == (5, 3.0, True, False)
    assert first.offsets == {0: [range(2), range(2, 4)], 1: [range(1)]}
    assert list(first.good()) == [(0, 0), (0, 1), (0, 2), (1, 0)]
    assert first.dead_letters(refuse_few_fields=False) == {(0, 3): ErrorCode.DECODE}
