"""`leadscore models alias`, promote and rollback: change which versions serve."""

from __future__ import annotations

from typing import Any

import click

from model.alias_entry import Action, AliasEntry
from model.registry import ACTED_ON, Alias, Aliases, Registry, require_effect
from model.training.chance import require_signal
from schemas.display import for_terminal
from schemas.errors import InputError
from stream.cli.models_options import FORCE, Change, change_options, described, loaded
from stream.cli.output import print_json
from stream.process.exit_codes import exit_codes

__all__ = ["alias", "promote", "rollback"]


class _SetByDefault(click.Group):
    """Commands on aliases; without a command's name an alias is set."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command."""
        return super().resolve_command(ctx, args if args[0] in self.commands else ["set", *args])


class _AliasToSet(click.Choice[str]):
    """An alias with an effect; one that only older registries have is refused with the reason."""

    def __init__(self) -> None:
        super().__init__([alias.value for alias in ACTED_ON])

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Check the alias; another one ends the command with exit code 2."""
        if value in set(Alias):
            try:
                require_effect(Alias(value))
            except InputError as error:
                self.fail(str(error), param, ctx)
        return super().convert(value, param, ctx)


ALIAS = click.argument("alias", type=click.Choice([alias.value for alias in Alias]))


@click.group(
    cls=_SetByDefault,
    context_settings={"ignore_unknown_options": True},
    subcommand_metavar="[set] NAME ALIAS VERSION | remove NAME ALIAS",
)
def alias() -> None:
    """Set or remove an alias of a model.

    \b
      leadscore models alias leads production 3 --why "better on the last month"
      leadscore models alias remove leads production
    """  # noqa: D301


@alias.command(name="set")
@click.argument("name")
@click.argument("alias", type=_AliasToSet())
@click.argument("version")
@FORCE
@change_options
def set_alias(
    name: str,
    alias: str,
    version: str,
    *,
    force: bool,
    change: Change,
) -> None:
    """Set ALIAS of model NAME to VERSION, once VERSION is verified.

    \b
      leadscore models alias leads production 3 --dry-run
      leadscore models alias set leads staging 4 --why "retrained on November"

    Workers whose model is NAME@ALIAS load the version; those whose model is NAME follow production.
    A VERSION for production that is no better than giving everyone the base rate is refused, unless
    --force is given. The change is an entry of the model's history, with --by and --why.

    Exit codes: 0 the alias is set (with --dry-run: it could be), 1 the version must not be used, is
    no better than the base rate, or somebody else changed an alias at the same time, 2 there is no
    such model or version, it is archived, or the alias does nothing.
    """  # noqa: D301
    with exit_codes():
        found = Registry(change.registry)
        now = found.aliases_now(name)
        entry = _set(found, now, Alias(alias), version, change, force=force)
    _print_set(now, alias, version, entry, change)


@click.command()
@click.argument("name")
@click.argument("version", required=False)
@FORCE
@change_options
def promote(
    name: str,
    version: str | None,
    *,
    force: bool,
    change: Change,
) -> None:
    """Put VERSION of model NAME into production.

    \b
      leadscore models promote leads --dry-run
      leadscore models promote leads 3 --why "better on the last month"

    The same as `leadscore models alias NAME production VERSION`. Without VERSION, it is the one in
    staging; the alias staging stays.

    Exit codes: 0 VERSION is in production (with --dry-run: it could be), 1 the version must not be
    used, is no better than the base rate, or somebody else changed an alias at the same time, 2
    there is no such model or version, it is archived, or nothing is in staging.
    """  # noqa: D301
    with exit_codes():
        found = Registry(change.registry)
        now = found.aliases_now(name)
        to = version or found.version_of(name, Alias.STAGING)
        entry = _set(found, now, Alias.PRODUCTION, to, change, force=force)
    _print_set(now, Alias.PRODUCTION, to, entry, change)


@click.command()
@click.argument("name")
@click.argument("alias", type=_AliasToSet(), default=Alias.PRODUCTION.value)
@change_options
def rollback(
    name: str,
    alias: str,
    *,
    change: Change,
) -> None:
    """Set ALIAS of model NAME to the previous version.

    \b
      leadscore models rollback leads --dry-run
      leadscore models rollback leads --why "conversion of High fell by half"

    ALIAS is production by default. The version before is the one that it named before the present
    one was set. A second rollback goes one further back, not forward again; for that, promote the
    version. After a removal, a rollback restores the version that was removed. The version is
    verified as a worker does.

    Exit codes: 0 ALIAS names the version before (with --dry-run: it could), 1 that version must not
    be used, or somebody else changed an alias at the same time, 2 there is none before, it is
    missing or archived, or there is no such model.
    """  # noqa: D301
    with exit_codes():
        found = Registry(change.registry)
        now = found.aliases_now(name)
        to = found.version_before(name, Alias(alias))
        found.require_change(now, Action.ROLLBACK, alias=Alias(alias), to=to)
        loaded(found, f"{name}/{to}")
        entry = None
        if not change.is_dry_run:
            made = change.made_now()
            entry = found.change(now, Action.ROLLBACK, made, alias=Alias(alias), to=to)
    _print_set(now, alias, to, entry, change)


@alias.command(name="remove")
@click.argument("name")
@ALIAS
@FORCE
@change_options
def remove_alias(
    name: str,
    alias: str,
    *,
    force: bool,
    change: Change,
) -> None:
    """Remove ALIAS of model NAME; its version stays.

    \b
      leadscore models alias remove leads staging --dry-run
      leadscore models alias remove leads staging

    Workers whose model is NAME@ALIAS keep the version that they have and report that the alias is
    missing. Without production, NAME is the newest version that is not archived: if that is no
    better than giving everyone the base rate, production stays unless --force is given.

    Exit codes: 0 the alias is removed (with --dry-run: it could be), 1 the newest version is no
    better than the base rate, or somebody else changed an alias at the same time, 2 there is no
    such model or alias.
    """  # noqa: D301
    with exit_codes():
        found = Registry(change.registry)
        now = found.aliases_now(name)
        newest = found.newest(name, now.archived)
        is_followed = alias == Alias.PRODUCTION and Alias.PRODUCTION in now.aliases
        if is_followed and newest and not force:
            left = described(found, f"{name}/{newest}")
            require_signal(left.metadata, f"Workers whose model is {name} would load it")
        version = found.version_of(name, alias)
        entry = None
        if not change.is_dry_run:
            entry = found.change(now, Action.REMOVE, change.made_now(), alias=Alias(alias))
    if change.as_json:
        _print_change(now, alias, None, entry, change)
        return
    verb, was = ("would be", "is") if change.is_dry_run else ("is", "was")
    click.echo(for_terminal(f"{name}@{alias} {verb} removed ({was} version {version})."))
    if alias == Alias.PRODUCTION and newest:
        verb = "would load" if change.is_dry_run else "load"
        said = f"Workers whose model is {name} {verb} its newest version, {newest}."
        click.echo(for_terminal(said))


def _set(
    registry: Registry,
    now: Aliases,
    alias: Alias,
    version: str,
    change: Change,
    *,
    force: bool,
) -> AliasEntry | None:
    """Verify a version and set an alias to it; return the entry, None without a change."""
    registry.require_change(now, Action.SET, alias=alias, to=version)
    bundle = loaded(registry, f"{now.name}/{version}")
    if alias is Alias.PRODUCTION and not force:
        require_signal(bundle.metadata, f"Workers whose model is {now.name} would load it")
    if change.is_dry_run:
        return None
    return registry.change(now, Action.SET, change.made_now(), alias=alias, to=version)


def _print_set(
    now: Aliases,
    alias: str,
    version: str,
    entry: AliasEntry | None,
    change: Change,
) -> None:
    if change.as_json:
        _print_change(now, alias, version, entry, change)
        return
    before = now.aliases.get(Alias(alias))
    if before == version:
        click.echo(for_terminal(f"{now.name}@{alias} is version {version} already."))
        return
    verb = "would be" if change.is_dry_run else "is"
    was = f" ({'is' if change.is_dry_run else 'was'} {before})" if before else ""
    click.echo(for_terminal(f"{now.name}@{alias} {verb} version {version}{was}."))


def _print_change(
    now: Aliases, alias: str, version: str | None, entry: AliasEntry | None, change: Change
) -> None:
    """Print the change of an alias as a line of JSON; ``number`` is null if nothing changed."""
    print_json(
        {
            "model": now.name,
            "alias": alias,
            "version": version,
            "was": now.aliases.get(Alias(alias)),
            "is_dry_run": change.is_dry_run,
            "number": None if entry is None else entry.number,
        }
    )
