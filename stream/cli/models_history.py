"""`leadscore models history` and `at`: what was changed, and which aliases held when."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import click
from rich.table import Table
from rich.text import Text

from model.alias_entry import AliasEntry, entry_at
from model.registry import Alias, Registry
from schemas.display import for_terminal
from stream.cli.models_options import AS_JSON, REGISTRY, require_model, terminal
from stream.cli.options import PAST
from stream.cli.output import print_json
from stream.process.exit_codes import exit_codes

__all__ = ["at", "history"]


@click.command()
@click.argument("name")
@REGISTRY
@AS_JSON
def history(name: str, registry: str, *, as_json: bool) -> None:
    """List all changes of the aliases of model NAME.

    \b
      leadscore models history leads
      leadscore models history leads --json | jq 'select(.alias == "production")'

    Each with who made it, when and why, from and to. The history is checked: every entry has its
    own hash and follows from the entry before.

    Exit codes: 0 listed, also if nothing was changed yet, 1 an entry is missing, damaged, or only
    half copied, 2 there is no such model.
    """  # noqa: D301
    with exit_codes():
        found = Registry(registry)
        entries = found.history(name)
        if not entries:
            require_model(found, name)
        differs = found.view_differs(name)
    if as_json:
        for entry in entries:
            print_json({"model": name, **entry.model_dump(mode="json", by_alias=True)})
        return
    if not entries:
        click.echo(for_terminal(f"No change of {name} is recorded yet."))
        return
    table = Table("entry", "when (UTC)", "by", "change", "why", box=None)
    for entry in entries:
        cells = (str(entry.number), _written(entry.at), entry.by, entry.summary, entry.why)
        table.add_row(*(Text(for_terminal(text)) for text in cells))
    terminal().print(table)
    if differs:
        click.echo(
            "warning: aliases.json, which workers of earlier releases read, says something else:"
            " an earlier release has written it, or a change was interrupted. The next change"
            " writes it again.",
            err=True,
        )


@click.command()
@click.argument("time", type=PAST)
@click.argument("name", required=False)
@REGISTRY
@AS_JSON
def at(time: datetime, name: str | None, registry: str, *, as_json: bool) -> None:
    """Show which versions the aliases named at TIME.

    \b
      leadscore models at 2026-05-03T14:03
      leadscore models at 6h leads --json

    Without NAME, of all models. TIME is in UTC unless it has an offset, or it is how long ago it
    was. Workers look for a change every LEADSCORE_MODEL_POLL_SECONDS; which model scored a lead is
    in its scored event, to the hash. Without the alias production, the newest version at TIME is
    shown, by the time of its files.

    Exit codes: 0 shown, also if nothing was recorded before TIME, 1 an entry of the history is
    missing or damaged, 2 there is no such model.
    """  # noqa: D301
    with exit_codes():
        found = Registry(registry)
        if name is not None:
            require_model(found, name)
        names = found.names() if name is None else [name]
        rows = [row for model in names for row in _at(found, model, time)]
    if time > datetime.now(UTC):
        click.echo("warning: TIME is in the future: the aliases are those of now.", err=True)
    if as_json:
        for row in rows:
            print_json({**row, "at": time.astimezone(UTC)})
        return
    table = Table("model", "alias", "version", "since (UTC)", "by", "why", box=None)
    for row in rows:
        since = row["since"]
        cells = (
            row["model"],
            row["alias"] or "newest",
            row["version"] or "none",
            _written(since) if since else row["note"],
            row["by"] or "",
            row["why"] or "",
        )
        table.add_row(*(Text(for_terminal(text)) for text in cells))
    terminal().print(table)


def _at(registry: Registry, name: str, moment: datetime) -> Iterator[dict[str, Any]]:
    """Yield a row for each alias of a model at a time, and one for its newest version."""
    entries = registry.history(name)
    entry = entry_at(entries, moment)
    if entry is None:
        first = entries[0].at if entries else None
        note = f"before the history ({_written(first)})" if first else "no history"
        before = {} if entries else registry.aliases(name)
        for alias, version in sorted(before.items()):
            yield _row(name, alias, version, note="as it is now: no change is recorded")
        if Alias.PRODUCTION not in before:
            yield _row(name, None, _newest(registry, name, (), moment), note=note)
        return
    for alias, version in entry.aliases.items():
        setting = _setting(entries[: entry.number], alias)
        yield _row(name, alias, version, setting)
    if Alias.PRODUCTION not in entry.aliases:
        newest = _newest(registry, name, entry.archived, moment)
        yield _row(name, None, newest, note="the newest by the time of its files")


def _setting(entries: tuple[AliasEntry, ...], alias: Alias) -> AliasEntry:
    """Return the entry that gave an alias its version."""
    return next(
        entry
        for entry in reversed(entries)
        if entry.alias is alias or (entry.number == 1 and alias in entry.aliases)
    )


def _newest(
    registry: Registry, name: str, archived: tuple[str, ...], moment: datetime
) -> str | None:
    published = (
        (version, registry.written_at(name, version))
        for version in registry.versions(name)
        if version not in archived
    )
    there = [version for version, when in published if when and when <= moment.timestamp()]
    return there[-1] if there else None


def _row(
    name: str,
    alias: str | None,
    version: str | None,
    entry: AliasEntry | None = None,
    note: str = "",
) -> dict[str, Any]:
    return {
        "model": name,
        "alias": alias,
        "version": version,
        "since": None if entry is None else entry.at,
        "by": None if entry is None else entry.by,
        "why": None if entry is None else entry.why,
        "number": None if entry is None else entry.number,
        "note": note,
    }


def _written(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M:%S}"
