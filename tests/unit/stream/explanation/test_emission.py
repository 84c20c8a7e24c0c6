"""A scored event names its lead, the lead's record, and its time."""

from __future__ import annotations

from typing import Any

from stream.dead_letters.letter import Place
from stream.explanation.emission import Emission
from stream.explanation.subject import LeadId, RecordPlace

SCORED = RecordPlace("leads.scored", Place(0, 0))


def test_it_names_the_lead_and_its_record() -> None:
    event: dict[str, Any] = {
        "lead_id": "L-3",
        "source": {"topic": "leads.created", "partition": 2, "offset": 7},
    }
    found = Emission(SCORED, event)
    assert (found.lead, str(found.source)) == (LeadId("L-3"), "leads.created/2/7")


def test_an_event_without_a_time_zone_in_json_is_in_utc() -> None:
    emission = Emission(SCORED, {"scored_at": 1_700_000_000_000})
    assert emission.scored_at.isoformat() == "2023-11-14T22:13:20+00:00"
