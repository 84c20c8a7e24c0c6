"""Checks of an assigned partition: who made its commit, and which model scores it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable

from aiokafka import TopicPartition
from aiokafka.errors import KafkaError

from model.registry import ModelNotFoundError
from schemas.model_identity import ModelIdentity
from stream.consume.foreign_commits import ForeignCommits
from stream.deliver.emitted_offsets import EmittedReader
from stream.kafka.commit_metadata import Commit, ModelPin
from stream.process.backoff import MODEL_LOAD_PAUSE
from stream.scoring.model_changes import ModelChanges
from stream.scoring.serving_model import Serving

__all__ = ["PartitionStart"]

log = logging.getLogger(__name__)

LOAD_ATTEMPTS = 3
"""Attempts to load a model that the registry has: it may be slow to answer."""
READ_LIMIT = 20.0
"""Seconds to read the ends of the output topics; after that all records count as scored."""


class PartitionStart:
    """Returns the model with which a partition starts: ``stream.consume.start_offsets.PinOf``.

    Parameters
    ----------
    changes
        The worker's models.
    emitted
        Reads how far outputs reach.
    end_offset
        Returns the offset after a partition's last record.
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
        end_offset: Callable[[TopicPartition], Awaitable[int]],
        load: Callable[[ModelIdentity], Serving],
        foreign: ForeignCommits,
        missing: Callable[[], None],
        ignores_pins: bool = False,
    ) -> None:
        self._changes = changes
        self._emitted = emitted
        self._end_offset = end_offset
        self._load = load
        self._foreign = foreign
        self._missing = missing
        self._ignores_pins = ignores_pins
        self._loading = asyncio.Lock()

    async def pin_of(self, partition: TopicPartition, commit: Commit | None) -> ModelPin | None:
        """Check the commit at which a partition starts; load the model that it names.

        Returns
        -------
        ModelPin or None
            The model that scores its records, up to ``until`` at least: an earlier owner may have
            emitted those already. None where the commit names no model.

        Raises
        ------
        StartupError
            No LeadScore worker made the commit, and the settings say to stop then.
        """
        if commit is None:
            return None
        pin = commit.pin
        if pin is None:
            if not commit.is_ours:
                emitted = await self._end(partition, commit.offset, None)
                self._foreign.found_at_start(partition, commit, emitted or 0)
            return None
        if self._ignores_pins or not await self._is_loaded(pin):
            current = self._changes.current
            assert current is not None
            found = ModelPin(current.identity, commit.offset)
            self._changes.pin(partition, found)
            return found
        self._changes.pin(partition, pin)
        until = await self._end(partition, commit.offset, pin.model.sha256)
        if until is None or until > commit.offset:
            # Outputs of a log that was deleted may lie beyond the end of the one that is there.
            end = await self._end_offset(partition)
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

    async def _end(self, partition: TopicPartition, at: int, sha256: str | None) -> int | None:
        """Return where the outputs end; None where that can't be read."""
        try:
            async with asyncio.timeout(READ_LIMIT):
                return await self._emitted.end(partition, at, sha256) or 0
        except (KafkaError, TimeoutError) as error:
            log.warning("the outputs of %s can't be read: %r", partition, error)
            return None

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
