"""Ids of webhooks that were written."""

from __future__ import annotations

from stream.hooks.seen_webhooks import SeenWebhooks


def test_the_latest_ids_of_each_sender_are_kept() -> None:
    seen = SeenWebhooks(3)
    seen.add("a", ["1", "2", ""])
    assert seen.has("a", "1")
    assert not seen.has("b", "1")
    assert not seen.has("a", ""), "a webhook without an id is never a repeat"
    seen.add("a", ["1", "3", "4"])
    assert [seen.has("a", each) for each in "1234"] == [True, False, True, True]
