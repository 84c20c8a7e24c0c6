"""The offset committer: commits the offsets of done batches, one commit at a time."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from functools import partial
from typing import Protocol

from aiokafka import OffsetAndMetadata, TopicPartition
from aiokafka.errors import CommitFailedError, IllegalStateError, KafkaError

from stream.consume.assignment import Assignment
from stream.consume.start_offsets import StartOf, StartOffsets, unchecked_start
from stream.kafka.commit_metadata import metadata_of
from stream.kafka.committed_offsets import CommittedReader
from stream.kafka.consumer import Consumer
from stream.process.background_tasks import Crash
from stream.process.deadlines import now

__all__ = ["Committer", "CommitterMaker", "GroupCommitter", "OnCommit"]

log = logging.getLogger(__name__)

OnCommit = Callable[[Mapping[TopicPartition, int]], None]
"""Called with the offsets that Kafka has accepted."""


class Committer(Protocol):
    """Commits the offsets of an assignment, and looks up where its partitions start.

    Attributes
    ----------
    last_commit
        The loop's time of the last success; None before the first.
    overdue_since
        The loop's time since which a commit is due that Kafka has not accepted; None when all is
        well.
    """

    last_commit: float | None
    overdue_since: float | None

    def start(self, assignment: Assignment) -> None:
        """Start initialising the partitions of an assignment in the background.

        No record is taken of a partition before it has started.
        """

    async def started(self, partition: TopicPartition) -> None:
        """Wait until a partition has started, or never will."""

    def interrupt(self) -> None:
        """Cancel the commit that is under way, if it may be one that never ends."""

    async def commit(self, assignment: Assignment, by: float) -> None:
        """Commit what is due; if Kafka has not accepted it by the deadline, it stays due.

        Raises
        ------
        KafkaError
            When Kafka refuses for good, as for a group that this user may not read.
        """

    async def finish(self, assignment: Assignment, by: float) -> None:
        """Commit once more by the deadline: the partitions are being revoked."""


CommitterMaker = Callable[[Consumer, OnCommit, Crash], Committer]


class GroupCommitter(Committer):
    """Commits through the consumer, after the outputs are delivered (at least once).

    Parameters
    ----------
    consumer
        Sends the commits.
    on_commit, crash
        Called after a commit, and with an unrecoverable error.
    read_committed
        Fetches the group's commit of a partition.
    start_of
        See ``stream.consume.start_offsets.StartOf``.
    start_limit
        Seconds until the committed offset and the model of a partition must be known.
    """

    def __init__(
        self,
        consumer: Consumer,
        on_commit: OnCommit,
        crash: Crash,
        *,
        read_committed: CommittedReader,
        start_of: StartOf = unchecked_start,
        start_limit: float = 120.0,
    ) -> None:
        self.last_commit: float | None = None
        self.overdue_since: float | None = None
        self._consumer = consumer
        self._on_commit = on_commit
        self._read_committed = read_committed
        self._start_offsets = StartOffsets(consumer, crash, start_of, start_limit)
        self._turn = asyncio.Lock()
        self._scope: asyncio.Timeout | None = None

    def start(self, assignment: Assignment) -> None:
        """Look up the committed offset of each partition in the background."""
        for partition in assignment.partitions:
            fetch = partial(self._read_committed, partition)
            self._start_offsets.look_up(partition, assignment, fetch)

    async def started(self, partition: TopicPartition) -> None:
        """Wait until a partition has started, or never will."""
        await self._start_offsets.known(partition)

    def interrupt(self) -> None:
        """Cancel the commit that is under way: aiokafka may retry it without end.

        A commit of this generation that reaches Kafka in the next one is refused, or moves offsets
        of partitions that others own by then.
        """
        if self._scope is not None and not self._scope.expired():
            self._scope.reschedule(now())

    async def commit(self, assignment: Assignment, by: float) -> None:
        """Commit what is due of all partitions at once; one commit at a time."""
        async with self._turn:
            due = {
                partition: (progress, *progress.to_commit())
                for partition, progress in assignment.items()
                if progress.is_due
            }
            if not due:
                self.overdue_since = None
                return
            if not await self._is_accepted(
                {
                    partition: OffsetAndMetadata(
                        offset, metadata_of(offset, pin, progress.topic_id)
                    )
                    for partition, (progress, offset, pin) in due.items()
                },
                by,
            ):
                if self.overdue_since is None:
                    self.overdue_since = now()
                return
            self.overdue_since = None
            for progress, offset, pin in due.values():
                progress.is_committed(offset, pin)
            self.last_commit = now()
            self._on_commit({partition: offset for partition, (_, offset, _) in due.items()})

    async def finish(self, assignment: Assignment, by: float) -> None:
        """Commit once more by the deadline."""
        await self._start_offsets.cancel(by)
        await self.commit(assignment, by)

    async def _is_accepted(
        self, offsets: Mapping[TopicPartition, OffsetAndMetadata], by: float
    ) -> bool:
        try:
            async with asyncio.timeout_at(by) as self._scope:
                await self._consumer.commit(offsets)
        except (CommitFailedError, IllegalStateError):
            log.warning(
                "commit refused: the group has reassigned the partitions; their next owner scores"
                " again what was not committed"
            )
        except TimeoutError:
            log.warning(
                "commit timed out: the group's coordinator did not answer; tried again with the"
                " next one"
            )
        except KafkaError as error:
            if not error.retriable:
                raise
            log.warning("commit failed: %r; tried again with the next one", error)
        else:
            return True
        finally:
            self._scope = None
        return False
