"""Executes a plan, or a shard of it: the worker's own pipeline and delivery over fixed ranges."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from aiokafka import TopicPartition
from aiokafka.errors import KafkaError

from schemas.errors import FatalError, LeadScoreError
from stream.kafka.commit_metadata import Commit
from stream.kafka.committed_offsets import GroupOffsets
from stream.process.background_tasks import BackgroundTasks
from stream.process.model_trial import Trials
from stream.replay.account import Account, account_of
from stream.replay.assembly import Part, ReplayParts, load
from stream.replay.plan import ReplayPlan
from stream.replay.progress import ReplayAssignment
from stream.replay.ranges import PartitionRange
from stream.replay.source_limits import Pace
from stream.settings import Settings

__all__ = ["Progress", "ReplayRun", "read_progress"]

COUNTS_LIMIT = 60.0
"""Seconds to publish the last counts for drift."""


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a range is.

    Attributes
    ----------
    range
        The range.
    offset
        Every offset of the range below is done.
    account
        Counts of these offsets, by result.
    """

    range: PartitionRange
    offset: int
    account: Account

    @property
    def is_done(self) -> bool:
        """Whether every offset is done."""
        return self.offset >= self.range.end

    @property
    def is_balanced(self) -> bool:
        """Whether the account covers exactly the offsets that are done."""
        return self.account.offsets == self.offset - self.range.start


async def read_progress(settings: Settings, plan: ReplayPlan) -> list[Progress]:
    """Return how far a replay is, by the commits of its group: whichever process made them.

    Raises
    ------
    FatalError
        Kafka did not answer.
    """
    offsets = GroupOffsets(settings.kafka_client_options(), plan.group_id)
    try:
        found = {
            each.partition: await offsets.read(TopicPartition(plan.topic, each.partition))
            for each in plan.ranges
        }
    except KafkaError as error:
        raise FatalError(
            f"expected the commits of group {plan.group_id}, but Kafka answered {error!r}: check"
            " that this user may read the group"
        ) from error
    return [_progress(each, found[each.partition]) for each in plan.ranges]


def _progress(planned: PartitionRange, commit: Commit | None) -> Progress:
    offset = planned.start if commit is None else commit.offset
    return Progress(planned, offset, account_of(commit))


class ReplayRun:
    """One process's part of a replay.

    Parameters
    ----------
    settings
        Addresses; the rules are the plan's.
    plan
        The plan.
    ranges
        The ranges of this part.
    pace
        How fast records are read.
    """

    def __init__(
        self,
        settings: Settings,
        plan: ReplayPlan,
        ranges: Sequence[PartitionRange],
        pace: Pace,
    ) -> None:
        self._settings = plan.settings_of(settings)
        assignment = ReplayAssignment(
            1, [TopicPartition(plan.topic, each.partition) for each in ranges]
        )
        self._part = Part(plan, ranges, assignment, pace)
        self._trials = Trials()

    def progress(self) -> list[Progress]:
        """Return how far the ranges of this part are; at most one commit interval old."""
        part, found = self._part, []
        for each in part.ranges:
            progress = part.assignment.progress(TopicPartition(part.plan.topic, each.partition))
            if progress is not None:
                offset = progress.resume_offset
                found.append(Progress(each, offset or each.start, progress.account))
        return found

    async def run(self, stop: asyncio.Event) -> bool:
        """Execute the part until its ranges are done or the event is set.

        Returns
        -------
        bool
            Whether all of its ranges are done.

        Raises
        ------
        BundleError
            The model of the plan is not in the registry any more, or must not be used.
        InputError
            The archive of the plan is not there, or its files contradict each other.
        FatalError
            Kafka did not take the outputs or the commits, or another process has taken a partition.
        """
        loaded = await load(self._settings, self._part.plan, self._trials)
        failure: asyncio.Future[BaseException] = asyncio.get_running_loop().create_future()

        async def crash(error: BaseException) -> None:
            if not failure.done():
                failure.set_result(error)

        parts = ReplayParts(self._settings, self._part, loaded, crash)
        tasks = BackgroundTasks(crash)
        try:
            return await _first(tasks.start(_execute(parts, tasks, stop)), failure)
        finally:
            await tasks.cancel()
            await parts.close()


async def _execute(parts: ReplayParts, tasks: BackgroundTasks, stop: asyncio.Event) -> bool:
    """Read, score and commit; return whether all ranges are done."""
    await parts.start()
    committing = tasks.start(parts.source.commits.regularly())
    await parts.source.read(stop)
    committing.cancel()
    await asyncio.wait([committing])
    await parts.source.commits.finish()
    if parts.counts:
        await parts.drift.stop(COUNTS_LIMIT)
    return parts.source.is_over


async def _first(task: asyncio.Task[bool], failure: asyncio.Future[BaseException]) -> bool:
    """Return the result of a task, or raise what failed beside it."""
    both: set[asyncio.Future[Any]] = {task, failure}
    await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
    error = failure.result() if failure.done() else task.exception()
    if error is None:
        return task.result()
    if isinstance(error, LeadScoreError) or not isinstance(error, KafkaError):
        raise error
    raise FatalError(
        f"The replay was expected to read, write and commit, but Kafka answered {error!r}: check"
        " the brokers and this user's rights, and resume the replay."
    ) from error
