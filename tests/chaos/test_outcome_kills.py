"""Kills and rebalances of outcome workers under load: reports stay a recount of the logs."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from stream.broker import Broker
from testing.kafka_client import Record, TopicFactory, until
from tests.integration.outcome_process import (
    PARTITIONS,
    Play,
    begin_outcomes,
    outcome_stage,
    send,
    until_reported,
)
from tests.integration.worker_process import Stage, WorkerProcess

LEADS, STEPS = 3000, 12


@pytest.fixture
async def outcomes(kafka: Broker, topics: TopicFactory, tmp_path: Path) -> AsyncIterator[Stage]:
    stage = outcome_stage(kafka.bootstrap, topics.prefix, tmp_path)
    await stage.create_topics(PARTITIONS)
    yield stage
    stage.end()


@pytest.mark.long
async def test_reports_stay_a_recount_of_the_logs_while_workers_are_killed(
    outcomes: Stage, tmp_path: Path
) -> None:
    """Workers share a disk, or have one each: stores move, are locked, stale, or missing."""
    plays = [Play(partition, LEADS, seed=7) for partition in range(PARTITIONS)]
    load = asyncio.create_task(_play(outcomes, plays))
    folders = [tmp_path / "shared", tmp_path / "shared", tmp_path / "own"]
    workers = [begin_outcomes(outcomes, folder) for folder in folders[:2]]
    for step in range(4):
        await _reads(workers, load)
        killed = workers.pop(0)
        killed.end()  # SIGKILL
        workers.append(begin_outcomes(outcomes, folders[(step + 2) % 3]))
    await load
    await until_reported(outcomes, plays, within=240)
    for worker in workers:
        await worker.stop_cleanly()


async def _play(stage: Stage, plays: list[Play]) -> None:
    """Send all in steps, outcomes and scores of a time together."""
    parts = [(play.score_records(), play.outcome_records()) for play in plays]
    for step in range(STEPS):
        for scores, outcomes in parts:
            await send(stage, _part(scores, step), _part(outcomes, step))


def _part(records: list[Record], step: int) -> list[Record]:
    return records[len(records) * step // STEPS : len(records) * (step + 1) // STEPS]


async def _reads(workers: list[WorkerProcess], load: asyncio.Task[None]) -> None:
    """Wait until a worker has read something more, or all has been sent."""
    before = await _read(workers)

    async def has_read() -> bool:
        for worker in workers:
            worker.check()
        return load.done() or await _read(workers) > before

    await until(has_read, within=180, what="scores that are read")


async def _read(workers: list[WorkerProcess]) -> float:
    found = 0.0
    for worker in workers:
        if await asyncio.to_thread(worker.ask, "/metrics") is not None:
            found += await worker.metric("leadscore_outcome_scores_total")
    return found
