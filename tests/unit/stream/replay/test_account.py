"""The account of a replay, and how it travels with a commit."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.model_identity import ModelIdentity
from stream.kafka.commit_metadata import Commit, metadata_of
from stream.replay.account import Account, AccountedPin, account_of

MODEL = ModelIdentity("leads", "3", "9f" * 32)
ACCOUNTS = st.builds(Account, *(st.integers(0, 2**40) for _ in range(6)))


@given(ACCOUNTS, ACCOUNTS)
def test_accounts_add_up(one: Account, other: Account) -> None:
    both = one + other
    assert both.offsets == one.offsets + other.offsets
    assert both.offsets == both.records + both.expired + both.gaps
    assert Account.total([one, other]) == both


@given(ACCOUNTS, st.integers(0, 2**40))
def test_the_metadata_of_a_commit_keep_the_account_and_the_model(
    account: Account, offset: int
) -> None:
    commit = Commit(offset, metadata_of(offset, AccountedPin(MODEL, 7, account=account)))
    assert account_of(commit) == account
    assert commit.pin is not None
    assert commit.pin.model == MODEL


def test_the_metadata_fit_into_a_commit() -> None:
    """Kafka's limit, offset.metadata.max.bytes, is 4,096."""
    longest = ModelIdentity("ü" * 100, "9" * 9, "f" * 64)
    account = Account(*[2**63] * 6)
    assert len(metadata_of(2**63, AccountedPin(longest, 2**63, 2**64, account=account))) < 2048


@pytest.mark.parametrize(
    "commit",
    [
        None,
        Commit(5),
        Commit(5, "no json"),
        Commit(5, metadata_of(5, None)),
        Commit(6, metadata_of(5, AccountedPin(MODEL, 0, account=Account(scored=5)))),
        Commit(5, '{"leadscore":1,"at":5,"account":[1,2]}'),
    ],
)
def test_a_commit_without_an_account_has_an_empty_one(commit: Commit | None) -> None:
    assert account_of(commit) == Account()
