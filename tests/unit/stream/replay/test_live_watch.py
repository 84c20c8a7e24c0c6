"""How the workers beside a replay are doing: their lag, and the latency of their latest events."""

from __future__ import annotations

from typing import Any, NamedTuple

from schemas.headers import REPLAY_ID, EventIds, Headers, SourceOf
from stream.replay.live_watch import RECENT_MS, latency_of

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
