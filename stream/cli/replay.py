"""`leadscore replay`: score past leads again, beside the workers."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import click

from schemas.display import for_terminal
from schemas.errors import InputError
from stream.cli.options import DURATION, FOLDER_OR_URL, SHARE
from stream.cli.output import print_json, print_records
from stream.cli.replay_display import account_lines, print_account, print_replays
from stream.cli.replay_dry_run import dry_run, left_of
from stream.cli.replay_options import execution_options, parse_shards, target_options, wanted_of
from stream.cli.replay_run import code_of, resume_replay, run, shown_progress, start_replay
from stream.process.exit_codes import exit_codes
from stream.replay.launch import Wanted
from stream.replay.plan import ReplayRecord
from stream.replay.plan_log import PlanLog
from stream.replay.ranges import parse_point, time_before
from stream.settings import Settings, load_settings

__all__ = ["begin", "replay"]


@click.group()
def replay() -> None:
    """Score past leads again, with any model, beside the workers.

    \b
      leadscore replay start --last 7d --model leads/4
      leadscore replay list
      leadscore replay show 20260531-093000-1f2e

    A replay reads a fixed range of the leads topic and writes to a topic of its own. It touches no
    worker: see docs/operations.md#replays.
    """  # noqa: D301


@replay.command()
@click.option("--from", "start", metavar="POINT", help="Start of the range.")
@click.option("--to", "end", metavar="POINT", help="End of the range, excluded.  [default: end]")
@click.option("--last", type=DURATION, help="Instead of --from: the time until now, such as 30d.")
@click.option(
    "--archive",
    type=FOLDER_OR_URL,
    metavar="FOLDER|URL",
    help="Read this archive (see docs/operations.md#the-archive) instead of the topic.",
)
@target_options
@click.option("--sample", type=SHARE, default="1", help="Share of the records, such as 1%.")
@click.option(
    "--drift", "counts_drift", is_flag=True, help="Count the leads for drift, in a separate topic."
)
@execution_options
def start(**options: Any) -> None:
    """Plan a replay and execute it.

    \b
      leadscore replay start --last 7d --model leads/4
      leadscore replay start --from 2026-05-01 --to 2026-05-08 --filter country=DE
      leadscore replay start --from beginning --id backfill-1 --shard 2/4
      leadscore replay start --from '1d ago' --into-live --max-rate 500/s
      leadscore replay start --last 90d --archive s3://leads/archive

    POINT is beginning, end, a time (UTC), a span such as '1d ago', an offset, or offsets of some
    partitions such as 0/4711,3/120. The ranges of offsets, the model and the rules are fixed in a
    plan, in the topic leads.replays, before the first record is read. The same command with the
    --id of an earlier replay continues that one by its plan. With --shard the first part makes the
    plan; the others wait for it.

    Exit codes: 0 done (or this shard is), 1 failed or cancelled, 2 an option is invalid or the
    model does not exist, 3 Kafka, a topic, a right or the store of an archive is missing, 4 the
    account does not add up, 130 stopped: resume it with `leadscore replay resume`.
    """  # noqa: D301
    with exit_codes():
        settings = load_settings()
        code = begin(settings, _wanted(settings, options), options)
    raise SystemExit(code)


def begin(settings: Settings, wanted: Wanted, options: dict[str, Any]) -> int:
    """Execute a new replay, or with --dry-run show what it would do; return the exit code."""
    shards = parse_shards(options)
    if options["dry_run"]:
        run(settings, dry_run(settings, wanted, shards, options))
        return 0
    return run(settings, start_replay(settings, wanted, shards, options))


@replay.command()
@click.argument("replay_id", metavar="ID")
@click.option("--dry-run", is_flag=True, help="Show what is left; score nothing.")
@execution_options
def resume(replay_id: str, **options: Any) -> None:
    """Continue a replay by its plan, from its last commit.

    \b
      leadscore replay resume 20260531-093000-1f2e --dry-run
      leadscore replay resume 20260531-093000-1f2e
      leadscore replay resume backfill-1 --shard 3/4 --max-rate 2000/s

    Exit codes: as of `leadscore replay start`.
    """  # noqa: D301
    with exit_codes():
        settings, shards = load_settings(), parse_shards(options)
        if options["dry_run"]:
            run(settings, left_of(settings, replay_id, shards, options))
            return
        code = run(settings, resume_replay(settings, replay_id, shards, options))
    raise SystemExit(code)


@replay.command(name="list")
@click.option("--json", "is_json", is_flag=True, help="Print NDJSON.")
def list_replays(is_json: bool) -> None:
    """List the replays, the oldest first.

    \b
      leadscore replay list

    Exit codes: 0 listed, 3 Kafka or the topic is missing.
    """  # noqa: D301
    with exit_codes():
        found = asyncio.run(PlanLog(load_settings()).replays())
    print_records([*found.values()], _line, print_replays, as_json=is_json)


def _line(record: ReplayRecord) -> dict[str, Any]:
    plan = record.plan
    return {"replay_id": plan.id, "state": record.state, "plan": plan.model_dump(mode="json")}


@replay.command()
@click.argument("replay_id", metavar="ID")
@click.option("--json", "is_json", is_flag=True, help="Print NDJSON: one line.")
def show(replay_id: str, is_json: bool) -> None:
    """Show how far a replay is, and its account by partition.

    \b
      leadscore replay show 20260531-093000-1f2e

    read = scored + dead-lettered + filtered + dropped + expired. Gaps are offsets without a record:
    markers of transactions, and aborted or compacted records.

    Exit codes: 0 shown, 2 there is no such replay, 3 Kafka or the topic is missing, 4 the account
    does not add up.
    """  # noqa: D301
    with exit_codes():
        settings = load_settings()
        record, progress = asyncio.run(shown_progress(settings, replay_id))
    if is_json:
        print_json(
            {
                "replay_id": replay_id,
                "state": record.state,
                "plan": record.plan.model_dump(mode="json"),
                "partitions": account_lines(progress),
            }
        )
    else:
        print_account(record.plan, progress, record)
    raise SystemExit(code_of(progress))


@replay.command()
@click.argument("replay_id", metavar="ID")
@click.option("--dry-run", is_flag=True, help="Show which replay it is; cancel nothing.")
@click.option("--json", "is_json", is_flag=True, help="Print NDJSON.")
def cancel(replay_id: str, dry_run: bool, is_json: bool) -> None:
    """Cancel a replay for good; a process that executes it ends.

    \b
      leadscore replay cancel 20260531-093000-1f2e --dry-run
      leadscore replay cancel 20260531-093000-1f2e

    What it has written stays in its topics.

    Exit codes: 0 cancelled, 2 there is no such replay or it has ended, 3 Kafka or the topic is
    missing.
    """  # noqa: D301
    with exit_codes():
        record = asyncio.run(_cancel(load_settings(), replay_id, dry_run=dry_run))
    if is_json:
        print_json({"replay_id": replay_id, "was": record.state, "is_dry_run": dry_run})
        return
    said = f"would cancel {replay_id} ({record.state})" if dry_run else f"cancelled {replay_id}"
    if record.state == "cancelled":
        said = f"{replay_id} was cancelled before; nothing changes"
    click.echo(for_terminal(said))


async def _cancel(settings: Settings, replay_id: str, *, dry_run: bool) -> ReplayRecord:
    """Cancel a replay, unless it is a dry run; return its record before."""
    plans = PlanLog(settings)
    record = await plans.find(replay_id)
    if record.state == "ended":
        raise InputError(
            f"expected a replay that has not ended, but {replay_id} has: its outputs stay in"
            f" {record.plan.out}"
        )
    if record.state == "planned" and not dry_run:
        await plans.write("cancelled", record.plan)
    return record


def _wanted(settings: Settings, options: dict[str, Any]) -> Wanted:
    if (options["start"] is None) == (options["last"] is None):
        raise InputError("expected the start of the range: give either --from or --last")
    if not options["sample"]:
        raise InputError("expected --sample above 0, such as 1%")
    now = datetime.now(UTC)
    last = options["last"]
    start = time_before(now, last) if last else parse_point(options["start"], now)
    return replace(
        wanted_of(settings, options, start, parse_point(options["end"] or "end", now)),
        sample=options["sample"],
        counts_drift=options["counts_drift"],
    )
