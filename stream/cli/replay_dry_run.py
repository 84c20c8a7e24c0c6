"""Dry runs of `leadscore replay`: what a new replay would do, and what is left of an old one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

import click

from schemas.display import counted, for_terminal
from stream.cli.output import print_json
from stream.cli.replay_display import print_estimate
from stream.cli.replay_run import planned_before, print_notes, require_resumable, shown_progress
from stream.replay.launch import Wanted, make_plan
from stream.replay.plan_log import PlanLog
from stream.replay.shards import Shard, split
from stream.replay.trial import try_out
from stream.settings import Settings

__all__ = ["dry_run", "left_of"]


async def dry_run(
    settings: Settings, wanted: Wanted, shards: Sequence[Shard], options: dict[str, Any]
) -> None:
    """Score a sample of a replay, and print what the whole would be.

    With the id of an earlier replay, print what is left of that.
    """
    if record := await planned_before(PlanLog(settings), wanted):
        await left_of(settings, record.plan.id, shards, options)
        return
    plan = await make_plan(settings, wanted, datetime.now(UTC))
    await print_notes(settings, plan, wanted)
    estimate = await try_out(settings, plan)
    if options["is_json"]:
        print_json({"event": "dry_run", "plan": plan.model_dump(mode="json"), **asdict(estimate)})
    else:
        print_estimate(plan, estimate, options["max_rate"])


async def left_of(
    settings: Settings, replay_id: str, shards: Sequence[Shard], options: dict[str, Any]
) -> None:
    """Print what a resumption of a replay would do."""
    record, progress = await shown_progress(settings, replay_id)
    require_resumable(record)
    ranges = split(record.plan.ranges, shards)
    left = [each for each in progress if each.range in ranges and not each.is_done]
    offsets = sum(each.range.end - each.offset for each in left)
    if options["is_json"]:
        print_json(
            {
                "event": "dry_run",
                "replay_id": replay_id,
                "state": record.state,
                "offsets": offsets,
                "partitions": [each.range.partition for each in left],
            }
        )
        return
    plan = record.plan
    partitions = counted(len(left), "partition")
    click.echo(
        for_terminal(
            f"would score {offsets:,} offsets of {plan.topic} in {partitions} into"
            f" {plan.out} with {plan.model_id}/{plan.model_version}; nothing was written"
        )
    )
