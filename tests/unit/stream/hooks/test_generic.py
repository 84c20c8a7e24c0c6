"""Leads of any other system."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from stream.hooks.generic import read_generic
from stream.hooks.webhook import Webhook
from stream.rest.problems import Problem

LEAD = {"lead_id": "a", "x": 1}


def test_a_lead_alone_in_data_or_in_a_list_is_read() -> None:
    assert read_generic("w", orjson.dumps(LEAD)) == [Webhook("w", LEAD)]
    payload = {"type": "lead.created", "timestamp": "2026-01-01T00:00:00Z", "data": LEAD}
    assert read_generic("w", orjson.dumps(payload)) == [Webhook("w", LEAD)]
    for body in ([LEAD, LEAD], {"data": [LEAD, LEAD]}):
        assert [each.id for each in read_generic("w", orjson.dumps(body))] == ["w/0", "w/1"]


def test_a_time_of_creation_that_is_null_is_left_out() -> None:
    [webhook] = read_generic("w", orjson.dumps(LEAD | {"created_at": None}))
    assert webhook.lead == LEAD


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (b"{", 422, "DECODE"),
        (b"3", 422, "VALIDATION"),
        (b"{}", 422, "VALIDATION"),
        (b'{"lead_id": 3}', 422, "VALIDATION"),
        (b'[{"lead_id": ""}]', 422, "VALIDATION"),
        (orjson.dumps([LEAD] * 1001), 413, "TOO_MANY_LEADS"),
    ],
)
def test_another_body_is_refused(body: bytes, status: int, code: str) -> None:
    with pytest.raises(Problem, match="expected") as raised:
        read_generic("w", body)
    found: Any = raised.value
    assert (found.status, found.code) == (status, code)
