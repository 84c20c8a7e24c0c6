from __future__ import annotations

from stream.settings import load_settings


def test_transactions_replace_the_interval_of_commits() -> None:
    once = load_settings(
        delivery="exactly_once", commit_interval_seconds=9, transaction_interval_ms=250
    )
    assert once.is_exactly_once
    assert once.commit_seconds == 0.25

    repeated = load_settings(delivery="at_least_once", commit_interval_seconds=9)
    assert not repeated.is_exactly_once
    assert repeated.commit_seconds == 9
