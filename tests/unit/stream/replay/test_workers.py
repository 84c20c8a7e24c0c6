"""The processes of a replay on one machine: each a shard, and one failure ends them all."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Sequence

import pytest

from schemas.errors import FatalError
from stream.replay import workers
from stream.replay.plan import ReplayPlan
from stream.replay.shards import Shard
from stream.replay.workers import run_workers, worker_command
from tests.unit.stream.replay.test_plan import plan_of

WAITS = "import time; time.sleep(60)"


async def nothing() -> None:
    """Show nothing."""


async def run(
    monkeypatch: pytest.MonkeyPatch, *programs: str, stop: asyncio.Event | None = None
) -> bool:
    def command(plan: ReplayPlan, shards: Sequence[Shard], rate: float | None) -> list[str]:
        return [sys.executable, "-c", programs[shards[-1].index]]

    monkeypatch.setattr(workers, "worker_command", command)
    return await run_workers(plan_of(), (), len(programs), None, nothing, stop or asyncio.Event())


def test_a_process_gets_its_shard_of_the_shard_and_its_part_of_the_rate() -> None:
    command = worker_command(plan_of(), [Shard(1, 4), Shard(0, 2)], 500.0)
    assert command[3:] == [
        *("replay", "resume", "r1", "--json"),
        *("--shard", "2/4", "--shard", "1/2", "--max-rate", "500.0"),
    ]


async def test_it_is_done_when_all_are(monkeypatch: pytest.MonkeyPatch) -> None:
    assert await run(monkeypatch, "pass", "pass")


async def test_one_that_fails_ends_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(FatalError, match="with 3"):
        await run(monkeypatch, WAITS, "raise SystemExit(3)")


async def test_a_stop_is_passed_on(monkeypatch: pytest.MonkeyPatch) -> None:
    stop = asyncio.Event()
    asyncio.get_running_loop().call_soon(stop.set)
    assert not await run(monkeypatch, WAITS, WAITS, stop=stop)


async def test_a_stop_is_passed_on_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """A second signal each second interrupted the last commit of the processes."""
    stop = asyncio.Event()
    ends: list[object] = []

    class Child:
        """A process that ends at the third look after it was asked to."""

        def __init__(self) -> None:
            self.signals = self.looks = 0
            self.returncode: int | None = None

        def poll(self) -> int | None:
            self.looks += bool(self.signals)
            if self.looks > 6:
                self.returncode = 130
            return self.returncode

        def terminate(self) -> None:
            self.signals += 1

    child = Child()
    monkeypatch.setattr(workers, "start_child", lambda *_, **__: child)
    monkeypatch.setattr(workers, "end_child", ends.append)
    monkeypatch.setattr(workers, "LOOK", 0.001)
    stop.set()
    assert not await run_workers(plan_of(), (), 1, None, nothing, stop)
    assert (child.signals, ends) == (1, [child])
