"""How the workers beside a replay are doing: their lag, and the latency of their latest events."""

from __future__ import annotations

from typing import Any, NamedTuple

import pytest
from aiokafka import TopicPartition

from schemas.headers import REPLAY_ID, EventIds, Headers, SourceOf
from stream.replay.live_watch import RECENT_MS, latency_of, read_lately
from testing.fake_consumer import FakeConsumer
from testing.fake_kafka import TOPIC, FakeKafka
from testing.fake_raw_reader import FakeRawReader

NOW = 1_760_000_000_000.0
IDS = EventIds("leads.created", "ab")
SOURCE_OF = SourceOf("leads.created", 0, None)


class Stamped(NamedTuple):
    """A record."""

    offset: int
    timestamp: float
    headers: Headers


def lead(offset: int, age: float) -> Any:
    return Stamped(offset, NOW - age, [])


def event(source: int, age: float, *more: tuple[str, bytes | None]) -> Any:
    [event_id] = IDS.of([0], [source])
    headers = [("ce_source", b"/leadscore/leads.created"), ("ce_id", event_id), *more]
    return Stamped(source + 1000, NOW - age, headers)


def test_the_latency_is_from_the_lead_to_its_event() -> None:
    leads = [lead(offset, 500.0) for offset in range(10)]
    events = [event(offset, 480.0) for offset in range(10)]
    assert latency_of(leads, events, SOURCE_OF, NOW) == 20.0


def test_old_events_and_those_of_replays_say_nothing_of_the_workers_now() -> None:
    old = event(1, RECENT_MS + 1.0)
    replayed = event(1, 0.0, (REPLAY_ID, b"r1"))
    assert latency_of([lead(1, 60_000.0)], [old, replayed], SOURCE_OF, NOW) is None


def test_an_event_whose_lead_was_not_read_is_passed_over() -> None:
    assert latency_of([lead(1, 100.0)], [event(2, 0.0)], SOURCE_OF, NOW) is None


@pytest.mark.parametrize("timestamp", [-1, 0, NOW // 1000, NOW * 1000])
def test_a_lead_with_an_absurd_time_stamp_says_nothing_of_the_latency(timestamp: float) -> None:
    absurd: Any = Stamped(1, timestamp, [])
    leads, events = [absurd, lead(2, 500.0)], [event(1, 480.0), event(2, 480.0)]
    assert latency_of(leads, events, SOURCE_OF, NOW) == 20.0


class Unsubscribing(FakeConsumer):
    """A consumer that reads nothing between two looks."""

    def unsubscribe(self) -> None:
        self.assign([])


async def test_an_unreadable_record_among_the_latest_is_left_out() -> None:
    kafka = FakeKafka(1)
    kafka[0].append(10)
    kafka[0].unreadable.add(7)
    consumer = Unsubscribing(kafka)
    found = await read_lately(consumer, FakeRawReader(kafka), TopicPartition(TOPIC, 0), 5, 10)
    assert [record.offset for record in found] == [5, 6, 8, 9]
    assert consumer.assignment() == frozenset()
