"""An event of the simulated CRM: its headers and its time of creation."""

from __future__ import annotations

import pytest

from schemas.wire import WireFormat
from stream.simulator.events import EventMaker
from stream.simulator.synthetic import synthetic_leads
from tests.unit.stream.simulator.test_broken import LEAD_CREATED, decoder


def test_headers_are_those_of_a_crm() -> None:
    event = EventMaker(LEAD_CREATED, WireFormat.JSON)(next(synthetic_leads(1)))
    headers = dict(event.headers)
    assert headers["content-type"] == b"application/json"
    assert len(headers["x-request-id"]) == 32
    version, trace, span, flags = headers["traceparent"].decode().split("-")
    assert (version, len(trace), len(span), flags) == ("00", 32, 16, "01")


@pytest.mark.parametrize(("created_now", "expected"), [(False, 5), (True, 99)])
def test_a_lead_is_created_at_its_own_time_unless_it_is_to_be_now(
    created_now: bool, expected: int
) -> None:
    as_event = EventMaker(LEAD_CREATED, created_now=created_now, now=lambda: 99)
    lead = next(synthetic_leads(1))
    events = [as_event(lead._replace(created_at=5)), as_event(lead)]
    decoded = decoder(LEAD_CREATED).decode([event.value for event in events])
    assert decoded.created_at.tolist() == [expected, 99]
