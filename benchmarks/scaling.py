"""What a lead costs, whatever there is of them: CPU time by backlog and by partitions."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from typing import Any

from benchmarks.contenders import CONTENDERS
from benchmarks.load import SteadyLoad
from benchmarks.place import Place
from benchmarks.process_tree import cpu_seconds, peak_memory_mb
from testing.kafka_client import read_ends

__all__ = ["Cost", "measure_cost"]

READY_SECONDS = 60.0
SCORED_SECONDS = 900.0
AT_LEAST = 20_000
"""Leads: fewer are sent several times, as their CPU time would be too short to be measured."""
AT_ONCE = 10_000
WARM = 100_000
"""Leads that it scores first, at most."""


@dataclass(frozen=True, slots=True)
class Cost:
    """What a lead costs.

    Attributes
    ----------
    events, partitions
        How many leads came at once, over how many partitions.
    cpu_us
        CPU time a lead, in microseconds.
    memory_mb
        The most that the worker had resident.
    """

    events: int
    partitions: int
    cpu_us: float
    memory_mb: float


async def measure_cost(place: Place, count: int, partitions: int) -> Cost:
    """Have a worker that is ready and idle score so many leads that come at once."""
    source = await place.make_source(partitions, {})
    stage = await place.stage(source, partitions=partitions)
    with place.running(CONTENDERS["leadscore"], stage) as process:
        async with SteadyLoad(place.bootstrap, source, partitions) as load:
            await load.send(partitions)
            await _scored(place, stage.target, load, process, READY_SECONDS)
            # It scores first what it never saw before: what is measured is a worker that runs.
            await load.send(min(count, WARM))
            await _scored(place, stage.target, load, process, SCORED_SECONDS)
            rounds = -(-AT_LEAST // count)
            used = 0.0
            for _ in range(rounds):
                before = cpu_seconds(process.pid)
                for start in range(0, count, AT_ONCE):
                    await load.send(min(AT_ONCE, count - start))
                await _scored(place, stage.target, load, process, SCORED_SECONDS)
                used += cpu_seconds(process.pid) - before
            memory = peak_memory_mb(process.pid)
    await place.clear(stage)
    return Cost(count, partitions, used / (rounds * count) * 1e6, memory)


async def _scored(place: Place, topic: str, load: SteadyLoad, process: Any, within: float) -> None:
    deadline = time.monotonic() + within
    while sum((await read_ends(place.bootstrap, topic)).values()) < load.sent:
        if process.poll() is not None:
            raise RuntimeError(f"ended with code {process.returncode}")
        if time.monotonic() > deadline:
            raise RuntimeError(f"expected {load.sent:,} leads scored within {within:.0f} s")
        await asyncio.sleep(0.05)
