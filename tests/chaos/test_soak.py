"""`make soak MINUTES=30`: a steady rate, a fault each minute; nothing lost, and memory flat."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path
from random import Random
from statistics import median
from typing import Any

import pytest

from model.bundle import Bundle
from stream.simulator.playing import Lead
from testing.soak_figures import OUTPUT, WARM_UP
from tests.chaos.audit import assert_nothing_committed_too_soon, audit
from tests.chaos.brokers import ProxiedBroker
from tests.chaos.crew import Crew, crew_of
from tests.conftest import StageSetter
from tests.integration.traffic import streaming
from tests.integration.worker_process import WorkerProcess

MINUTES = float(os.environ.get("LEADSCORE_SOAK_MINUTES", "0"))
RATE = float(os.environ.get("LEADSCORE_SOAK_RATE", "2000"))
SEED = int(os.environ.get("LEADSCORE_SOAK_SEED", "1"))
FAULT_EVERY = 60.0
SAMPLE_EVERY = 10.0
GROWTH = 1.1
"""Memory at the end, as a multiple of that after the warm-up."""

Fault = Callable[[], Awaitable[None]]


class Faults:
    """Faults, one per minute; those that end a process spare the first worker.

    So its memory is that of the whole soak.
    """

    def __init__(self, crew: Crew, kafka: ProxiedBroker, chance: Random) -> None:
        self._crew, self._kafka, self._chance = crew, kafka, chance

    def next(self) -> Fault:
        return self._chance.choice(
            (
                *(self.kill, self.freeze, self.rejoin, self.restart_kafka, self.freeze_kafka),
                *(self.reset, self.slow, self.silence, self.strand),
            )
        )

    def _other(self) -> WorkerProcess:
        return self._chance.choice(self._crew.members[1:]).process

    async def kill(self) -> None:
        self._other().send(signal.SIGKILL)

    async def freeze(self) -> None:
        process = self._chance.choice(self._crew.members).process
        process.send(signal.SIGSTOP)
        await asyncio.sleep(self._chance.uniform(1.0, 12.0))
        process.send(signal.SIGCONT)

    async def rejoin(self) -> None:
        leaving = self._crew.members[-1]
        await self._crew.join(**leaving.environment)
        await self._crew.leave(leaving)

    async def restart_kafka(self) -> None:
        await asyncio.to_thread(self._kafka.kill)
        await asyncio.sleep(self._chance.uniform(0.0, 5.0))
        await asyncio.to_thread(self._kafka.restart)

    async def freeze_kafka(self) -> None:
        self._kafka.pause()
        await asyncio.sleep(self._chance.uniform(1.0, 15.0))
        self._kafka.resume()

    async def reset(self) -> None:
        for _ in range(10):
            await asyncio.to_thread(self._kafka.proxy.reset)
            await asyncio.sleep(self._chance.uniform(0.0, 0.5))

    async def slow(self) -> None:
        self._kafka.proxy.slow(self._chance.uniform(0.05, 0.3))
        await asyncio.sleep(10)
        self._kafka.proxy.heal()

    async def silence(self) -> None:
        self._kafka.proxy.half_open()
        await asyncio.sleep(self._chance.uniform(1.0, 12.0))
        await asyncio.to_thread(self._kafka.proxy.heal)

    async def strand(self) -> None:
        self._kafka.proxy.strand()


def resident_mb(pid: int) -> float:
    """Memory of a process, in MB."""
    [line] = [
        line for line in Path(f"/proc/{pid}/status").read_text().splitlines() if "VmRSS" in line
    ]
    return int(line.split()[1]) / 1024


async def sample(process: WorkerProcess, into: list[tuple[float, float]]) -> None:
    begin = time.monotonic()
    while True:
        with suppress(OSError, ValueError):
            into.append((round(time.monotonic() - begin, 1), resident_mb(process.pid)))
        await asyncio.sleep(SAMPLE_EVERY)


def write(**figures: Any) -> None:
    OUTPUT.parent.mkdir(parents=True, exist_ok=True)
    OUTPUT.write_text(json.dumps(figures, indent=1))


@pytest.mark.skipif(not MINUTES, reason="only `make soak` has the time")
@pytest.mark.thorough
@pytest.mark.timeout(0)
async def test_a_fault_each_minute_loses_nothing_and_leaks_nothing(
    proxied_kafka: ProxiedBroker, set_stage: StageSetter, contacts: list[Lead], bank_model: Bundle
) -> None:
    stage = set_stage(proxied_kafka.bootstrap)
    await stage.create_topics()
    behind = {"LEADSCORE_KAFKA_BOOTSTRAP_SERVERS": proxied_kafka.proxied}
    memory: list[tuple[float, float]] = []
    recoveries = []
    async with crew_of(stage) as crew, streaming(stage, contacts, SEED, rate=RATE) as traffic:
        first = (await crew.join(**behind)).process
        await crew.join(**behind)
        faults = Faults(crew, proxied_kafka, Random(SEED))
        sampling = asyncio.create_task(sample(first, memory))
        end = time.monotonic() + MINUTES * 60
        # First the one that keeps them from work for longest: what they take then is no leak.
        fault: Fault = faults.strand
        while time.monotonic() < end:
            until_next = asyncio.create_task(asyncio.sleep(FAULT_EVERY))
            await fault()
            recoveries.append((fault.__name__, round(await crew.back(), 1)))
            name, seconds = recoveries[-1]
            print(f"{len(recoveries):3} {name:14} back after {seconds:4.1f} s", flush=True)
            fault = faults.next()
            await until_next
        sampling.cancel()
        played = await traffic.end()
        print(f"{played.sent:,} leads sent, now the audit", flush=True)
        await assert_nothing_committed_too_soon(stage)
        repeats = await audit(stage, bank_model, played)
        write(
            leads=played.sent,
            repeats=repeats,
            faults=recoveries,
            crashes=crew.crashes,
            memory_mb=memory,
        )
        print(f"{repeats:,} came out again, none is lost; memory is in {OUTPUT}", flush=True)
        assert first.is_running
    warm = [mb for at, mb in memory if at >= WARM_UP]
    if len(warm) >= 20:
        tenth = len(warm) // 10
        assert median(warm[-tenth:]) <= median(warm[:tenth]) * GROWTH
