"""The account of a replay: the result of every offset of its ranges.

The account of a partition is committed with its offset, in the metadata of the commit. So it is
exact after any kill, and any process can read how far a replay is (docs/adr/0034).
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import astuple, dataclass, fields
from typing import Any

from stream.kafka.commit_metadata import Commit, ModelPin

__all__ = ["Account", "AccountedPin", "account_of"]

NAME = "account"
"""Key of the account in the metadata of a commit."""


@dataclass(frozen=True, slots=True)
class Account:
    """Numbers of offsets by their result.

    Attributes
    ----------
    scored, dead_lettered
        Records with a scored event, or with a dead letter.
    filtered
        Records that the replay's filter or sample left out.
    dropped
        Records without an output, as a worker drops them: copies of a last dead letter.
    expired
        Offsets that retention or DeleteRecords removed before they were read.
    gaps
        Offsets without a record: markers of transactions, aborted or compacted records.
    """

    scored: int = 0
    dead_lettered: int = 0
    filtered: int = 0
    dropped: int = 0
    expired: int = 0
    gaps: int = 0

    def __add__(self, other: Account) -> Account:
        # By name: dataclasses.astuple copies deeply, and each batch adds several accounts.
        return Account(
            scored=self.scored + other.scored,
            dead_lettered=self.dead_lettered + other.dead_lettered,
            filtered=self.filtered + other.filtered,
            dropped=self.dropped + other.dropped,
            expired=self.expired + other.expired,
            gaps=self.gaps + other.gaps,
        )

    @property
    def offsets(self) -> int:
        """Number of offsets that the account covers."""
        return self.records + self.expired + self.gaps

    @property
    def records(self) -> int:
        """Number of records that were read."""
        return self.scored + self.dead_lettered + self.filtered + self.dropped

    @classmethod
    def total(cls, accounts: Iterable[Account]) -> Account:
        """Return the sum of accounts."""
        return sum(accounts, cls())


@dataclass(frozen=True, slots=True)
class AccountedPin(ModelPin):
    """The model of a partition, and the account of the offsets before the commit."""

    account: Account = Account()

    def fields(self, offset: int) -> dict[str, Any]:
        """Return what the metadata of a commit say besides their format."""
        # Not super(): a dataclass with slots is another class than the one that super() refers to.
        return ModelPin.fields(self, offset) | {NAME: astuple(self.account)}


def account_of(commit: Commit | None) -> Account:
    """Return the account in the metadata of a commit; an empty one if there is none."""
    if commit is None or not commit.is_ours:
        return Account()
    counts = json.loads(commit.metadata).get(NAME)
    if not isinstance(counts, list) or len(counts) != len(fields(Account)):
        return Account()
    return Account(*map(int, counts))
