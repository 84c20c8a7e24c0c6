"""Checks of an assigned partition: whose commit it is, of which log, and which model scores it."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from dataclasses import replace

from aiokafka import TopicPartition

from stream.consume.foreign_commits import ForeignCommits
from stream.consume.missing_commits import Bounds, MissingCommits
from stream.consume.removed_partitions import RemovedPartitions
from stream.consume.start_offsets import Start
from stream.deliver.emitted_offsets import EmittedReader
from stream.kafka.commit_metadata import Commit, ModelPin
from stream.kafka.producer import is_retriable
from stream.process.backoff import retry
from stream.scoring.model_changes import ModelChanges
from stream.scoring.pinned_models import PinnedModels

__all__ = ["PartitionStart"]

log = logging.getLogger(__name__)


class PartitionStart:
    """Returns where and with which model a partition starts: ``start_offsets.StartOf``.

    Parameters
    ----------
    changes, models
        The worker's models, and those that commits name.
    emitted
        Reads how far outputs reach.
    bounds
        Returns the bounds of a partition's log.
    topic_id
        Returns the id of a topic; None where it has none.
    foreign, missing, removed
        Report commits that no LeadScore worker made, missing ones, and partitions that a new topic
        lacks.
    """

    def __init__(
        self,
        *,
        changes: ModelChanges,
        models: PinnedModels,
        emitted: EmittedReader,
        bounds: Bounds,
        topic_id: Callable[[str], Awaitable[str | None]],
        foreign: ForeignCommits,
        missing: MissingCommits,
        removed: RemovedPartitions,
    ) -> None:
        self._changes = changes
        self._models = models
        self._emitted = emitted
        self._bounds = bounds
        self._topic_id = topic_id
        self._foreign = foreign
        self._missing = missing
        self._removed = removed

    async def start_of(self, partition: TopicPartition, commit: Commit | None) -> Start:
        """Check the commit at which a partition starts; load the model that it names.

        Returns
        -------
        Start
            The commit's offset, unless it belongs to another log; the model that scores its
            records, up to ``until`` at least, as an earlier owner may have emitted those already;
            and the id of the topic.

        Raises
        ------
        StartupError
            No LeadScore worker made the commit or deleted it, and the settings say to stop then.
        """
        topic_id = await self._topic_id(partition.topic)
        if commit is None:
            await self._removed.report(partition)
            await self._missing.report(partition)
            return Start(None, None, topic_id)
        if None not in (commit.topic_id, topic_id) and commit.topic_id != topic_id:
            await self._removed.report(partition)
            self._missing.report_replaced(partition, commit)
            return Start(None, None, topic_id)
        return Start(commit.offset, await self._pin_of(partition, commit), topic_id)

    async def _pin_of(self, partition: TopicPartition, commit: Commit) -> ModelPin | None:
        """Return the model that a commit names, loaded; None if it names none."""
        named = commit.pin
        if named is None:
            if not commit.is_ours:
                emitted = await self._emitted.end(partition, commit.offset)
                self._foreign.found_at_start(partition, commit, emitted)
            return None
        pin = await self._models.available(named, commit.offset)
        self._changes.pin(partition, pin)
        if pin is not named:
            return pin
        until = await self._emitted.end(partition, commit.offset, pin.hashes)
        if until is None or until > commit.offset:
            # Outputs of a log that was deleted may lie beyond the end of the one that is there.
            # Brokers may be down just now: whoever starts the partition limits the time.
            _, end = await retry(
                lambda: self._bounds(partition),
                doing=f"reading the end of {partition}",
                may_pass=is_retriable,
                log=log,
            )
            until = end if until is None else min(until, end)
        found = replace(pin, until=max(until, pin.until))
        if found.until > commit.offset:
            log.info(
                "%s: offsets %d to %d may have been scored already, by model %s/%s",
                partition,
                commit.offset,
                found.until - 1,
                pin.model.id,
                pin.model.version,
            )
        return found
