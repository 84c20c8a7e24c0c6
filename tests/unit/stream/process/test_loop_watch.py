"""A task that holds the event loop is measured, by both clocks."""

from __future__ import annotations

import time
from dataclasses import dataclass

import pytest

from stream.process.loop_watch import LOOK, LoopWatch
from testing.kafka_client import until

HELD = 0.3


@dataclass
class Clocks:
    """Clocks that stand still but for what a test adds.

    Attributes
    ----------
    looks
        How often the first of them was read.
    """

    wall: float = 100.0
    cpu: float = 5.0
    looks: int = 0

    def read_wall(self) -> float:
        self.looks += 1
        return self.wall


async def test_a_hold_shows_in_wall_time_and_one_that_computes_in_cpu_time_too() -> None:
    clocks = Clocks()
    watch = LoopWatch(clocks.read_wall, lambda: clocks.cpu)
    assert watch.longest_holds == {"wall": 0.0, "cpu": 0.0}
    await watch.start()
    try:
        await until(lambda: clocks.looks > 0, what="its first look")
        clocks.wall += HELD
        await until(lambda: watch.longest_holds["wall"] > 0.0)
        assert watch.longest_holds == {"wall": pytest.approx(HELD - LOOK), "cpu": 0.0}
        clocks.wall += 2 * HELD
        clocks.cpu += HELD
        await until(lambda: watch.longest_holds["cpu"] > 0.0)
        assert watch.longest_holds == {
            "wall": pytest.approx(2 * HELD - LOOK),
            "cpu": pytest.approx(HELD),
        }
    finally:
        await watch.stop()


async def test_the_clocks_are_those_of_the_process() -> None:
    watch = LoopWatch()
    await watch.start()
    try:
        await until(lambda: watch.longest_holds["wall"] > 0.0, what="its first look")
        until_cpu = time.thread_time() + HELD
        while time.thread_time() < until_cpu:
            pass
        await until(lambda: watch.longest_holds["cpu"] >= HELD / 2)
        assert watch.longest_holds["wall"] >= watch.longest_holds["cpu"]
    finally:
        await watch.stop()
