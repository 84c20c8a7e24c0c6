"""Several processes of one machine that execute a replay: a shard each, by its plan."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

from schemas.errors import FatalError
from stream.process.child_process import end_child, start_child
from stream.replay.plan import ReplayPlan
from stream.replay.shards import Shard

__all__ = ["run_workers", "worker_command"]

LOOK = 1.0
"""Seconds between two looks at the processes."""
EXIT_STOPPED = 130


def worker_command(plan: ReplayPlan, shards: Sequence[Shard], rate: float | None) -> list[str]:
    """Return the command of a process that executes a shard."""
    command = [sys.executable, "-m", "stream", "replay", "resume", plan.id, "--json"]
    for shard in shards:
        command += ["--shard", str(shard)]
    return [*command, *(["--max-rate", str(rate)] if rate else [])]


async def run_workers(
    plan: ReplayPlan,
    shards: Sequence[Shard],
    count: int,
    max_rate: float | None,
    on_look: Callable[[], Any],
    stop: asyncio.Event,
) -> bool:
    """Execute a part of a plan in several processes.

    Parameters
    ----------
    plan, shards
        The part: a shard of a shard of the plan.
    count
        Number of processes.
    max_rate
        Records a second of all processes together; None: any.
    on_look
        Awaited at regular times.
    stop
        Event that stops the processes.

    Returns
    -------
    bool
        Whether all have finished their shards; False if they were stopped.

    Raises
    ------
    FatalError
        A process has failed; the others were stopped. What each has done is committed.
    """
    rate = max_rate / count if max_rate else None
    commands = [
        worker_command(plan, [*shards, Shard(index, count)], rate) for index in range(count)
    ]
    children = [start_child(command, stdout=subprocess.DEVNULL) for command in commands]
    is_passed_on = False
    try:
        while any(child.poll() is None for child in children):
            failed = [code for child in children if (code := child.poll()) not in (None, 0)]
            if failed and not stop.is_set():
                raise FatalError(
                    f"The processes of replay {plan.id} were expected to end with 0, but one ended"
                    f" with {failed[0]}: see what it has logged, and resume the replay."
                )
            if stop.is_set() and not is_passed_on:
                is_passed_on = True  # a second signal would interrupt the last commit
                for child in children:
                    child.terminate()
            await on_look()
            with suppress(TimeoutError):
                async with asyncio.timeout(LOOK):
                    await stop.wait()
                    await asyncio.sleep(LOOK)
    finally:
        for child in children:
            end_child(child)
    codes = {child.returncode for child in children}
    if codes <= {0}:
        return True
    if stop.is_set():
        return False
    raise FatalError(
        f"The processes of replay {plan.id} were expected to end with 0, but ended with"
        f" {sorted(codes)}: see what they have logged, and resume the replay."
    )
