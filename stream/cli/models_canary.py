"""`leadscore models canary`: start, watch, abort and promote the canary of a model."""

from __future__ import annotations

import secrets
from datetime import UTC, datetime, timedelta
from typing import Any

import click

from model.alias_entry import Action, AliasEntry
from model.registry import Alias, Aliases, Registry
from model.rollout_plan import RolloutPlan, RolloutStep, read_steps
from model.training.chance import require_signal
from schemas.display import for_terminal
from schemas.errors import InputError
from stream.cli.models_options import (
    AS_JSON,
    FORCE,
    REGISTRY,
    Change,
    change_options,
    loaded,
    require_model,
)
from stream.cli.output import print_json
from stream.process.exit_codes import exit_codes
from stream.settings import load_settings

__all__ = ["STEPS", "canary"]

SALT_BYTES = 8


class Steps(click.ParamType):
    """Steps of a rollout."""

    name = "steps"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[RolloutStep, ...]:
        """Read the steps; an invalid value ends the command with exit code 2."""
        try:
            return value if isinstance(value, tuple) else read_steps(value)
        except ValueError as error:
            self.fail(str(error), param, ctx)


STEPS = click.option(
    "--steps",
    type=Steps(),
    metavar="SHARE@TIME,...",
    help="Percentage of the leads and time of each step; default: LEADSCORE_ROLLOUT_STEPS.",
)


@click.group()
def canary() -> None:
    """Try a new version on a share of the leads.

    \b
      leadscore models canary start leads/4 --why "better in shadow"
      leadscore models canary status leads
      leadscore models canary abort leads --why "complaints of the sales team"

    Workers whose model is NAME, or NAME@production, score the share with the canary. The rollout
    agent (`leadscore worker --role rollout`) takes one step after the other, and removes the canary
    if it does harm; without it a canary stays at its share until it is promoted or aborted.
    """  # noqa: D301


@canary.command()
@click.argument("model", metavar="NAME/VERSION")
@STEPS
@FORCE
@change_options
def start(
    model: str,
    steps: tuple[RolloutStep, ...] | None,
    *,
    force: bool,
    change: Change,
) -> None:
    """Make NAME/VERSION the canary of model NAME.

    \b
      leadscore models canary start leads/4 --dry-run
      leadscore models canary start leads/4 --steps 10@1d,50@2d

    The version is verified as a worker does. The plan is an entry of the model's history. A canary
    that is under way must be aborted or promoted first.

    Exit codes: 0 started (with --dry-run: it could be), 1 the version must not be used, is no
    better than the base rate, or somebody else changed an alias at the same time, 2 there is no
    such version, it is in production, nothing is, or another canary is under way.
    """  # noqa: D301
    with exit_codes():
        name, version = _version(model)
        found = Registry(change.registry)
        require_model(found, name)
        now = found.aliases_now(name)
        plan = RolloutPlan(
            salt=secrets.token_hex(SALT_BYTES),
            steps=steps or read_steps(load_settings().rollout_steps),
        )
        _require_free(now, version)
        found.require_change(now, Action.SET, alias=Alias.CANARY, to=version, rollout=plan)
        bundle = loaded(found, f"{name}/{version}")
        if not force:
            require_signal(bundle.metadata, f"It would score leads of {name}")
        entry = None
        if not change.is_dry_run:
            entry = found.change(
                now, Action.SET, change.made_now(), alias=Alias.CANARY, to=version, rollout=plan
            )
    _show_change(now, version, f"the canary: {plan.summary}.", entry, change, share=plan.share)


@canary.command()
@click.argument("name")
@REGISTRY
@AS_JSON
def status(name: str, registry: str, *, as_json: bool) -> None:
    """Show the canary of model NAME: share, step and end.

    \b
      leadscore models canary status leads
      leadscore models canary status leads --json

    What the rollout agent has counted is in its metrics (leadscore_rollout_*) and its log.

    Exit codes: 0 shown, also without a canary, 1 the history is damaged, 2 there is no such model.
    """  # noqa: D301
    with exit_codes():
        found = Registry(registry)
        require_model(found, name)
        now = found.aliases_now(name)
        entries = [entry for entry in found.history(name) if entry.alias is Alias.CANARY]
    last = entries[-1] if entries else None
    if as_json:
        print_json(_as_json(now, last))
        return
    for line in _described(now, last, datetime.now(UTC)):
        click.echo(for_terminal(line))


@canary.command()
@click.argument("name")
@change_options
def abort(name: str, *, change: Change) -> None:
    """Remove the canary of model NAME.

    \b
      leadscore models canary abort leads --dry-run
      leadscore models canary abort leads --why "complaints of the sales team"

    Exit codes: 0 the canary is removed (with --dry-run: it could be), 1 somebody else changed an
    alias at the same time, 2 there is no canary.
    """  # noqa: D301
    with exit_codes():
        found = Registry(change.registry)
        now = found.aliases_now(name)
        version = _canary_of(now)
        entry = None
        if not change.is_dry_run:
            entry = found.change(now, Action.REMOVE, change.made_now(), alias=Alias.CANARY)
    _show_change(now, version, "no longer the canary.", entry, change, is_removed=True)


