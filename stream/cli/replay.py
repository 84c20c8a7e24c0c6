"""`leadscore replay`: score past leads again, beside the workers."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from schemas.display import for_terminal
from schemas.errors import InputError
from stream.cli.options import DURATION, FOLDER_OR_URL, RATE, SHARE, add_options
from stream.cli.output import print_json, print_records
from stream.cli.replay_display import account_lines, print_account, print_replays
from stream.cli.replay_run import (
    code_of,
    dry_run,
    left_of,
    resume_replay,
    run,
    shown_progress,
    start_replay,
)
from stream.process.exit_codes import exit_codes
from stream.replay.launch import Wanted
from stream.replay.plan import ReplayRecord
from stream.replay.plan_log import PlanLog
from stream.replay.ranges import AtTime, parse_point
from stream.replay.shards import Shard, parse_shard
from stream.settings import Settings, load_settings

__all__ = ["execution_options", "parse_condition", "parse_shards", "replay", "target_options"]


def _has_terminal() -> bool:
    """Return whether somebody sees the bar or the account: a log gets lines of JSON instead."""
    return any(click.get_text_stream(name).isatty() for name in ("stdout", "stderr"))


TARGET_OPTIONS = (
    click.option("--topic", help="Topic of the leads.  [default: LEADSCORE_LEADS_CREATED]"),
    click.option(
        "--model",
        metavar="MODEL",
        help="NAME@ALIAS, NAME/VERSION or the first digits of a SHA-256."
        "  [default: LEADSCORE_MODEL]",
    ),
    click.option(
        "--out",
        metavar="TOPIC",
        help="Output topic.  [default: leads.rescored.<id>, which is made]",
    ),
    click.option("--into-live", is_flag=True, help="Write to the topics that workers write to."),
    click.option("--yes", is_flag=True, help="Do not ask before writing to these."),
    click.option(
        "--filter",
        "filters",
        metavar="FIELD=VALUE",
        multiple=True,
        help="Only leads with this value; may be repeated.",
    ),
    click.option("--id", "replay_id", help="Id of the replay.  [default: a new one]"),
    click.option(
        "--dry-run",
        is_flag=True,
        help="Score a sample, write nothing, and show what the replay would do.",
    ),
)
EXECUTION_OPTIONS = (
    click.option(
        "--max-rate",
        type=RATE,
        help="Maximum rate in records a second.  [default: unlimited]",
    ),
    click.option(
        "--shard",
        "shards",
        multiple=True,
        metavar="I/N",
        help="Only the I-th of N parts of the partitions; /N in a Kubernetes Indexed Job.",
    ),
    click.option(
        "--workers",
        type=click.IntRange(1, 256),
        default=1,
        show_default=True,
        help="Processes that share the partitions.",
    ),
    click.option(
        "--textfile",
        type=click.Path(path_type=Path, dir_okay=False),
        help="File for metrics, for node_exporter's textfile collector.",
    ),
    click.option(
        "--port",
        type=click.IntRange(0, 65535),
        help="Expose metrics on this port; 0 picks a free one.",
    ),
    click.option(
        "--json",
        "is_json",
        is_flag=True,
        default=lambda: not _has_terminal(),
        help="Print NDJSON.  [default: where there is no terminal]",
    ),
)


def target_options(command: Callable[..., None]) -> Callable[..., None]:
    """Add the options of a new replay: its leads, model, output and id."""
    return add_options(command, TARGET_OPTIONS)


def execution_options(command: Callable[..., None]) -> Callable[..., None]:
    """Add the options of how a replay is executed to a command."""
    return add_options(command, EXECUTION_OPTIONS)


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
    "--drift", "counts_drift", is_flag=True, help="Count the leads for drift, in a topic apart."
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

    POINT is beginning, end, an offset, a time (UTC) or a span such as '1d ago'. The ranges of
    offsets, the model and the rules are fixed in a plan, in the topic leads.replays, before the
    first record is read. With an --id that has a plan, that plan is continued. With --shard the
    first part makes the plan; the others wait for it.

    Exit codes: 0 done (or this shard is), 1 failed or cancelled, 2 an option is invalid or the
    model does not exist, 3 Kafka, a topic, a right or the store of an archive is missing, 4 the
    account does not add up, 130 stopped: resume it with `leadscore replay resume`.
    """  # noqa: D301
    with exit_codes():
        settings, shards = load_settings(), parse_shards(options)
        wanted = _wanted(settings, options)
        if options["dry_run"]:
            run(settings, dry_run(settings, wanted, options))
            return
        code = run(settings, start_replay(settings, wanted, shards, options))
    raise SystemExit(code)


@replay.command()
@click.argument("replay_id", metavar="ID")
@click.option("--dry-run", is_flag=True, help="Say what is left; score nothing.")
@execution_options
def resume(replay_id: str, **options: Any) -> None:
    """Go on with a replay by its plan, from where its last commit is.

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
@click.option("--dry-run", is_flag=True, help="Say which replay it is; cancel nothing.")
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
    click.echo(for_terminal(said))


async def _cancel(settings: Settings, replay_id: str, *, dry_run: bool) -> ReplayRecord:
    """Cancel a replay, unless it is a dry run; return its record before."""
    plans = PlanLog(settings)
    record = await plans.find(replay_id)
    if record.state == "ended":
        raise InputError(f"expected a replay that has not ended, but {replay_id} has")
    if not dry_run:
        await plans.write("cancelled", record.plan)
    return record


def parse_shards(options: dict[str, Any]) -> tuple[Shard, ...]:
    """Return the shards that the options name."""
    return tuple(parse_shard(text) for text in options["shards"])


def _wanted(settings: Settings, options: dict[str, Any]) -> Wanted:
    if (options["start"] is None) == (options["last"] is None):
        raise InputError("expected the start of the range: give either --from or --last")
    if not options["sample"]:
        raise InputError("expected --sample above 0, such as 1%")
    if options["into_live"] and options["out"]:
        raise InputError("--into-live and --out exclude each other: give one of them")
    now = datetime.now(UTC)
    return Wanted(
        start=AtTime(_ms(now - options["last"]))
        if options["last"]
        else parse_point(options["start"], now),
        end=parse_point(options["end"] or "end", now),
        model=options["model"] or settings.model,
        topic=options["topic"] or settings.leads_created,
        out=options["out"],
        is_into_live=options["into_live"],
        filters=[parse_condition(text) for text in options["filters"]],
        sample=options["sample"],
        id=options["replay_id"],
        archive=options["archive"],
        counts_drift=options["counts_drift"],
    )


def _ms(moment: datetime) -> int:
    return round(moment.timestamp() * 1000)


def parse_condition(text: str) -> tuple[str, str]:
    """Return field and value of FIELD=VALUE.

    Raises
    ------
    InputError
        It is something else.
    """
    field, equals, value = text.partition("=")
    if not (field and equals):
        raise InputError(f"expected --filter FIELD=VALUE, not {text!r}")
    return field, value
