"""Progress of a replayed partition: the batches, and the account of everything before the commit.

Plain Python, no Kafka.
"""

from __future__ import annotations

from aiokafka import TopicPartition

from agents.scored_batch import ScoredBatch
from stream.consume.assignment import Assignment
from stream.consume.partition_progress import Batch, PartitionProgress
from stream.kafka.commit_metadata import ModelPin
from stream.replay.account import Account, AccountedPin

__all__ = ["ReplayAssignment", "ReplayProgress"]


class ReplayProgress(PartitionProgress):
    """The batches of one partition, with the account of the offsets below ``done_offset``.

    Parameters
    ----------
    committed
        The offset at which the partition starts.
    pin
        The model, and the account up to there.

    Attributes
    ----------
    account
        Counts of the offsets from the range's start to ``done_offset``, by result.
    """

    __slots__ = ("_counts", "_passed", "_pin", "account")

    def __init__(self, committed: int, pin: AccountedPin) -> None:
        super().__init__(committed, pin)
        self.account = pin.account
        self._pin = pin
        self._passed = Account()
        self._counts: dict[Batch, Account] = {}

    def passed(self, account: Account) -> None:
        """Count offsets that no batch has: they belong before the next batch."""
        self._passed += account

    def add(self, batch: Batch) -> None:
        """Add a batch that is about to be handed over."""
        self._counts[batch], self._passed = self._passed, Account()
        super().add(batch)

    def scored(self, batch: Batch, outcome: ScoredBatch) -> None:
        """Count the outcome of a batch; call it at once when the batch is done."""
        self._counts[batch] += Account(
            scored=len(outcome.scored),
            dead_lettered=len(outcome.dead_letters),
            dropped=len(outcome.dropped),
        )

    def settle(self) -> None:
        """Advance ``done_offset`` and the account over the longest prefix of done batches."""
        while self._batches and self._batches[0].is_done:
            batch = self._batches.popleft()
            self.done_offset = batch.next_offset
            self.account += self._counts.pop(batch)

    def pass_gap(self, position: int) -> None:
        """Advance to a position if no batch is open, with all that was passed before it."""
        self.settle()
        if not self._batches:
            self.done_offset = position
            self.account, self._passed = self.account + self._passed, Account()

    def to_commit(self) -> tuple[int, ModelPin | None]:
        """Return the offset to commit, with the account up to there."""
        offset, _ = super().to_commit()
        pin = self._pin
        return offset, AccountedPin(pin.model, pin.since, account=self.account)


class ReplayAssignment(Assignment):
    """The partitions of a replay; each starts at its commit, or at the start of its range."""

    def start(
        self,
        partition: TopicPartition,
        committed: int | None = None,
        pin: ModelPin | None = None,
        topic_id: str | None = None,
        has_commit: bool = False,
    ) -> None:
        """Note that the start offset of a partition is known."""
        assert committed is not None, "a partition without a commit starts where its range does"
        assert isinstance(pin, AccountedPin)
        if not self.has_ended:
            self._progress[partition] = ReplayProgress(committed, pin)

    def progress(self, partition: TopicPartition) -> ReplayProgress | None:
        """Return the progress of a partition; None before its start, and after it is lost."""
        found = self.get(partition)
        assert found is None or isinstance(found, ReplayProgress)
        return found
