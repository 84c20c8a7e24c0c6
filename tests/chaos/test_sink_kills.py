"""Sinks killed at any moment under load, rebalanced, their target away: nothing is lost."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from random import Random

import pytest

from stream.broker import Broker
from testing.kafka_client import TopicFactory, read_ends, until
from testing.postgres_server import binaries, postgres_server
from testing.webhook_receiver import webhook_receiver
from tests.chaos.sink_targets import Database, DeltaFolder, Files, Receiver
from tests.integration.sink_process import PARTITIONS, begin_sink, emit, sink_stage, until_written
from tests.integration.worker_process import Stage, WorkerProcess

pytestmark = [pytest.mark.thorough, pytest.mark.timeout(900)]

KILLS = 6
RATE = 100
"""Records a second and partition."""
AnyTarget = Database | DeltaFolder | Files | Receiver


@asynccontextmanager
async def target_of(kind: str, folder: Path, chance: Random) -> AsyncIterator[AnyTarget]:
    """Open the target of a kind of sink."""
    if kind == "jsonl":
        yield Files(folder)
    elif kind == "delta":
        yield DeltaFolder(folder)
    elif kind == "webhook":
        async with webhook_receiver() as receiver:
            yield Receiver(receiver, chance)
    else:
        programs = binaries()
        if programs is None:
            pytest.skip("PostgreSQL is not installed (Debian: apt-get install postgresql)")
        with postgres_server(programs) as server:
            yield Database(server)


@asynccontextmanager
async def scored_all_the_time(stage: Stage) -> AsyncIterator[None]:
    """Write scored events until the body ends."""
    stop = asyncio.Event()

    async def write() -> None:
        at = 0
        while not stop.is_set():
            await emit(stage, at, at + RATE // 10)
            at += RATE // 10
            await asyncio.sleep(0.1)  # the rate

    writing = asyncio.create_task(write())
    try:
        yield
    finally:
        stop.set()
        await writing


@pytest.mark.parametrize("kind", ["jsonl", "sql", "delta", "webhook"])
async def test_nothing_is_lost_though_sinks_are_killed_and_their_target_is_unavailable(
    kafka: Broker, topics: TopicFactory, tmp_path: Path, chance: Random, kind: str
) -> None:
    stage = sink_stage(kafka.bootstrap, topics.prefix, tmp_path)
    await stage.create_topics(PARTITIONS)
    async with AsyncExitStack() as open_ones:
        open_ones.callback(stage.end)
        target = await open_ones.enter_async_context(target_of(kind, tmp_path / "target", chance))
        environment = {
            # Much is written and not committed when the kill comes.
            "LEADSCORE_COMMIT_INTERVAL_SECONDS": "2",
            "LEADSCORE_BATCH_MAX_RECORDS": "50",
            **target.environment,
        }

        def begin() -> WorkerProcess:
            return begin_sink(stage, target.kind, "--name", "crew", **environment)

        crew = [begin() for _ in range(2)]
        for sink in crew:
            await sink.ready()
        async with scored_all_the_time(stage):
            for number in range(KILLS):
                await asyncio.sleep(chance.uniform(1.0, 4.0))  # the moment of the kill is drawn
                hit = chance.randrange(2)
                crew[hit].send(signal.SIGKILL)
                await crew[hit].ended()
                crew[hit] = begin()  # its session is not over: the next kill may hit either
                if number == KILLS // 2:
                    await _survive_an_outage(target, crew)
            # A rebalance without a kill: a sink leaves, another one comes.
            await crew[0].ready()
            await crew[0].stop_cleanly()
            crew[0] = begin()
            await crew[0].ready()
        await until_written(stage, "crew", within=240)
        ends = await read_ends(stage.settings.kafka_bootstrap_servers, stage.settings.leads_scored)
        assert min(ends.values()) > KILLS * RATE
        target.verify(ends)
        assert await stage.records(stage.settings.leads_sinks_dlq) == []
        for sink in crew:
            await sink.stop_cleanly()


async def _survive_an_outage(target: AnyTarget, crew: list[WorkerProcess]) -> None:
    """Move the target away until each sink has seen it, and bring it back."""
    for sink in crew:
        await sink.ready()
    async with target.away():
        for sink in crew:

            async def is_unavailable(sink: WorkerProcess = sink) -> bool:
                return await sink.metric("leadscore_sink_target_up") == 0

            await until(is_unavailable, within=60, what="a sink that sees its target away")
    for sink in crew:
        await sink.ready()
