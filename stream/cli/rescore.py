"""`leadscore rescore`: score untouched leads again, with the age that they have now."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import click

from stream.cli.options import DURATION, FOLDER_OR_URL
from stream.cli.replay import begin
from stream.cli.replay_options import execution_options, target_options, wanted_of
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
    help="Only leads without a new record for this long, such as 30d.",
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
        settings = load_settings()
        code = begin(settings, _wanted(settings, options), options)
    raise SystemExit(code)


def _wanted(settings: Settings, options: dict[str, Any]) -> Wanted:
    untouched_ms = options["untouched"] // timedelta(milliseconds=1)
    return replace(wanted_of(settings, options, BEGINNING, END), untouched_ms=untouched_ms)
