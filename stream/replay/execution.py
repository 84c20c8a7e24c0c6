"""Executes a part of a plan beside what watches it: the cancellation, the display, the workers."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

from aiokafka.errors import KafkaError

from schemas.errors import FatalError
from stream.process.background_tasks import BackgroundTasks
from stream.replay.account import Account
from stream.replay.live_watch import LiveWatch
from stream.replay.plan import ReplayPlan, ReplayRecord
from stream.replay.plan_log import PlanLog
from stream.replay.ranges import PartitionRange
from stream.replay.runner import Progress, ReplayRun, read_progress
from stream.replay.shards import Shard
from stream.replay.throttle import LiveState, Throttle
from stream.replay.workers import run_workers
from stream.settings import Settings

__all__ = ["CancelledReplayError", "OnProgress", "execute", "execute_in_processes", "settle"]

log = logging.getLogger(__name__)

LOOK = 1.0
"""Seconds between two looks at the progress."""


class CancelledReplayError(FatalError):
    """Another process has cancelled the replay."""

    def __init__(self, plan: ReplayPlan) -> None:
        super().__init__(
            f"Replay {plan.id} was cancelled: what it has written stays in {plan.out}; start a new"
            " one to score the rest."
        )


OnProgress = Callable[[Sequence[Progress], Throttle], None]
"""Called with how far the ranges are, and how the replay is slowed down."""


async def execute(
    settings: Settings,
    plan: ReplayPlan,
    ranges: Sequence[PartitionRange],
    throttle: Throttle,
    on_progress: OnProgress,
    stop: asyncio.Event,
) -> bool:
    """Execute some ranges of a plan until they are done or the event is set.

    Returns
    -------
    bool
        Whether these ranges are done.

    Raises
    ------
    CancelledReplayError
        The replay was cancelled meanwhile.
    FatalError
        See ``ReplayRun.run``.
    """
    run = ReplayRun(settings, plan, ranges, throttle)
    cancelled = asyncio.Event()
    async with _beside(
        _wait_for_cancellation(PlanLog(settings), plan, cancelled, stop),
        _report(run, throttle, on_progress),
        *_watches(settings, plan, throttle.look),
    ):
        is_done = await run.run(stop)
    on_progress(run.progress(), throttle)
    if cancelled.is_set() and not is_done:
        raise CancelledReplayError(plan)
    return is_done


async def execute_in_processes(
    settings: Settings,
    plan: ReplayPlan,
    shards: Sequence[Shard],
    count: int,
    max_rate: float | None,
    throttle: Throttle,
    on_look: Callable[[], Awaitable[None]],
    stop: asyncio.Event,
) -> bool:
    """Execute a part of a plan in several processes; each has a throttle of its own.

    Parameters
    ----------
    settings, plan, shards, count, max_rate, on_look, stop
        See ``run_workers``.
    throttle
        Learns how the live workers are doing: the display shows it.

    Returns
    -------
    bool
        Whether the part is done.

    Raises
    ------
    CancelledReplayError
        The replay was cancelled meanwhile.
    FatalError
        A process has failed.
    """
    try:
        async with _beside(*_watches(settings, plan, throttle.note)):
            return await run_workers(plan, shards, count, max_rate, on_look, stop)
    except FatalError:
        if (await PlanLog(settings).find(plan.id)).state == "cancelled":
            raise CancelledReplayError(plan) from None
        raise


async def settle(settings: Settings, plan: ReplayPlan) -> list[Progress] | None:
    """Write the end of a replay with its account, if every range is done.

    Returns
    -------
    list of Progress or None
        How far each range is; None while other processes have ranges that are not done.
    """
    progress = await read_progress(settings, plan)
    if not all(each.is_done for each in progress):
        return None
    accounts: dict[int, Account] = {each.range.partition: each.account for each in progress}
    await PlanLog(settings).write("ended", plan, accounts)
    return progress


@asynccontextmanager
async def _beside(*coroutines: Coroutine[Any, Any, None]) -> AsyncIterator[None]:
    tasks = BackgroundTasks(_log_end)
    for coroutine in coroutines:
        tasks.start(coroutine)
    try:
        yield
    finally:
        await tasks.cancel()


async def _log_end(error: BaseException) -> None:
    log.error("a task beside the replay ended, the replay continues without it: %r", error)


def _watches(
    settings: Settings, plan: ReplayPlan, on_state: Callable[[LiveState], None]
) -> Iterator[Coroutine[Any, Any, None]]:
    """Return what watches the workers, if they read the topic that is replayed."""
    if plan.topic == settings.leads_created:
        yield LiveWatch(settings, plan.partitions, on_state).run()


async def _wait_for_cancellation(
    plans: PlanLog, plan: ReplayPlan, cancelled: asyncio.Event, stop: asyncio.Event
) -> None:
    def take(record: ReplayRecord) -> None:
        if record.state == "cancelled":
            cancelled.set()
            stop.set()

    while True:
        try:
            async for record in plans.follow(plan.id):
                take(record)
        except (KafkaError, FatalError) as error:
            log.warning("a cancellation is not noticed until %r has passed", error)
        await asyncio.sleep(LOOK)


async def _report(run: ReplayRun, throttle: Throttle, on_progress: OnProgress) -> None:
    while True:
        on_progress(run.progress(), throttle)
        await asyncio.sleep(LOOK)
