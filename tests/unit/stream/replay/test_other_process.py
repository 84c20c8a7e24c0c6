"""A replay that another process executes is not resumed beside it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiokafka import TopicPartition
from aiokafka.errors import GroupAuthorizationFailedError

from schemas.errors import FatalError, StartupError
from stream.kafka.commit_metadata import Commit
from stream.replay import other_process as module
from stream.replay.other_process import require_alone
from stream.settings import Settings
from testing.jumping_time import in_jumping_time
from tests.unit.stream.replay.test_plan import RANGES, plan_of


class FakeGroup:
    """Commits of a group, by partition: those of each look."""

    def __init__(self, *looks: dict[int, int], error: Exception | None = None) -> None:
        self.looks = [*looks]
        self.times: list[float] = []
        self.error = error

    @asynccontextmanager
    async def open(self) -> AsyncIterator[Any]:
        if self.error:
            raise self.error
        yield self.fetch

    async def fetch(self, partitions: Collection[TopicPartition]) -> Any:
        self.times.append(asyncio.get_running_loop().time())
        look = self.looks.pop(0)
        return {
            at: Commit(look[at.partition]) if look[at.partition] else None
            for at in partitions
            if at.partition in look
        }


async def check(group: FakeGroup, **given: Any) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "GroupOffsets", lambda connection, group_id: group)
        await require_alone(Settings(), plan_of(), given.get("ranges", RANGES))


@in_jumping_time
async def test_commits_that_stand_still_are_of_no_other_process() -> None:
    group = FakeGroup({0: 20, 3: 0}, {0: 20, 3: 0})
    await check(group)
    first, second = group.times
    assert second - first > 1.0, "longer than an interval of commits"


@in_jumping_time
@pytest.mark.parametrize("later", [{0: 20, 3: 4}, {0: 20, 3: 7}])
async def test_commits_that_move_are_those_of_another_process(later: dict[int, int]) -> None:
    """Both scored everything, at least once, and neither said so."""
    with pytest.raises(StartupError, match=r"replay r1, but .* partitions \[3\] has moved"):
        await check(FakeGroup({0: 20, 3: 0}, later))


@in_jumping_time
async def test_a_commit_that_is_still_being_loaded_has_not_moved() -> None:
    await check(FakeGroup({0: 20}, {0: 20, 3: 4}))


async def test_a_shard_without_a_partition_asks_nothing() -> None:
    await check(FakeGroup(), ranges=())


async def test_a_group_that_may_not_be_read_is_named() -> None:
    with pytest.raises(FatalError, match="commits of group leadscore-replay-r1"):
        await check(FakeGroup(error=GroupAuthorizationFailedError()))
