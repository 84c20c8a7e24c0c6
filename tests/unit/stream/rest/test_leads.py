"""Leads of requests, as records."""

from __future__ import annotations

import orjson

from stream.rest.leads import lead_of


def test_missing_id_and_time_are_filled_in() -> None:
    lead = lead_of({"x": 1}, "r-1", 1_700_000_000_000)
    assert orjson.loads(lead.value) == {
        "lead_id": "r-1",
        "created_at": 1_700_000_000_000,
        "x": 1,
    }
    assert lead.headers == [("x-request-id", b"r-1")]


def test_a_given_value_stays_also_if_it_is_wrong() -> None:
    lead = lead_of({"lead_id": None, "created_at": None}, "r-1", 5)
    assert orjson.loads(lead.value) == {"lead_id": None, "created_at": None}


def test_the_offset_is_a_hash_of_the_lead_that_fits_a_long() -> None:
    offsets = {lead_of({"lead_id": str(i), "created_at": 1}, "r", 1).offset for i in range(500)}
    assert len(offsets) == 500
    assert all(0 <= offset < 2**63 for offset in offsets)
    first, again = (lead_of({"created_at": 1, **extra}, "r", 9) for extra in ({"b": 1}, {"b": 1}))
    assert first.offset == again.offset


def test_the_order_of_fields_does_not_matter() -> None:
    one, other = ({"lead_id": "a", "x": 1}, {"x": 1, "lead_id": "a"})
    assert lead_of(one, "r", 1).offset == lead_of(other, "r", 1).offset
