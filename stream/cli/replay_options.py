"""Options that `leadscore replay` and `leadscore rescore` share, and what they mean."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from schemas.errors import InputError
from stream.cli.options import RATE, add_options
from stream.replay.launch import Wanted
from stream.replay.ranges import Point
from stream.replay.shards import Shard, parse_shard
from stream.settings import Settings

__all__ = ["execution_options", "parse_shards", "target_options", "wanted_of"]


def _has_terminal() -> bool:
    """Return whether somebody sees the bar or the account: a log gets lines of JSON instead."""
    return any(click.get_text_stream(name).isatty() for name in ("stdout", "stderr"))


def _in_a_folder(_: click.Context, __: click.Parameter, file: Path | None) -> Path | None:
    """Refuse a file in a folder that is missing before a plan is written."""
    if file is not None and not file.parent.is_dir():
        raise click.BadParameter(f"expected the folder {file.parent} to exist: name another file")
    return file


TARGET_OPTIONS = (
    click.option("--topic", help="Topic of the leads.  [default: LEADSCORE_LEADS_CREATED]"),
    click.option(
        "--model",
        metavar="MODEL",
        help="NAME@ALIAS, NAME/VERSION or 12 or more first digits of a SHA-256."
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
        callback=_in_a_folder,
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


def parse_shards(options: dict[str, Any]) -> tuple[Shard, ...]:
    """Return the shards that the options name."""
    return tuple(parse_shard(text) for text in options["shards"])


def wanted_of(settings: Settings, options: dict[str, Any], start: Point, end: Point) -> Wanted:
    """Return the new replay that the options describe.

    Raises
    ------
    InputError
        Options exclude each other, or a filter has another form.
    """
    if options["into_live"] and options["out"]:
        raise InputError("--into-live and --out exclude each other: give one of them")
    return Wanted(
        start=start,
        end=end,
        model=options["model"] or settings.model,
        topic=options["topic"] or settings.leads_created,
        out=options["out"],
        is_into_live=options["into_live"],
        filters=[_condition(text) for text in options["filters"]],
        id=options["replay_id"],
        archive=options["archive"],
    )


def _condition(text: str) -> tuple[str, str]:
    """Return field and value of FIELD=VALUE."""
    field, equals, value = text.partition("=")
    if not (field and equals):
        raise InputError(f"expected --filter FIELD=VALUE, not {text!r}")
    return field, value
