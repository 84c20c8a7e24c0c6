"""Checks of an assigned partition: whose commit it is, of which log, and which model scores it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable

from aiokafka import TopicPartition

from model.registry import ModelNotFoundError
from schemas.model_identity import ModelIdentity
from stream.consume.foreign_commits import ForeignCommits
from stream.consume.lost_records import Loss, LossReason
from stream.consume.missing_commits import Bounds, MissingCommits
from stream.consume.offset_reset import OnLoss
from stream.consume.start_offsets import Start
from stream.deliver.emitted_offsets import EmittedReader
from stream.kafka.commit_metadata import Commit, ModelPin
from stream.process.backoff import MODEL_LOAD_PAUSE
from stream.scoring.model_changes import ModelChanges
from stream.scoring.serving_model import Serving

__all__ = ["PartitionStart"]

log = logging.getLogger(__name__)

LOAD_ATTEMPTS = 3
"""Attempts to load a model that the registry has: it may be slow to answer."""


class PartitionStart:
    """Returns where and with which model a partition starts: ``start_offsets.StartOf``.

    Parameters
    ----------
    changes
        The worker's models.
    emitted
        Reads how far outputs reach.
    bounds
        Returns the bounds of a partition's log.
    topic_id
        Returns the id of a topic; None where it has none.
    remembers
        Whether this worker has seen a commit of a partition before: it then reports itself that
        the commit is gone (stream/consume/recreated_topics.py).
    on_loss
        Called when a partition's log was replaced.
    load
        Loads a model that a commit names; may block.
    foreign
        Reports commits that no LeadScore worker made.
    missing
        Called when a partition's model can't be loaded.
    ignores_pins
        Whether the current model scores everything, whatever commits say.
    """

    def __init__(
        self,
        *,
        changes: ModelChanges,
        emitted: EmittedReader,
        bounds: Bounds,
        topic_id: Callable[[str], Awaitable[str | None]],
        remembers: Callable[[TopicPartition], bool],
        on_loss: OnLoss,
        load: Callable[[ModelIdentity], Serving],
        foreign: ForeignCommits,
        missing: Callable[[], None],
        ignores_pins: bool = False,
    ) -> None:
        self._changes = changes
        self._emitted = emitted
        self._bounds = bounds
        self._topic_id = topic_id
        self._remembers = remembers
        self._on_loss = on_loss
        self._missing_commits = MissingCommits(bounds, foreign, on_loss)
        self._load = load
        self._foreign = foreign
        self._missing = missing
        self._ignores_pins = ignores_pins
        self._loading = asyncio.Lock()

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
            await self._check_missing(partition)
            return Start(None, None, topic_id)
        if None not in (commit.topic_id, topic_id) and commit.topic_id != topic_id:
            self._replaced(partition, commit)
            return Start(None, None, topic_id)
        return Start(commit.offset, await self._pin_of(partition, commit), topic_id)

    async def _check_missing(self, partition: TopicPartition) -> None:
        if self._remembers(partition):
            return
        emitted = await self._emitted.end(partition)
        if emitted:
            await self._missing_commits.report(partition, emitted)

    def _replaced(self, partition: TopicPartition, commit: Commit) -> None:
        """Report that a commit belongs to the log of a topic that was deleted."""
        if self._remembers(partition):
            return
        loss = Loss(partition, commit.offset, commit.offset, LossReason.LOG_REPLACED)
        log.error("%s", loss, extra={"loss": loss.as_fields()})
        self._on_loss(loss)

    async def _pin_of(self, partition: TopicPartition, commit: Commit) -> ModelPin | None:
        """Return the model that a commit names, loaded; None if it names none."""
        pin = commit.pin
        if pin is None:
            if not commit.is_ours:
                emitted = await self._emitted.end(partition, commit.offset)
                self._foreign.found_at_start(partition, commit, emitted or 0)
            return None
        if self._ignores_pins or not await self._is_loaded(pin):
            current = self._changes.current
            assert current is not None
            found = ModelPin(current.identity, commit.offset)
            self._changes.pin(partition, found)
            return found
        self._changes.pin(partition, pin)
        until = await self._emitted.end(partition, commit.offset, pin.model.sha256)
        if until is None or until > commit.offset:
            # Outputs of a log that was deleted may lie beyond the end of the one that is there.
            _, end = await self._bounds(partition)
            until = end if until is None else min(until, end)
        found = ModelPin(pin.model, pin.since, max(until, pin.until))
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

    async def _is_loaded(self, pin: ModelPin) -> bool:
        async with self._loading:  # all partitions start at once, mostly with the same model
            if self._changes.has(pin):
                return True
            error: Exception | None = None
            for _ in range(LOAD_ATTEMPTS):
                try:
                    serving = await asyncio.to_thread(self._load, pin.model)
                except ModelNotFoundError as found:
                    error = found
                    break
                except Exception as found:  # any error: the current model can score instead
                    error = found
                    await asyncio.sleep(MODEL_LOAD_PAUSE)
                else:
                    self._changes.keep(serving)
                    return True
            log.error(
                "model %s/%s, by which records were scored that may be scored again, can't be "
                "loaded: they are scored by the current model, with other event ids: %s",
                pin.model.id,
                pin.model.version,
                error,
            )
            self._missing()
            return False
