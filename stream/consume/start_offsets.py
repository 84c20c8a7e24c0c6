"""Where the books of a partition begin: where the group has left off, whatever the client thinks.

aiokafka begins to read on its own, where it believes the commit to be; the source takes nothing of
a partition before its books have begun.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from aiokafka import TopicPartition
from aiokafka.errors import IllegalStateError

from schemas.errors import FatalError
from stream.consume.partition_progress import Books, PartitionBooks
from stream.kafka.commit_metadata import Commit, ModelPin
from stream.kafka.consumer import Consumer

__all__ = ["Begin", "Beginnings", "Crash", "without_pin"]

Crash = Callable[[BaseException], Awaitable[None]]
"""Is called with an error that nothing here can mend."""

Begin = Callable[[TopicPartition, Commit | None], Awaitable[ModelPin | None]]
"""Looks at the commit at which a partition begins; returns which model scores what comes next."""


async def without_pin(partition: TopicPartition, commit: Commit | None) -> ModelPin | None:
    """Begin with whichever model there is."""
    return None


class Beginnings:
    """Has partitions read from where the group has left off, and their books begin with that.

    Parameters
    ----------
    consumer
        Reads.
    crash, look
        See there.
    within
        Seconds for one beginning.
    """

    def __init__(self, consumer: Consumer, crash: Crash, look: Begin, within: float) -> None:
        self._consumer = consumer
        self._crash = crash
        self._look = look
        self._within = within
        self._tasks: dict[TopicPartition, asyncio.Task[None]] = {}

    def begin(
        self,
        partition: TopicPartition,
        books: Books,
        left_off: Callable[[], Awaitable[Commit | None]],
    ) -> None:
        """Have the books of a partition begin, soon.

        Parameters
        ----------
        partition
            Is assigned to the consumer.
        books
            Get the partition's.
        left_off
            Fetches the group's commit; None where there is none: the log's beginning then.
        """
        self._tasks[partition] = asyncio.create_task(self._begin(partition, books, left_off))

    async def begun(self, partition: TopicPartition) -> None:
        """Wait until the books of a partition have begun, or never will."""
        if beginning := self._tasks.get(partition):
            await asyncio.wait([beginning])

    async def end(self, by: float) -> None:
        """Let nothing begin any more; waits for what is under way, until the loop's time given."""
        tasks = list(self._tasks.values())
        self._tasks.clear()
        for beginning in tasks:
            beginning.cancel()
        if tasks:
            await asyncio.wait(tasks, timeout=max(0.0, by - asyncio.get_running_loop().time()))

    async def _begin(
        self,
        partition: TopicPartition,
        books: Books,
        left_off: Callable[[], Awaitable[Commit | None]],
    ) -> None:
        try:
            async with asyncio.timeout(self._within):
                commit = await left_off()
                pin = await self._look(partition, commit)
            committed = None if commit is None else commit.offset
            self._consumer.seek(partition, committed or 0)
        except IllegalStateError:
            return  # taken away meanwhile
        except TimeoutError:
            await self._crash(
                FatalError(
                    f"{partition} was expected to be taken over within {self._within:.0f} s, but "
                    "was not: check the brokers."
                )
            )
        except Exception as error:
            await self._crash(error)
        else:
            books[partition] = PartitionBooks(committed, pin)
