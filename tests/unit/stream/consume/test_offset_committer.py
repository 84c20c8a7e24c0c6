"""Offsets of commits, their timing, and failed commits."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from aiokafka.errors import (
    CommitFailedError,
    GroupAuthorizationFailedError,
    RequestTimedOutError,
)

from testing.jumping_time import in_jumping_time
from tests.unit.stream.consume.source_bench import (
    TP,
    full_kafka,
    running,
    values,
)


@in_jumping_time
async def test_commits_the_prefix_of_done_batches() -> None:
    async with running(full_kafka(30)) as bench:
        first, second, third = await bench.take(3)
        assert values([first, second, third]) == list(range(30))
        third.done()
        await asyncio.sleep(3)
        assert bench.committed is None
        first.done()
        await asyncio.sleep(1.1)
        assert bench.committed == 10
        second.done()
        await asyncio.sleep(1.1)
        assert bench.committed == 30


@in_jumping_time
async def test_commits_once_an_interval_and_only_what_is_new() -> None:
    async with running(full_kafka(30)) as bench:
        batches = await bench.take(3)
        for batch in batches:
            batch.done()
            await asyncio.sleep(0.1)
        await asyncio.sleep(5)
        assert bench.kafka.commits == [{TP: 30}]
        assert bench.notes.committed == [{TP: 30}]


@in_jumping_time
async def test_commits_past_trailing_offsets_that_hold_no_record() -> None:
    kafka = full_kafka(10)
    kafka[0].leave_out(2)
    async with running(kafka) as bench:
        [batch] = await bench.take()
        await asyncio.sleep(3)
        assert bench.committed is None, "the position is beyond a batch that is not done"
        batch.done()
        await asyncio.sleep(1.1)
        assert bench.committed == 12
        bench.kafka[0].leave_out(3)
        await asyncio.sleep(2)
        assert bench.committed == 15


@in_jumping_time
async def test_a_commit_that_is_being_retried_ends_when_partitions_are_revoked() -> None:
    async with running(full_kafka(10)) as bench:
        [batch] = await bench.take()
        batch.done()
        bench.consumer.commit_answers.append(asyncio.Event().wait())
        await asyncio.sleep(1.1)
        started = asyncio.get_running_loop().time()
        await bench.consumer.rebalance([])
        assert asyncio.get_running_loop().time() - started < 0.1
        assert bench.committed == 10


@pytest.mark.parametrize("error", [CommitFailedError(), RequestTimedOutError()])
def test_a_commit_that_fails_is_made_up_for(error: Any) -> None:
    @in_jumping_time
    async def scenario() -> None:
        async with running(full_kafka(10)) as bench:
            [batch] = await bench.take()
            batch.done()
            bench.consumer.commit_answers.append(error)
            await asyncio.sleep(1.1)
            assert bench.committed is None
            assert bench.notes.committed == []
            await asyncio.sleep(1)
            assert bench.committed == 10
            assert not bench.app.errors

    scenario()


@in_jumping_time
async def test_a_commit_without_an_answer_is_put_off() -> None:
    async with running(full_kafka(10)) as bench:
        [batch] = await bench.take()
        batch.done()
        bench.consumer.commit_answers.append(asyncio.Event().wait())
        await asyncio.sleep(6.5)
        assert bench.committed is None
        assert bench.source.commit_overdue_for > 0
        await asyncio.sleep(1.5)
        assert bench.committed == 10
        assert bench.source.commit_overdue_for == 0


@in_jumping_time
async def test_a_commit_that_is_forbidden_crashes_the_app_with_a_sentence() -> None:
    async with running(full_kafka(10)) as bench:
        [batch] = await bench.take()
        batch.done()
        bench.consumer.commit_answers.append(GroupAuthorizationFailedError("g"))
        await asyncio.sleep(1.1)
        assert "may read it and its consumer group" in bench.sentence
        [reason] = bench.app.errors  # for who looks for the missing right
        assert isinstance(reason.__cause__, GroupAuthorizationFailedError)
