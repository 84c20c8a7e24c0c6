"""Which model scores which partition, and the change from one model to the next.

A partition is scored by one model at a time, and which one is committed before it is used: the
commit's metadata says "records from SINCE on are scored by M" (stream/kafka/commit_metadata.py). So
a worker that scores a record again uses the same model, and gives it the same event id. A model
with a canary beside it counts as one here: another share is a change of model.

A change of model is a barrier: what is in flight is finished with the old model, the rest of its
drift counts is published, offset and new model are committed; only then a record is scored with
the new one. That takes tens of milliseconds. While the coordinator does not accept commits, the
old model scores on; a partition that has none yet waits.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager

from aiokafka import TopicPartition

from agents.batch_scorer import BatchScorer
from stream.consume.assignment import Assignment
from stream.consume.partition_progress import Batch, PartitionProgress
from stream.kafka.commit_metadata import ModelPin
from stream.process.backoff import MODEL_CHANGE_PAUSE
from stream.process.deadlines import now
from stream.scoring.serving_model import Serving

__all__ = ["ModelChanges"]

log = logging.getLogger(__name__)

QUIET_LIMIT = 2.0
"""Seconds for what is in flight to be finished, and for the rest of the counts to be published."""
FIRST_PIN_PAUSE = 0.1
"""Seconds between two looks whether the first pin of a partition can be committed."""
COMMIT_PAUSE = 0.01
"""Seconds between two looks whether a commit was accepted."""


class ModelChanges:
    """The models of a worker's partitions.

    Parameters
    ----------
    assignment_now
        Returns the current assignment.
    commit
        Commits what is due, by a time of the loop.
    quiet
        Holds the pipeline empty while its body runs; waits for that for the seconds given.
    is_accepting
        Returns whether the coordinator accepts commits, as far as is known.
    publish_rest
        Publishes all drift counts of partitions, below the offsets given.
    commit_limit
        Seconds for the commit of a change, after which the change is cancelled; None if a commit
        under way can't be cancelled (exactly once).

    Attributes
    ----------
    current
        Scores partitions without another model; None before the first.
    """

    def __init__(
        self,
        *,
        assignment_now: Callable[[], Assignment],
        commit: Callable[[float], Awaitable[None]],
        is_accepting: Callable[[], bool],
        quiet: Callable[[float], AbstractAsyncContextManager[None]],
        publish_rest: Callable[[Mapping[TopicPartition, int]], Awaitable[None]],
        commit_limit: float | None = 1.0,
    ) -> None:
        self.current: Serving | None = None
        self._earlier: dict[str, Serving] = {}
        self._pinned: dict[TopicPartition, str] = {}
        self._assignment_now = assignment_now
        self._commit = commit
        self._is_accepting = is_accepting
        self._quiet = quiet
        self._publish_rest = publish_rest
        self._commit_limit = commit_limit
        self._turn = asyncio.Lock()
        self._not_before = 0.0

    # Which model

    def keep(self, serving: Serving) -> None:
        """Keep a model that is not the current one, until no partition has it."""
        self._earlier[serving.key] = serving

    def pin(self, partition: TopicPartition, pin: ModelPin) -> None:
        """Keep the model that a partition is going to start with."""
        self._pinned[partition] = pin.key

    def has(self, pin: ModelPin) -> bool:
        """Return whether the model is loaded."""
        return pin.key in self._earlier or self._is_current(pin)

    def serve(self, serving: Serving) -> None:
        """Set the model that all partitions change to."""
        if self.current is not None:
            self.keep(self.current)
        self.current = serving
        self._not_before = 0.0

    def scorer(self, partition: TopicPartition) -> tuple[BatchScorer, int]:
        """Return what scores a partition now, and the offset since which it does."""
        assert self.current is not None, "the source is started once there is a model"
        entry = self._assignment_now().get(partition)
        pin = None if entry is None else entry.pin
        if pin is None:
            return self.current.scorer, 0
        if self._is_current(pin):
            return self.current.scorer, pin.since
        return self._earlier[pin.key].scorer, pin.since

    def _is_current(self, pin: ModelPin) -> bool:
        return self.current is not None and pin.key == self.current.key

    # Changes

    async def before(self, batches: Sequence[Batch]) -> None:
        """Change the model of partitions whose change is due before these batches.

        Waits for the first pin of a partition, once in an assignment: its first commit must
        precede its first output (stream/consume/missing_commits.py).
        """
        assignment = self._assignment_now()
        for batch in batches:
            entry = assignment.get(batch.partition)
            if entry is not None and self._is_due(entry, batch.first_offset):
                await self.change()
                break
        while any(self._lacks_first_pin(assignment, batch) for batch in batches):
            await asyncio.sleep(FIRST_PIN_PAUSE)
            await self.change()

    @staticmethod
    def _lacks_first_pin(assignment: Assignment, batch: Batch) -> bool:
        entry = assignment.get(batch.partition)
        if entry is None or batch.is_revoked:
            return False
        return entry.pin is None and entry.resume_offset is not None

    def _is_due(self, entry: PartitionProgress, at: int) -> bool:
        pin = entry.pin
        return pin is None or (not self._is_current(pin) and at >= pin.until)

    def _due(self) -> Mapping[TopicPartition, PartitionProgress]:
        due = {}
        for partition, entry in self._assignment_now().items():
            entry.settle()
            # What has begun is done before the model changes, and gaps in the log hold no records.
            at = entry.next_to_begin
            if at is not None and self._is_due(entry, at):
                due[partition] = entry
        return due

    async def change(self) -> None:
        """Change the model of all partitions whose change is due."""
        async with self._turn:
            if now() < self._not_before or not self._is_accepting() or not self._due():
                return
            started = now()
            try:
                async with self._quiet(QUIET_LIMIT):
                    is_done = await self._change(started)
            except TimeoutError:
                is_done = False
            if not is_done:
                log.warning(
                    "the change of model did not finish in time: the current model continues to"
                    " score; trying again in %g s",
                    MODEL_CHANGE_PAUSE,
                )
                self._not_before = now() + MODEL_CHANGE_PAUSE

    async def _change(self, started: float) -> bool:
        assert self.current is not None
        serving, assignment, due = self.current, self._assignment_now(), self._due()
        async with asyncio.timeout(QUIET_LIMIT):
            await self._publish_rest(
                {
                    partition: entry.resume_offset or 0
                    for partition, entry in due.items()
                    if entry.pin
                }
            )
        for entry in due.values():
            since = entry.resume_offset
            # Before a first pin it is not known which model scored: records count as this one's.
            entry.change_pin(serving.pin(0 if entry.pin is None else since or 0))
        by = float("inf") if self._commit_limit is None else now() + self._commit_limit
        while not assignment.has_ended:
            pending = [e for at, e in due.items() if e.next_pin and assignment.get(at) is e]
            if not pending:
                break
            if now() >= by:
                for entry in pending:
                    entry.keep_pin()
                return False
            try:
                async with asyncio.timeout(self._commit_limit):
                    await self._commit(by)
            except TimeoutError:
                continue
            await asyncio.sleep(COMMIT_PAUSE if any(e.next_pin for e in pending) else 0)
        log.info(
            "%s scores partitions %s from now on",
            serving.described,
            sorted(partition.partition for partition in due),
            extra={"paused_ms": round(1000 * (now() - started))},
        )
        self._forget_unused()
        return True

    def _forget_unused(self) -> None:
        # Partitions that have not started yet may be about to start with an earlier model.
        for partition, entry in self._assignment_now().items():
            if entry.pin is not None:
                self._pinned[partition] = entry.pin.key
        used = set(self._pinned.values())
        self._earlier = {key: kept for key, kept in self._earlier.items() if key in used}
