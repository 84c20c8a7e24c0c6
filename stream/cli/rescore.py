"""`leadscore rescore`: score untouched leads again, with the age that they have now."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import click

from schemas.errors import InputError
from stream.cli.options import DURATION, FOLDER_OR_URL
from stream.cli.replay import execution_options, parse_condition, parse_shards, target_options
from stream.cli.replay_run import dry_run, run, start_replay
from stream.process.exit_codes import exit_codes
from stream.replay.launch import Wanted
from stream.replay.ranges import BEGINNING, END
from stream.settings import Settings, load_settings

__all__ = ["rescore"]


@click.command()
@click.option(
    "--untouched",
    type=DURATION,
    required=True,
    help="Only leads without a new record for so long, such as 30d.",
)
@click.option(
    "--archive",
    type=FOLDER_OR_URL,
    metavar="FOLDER|URL",
    help="Read this archive (see docs/operations.md#the-archive), then the topic.",
)
@target_options
@execution_options
def rescore(**options: Any) -> None:
    """Score leads without new records again, with their age now.

    \b
      leadscore rescore --untouched 30d --dry-run
      leadscore rescore --untouched 30d --archive /archive
      leadscore rescore --untouched 7d --into-live --yes --max-rate 500/s

    It is a replay of the last record of each lead whose last record is older: `leadscore replay`
    lists, shows, resumes and cancels it. Dates, such as the last visit, have the age that they have
    when the replay is planned, not the one at the lead's creation. The topic keeps leads for its
    retention; give the --archive for older ones.

    Exit codes: as of `leadscore replay start`: 0 done (or this shard is), 1 failed or cancelled, 2
    an option is invalid or the model does not exist, 3 Kafka, a topic, a right or the store of an
    archive is missing, 4 the account does not add up, 130 stopped: resume it with `leadscore replay
    resume`.
    """  # noqa: D301
    with exit_codes():
        settings, shards = load_settings(), parse_shards(options)
        wanted = _wanted(settings, options)
        if options["dry_run"]:
            run(settings, dry_run(settings, wanted, options))
            return
        code = run(settings, start_replay(settings, wanted, shards, options))
    raise SystemExit(code)


def _wanted(settings: Settings, options: dict[str, Any]) -> Wanted:
    if options["into_live"] and options["out"]:
        raise InputError("--into-live and --out exclude each other: give one of them")
    return Wanted(
        start=BEGINNING,
        end=END,
        model=options["model"] or settings.model,
        topic=options["topic"] or settings.leads_created,
        out=options["out"],
        is_into_live=options["into_live"],
        filters=[parse_condition(text) for text in options["filters"]],
        id=options["replay_id"],
        archive=options["archive"],
        untouched_ms=options["untouched"] // timedelta(milliseconds=1),
    )
