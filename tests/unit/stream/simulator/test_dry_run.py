"""A rehearsal counts what a run would send."""

from __future__ import annotations

from schemas.errors import ErrorCode
from stream.simulator.dry_run import rehearse
from stream.simulator.playing import Event, Lead


def as_event(lead: Lead) -> Event:
    headers = [("trace", b"1234")]
    if lead.lead_id == "broken":
        return Event(b"broken", None, headers, "empty", ErrorCode.WIRE_FORMAT)
    return Event(lead.lead_id.encode(), b"value", headers)


def test_events_are_counted_by_kind_with_their_bytes() -> None:
    leads = [Lead(lead_id, None, {}) for lead_id in ("a", "broken", "b")]
    found = rehearse(leads, as_event)
    assert found.kinds == {"lead": 2, "empty": 1}
    assert found.codes == {"empty": ErrorCode.WIRE_FORMAT}
    assert found.bytes == 2 * (1 + 5) + 6 + 3 * (5 + 4)
