"""Changes of the model: committed before use, and abandoned where the commit fails."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest
from aiokafka import TopicPartition

from agents.canary_split import CanarySplit
from schemas.model_identity import ModelIdentity
from stream.consume.assignment import Assignment
from stream.consume.partition_progress import Batch, PartitionProgress
from stream.kafka.commit_metadata import ModelPin
from stream.process.backoff import MODEL_CHANGE_PAUSE
from stream.scoring.model_changes import QUIET_LIMIT, ModelChanges
from stream.scoring.serving_model import Serving
from testing.fake_kafka import FakeRecord
from testing.jumping_time import in_jumping_time

A, B = TopicPartition("leads", 0), TopicPartition("leads", 1)


def serving(version: str) -> Serving:
    scorer: Any = f"scorer {version}"
    return Serving(scorer, ModelIdentity("bank", version, version * 64), "onnx", "none", {})


OLD, NEW = serving("1"), serving("2")


def pin(model: Serving, since: int, until: int = 0) -> ModelPin:
    return ModelPin(model.identity, since, until)


def batch(partition: TopicPartition, first: int, last: int) -> Batch:
    records: Any = [FakeRecord(offset, 0, offset) for offset in range(first, last + 1)]
    return Batch(partition, records)


def done(entry: PartitionProgress, to: int) -> None:
    """Mark all records below an offset as done."""
    entry.done_offset = to


class Worker:
    """The parts of a worker that a change needs, and the order in which they are asked."""

    def __init__(self, *, commit_limit: float | None = 1.0) -> None:
        self.assignment = Assignment(1, (A, B))
        self.steps: list[Any] = []
        self.accepts = True
        self.is_accepting = True
        self.may_be_quiet = asyncio.Event()
        self.may_be_quiet.set()
        self.changes = ModelChanges(
            assignment_now=lambda: self.assignment,
            commit=self.commit,
            is_accepting=lambda: self.is_accepting,
            quiet=self.quiet,
            publish_rest=self.publish_rest,
            commit_limit=commit_limit,
        )

    async def commit(self, by: float) -> None:
        await asyncio.sleep(0.005)
        for partition, entry in self.assignment.items():
            if self.accepts and entry.is_due:
                offset, its_pin = entry.to_commit()
                entry.is_committed(offset, its_pin)
                model = its_pin and its_pin.model.version
                self.steps.append(("commit", partition.partition, offset, model))

    @asynccontextmanager
    async def quiet(self, within: float) -> AsyncIterator[None]:
        async with asyncio.timeout(within):
            await self.may_be_quiet.wait()
        self.steps.append("quiet")
        yield
        self.steps.append("continue")

    async def publish_rest(self, offsets: Mapping[TopicPartition, int]) -> None:
        self.steps.append(("rest", {at.partition: offset for at, offset in offsets.items()}))

    def has(
        self, partition: TopicPartition, committed: int | None, its_pin: ModelPin | None
    ) -> None:
        self.assignment.start(partition, committed, its_pin)


@in_jumping_time
async def test_a_change_is_committed_before_it_is_used() -> None:
    worker = Worker()
    worker.changes.serve(OLD)
    worker.has(A, 10, pin(OLD, 4))
    worker.has(B, 20, pin(OLD, 7))
    done(worker.assignment[A], 15)
    await worker.changes.change()
    assert worker.steps == [], "nothing is to be changed"
    worker.changes.serve(NEW)
    assert worker.changes.scorer(A) == ("scorer 1", 4)
    await worker.changes.before([batch(A, 15, 19)])
    assert worker.steps == [
        "quiet",
        ("rest", {0: 15, 1: 20}),
        ("commit", 0, 15, "2"),
        ("commit", 1, 20, "2"),
        "continue",
    ]
    assert worker.changes.scorer(A) == ("scorer 2", 15)
    assert worker.changes.scorer(B) == ("scorer 2", 20)


@in_jumping_time
async def test_a_first_commit_names_the_model_before_a_record_is_scored() -> None:
    worker = Worker()
    worker.changes.serve(OLD)
    worker.has(A, None, None)  # nobody has ever committed
    worker.has(B, 20, None)  # a commit of an earlier version
    await worker.changes.change()
    assert worker.steps == ["quiet", ("rest", {}), ("commit", 1, 20, "1"), "continue"]
    first = batch(A, 3, 9)
    worker.assignment[A].add(first)
    await worker.changes.before([first])
    assert worker.steps[4:] == ["quiet", ("rest", {}), ("commit", 0, 3, "1"), "continue"]
    assert worker.changes.scorer(A) == ("scorer 1", 0)


@in_jumping_time
async def test_another_share_of_the_canary_is_a_change_of_model() -> None:
    """Else a worker that dies would leave records that its successor gives to another model."""
    canary = serving("2").identity
    shares = [
        replace(serving("1"), scorer=f"at {share}", canary=CanarySplit(canary, share, "a"))  # type: ignore[arg-type]
        for share in (10, 50)
    ]
    worker = Worker()
    worker.changes.serve(shares[0])
    worker.has(A, 10, pin(OLD, 4))
    worker.changes.keep(OLD)
    assert worker.changes.scorer(A) == ("scorer 1", 4)
    await worker.changes.change()
    assert worker.assignment[A].pin == shares[0].pin(10)
    done(worker.assignment[A], 15)
    worker.changes.serve(shares[1])
    assert worker.changes.scorer(A) == ("at 10", 10)
    await worker.changes.change()
    assert worker.changes.scorer(A) == ("at 50", 15)
    assert worker.assignment[A].pin == shares[1].pin(15)
    assert not worker.changes.has(shares[0].pin(10)), "it is not used any more"


async def until_time(worker: Worker, seconds: float) -> asyncio.Future[None]:
    """Return a wait for the first pin that has not ended after some seconds."""
    first = batch(A, 3, 9)
    worker.assignment[A].add(first)
    waiting = asyncio.ensure_future(worker.changes.before([first]))
    await asyncio.sleep(seconds)
    assert not waiting.done(), "a record was scored before the first commit"
    return waiting


@in_jumping_time
async def test_no_record_is_scored_before_the_first_commit() -> None:
    """A worker that was killed before it seemed to have lost a commit that never was."""
    worker = Worker()
    worker.changes.serve(OLD)
    worker.has(A, None, None)
    worker.accepts = False
    waiting = await until_time(worker, 3)
    worker.is_accepting = False
    await asyncio.sleep(30)
    assert not waiting.done()
    worker.accepts = worker.is_accepting = True
    await waiting
    assert worker.assignment[A].pin == pin(OLD, 0)


@pytest.mark.parametrize("by_end", [True, False])
def test_a_revocation_ends_the_wait_for_the_first_commit(by_end: bool) -> None:
    @in_jumping_time
    async def run() -> None:
        worker = Worker()
        worker.changes.serve(OLD)
        worker.has(A, None, None)
        worker.accepts = False
        waiting = await until_time(worker, 3)
        if by_end:
            worker.assignment.end()
        else:
            worker.assignment.revoke()
        async with asyncio.timeout(5):
            await waiting

    run()


@in_jumping_time
async def test_records_that_an_earlier_owner_may_have_scored_keep_its_model() -> None:
    worker = Worker()
    worker.changes.serve(NEW)
    worker.changes.keep(OLD)
    worker.has(A, 10, pin(OLD, 4, until=30))
    for first, last in ((10, 19), (20, 29)):
        await worker.changes.before([batch(A, first, last)])
        assert worker.changes.scorer(A) == ("scorer 1", 4)
        done(worker.assignment[A], last + 1)
    assert worker.steps == []
    await worker.changes.before([batch(A, 30, 40)])
    assert worker.steps == ["quiet", ("rest", {0: 30}), ("commit", 0, 30, "2"), "continue"]
    assert worker.changes.scorer(A) == ("scorer 2", 30)


@in_jumping_time
async def test_the_first_record_beyond_the_pin_waits_for_the_batches_before_it() -> None:
    """It was scored by the model of the pin as long as any of them was in flight."""
    worker = Worker()
    worker.changes.serve(NEW)
    worker.changes.keep(OLD)
    # No record has the offset 29: what is done ends below the pin.
    worker.has(A, 10, pin(OLD, 4, until=30))
    entry, pinned, rest = worker.assignment[A], batch(A, 10, 28), batch(A, 30, 40)
    entry.add(pinned)
    entry.add(rest)
    assert pinned.begin()
    worker.may_be_quiet.clear()
    waiting = asyncio.ensure_future(worker.changes.before([rest]))
    await asyncio.sleep(1)
    assert not waiting.done()
    pinned.done()
    worker.may_be_quiet.set()
    await waiting
    assert worker.steps == ["quiet", ("rest", {0: 29}), ("commit", 0, 29, "2"), "continue"]
    assert worker.changes.scorer(A) == ("scorer 2", 29)


@in_jumping_time
async def test_a_pin_that_waits_for_its_records_holds_up_no_other_partition() -> None:
    worker = Worker()
    worker.changes.serve(NEW)
    worker.changes.keep(OLD)
    worker.has(A, 10, pin(OLD, 4, until=30))
    worker.has(B, 20, pin(OLD, 7, until=25))
    entry = worker.assignment[A]
    entry.add(batch(A, 10, 29))
    entry.add(batch(A, 30, 40))
    done(worker.assignment[B], 25)
    await worker.changes.before([batch(A, 10, 29), batch(B, 25, 30)])
    assert worker.changes.scorer(A) == ("scorer 1", 4)
    assert worker.changes.scorer(B) == ("scorer 2", 25)


@in_jumping_time
async def test_without_the_coordinator_the_old_model_scores_on_and_is_committed_again() -> None:
    worker = Worker()
    worker.changes.serve(OLD)
    worker.has(A, 10, pin(OLD, 4))
    done(worker.assignment[A], 15)
    worker.changes.serve(NEW)
    worker.accepts = False
    loop = asyncio.get_running_loop()
    started = loop.time()
    await worker.changes.before([batch(A, 15, 19)])
    assert loop.time() - started < 1.2
    assert worker.changes.scorer(A) == ("scorer 1", 4)
    assert worker.assignment[A].is_due, "in case the commit of the change comes through yet"
    steps = list(worker.steps)
    await worker.changes.before([batch(A, 20, 24)])
    assert worker.steps == steps, "leads do not wait for every attempt"
    worker.accepts = True
    await asyncio.sleep(MODEL_CHANGE_PAUSE)
    done(worker.assignment[A], 25)
    await worker.changes.change()
    assert worker.changes.scorer(A) == ("scorer 2", 25)


@in_jumping_time
async def test_nothing_is_tried_while_commits_are_known_to_be_put_off() -> None:
    worker = Worker()
    worker.changes.serve(NEW)
    worker.has(A, 10, None)
    worker.is_accepting = False
    await worker.changes.change()
    assert worker.steps == []


@in_jumping_time
async def test_batches_in_flight_for_long_postpone_the_change() -> None:
    worker = Worker()
    worker.changes.serve(NEW)
    worker.has(A, 10, None)
    worker.may_be_quiet.clear()
    started = asyncio.get_running_loop().time()
    await worker.changes.change()
    assert asyncio.get_running_loop().time() - started == pytest.approx(QUIET_LIMIT)
    assert worker.steps == []


@in_jumping_time
async def test_exactly_once_waits_until_the_commit_is_decided() -> None:
    worker = Worker(commit_limit=None)
    worker.changes.serve(NEW)
    worker.has(A, 10, pin(OLD, 4))
    worker.changes.keep(OLD)
    worker.accepts = False
    change = asyncio.ensure_future(worker.changes.change())
    await asyncio.sleep(60)
    assert not change.done()
    worker.accepts = True
    await change
    assert worker.changes.scorer(A) == ("scorer 2", 10)


@pytest.mark.parametrize("commit_limit", [1.0, None])
def test_a_rebalance_ends_a_change(commit_limit: float | None) -> None:
    @in_jumping_time
    async def run() -> None:
        worker = Worker(commit_limit=commit_limit)
        worker.changes.serve(NEW)
        worker.changes.keep(OLD)
        worker.has(A, 10, pin(OLD, 4))
        worker.accepts = False
        change = asyncio.ensure_future(worker.changes.change())
        await asyncio.sleep(0.1)
        worker.assignment.end()
        await change
        assert worker.steps[-1] == "continue"

    run()


@in_jumping_time
async def test_a_partition_that_is_about_to_begin_keeps_its_model() -> None:
    worker = Worker()
    worker.changes.serve(NEW)
    worker.changes.keep(OLD)
    worker.has(A, 10, pin(OLD, 4))
    worker.changes.pin(B, pin(OLD, 4, until=30))
    await worker.changes.change()
    assert worker.changes.scorer(A) == ("scorer 2", 10)
    worker.has(B, 20, pin(OLD, 4, until=30))
    assert worker.changes.scorer(B) == ("scorer 1", 4)


@in_jumping_time
async def test_models_that_no_partition_has_any_more_are_let_go() -> None:
    worker = Worker()
    worker.changes.serve(OLD)
    worker.has(A, 10, pin(OLD, 4))
    worker.changes.serve(NEW)
    assert worker.changes.has(pin(OLD, 0))
    await worker.changes.change()
    assert not worker.changes.has(pin(OLD, 0))
    assert worker.changes.has(pin(NEW, 0))
    assert not worker.changes.has(ModelPin(ModelIdentity("bank", "3", "3" * 64), 0))
