"""Events of leads that nobody contacted in time."""

from __future__ import annotations

import pytest

from agents.outcomes.lead_timers import Overdue
from agents.outcomes.overdue_event import encode_overdue, event_id_of, read_overdue
from schemas.model_identity import ModelIdentity
from schemas.record_codec import RecordCodec

OVERDUE = Overdue("hot", 1000, 2000, 17, 0.75, "High", ModelIdentity("leads", "3", "9f"))


def test_an_event_has_the_timer_the_score_and_the_place_of_the_lead() -> None:
    value = encode_overdue("L-1", OVERDUE, 2)
    found = RecordCodec("lead_overdue").decode(value)
    assert found == {
        "event_id": "hot-2-17-1000",
        "lead_id": "L-1",
        "timer": "hot",
        "since": 1000,
        "due_at": 2000,
        "score": 0.75,
        "category": "High",
        "model_id": "leads",
        "model_version": "3",
        "model_sha256": "9f",
        "source_partition": 2,
        "source_offset": 17,
    }
    assert read_overdue(value) == found
    assert found["event_id"] == event_id_of(OVERDUE, 2)


@pytest.mark.parametrize("value", [None, b"", b"{}", b"\xc3\x01 of another kind"])
def test_bytes_that_are_no_event_are_refused(value: bytes | None) -> None:
    with pytest.raises(ValueError, match="expected a lead_overdue"):
        read_overdue(value)
