"""A task that holds the event loop is measured, by both clocks."""

from __future__ import annotations

import time

from stream.process.loop_watch import LoopWatch
from testing.kafka_client import until

HELD = 0.3


async def test_a_hold_shows_in_wall_time_and_one_that_computes_in_cpu_time_too() -> None:
    watch = LoopWatch()
    assert watch.longest_holds == {"wall": 0.0, "cpu": 0.0}
    await watch.start()
    try:
        await until(lambda: watch.longest_holds["wall"] > 0.0, what="its first look")
        time.sleep(HELD)  # noqa: ASYNC251 - a hold without work is the subject
        await until(lambda: watch.longest_holds["wall"] >= HELD / 2)
        assert watch.longest_holds["cpu"] < HELD / 2, "it slept"
        until_cpu = time.thread_time() + HELD
        while time.thread_time() < until_cpu:
            pass
        await until(lambda: watch.longest_holds["cpu"] >= HELD / 2)
        assert watch.longest_holds["wall"] >= watch.longest_holds["cpu"]
    finally:
        await watch.stop()
