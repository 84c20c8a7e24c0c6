"""Batches of a partition, and its progress: what was handed over, and what of it is done.

Plain Python, no Kafka.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping, Sequence

from aiokafka import TopicPartition

from agents.records import SourceRecord as Record
from schemas.errors import InvalidEventError
from stream.kafka.commit_metadata import ModelPin

__all__ = ["Batch", "PartitionProgress", "Record"]


NO_VERDICTS: Mapping[int, InvalidEventError] = {}


def _ignore_done() -> None:
    """Ignore that a batch is done."""


def _ignore_size(_size: int) -> None:
    """Ignore the size of a batch that is released."""


class Batch:
    """Consecutive records of one partition; committed once done.

    Parameters
    ----------
    partition
        Where the records come from.
    records
        At least one, offsets ascending.
    on_done
        Called when the batch is done.
    generation
        Number of the assignment in which it was read: within one, batches follow each other.
    size
        Bytes of the records, about.
    on_release
        Called with the size, once, when the records are released.
    verdicts
        By position: why a record is no lead, whatever its value. Of records that can't be read.

    Attributes
    ----------
    since
        Offset since which the partition's records are scored by the model that scores the batch.
    topic_id
        Id of the topic whose log it was read from; None where it is not known.
    """

    __slots__ = (
        "_on_done",
        "_on_release",
        "first_offset",
        "generation",
        "is_begun",
        "is_done",
        "is_revoked",
        "next_offset",
        "partition",
        "records",
        "since",
        "size",
        "timestamp",
        "topic_id",
        "verdicts",
    )

    def __init__(
        self,
        partition: TopicPartition,
        records: Sequence[Record],
        on_done: Callable[[], None] = _ignore_done,
        generation: int = 0,
        *,
        size: int = 0,
        on_release: Callable[[int], None] = _ignore_size,
        verdicts: Mapping[int, InvalidEventError] = NO_VERDICTS,
    ) -> None:
        self.partition = partition
        self.size = size
        self.generation = generation
        self.records = records
        self.verdicts = verdicts
        self.first_offset = records[0].offset
        self.next_offset = records[-1].offset + 1
        self.timestamp = records[0].timestamp
        self.is_begun = False
        self.is_done = False
        self.is_revoked = False
        self.since = 0
        self.topic_id: str | None = None
        self._on_done = on_done
        self._on_release = on_release

    def begin(self) -> bool:
        """Mark the batch as in flight.

        Returns
        -------
        bool
            False if the partition was revoked meanwhile: drop the batch, the partition's next
            owner reads the records again.
        """
        self.is_begun = not self.is_revoked
        return self.is_begun

    def done(self) -> None:
        """Mark the batch as done: all its outputs are delivered, its offsets may be committed."""
        if not self.is_begun:
            raise RuntimeError("a batch is done only after begin() returned True")
        self.is_done = True
        self.release()
        self._on_done()

    def release(self) -> None:
        """Drop the records of a batch that is done or revoked, to free their memory."""
        if self.records:
            self.records = ()
            self._on_release(self.size)

    def revoke(self) -> None:
        """Refuse to begin from now on. A batch in flight may still finish."""
        self.is_revoked = not self.is_begun
        if self.is_revoked:
            self.release()

    @property
    def is_in_flight(self) -> bool:
        """Whether processing has begun and is not done."""
        return self.is_begun and not self.is_done


class PartitionProgress:
    """The batches of one partition in the order in which they were handed over.

    Parameters
    ----------
    committed
        The group's committed offset; None where there is none, or it is not known.
    pin
        Which model scores the partition, as the group's commit says; None where it does not say so.
    topic_id
        Id of the topic whose log is read; None where it is not known.
    has_commit
        Whether the group has a commit, though the partition is read from elsewhere.

    Attributes
    ----------
    had_commit
        Whether the group had a commit when the partition was assigned.
    done_offset
        Every record below is done, here or by an earlier owner; None until known.
    committed
        The group's offset, as it was found or was committed since; None before.
    behind_since
        The loop's time since which there are records to read and none has come.
    pin
        Which model scores the partition; None before that is committed.
    next_pin
        Replaces ``pin`` with the next commit; None if no change is scheduled.
    topic_id
        As given: part of each commit.
    """

    __slots__ = (
        "_batches",
        "behind_since",
        "committed",
        "done_offset",
        "had_commit",
        "next_pin",
        "pin",
        "topic_id",
    )

    def __init__(
        self,
        committed: int | None = None,
        pin: ModelPin | None = None,
        topic_id: str | None = None,
        *,
        has_commit: bool = False,
    ) -> None:
        self._batches: deque[Batch] = deque()
        self.done_offset: int | None = None
        self.had_commit = has_commit or committed is not None
        self.committed = committed
        self.behind_since: float | None = None
        self.pin = pin
        self.next_pin: ModelPin | None = None
        self.topic_id = topic_id

    def add(self, batch: Batch) -> None:
        """Add a batch that is about to be handed over."""
        self._batches.append(batch)
        self.behind_since = None

    def settle(self) -> None:
        """Advance ``done_offset`` over the longest prefix of done batches."""
        while self._batches and self._batches[0].is_done:
            self.done_offset = self._batches.popleft().next_offset

    def pass_gap(self, position: int) -> None:
        """Advance ``done_offset`` to the client's position if no batch is open.

        Control records, aborted records and compacted ones are never handed over: without this the
        lag would count them, and the offset before them would stay the committed one.
        """
        if not self._batches:
            self.done_offset = position

    def note_stall(self, end: int | None, time: float) -> None:
        """Note since when there are records to read and none has come.

        Parameters
        ----------
        end
            Offset after the last record that can be read; None if unknown, or if the partition is
            not to be read.
        time
            The loop's time now.
        """
        # A worker that read uncommitted records may have committed beyond the last stable offset.
        is_over = end is None or self.done_offset is None or self.done_offset >= end
        if is_over or self.has_open:
            self.behind_since = None
        elif self.behind_since is None:
            self.behind_since = time

    def revoke(self) -> None:
        """Revoke the batches that have not begun; those in flight may still finish."""
        for batch in self._batches:
            batch.revoke()

    def abandon(self) -> None:
        """Refuse to let a batch begin, and forget those in flight: they can't be committed."""
        self.revoke()
        self._batches.clear()

    @property
    def end(self) -> int | None:
        """Where what was handed over ends; None until known."""
        return self._batches[-1].next_offset if self._batches else self.done_offset

    @property
    def is_started(self) -> bool:
        """Whether the group has read from the partition before, here or according to a commit."""
        return self.end is not None or self.committed is not None

    @property
    def has_open(self) -> bool:
        """Whether something was handed over that is not done."""
        return any(not batch.is_done for batch in self._batches)

    @property
    def is_in_flight(self) -> bool:
        """Whether a batch is in flight."""
        return any(batch.is_in_flight for batch in self._batches)

    @property
    def resume_offset(self) -> int | None:
        """The offset from which a new owner would have to read; None until known."""
        if self.done_offset is not None:
            return self.done_offset
        return self._batches[0].first_offset if self._batches else self.committed

    @property
    def next_to_begin(self) -> int | None:
        """The offset from which on nothing has begun; None until known."""
        waiting = (batch.first_offset for batch in self._batches if not batch.is_begun)
        end = self.committed if self.end is None else self.end
        return next(waiting, end)

    def change_pin(self, pin: ModelPin) -> None:
        """Schedule a change of model, which takes effect when it is committed."""
        self.done_offset = self.resume_offset
        self.next_pin = pin

    def keep_pin(self) -> None:
        """Cancel the change of model.

        A commit without it becomes due: the commit with it may have been accepted, and only its
        answer lost.
        """
        self.next_pin = None
        self.committed = None

    def to_commit(self) -> tuple[int, ModelPin | None]:
        """Return the offset to commit, and the model that scores the records from there on."""
        assert self.done_offset is not None, "a commit is made only where one is due"
        return self.done_offset, self.next_pin or self.pin

    def is_committed(self, offset: int, pin: ModelPin | None) -> None:
        """Record a commit that Kafka has accepted."""
        self.committed = offset
        if self.next_pin is not None and pin is self.next_pin:
            self.pin, self.next_pin = pin, None

    @property
    def is_due(self) -> bool:
        """Whether there is something new to commit."""
        is_known = self.done_offset is not None
        return is_known and (self.done_offset != self.committed or self.next_pin is not None)

    @property
    def oldest_timestamp(self) -> int | None:
        """Milliseconds since 1970 of the first record handed over that is not done."""
        for batch in self._batches:
            if not batch.is_done:
                return batch.timestamp
        return None
