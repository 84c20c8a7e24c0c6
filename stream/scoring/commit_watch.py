"""Looks regularly for commits of the group that no LeadScore worker made."""

from __future__ import annotations

import logging

from aiokafka.errors import KafkaError
from mode import Service

from stream.consume.batch_source import BatchSource
from stream.consume.foreign_commits import ForeignCommits
from stream.kafka.committed_offsets import GroupOffsets

__all__ = ["CommitWatch"]

log = logging.getLogger(__name__)

LOOK = 15.0
"""Seconds between two looks at the group's commits."""


class CommitWatch(Service):
    """A service that compares the group's commits with those of this worker.

    Parameters
    ----------
    source
        Whose partitions are looked at.
    offsets
        Fetches the group's commits.
    foreign
        Reports commits that are not ours, and has them replaced.
    """

    def __init__(self, source: BatchSource, offsets: GroupOffsets, foreign: ForeignCommits) -> None:
        super().__init__()
        self._source = source
        self._offsets = offsets
        self._foreign = foreign

    @Service.task
    async def _watch(self) -> None:
        while not self.should_stop:
            await self.sleep(LOOK)
            if not self.should_stop:  # the sleep ends early then
                await self._look()

    async def _look(self) -> None:
        assignment = self._source.assignment
        # Taken before the fetch: a commit of ours that is accepted meanwhile is no foreign one.
        expected = {at: entry.committed for at, entry in assignment.items()}
        if not expected:
            return
        try:
            found = await self._offsets.fetch(list(expected))
        except KafkaError as error:
            log.info("the group's commits could not be fetched: %r", error)
        else:
            self._foreign.found_while_assigned(assignment, expected, found)
