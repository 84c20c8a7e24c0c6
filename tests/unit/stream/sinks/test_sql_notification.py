"""The payload of a notification: lead ids if they fit, else the place alone."""

from __future__ import annotations

import orjson
import pytest

from stream.sinks.sink import Log
from stream.sinks.sql_notification import MOST_BYTES, notification


def rows(count: int) -> list[dict[str, object]]:
    return [{"lead_id": f"lead-é-{at}", "kafka_offset": 5 + at} for at in range(count)]


def test_a_small_batch_names_its_leads_once() -> None:
    found = orjson.loads(notification(Log("leads.scored", 2), [*rows(2), *rows(2)]))
    assert found == {
        "topic": "leads.scored",
        "partition": 2,
        "first_offset": 5,
        "last_offset": 6,
        "leads": 2,
        "lead_ids": ["lead-é-0", "lead-é-1"],
    }


@pytest.mark.parametrize("count", [1, 400, 500, 600, 2000])
def test_a_payload_is_never_too_long(count: int) -> None:
    payload = notification(Log("leads.scored", 2), rows(count))
    assert len(payload.encode()) <= MOST_BYTES
    assert orjson.loads(payload)["last_offset"] == 4 + count
