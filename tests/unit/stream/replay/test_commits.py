"""Commits of a replay: what was passed is committed, and another owner ends the replay."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from aiokafka import TopicPartition

from schemas.errors import FatalError
from schemas.model_identity import ModelIdentity
from stream.consume.assignment import Assignment
from stream.consume.partition_progress import Batch
from stream.process.background_tasks import BackgroundTasks
from stream.replay.account import Account, AccountedPin
from stream.replay.commits import Reading, ReplayCommits
from stream.replay.progress import ReplayAssignment, ReplayProgress
from stream.replay.source_limits import SourceLimits
from testing.jumping_time import in_jumping_time
from tests.unit.stream.replay.test_progress import outcome_of

AT = TopicPartition("leads", 0)
MODEL = ModelIdentity("leads", "3", "9f" * 32)
LIMITS = SourceLimits(commit_interval=1.0, finish_limit=30.0)


class FakeCommitter:
    """Notes what it commits.

    Attributes
    ----------
    committed
        Each offset that was committed.
    is_answered
        Whether Kafka accepts commits.
    """

    def __init__(self) -> None:
        self.committed: list[int] = []
        self.is_answered = True

    async def commit(self, assignment: Assignment, by: float) -> None:
        for progress in assignment.values():
            if progress.is_due and self.is_answered:
                progress.committed, _ = progress.to_commit()
                self.committed.append(progress.committed)

    finish = commit


class Stage:
    """A partition of a replay, read up to an offset."""

    def __init__(self) -> None:
        self.committer, self.assignment = FakeCommitter(), ReplayAssignment(1, [AT])
        self.assignment.start(AT, 0, AccountedPin(MODEL, 0, account=Account()))
        self.reading = Reading(0, 10)
        committer: Any = self.committer
        self.commits = ReplayCommits(committer, self.assignment, {AT: self.reading}, LIMITS)

    @property
    def progress(self) -> ReplayProgress:
        found = self.assignment.progress(AT)
        assert found is not None
        return found

    def hand_over(self, records: Any) -> Batch:
        batch = Batch(AT, records, self.commits.on_batch_done)
        assert batch.begin()
        self.progress.add(batch)
        self.reading.next = batch.next_offset
        return batch


class FakeRecord:
    def __init__(self, offset: int) -> None:
        self.offset = offset
        self.timestamp = 0


@in_jumping_time
async def test_an_offset_that_was_passed_is_committed_within_an_interval() -> None:
    stage, tasks = Stage(), BackgroundTasks()
    tasks.start(stage.commits.regularly())
    stage.progress.passed(Account(gaps=4))
    stage.reading.next = 4
    await asyncio.sleep(1.5)
    assert stage.committer.committed == [4]
    await tasks.cancel()


@in_jumping_time
async def test_another_owner_of_a_partition_ends_the_replay() -> None:
    stage = Stage()
    stage.assignment.lose(AT)
    with pytest.raises(FatalError, match="only one that replays leads/0"):
        await stage.commits.regularly()


@in_jumping_time
async def test_the_last_commit_waits_for_the_batches_in_flight() -> None:
    stage = Stage()
    batch = stage.hand_over([FakeRecord(offset) for offset in range(10)])

    def done() -> None:
        batch.done()
        stage.progress.scored(batch, outcome_of(10))

    asyncio.get_running_loop().call_later(7.0, done)
    await stage.commits.finish()
    assert stage.committer.committed == [10]
    assert stage.progress.account == Account(scored=10)


@in_jumping_time
async def test_a_last_commit_that_kafka_does_not_accept_is_an_error() -> None:
    stage = Stage()
    stage.committer.is_answered = False
    stage.reading.next = 4
    with pytest.raises(FatalError, match=r"last commit of leads/0 was expected within 30 s"):
        await stage.commits.finish()


@in_jumping_time
async def test_a_batch_that_is_not_delivered_within_the_limit_is_an_error() -> None:
    stage = Stage()
    stage.hand_over([FakeRecord(0)])
    before = asyncio.get_running_loop().time()
    with pytest.raises(FatalError, match=r"batches of leads/0 were expected to be delivered withi"):
        await stage.commits.finish()
    assert asyncio.get_running_loop().time() - before == pytest.approx(30.0, abs=1.0)
    assert stage.committer.committed == []


def test_a_range_is_over_at_its_end() -> None:
    assert not Reading(9, 10).is_over
    assert Reading(10, 10).is_over
