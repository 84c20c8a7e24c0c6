"""Start offsets: assigned partitions are read from the group's committed offsets.

aiokafka begins to read on its own, where it believes the commit to be; the source takes no record
of a partition before its start offset is known here.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import NamedTuple

from aiokafka import TopicPartition
from aiokafka.errors import IllegalStateError

from stream.consume.assignment import Assignment
from stream.kafka.commit_metadata import Commit, ModelPin
from stream.kafka.consumer import Consumer
from stream.process.background_tasks import BackgroundTasks, Crash
from stream.process.deadlines import fail_at, now

__all__ = ["FetchCommit", "Start", "StartOf", "StartOffsets", "unchecked_start"]

FetchCommit = Callable[[], Awaitable[Commit | None]]
"""Fetches the group's commit of a partition; None where there is none."""


class Start(NamedTuple):
    """Where a partition starts.

    Attributes
    ----------
    committed
        The group's offset in the log that is read; None: at the log's start.
    pin
        Which model scores what comes next; None: any.
    topic_id
        Id of the topic whose log is read; None where it is not known.
    has_commit
        Whether the group has committed in this log, though that is not where it is read from: files
        or a store of the role's own say where.
    """

    committed: int | None
    pin: ModelPin | None = None
    topic_id: str | None = None
    has_commit: bool = False


StartOf = Callable[[TopicPartition, Commit | None], Awaitable[Start]]
"""Checks the commit of a partition that starts; returns where and with which model it starts."""


async def unchecked_start(partition: TopicPartition, commit: Commit | None) -> Start:
    """Return the commit's offset; any model may score the partition."""
    return Start(None if commit is None else commit.offset)


class StartOffsets:
    """Seeks assigned partitions to their committed offsets in the background.

    Parameters
    ----------
    consumer
        Seeks.
    crash, start_of
        As described at the types.
    within
        Seconds for one partition.
    """

    def __init__(self, consumer: Consumer, crash: Crash, start_of: StartOf, within: float) -> None:
        self._consumer = consumer
        self._crash = crash
        self._start_of = start_of
        self._within = within
        self._tasks = BackgroundTasks()
        self._starts: dict[TopicPartition, asyncio.Task[None]] = {}

    def look_up(
        self, partition: TopicPartition, assignment: Assignment, fetch: FetchCommit
    ) -> None:
        """Schedule the start of a partition.

        Parameters
        ----------
        partition
            Is assigned to the consumer.
        assignment
            In which the partition starts.
        fetch
            Fetches the commit. Without one, reading starts at the log's start.
        """
        self._starts[partition] = self._tasks.start(self._start(partition, assignment, fetch))

    async def known(self, partition: TopicPartition) -> None:
        """Wait until the start of a partition has succeeded, failed or been cancelled."""
        if start := self._starts.get(partition):
            await asyncio.wait([start])

    async def cancel(self, by: float) -> None:
        """Cancel all starts, and wait until they have ended or the deadline has passed."""
        self._starts.clear()
        await self._tasks.cancel(by)

    async def _start(
        self, partition: TopicPartition, assignment: Assignment, fetch: FetchCommit
    ) -> None:
        sentence = (
            f"The committed offset and the model of {partition} (and its producer, with exactly "
            f"once) were expected within {self._within:.0f} s, but were not found: check the "
            "brokers."
        )
        try:
            async with fail_at(now() + self._within, sentence):
                start = await self._start_of(partition, await fetch())
            if assignment.has_ended:
                return
            self._consumer.seek(partition, start.committed or 0)
        except IllegalStateError:
            return  # the partition was revoked meanwhile
        except Exception as error:
            await self._crash(error)
        else:
            assignment.start(partition, *start)
