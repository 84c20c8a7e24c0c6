"""The account of a re-drive: every letter that was read was sent or left."""

from __future__ import annotations

from collections import Counter

import pytest

from stream.dead_letters.account import Account, LeftReason

LEFT = Counter({LeftReason.ATTEMPTS: 1, LeftReason.FOREIGN: 2})


@pytest.mark.parametrize(
    ("account", "is_balanced"),
    [
        (Account(is_complete=True), True),
        (Account(read=5, sent=2, left=LEFT, is_complete=True), True),
        (Account(read=5, sent=2, left=LEFT), False),
        (Account(read=6, sent=2, left=LEFT, is_complete=True), False),
        (Account(read=4, sent=2, left=LEFT, is_complete=True), False),
        (Account(read=5, sent=2, left=LEFT, expired=1, is_complete=True), False),
    ],
    ids=["nothing", "all", "stopped", "one is missing", "one is counted twice", "one expired"],
)
def test_it_balances_where_every_letter_of_the_plan_was_sent_or_left(
    account: Account, is_balanced: bool
) -> None:
    assert account.is_balanced is is_balanced


def test_accounts_share_no_counts() -> None:
    first, second = Account(), Account()
    first.left[LeftReason.FOREIGN] += 1
    assert second.left == {}
