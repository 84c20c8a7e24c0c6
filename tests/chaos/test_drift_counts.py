"""Drift counts under fire: whoever is killed, stopped or added, every bin count is the log's."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator, Iterator

import pytest

from model.bundle import Bundle
from stream.broker import Broker
from stream.simulator.playing import Lead
from testing.kafka_client import TopicFactory
from tests.chaos.audit import second_audit
from tests.conftest import StageSetter
from tests.integration.test_drift import assert_exact, close_windows
from tests.integration.worker_process import PARTITIONS, Stage, WorkerProcess

IS_LONG = os.environ.get("LEADSCORE_CHAOS") == "long"
LEADS = 200_000 if IS_LONG else 36_000
RATE = 6000 if IS_LONG else 2000
ROUNDS = 2 if IS_LONG else 1
WINDOWS = 20
WINDOW_S = 300
AGO_S = 4 * 3600


def spread(contacts: list[Lead]) -> Iterator[Lead]:
    """Leads whose event times go through all the windows."""
    begin = int((time.time() - AGO_S) * 1000)
    step = WINDOWS * WINDOW_S * 1000 / LEADS
    for i in range(LEADS):
        lead = contacts[i % len(contacts)]
        yield lead._replace(lead_id=f"{i}-{lead.lead_id}", created_at=begin + round(i * step))


@pytest.fixture
async def drift_stage(
    kafka: Broker, topics: TopicFactory, set_stage: StageSetter
) -> AsyncIterator[Stage]:
    stage = set_stage(
        kafka.bootstrap,
        LEADSCORE_TOPIC_PREFIX=topics.prefix,
        LEADSCORE_DRIFT_LATENESS_SECONDS="0",
        LEADSCORE_DRIFT_IDLE_SECONDS="45",
        LEADSCORE_DRIFT_SEASON_SECONDS="0",
    )
    await stage.create_topics()
    yield stage
    stage.end()


async def killed(stage: Stage, worker: WorkerProcess, **environment: str) -> WorkerProcess:
    """Kill a worker and start another in its place."""
    worker.send(signal.SIGKILL)
    await worker.ended()
    return await stage.start(**environment)


@pytest.mark.thorough
@pytest.mark.timeout(900)
async def test_counts_are_exact_whoever_is_killed_stopped_or_added(
    drift_stage: Stage, contacts: list[Lead], bank_model: Bundle
) -> None:
    stage = drift_stage
    watcher = {"LEADSCORE_ROLE": "drift"}
    first, second = await stage.start(), await stage.start()
    watching = await stage.start(**watcher)
    playing = asyncio.create_task(stage.play(spread(contacts), rate=RATE))
    try:
        await stage.until_scored(LEADS // 12)
        for _ in range(ROUNDS):
            first = await killed(stage, first)
            watching = await killed(stage, watching, **watcher)
            second = await killed(stage, second)
        third = await stage.start()  # a rebalance
        drift_group = f"{stage.settings.group_id}-drift"
        scoring, counting = await stage.members(), await stage.members(drift_group)
        second.send(signal.SIGSTOP)
        watching.send(signal.SIGSTOP)
        await stage.until_removed(scoring)
        await stage.until_removed(counting, group=drift_group)
        second.send(signal.SIGCONT)
        watching.send(signal.SIGCONT)
        await third.stop_cleanly()  # and another
        played = await playing
    finally:
        playing.cancel()
        await asyncio.gather(playing, return_exceptions=True)
    assert played.sent == LEADS
    await stage.until_committed(played, within=120)
    await close_windows(stage, contacts)
    counts = await assert_exact(stage, bank_model, WINDOW_S * 1000)
    assert len(counts) >= WINDOWS
    assert sum(window["", 0] for window in counts.values()) == LEADS
    reports = stage.settings.leads_drift
    account = await second_audit(stage, bank_model, played=played, reports=reports)
    assert account.totals.leads == LEADS + PARTITIONS
    assert account.reports >= WINDOWS
