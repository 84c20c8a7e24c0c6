"""Verdicts of sinks."""

from __future__ import annotations

from stream.sinks.sink import WriteResult, refuse, retry_later


def test_a_refusal_has_its_reason_and_a_retry_its_wait() -> None:
    assert (refuse("too long").outcome, refuse("too long").error) == (
        WriteResult.REFUSED,
        "too long",
    )
    assert (retry_later(3.0).outcome, retry_later(3.0).after) == (WriteResult.RETRY, 3.0)
    assert retry_later().after is None
