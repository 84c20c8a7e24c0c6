"""Commits of a replay's progress: at an interval while it reads, and at its end."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass

from aiokafka import TopicPartition

from schemas.errors import FatalError
from stream.consume.offset_committer import Committer
from stream.process.deadlines import now
from stream.replay.progress import ReplayAssignment
from stream.replay.source_limits import SourceLimits

__all__ = ["Reading", "ReplayCommits", "name_of"]


@dataclass(slots=True)
class Reading:
    """How far a range was read."""

    next: int
    end: int

    @property
    def is_over(self) -> bool:
        """Whether it was read to its end."""
        return self.next >= self.end


class ReplayCommits:
    """Commits the progress of a replay, with its account.

    Parameters
    ----------
    committer
        Commits to Kafka.
    assignment
        The progress of each partition.
    readings
        How far each partition was read.
    limits
        Limits.
    """

    def __init__(
        self,
        committer: Committer,
        assignment: ReplayAssignment,
        readings: Mapping[TopicPartition, Reading],
        limits: SourceLimits,
    ) -> None:
        self._committer = committer
        self._assignment = assignment
        self._readings = readings
        self._limits = limits
        self._batch_done = asyncio.Event()

    def on_batch_done(self) -> None:
        """Wake up ``finish``; call it when a batch is done."""
        self._batch_done.set()

    async def regularly(self) -> None:
        """Commit the progress each interval, without end.

        Raises
        ------
        FatalError
            Another process executes the same part of the replay.
        """
        while True:
            await asyncio.sleep(self._limits.commit_interval)
            self._settle()
            await self._committer.commit(self._assignment, now() + self._limits.commit_limit)
            self._require_all()

    def _settle(self) -> None:
        for partition, progress in list(self._assignment.items()):
            progress.pass_gap(self._readings[partition].next)

    def _require_all(self) -> None:
        if lost := self._readings.keys() - self._assignment.keys():
            raise FatalError(
                f"This process was expected to be the only one that replays {name_of(min(lost))},"
                " but another has begun to: let that one continue, or end it and resume the replay."
            )

    async def finish(self) -> None:
        """Wait for the batches in flight, and commit.

        Raises
        ------
        FatalError
            A batch was not delivered or the last commit not accepted in time, or another process
            executes the same part of the replay.
        """
        by = now() + self._limits.finish_limit
        while any(progress.has_open for progress in self._assignment.values()) and now() < by:
            self._batch_done.clear()
            try:
                async with asyncio.timeout_at(min(by, now() + 1.0)):
                    await self._batch_done.wait()
            except TimeoutError:
                continue
        self._settle()
        progress_of = dict(self._assignment.items())
        await self._committer.finish(self._assignment, by)
        late = [at for at, progress in progress_of.items() if progress.is_due]
        if late:
            raise FatalError(
                f"The last commit of {name_of(min(late))} was expected within"
                f" {self._limits.finish_limit:g} s, but Kafka has not accepted it: check the"
                " brokers, and resume the replay."
            )
        undelivered = [at for at, progress in progress_of.items() if progress.has_open]
        if undelivered:
            raise FatalError(
                f"The last batches of {name_of(min(undelivered))} were expected to be delivered"
                f" within {self._limits.finish_limit:g} s, but were not: check the brokers, and"
                " resume the replay."
            )
        self._require_all()


def name_of(partition: TopicPartition) -> str:
    """Return the name of a partition in messages."""
    return f"{partition.topic}/{partition.partition}"
