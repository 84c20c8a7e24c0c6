"""Live scores joined with the leads that they are of."""

from __future__ import annotations

from typing import Any

import orjson

from stream.comparison.live_scores import LiveScores, by_lead_id, by_source
from stream.comparison.score_values import EventReader
from tests.unit.stream.comparison.lead_records import LeadRecord


def event(offset: int, score: float = 0.5, version: str = "1", topic: str = "leads") -> Any:
    made = {
        "lead_id": f"L-{offset}",
        "score": score,
        "category": "Low",
        "reasons": [],
        "model_id": "bank",
        "model_version": version,
        "source": {"topic": topic, "partition": 0, "offset": offset},
    }
    return LeadRecord(orjson.dumps(made))


def scores(live: LiveScores) -> list[float | None]:
    read = EventReader().scored
    return [None if value is None else read(value).score for value in live.side.values]


WANTED = {("leads", 0, 7): (0,), ("leads", 0, 9): (1,)}


def test_events_of_other_leads_and_other_topics_are_left_out() -> None:
    live = LiveScores(WANTED, 2, by_source)
    live.add([event(8), event(7, 0.25), event(9, topic="other")])
    assert scores(live) == [0.25, None]


def test_the_last_event_of_a_lead_counts_and_models_are_named() -> None:
    live = LiveScores(WANTED, 2, by_source)
    live.add([event(7, 0.1), event(9, 0.2, "1")])
    live.add([event(7, 0.3, "2")])
    assert scores(live) == [0.3, 0.2]
    assert live.side.name == "live scores (bank/2, bank/1)"


def test_leads_of_a_file_are_joined_by_their_id() -> None:
    live = LiveScores({"L-7": [0, 2]}, 3, by_lead_id)
    live.add([event(7, 0.75)])
    assert scores(live) == [0.75, None, 0.75]


def test_unreadable_values_are_counted_and_change_nothing() -> None:
    live = LiveScores(WANTED, 2, by_source)
    broken = [b"", None, b"{}", b"no event", b'{"source": 1}', b"\xc3\x01 damaged bytes"]
    live.add([LeadRecord(value) for value in broken])
    assert live.unreadable == len(broken)
    assert scores(live) == [None, None]
    assert live.side.name == "live scores"
