"""Records of webhooks."""

from __future__ import annotations

import orjson

from stream.hooks.webhook import Webhook, record_of


def test_a_record_has_the_lead_its_key_and_the_webhooks_id() -> None:
    record = record_of(Webhook("w-1", {"lead_id": "é", "a": 1}), 5)
    assert record.key == "é".encode()
    assert orjson.loads(record.value) == {"lead_id": "é", "a": 1, "created_at": 5}
    assert ("x-request-id", b"w-1") in record.headers


def test_a_time_of_creation_stays_and_a_long_id_is_left_out() -> None:
    record = record_of(Webhook("w" * 300, {"lead_id": "a", "created_at": "2026-01-01"}), 5)
    assert orjson.loads(record.value)["created_at"] == "2026-01-01"
    assert [name for name, _ in record.headers] == ["content-type"]
