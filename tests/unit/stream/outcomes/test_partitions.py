"""Stores are opened where they are assigned, closed where they are not, and made again if old."""

from __future__ import annotations

import asyncio
from collections import Counter
from pathlib import Path

import pytest
from aiokafka import TopicPartition

from agents.outcomes.lead_state import JoinOptions
from schemas.errors import FatalError
from stream.consume.start_offsets import Start
from stream.kafka.commit_metadata import Commit
from stream.outcomes.partitions import OutcomePartitions, join_options
from stream.settings import load_settings
from tests.unit.stream.outcomes.outcome_stage import DAY, SCORED, OutcomeStage


async def opened(
    stage: OutcomeStage, offset: int | None = None, **given: object
) -> OutcomePartitions:
    """Open partition 0; with an offset, its scores are read up to there."""
    partitions = stage.partitions(**given)
    partitions.assigned([SCORED])
    await partitions.start_of(SCORED, None)
    if offset is not None:
        partitions.joins[0].add_scores(0, [], 0, offset)
    return partitions


async def test_a_partition_continues_where_its_store_ends_whatever_is_committed(
    tmp_path: Path,
) -> None:
    stage = OutcomeStage(tmp_path)
    await (await opened(stage, 7)).stop()
    partitions = stage.partitions()
    start = await partitions.start_of(SCORED, Commit(99))
    assert (start.committed, stage.opened) == (7, {0: {"scores": 7}})
    await partitions.stop()


async def test_an_empty_store_of_a_group_that_has_committed_is_no_replaced_log(
    tmp_path: Path,
) -> None:
    """It was reported as a log that was replaced, and ended the worker, in a rebalance."""
    partitions = OutcomeStage(tmp_path).partitions()
    assert await partitions.start_of(SCORED, None) == Start(None)
    assert await partitions.start_of(SCORED, Commit(99)) == Start(None, has_commit=True)
    await partitions.stop()


async def test_an_open_store_stays_open_in_the_next_assignment(tmp_path: Path) -> None:
    partitions = await opened(OutcomeStage(tmp_path), 7)
    join = partitions.joins[0]
    partitions.assigned([SCORED, TopicPartition("leads.scored", 1)])
    assert (await partitions.start_of(SCORED, None)).committed == 7
    assert partitions.joins[0] is join
    partitions.assigned([TopicPartition("leads.scored", 1)])
    await partitions.start_of(TopicPartition("leads.scored", 1), None)
    assert [*partitions.joins] == [1]
    await partitions.stop()
    assert partitions.joins == {}


@pytest.mark.parametrize("change", ["settings", "topic"])
async def test_a_store_of_other_settings_or_topics_is_made_again(
    tmp_path: Path, change: str
) -> None:
    stage = OutcomeStage(tmp_path, topic_ids={"leads.outcomes": "one"})
    await (await opened(stage, 7)).stop()
    if change == "topic":
        stage.topic_ids["leads.outcomes"] = "other"
    partitions = stage.partitions(outcome_horizon_days=30 if change == "settings" else 60)
    assert (await partitions.start_of(SCORED, None)).committed is None
    await partitions.stop()


async def test_a_store_that_another_process_has_is_waited_for(tmp_path: Path) -> None:
    stage = OutcomeStage(tmp_path)
    folder = tmp_path / "leads.scored" / "0"
    stage.locked.add(folder)
    asks = Counter[str]()
    asked_twice = asyncio.Event()
    loop = asyncio.get_running_loop()

    def ask() -> None:
        asks["open"] += 1
        if asks["open"] == 2:
            loop.call_soon_threadsafe(asked_twice.set)

    stage.is_asked = ask
    partitions = stage.partitions()
    start = asyncio.ensure_future(partitions.start_of(SCORED, None))
    await asyncio.wait_for(asked_twice.wait(), 10)
    assert not start.done()
    stage.locked.clear()
    assert (await start).committed is None
    await partitions.stop()


async def test_a_store_that_cant_be_opened_ends_the_worker_with_a_sentence(tmp_path: Path) -> None:
    stage = OutcomeStage(tmp_path)

    def fail() -> None:
        raise OSError("disk on fire")

    stage.is_asked = fail
    with pytest.raises(FatalError, match=r"disk on fire.*delete the folder"):
        await stage.partitions().start_of(SCORED, None)


def test_the_horizon_is_that_of_the_settings() -> None:
    settings = load_settings(outcome_horizon_days=2, outcome_late_days=0.5)
    assert join_options(settings) == JoinOptions(2 * DAY, DAY // 2)
