"""Work of the commands of `leadscore replay`: plan, execute, and report the account."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Coroutine, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from datetime import UTC, datetime
from typing import Any, TypeVar

import click
from rich.console import Console

from schemas.display import for_terminal
from schemas.errors import InputError, StartupError
from stream.cli.confirmation import confirm
from stream.cli.output import discard_output, print_json
from stream.cli.replay_display import (
    ReplayDisplay,
    account_lines,
    print_account,
)
from stream.kafka.unhandled_errors import log_unhandled
from stream.process.exit_codes import EXIT_STOPPED, EXIT_UNBALANCED
from stream.process.garbage import collect_seldom
from stream.process.priority import give_way
from stream.replay.continued import note_on_continued, require_same
from stream.replay.execution import OnProgress, execute, execute_in_processes, settle
from stream.replay.launch import Wanted, create_outputs, make_plan
from stream.replay.lost_progress import check_progress
from stream.replay.metrics import ReplayExposition
from stream.replay.notes import note_on_filter, notes_on, notes_on_ages, notes_on_later
from stream.replay.other_process import require_alone
from stream.replay.plan import ReplayPlan, ReplayRecord
from stream.replay.plan_log import PlanLog
from stream.replay.ranges import PartitionRange
from stream.replay.runner import Progress, read_progress
from stream.replay.selection import load_selection
from stream.replay.shards import Shard, split
from stream.replay.source_topic import require_same_topic
from stream.replay.throttle import Throttle
from stream.settings import Settings
from stream.simulator.connection import stop_on_signals

__all__ = [
    "code_of",
    "planned_before",
    "print_notes",
    "require_resumable",
    "resume_replay",
    "run",
    "shown_progress",
    "start_replay",
]

T = TypeVar("T")

PLAN_LIMIT, PLAN_LOOK = 300.0, 1.0
"""Seconds in which the first shard must have made the plan, and between two looks for it."""


async def shown_progress(settings: Settings, replay_id: str) -> tuple[ReplayRecord, list[Progress]]:
    """Return a replay, and how far its ranges are."""
    record = await PlanLog(settings).find(replay_id)
    if record.state != "ended":
        return record, await read_progress(settings, record.plan)
    # The group's commits expire; the end has the account.
    return record, [
        Progress(each, each.end, record.accounts[each.partition]) for each in record.plan.ranges
    ]


def run(settings: Settings, work: Coroutine[Any, Any, T]) -> T:
    """Run on uvloop and with few garbage collections, as a worker does, but give way to workers."""
    give_way()
    collect_seldom()
    factory = None
    if settings.uvloop:
        with suppress(ImportError):  # uvloop is not there on Windows
            from stream.process.event_loop import EventLoop

            factory = EventLoop
    with asyncio.Runner(loop_factory=factory) as runner:
        runner.get_loop().set_exception_handler(log_unhandled)
        return runner.run(work)


async def start_replay(
    settings: Settings, wanted: Wanted, shards: Sequence[Shard], options: dict[str, Any]
) -> int:
    """Plan a replay, unless its id has a plan, and execute it; return the exit code."""
    plans = PlanLog(settings)
    record = await planned_before(plans, wanted)
    if record is None and any(shard.index for shard in shards):
        record = await _planned_by_the_first(plans, wanted.id)
    if record is not None:
        return await _resume(settings, record, shards, options)
    plan = await make_plan(settings, wanted, datetime.now(UTC))
    await asyncio.to_thread(load_selection, plan, settings)  # an invalid filter is never planned
    await print_notes(settings, plan, wanted)
    _confirm(plan, options)
    await plans.write("planned", plan)
    how = f"replay {plan.id} is planned; if it is stopped: leadscore replay resume {plan.id}"
    click.echo(how, err=True)
    return await _execute(settings, await plans.find(plan.id), shards, options)


async def planned_before(plans: PlanLog, wanted: Wanted) -> ReplayRecord | None:
    """Return the earlier replay with the id that is wanted, after a note about it.

    Raises
    ------
    InputError
        Its plan has other options.
    """
    record = await plans.get(wanted.id) if wanted.id else None
    if record is not None:
        require_same(record.plan, wanted)
        if record.state != "cancelled":
            click.echo(for_terminal(note_on_continued(record)), err=True)
    return record


async def print_notes(settings: Settings, plan: ReplayPlan, wanted: Wanted) -> None:
    """Print what is notable about a new plan, on standard error."""
    notes = (*notes_on(plan, wanted), *notes_on_ages(plan, settings))
    for note in (*notes, *await notes_on_later(plan, settings, wanted)):
        click.echo(for_terminal(note), err=True)


async def _planned_by_the_first(plans: PlanLog, replay_id: str | None) -> ReplayRecord:
    """Wait for the plan that the first shard makes."""
    if replay_id is None:
        raise InputError("--shard: expected an --id, the same for all shards: give one")
    with suppress(TimeoutError):
        async with asyncio.timeout(PLAN_LIMIT):
            while True:
                if record := await plans.get(replay_id):
                    return record
                await asyncio.sleep(PLAN_LOOK)
    raise StartupError(
        f"expected the first shard to plan replay {replay_id} within {PLAN_LIMIT:g} s, but there is"
        f" no plan: start it with --shard 1/N"
    )


def _confirm(plan: ReplayPlan, options: dict[str, Any]) -> None:
    if plan.is_into_live:
        confirm(
            f"Score {plan.offsets:,} offsets of {plan.topic} into {plan.out}, the topic of the"
            " workers?",
            is_given=options["yes"],
        )


async def resume_replay(
    settings: Settings, replay_id: str, shards: Sequence[Shard], options: dict[str, Any]
) -> int:
    """Continue a replay by its plan; return the exit code."""
    record = await PlanLog(settings).find(replay_id)
    if record.state == "ended":
        click.echo(for_terminal(note_on_continued(record)), err=True)
    return await _resume(settings, record, shards, options)


async def _resume(
    settings: Settings, record: ReplayRecord, shards: Sequence[Shard], options: dict[str, Any]
) -> int:
    if record.state == "planned":
        await require_same_topic(settings, record.plan)
        await create_outputs(settings, record.plan)
        ranges = split(record.plan.ranges, shards)
        await check_progress(settings, record.plan, ranges)
        await require_alone(settings, record.plan, ranges)
    return await _execute(settings, record, shards, options)


def require_resumable(record: ReplayRecord) -> None:
    """Refuse a replay that was cancelled."""
    if record.state == "cancelled":
        raise InputError(f"replay {record.plan.id} was cancelled: start a new one")


async def _execute(
    settings: Settings, record: ReplayRecord, shards: Sequence[Shard], options: dict[str, Any]
) -> int:
    plan = record.plan
    require_resumable(record)
    if record.state == "ended":
        _, progress = await shown_progress(settings, plan.id)
        return _tell_end(plan, progress, options)
    await create_outputs(settings, plan)
    ranges = split(plan.ranges, shards)
    if not await _execute_ranges(settings, plan, ranges, shards, options):
        click.echo(f"stopped; continue with: leadscore replay resume {plan.id}", err=True)
        return EXIT_STOPPED
    done = await settle(settings, plan)
    if done is None:
        _tell_shard_end(plan, ranges, options)
        return 0
    return _tell_end(plan, done, options)


async def _execute_ranges(
    settings: Settings,
    plan: ReplayPlan,
    ranges: Sequence[PartitionRange],
    shards: Sequence[Shard],
    options: dict[str, Any],
) -> bool:
    """Execute the ranges of some shards beside their display; return whether they are done."""
    throttle = Throttle(
        options["max_rate"],
        lag_limit=settings.replay_live_lag,
        latency_limit_ms=settings.replay_live_latency_ms,
    )
    with stop_on_signals() as stop:
        async with _shown(settings, plan, options, stop) as show:
            if not ranges:  # more shards than partitions
                return True
            workers = min(options["workers"], len(ranges))
            if workers == 1:
                return await execute(settings, plan, ranges, throttle, show, stop)

            async def look() -> None:
                found = await read_progress(settings, plan)
                show([each for each in found if each.range in ranges], throttle)

            rate = options["max_rate"]
            return await execute_in_processes(
                settings, plan, shards, workers, rate, throttle, look, stop
            )


@asynccontextmanager
async def _shown(
    settings: Settings, plan: ReplayPlan, options: dict[str, Any], stop: asyncio.Event
) -> AsyncIterator[OnProgress]:
    """Yield a function that shows the progress: on the terminal, and as metrics if asked for.

    It stops the replay if nobody reads standard output any more (``leadscore … | head``).
    """
    exposition = ReplayExposition(options["textfile"])
    display = ReplayDisplay(plan, Console(stderr=True), is_json=options["is_json"])

    def show(progress: Sequence[Progress], by: Throttle) -> None:
        try:
            display(progress, by)
        except BrokenPipeError:
            discard_output()
            stop.set()
        exposition.show(progress, by)

    async with AsyncExitStack() as stack:
        if options["port"] is not None:
            server = exposition.server(settings.http_host, options["port"])
            await stack.enter_async_context(server)
            click.echo(f"metrics on port {server.port}", err=True)
        stack.enter_context(display)
        yield show


def _tell_shard_end(
    plan: ReplayPlan, ranges: Sequence[PartitionRange], options: dict[str, Any]
) -> None:
    if options["is_json"]:
        partitions = [each.partition for each in ranges]
        print_json({"event": "shard_ended", "replay_id": plan.id, "partitions": partitions})
    else:
        click.echo("this shard is done; others are not yet", err=True)


def _tell_end(plan: ReplayPlan, progress: Sequence[Progress], options: dict[str, Any]) -> int:
    if options["is_json"]:
        print_json({"event": "ended", "replay_id": plan.id, "partitions": account_lines(progress)})
    else:
        print_account(plan, progress)
    if note := note_on_filter(plan, [each.account for each in progress]):
        click.echo(for_terminal(note), err=True)
    code = code_of(progress)
    if code:
        click.echo(
            "Error: the account does not add up: offsets of the ranges are in no column", err=True
        )
    elif not options["is_json"]:
        click.echo("The account adds up: every offset of the ranges is in one column")
    return code


def code_of(progress: Sequence[Progress]) -> int:
    """Return the exit code of an account: whether it adds up."""
    return 0 if all(each.is_balanced for each in progress) else EXIT_UNBALANCED
