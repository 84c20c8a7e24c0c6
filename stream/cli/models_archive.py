"""`leadscore models archive`: retire versions of a model."""

from __future__ import annotations

import click

from model.alias_entry import Action
from model.registry import Alias, Registry
from schemas.display import for_terminal
from schemas.errors import InputError
from stream.cli.models_options import Change, change_options
from stream.cli.output import print_json
from stream.process.exit_codes import exit_codes

__all__ = ["archive"]


@click.command()
@click.argument("name")
@click.argument("version")
@click.option("--restore", is_flag=True, help="Take VERSION out of the archive again.")
@change_options
def archive(
    name: str,
    version: str,
    *,
    restore: bool,
    change: Change,
) -> None:
    """Retire VERSION of model NAME.

    \b
      leadscore models archive leads 2 --why "trained on the wrong target"
      leadscore models archive leads 2 --restore

    It can't get an alias, and no worker loads it as the newest. Its files stay, as replays,
    explanations and records after a crash may need them: NAME/VERSION still names it. A version
    that has an alias, or that workers load as the newest because there is no alias production, is
    refused. Workers of earlier releases know no archive.

    Exit codes: 0 the version is archived (with --dry-run: it could be), 1 somebody else changed the
    model's aliases at the same time, 2 there is no such model or version, or workers may use it.
    """  # noqa: D301
    action = Action.RESTORE if restore else Action.ARCHIVE
    with exit_codes():
        found = Registry(change.registry)
        now = found.aliases_now(name)
        found.require_change(now, action, to=version)
        is_followed = Alias.PRODUCTION not in now.aliases and version == found.newest(
            name, now.archived
        )
        if is_followed and not restore:
            raise InputError(
                f"Workers whose model is {name} should not use version {version}, they load it as"
                f" the newest: set production first with `leadscore models promote {name} VERSION`."
            )
        entry = None
        if not change.is_dry_run:
            entry = found.change(now, action, change.made_now(), to=version)
    if change.as_json:
        print_json(
            {
                "model": name,
                "version": version,
                "is_archived": not restore,
                "is_dry_run": change.is_dry_run,
                "number": None if entry is None else entry.number,
            }
        )
        return
    verb = "would be" if change.is_dry_run else "is"
    state = "archived" if not restore else "in use"
    if restore and version in now.archived:
        state += " again"
    click.echo(for_terminal(f"{name}/{version} {verb} {state}."))