@canary.command()
@click.argument("name")
@FORCE
@change_options
def promote(name: str, *, force: bool, change: Change) -> None:
    """Put the canary of model NAME into production now.

    \b
      leadscore models canary promote leads --dry-run
      leadscore models canary promote leads --why "good for a week"

    Exit codes: 0 it is in production (with --dry-run: it could be), 1 the version must not be used,
    is no better than the base rate, or somebody else changed an alias at the same time, 2 there is
    no canary.
    """  # noqa: D301
    with exit_codes():
        found = Registry(change.registry)
        now = found.aliases_now(name)
        version = _canary_of(now)
        bundle = loaded(found, f"{name}/{version}")
        if not force:
            require_signal(bundle.metadata, f"Workers whose model is {name} would load it")
        entry = None
        if not change.is_dry_run:
            made = change.made_now()
            entry = found.change(now, Action.SET, made, alias=Alias.PRODUCTION, to=version)
            found.change(found.aliases_now(name), Action.REMOVE, made, alias=Alias.CANARY)
    _show_change(now, version, "in production.", entry, change)


def _version(model: str) -> tuple[str, str]:
    name, _, version = model.partition("/")
    if not version:
        raise InputError(f"expected NAME/VERSION, such as leads/4, not {model!r}")
    return name, version


def _require_free(now: Aliases, version: str) -> None:
    """Raise InputError if a version can't become the canary now."""
    if Alias.PRODUCTION not in now.aliases:
        raise InputError(
            f"Model {now.name!r} should have the alias production, but it does not: without it,"
            " workers load the newest version, and a canary beside it would be the same. Set it"
            f" with `leadscore models promote {now.name} VERSION`."
        )
    if now.aliases[Alias.PRODUCTION] == version:
        raise InputError(f"Version {version} of {now.name} is in production: name another one.")
    if Alias.CANARY in now.aliases and now.rollout is not None:
        raise InputError(
            f"{now.name} has the canary {now.aliases[Alias.CANARY]}: end it with `leadscore models"
            f" canary abort {now.name}` or `promote` first."
        )


def _canary_of(now: Aliases) -> str:
    version = now.aliases.get(Alias.CANARY)
    if version is None:
        raise InputError(
            f"Model {now.name!r} should have a canary, but it has none: start one with `leadscore"
            f" models canary start {now.name}/VERSION`."
        )
    return version


def _described(now: Aliases, last: AliasEntry | None, at: datetime) -> list[str]:
    version, plan = now.aliases.get(Alias.CANARY), now.rollout
    if version is None or plan is None or last is None:
        if last is None:
            return [f"{now.name} has no canary, and never had one."]
        return [f"{now.name} has no canary: {_ended(last)}"]
    left = last.at + timedelta(seconds=plan.seconds) - at
    then = "goes into production" if plan.is_last else "gets its next share"
    when = "with enough leads and no harm"
    if left > timedelta():
        when = f"in {_span(left)} at the earliest, {when}"
    return [
        f"{now.name}/{version} scores {plan.share:g} % of the leads, step {plan.step + 1} of"
        f" {len(plan.steps)} since {_written(last.at)}; it {then} {when}.",
        f"Plan: {plan.summary}.",
    ]


def _ended(last: AliasEntry) -> str:
    if last.aliases.get(Alias.PRODUCTION) == last.was:
        return f"{last.was} went into production at {_written(last.at)}, by {last.by}."
    why = f": {last.why}" if last.why else "."
    return f"{last.was} was removed by {last.by} at {_written(last.at)}{why}"


def _span(left: timedelta) -> str:
    seconds = round(left.total_seconds())
    days, rest = divmod(seconds, 86_400)
    hours, rest = divmod(rest, 3600)
    if days:
        return f"{days} d {hours} h"
    minutes, rest = divmod(rest, 60)
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"


def _written(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"


def _as_json(now: Aliases, last: AliasEntry | None) -> dict[str, Any]:
    plan = now.rollout
    return {
        "model": now.name,
        "production": now.aliases.get(Alias.PRODUCTION),
        "canary": now.aliases.get(Alias.CANARY),
        "share": None if plan is None else plan.share,
        "step": None if plan is None else plan.step,
        "steps": None if plan is None else [step.model_dump() for step in plan.steps],
        "since": None if last is None else last.at,
        "by": None if last is None else last.by,
        "why": None if last is None else last.why,
    }


def _show_change(
    now: Aliases,
    version: str,
    state: str,
    entry: AliasEntry | None,
    change: Change,
    *,
    share: float | None = None,
    is_removed: bool = False,
) -> None:
    """Print that a version is, or would be, in a state; or a line of JSON."""
    if change.as_json:
        print_json(
            {
                "model": now.name,
                "version": None if is_removed else version,
                "was": now.aliases.get(Alias.CANARY),
                "share": share,
                "is_dry_run": change.is_dry_run,
                "number": None if entry is None else entry.number,
            }
        )
        return
    verb = "would be" if change.is_dry_run else "is"
    click.echo(for_terminal(f"{now.name}/{version} {verb} {state}"))
