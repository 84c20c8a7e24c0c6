"""`leadscore models bands`: thresholds by how many leads a day can be called."""

from __future__ import annotations

import asyncio
import re
from datetime import UTC, datetime, timedelta
from typing import Any

import click

from model.alias_entry import LONGEST_REASON, Action, Made
from model.registry import Alias, Aliases, Registry
from model.training.capacity_bands import (
    CapacityBands,
    choose_capacity_bands,
    same_trees,
    with_capacity_bands,
)
from schemas.display import for_terminal, shown_span
from schemas.errors import InputError
from stream.cli.models_options import Change, change_options, loaded
from stream.cli.options import DURATION, SHARE
from stream.cli.output import print_json
from stream.outcomes.score_sample import read_score_sample
from stream.process.exit_codes import exit_codes
from stream.settings import load_settings

__all__ = ["bands"]


class _Daily(click.ParamType):
    """A number of leads a day, as a float."""

    name = "n/day"

    def convert(
        self, value: str | float, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        """Parse the number; an invalid value ends the command with exit code 2."""
        found = re.fullmatch(r"(\d{1,9}(?:\.\d+)?)\s*(?:/\s*day)?", str(value).strip())
        if not found or not float(found[1]):
            self.fail(f"expected leads a day, such as 50/day, not {value!r}", param, ctx)
        return float(found[1])


DAILY = _Daily()
DAY_MS = 86_400_000


@click.command()
@click.argument("name")
@click.option("--high", type=DAILY, required=True, help="Leads a day in High, such as 50/day.")
@click.option("--medium", type=DAILY, help="Leads a day in Medium.  [default: as its score is now]")
@click.option(
    "--since",
    type=DURATION,
    default="30d",
    show_default=True,
    help="How far back the scores are read.",
)
@click.option(
    "--tolerance",
    type=SHARE,
    default="10%",
    show_default=True,
    help="Change nothing while the bands are this near to the capacity.",
)
@change_options
def bands(
    name: str,
    high: float,
    medium: float | None,
    since: timedelta,
    tolerance: float,
    *,
    change: Change,
) -> None:
    """Set the bands of a model by the leads that can be called a day.

    \b
      leadscore models bands leads --high 50/day --dry-run
      leadscore models bands leads --high 50/day --medium 100/day --since 14d

    Each lead counts once, with its latest score of the model in production since the time
    given. The model is published again with the new thresholds and the same trees, and goes
    into production: an entry of the history, which workers follow as always, and which a
    rollback undoes. Run it by a scheduler, and the bands follow the leads.

    Exit codes: 0 the bands are set, or near enough (with --dry-run: they could be set), 1 somebody
    else changed an alias at the same time, or Kafka stopped answering, 2 there is no such model,
    a canary is under way, or there are too few scores; 3 Kafka or the topic is missing.
    """  # noqa: D301
    with exit_codes():
        registry = Registry(change.registry)
        now = registry.aliases_now(name)
        _require_no_canary(now)
        bundle = loaded(registry, name)
        at = datetime.now(UTC)
        sample = asyncio.run(
            read_score_sample(load_settings(), same_trees(bundle), _ms(at - since), now_ms=_ms(at))
        )
        if sample.days < 1:
            click.echo(
                f"warning: the scores span {shown_span(sample.days * DAY_MS)}: leads a day are"
                " estimated from less than a day, which may not be like other days.",
                err=True,
            )
        found = choose_capacity_bands(
            sample.scores, sample.days, high, medium, bundle.metadata.thresholds
        )
        version = None
        if not (change.is_dry_run or found.is_near(tolerance)):
            version = registry.publish(name, with_capacity_bands(bundle, found))
            made = change.made_now()
            why = made.why or _sentence(found)
            registry.change(
                now,
                Action.SET,
                Made(made.by, made.at, why[:LONGEST_REASON]),
                alias=Alias.PRODUCTION,
                to=version,
            )
    _print(f"{name}/{bundle.version}", version, found, change, is_near=found.is_near(tolerance))


def _require_no_canary(now: Aliases) -> None:
    if Alias.CANARY in now.aliases:
        raise InputError(
            f"expected no canary beside production, {now.name} has version"
            f" {now.aliases[Alias.CANARY]}: wait for its end, or `leadscore models canary abort"
            f" {now.name}`"
        )


def _ms(moment: datetime) -> int:
    return round(moment.timestamp() * 1000)


def _sentence(found: CapacityBands) -> str:
    counts = ", ".join(f"{band} {most:g} a day" for band, most in found.wanted.items())
    return (
        f"bands by capacity ({counts}): High from {found.thresholds.high:g}, before"
        f" {found.before.high:g}; Medium from {found.thresholds.medium:g}, before"
        f" {found.before.medium:g}"
    )


def _print(
    model: str, version: str | None, found: CapacityBands, change: Change, *, is_near: bool
) -> None:
    if change.as_json:
        record: dict[str, Any] = {"model": model, "version": version, "is_near": is_near}
        print_json({**record, "is_dry_run": change.is_dry_run, **found.as_dict()})
        return
    lines = [f"{model}: {found.leads:,} leads in {shown_span(found.days * DAY_MS)}"]
    for band, score, before in (
        ("High", found.thresholds.high, found.before.high),
        ("Medium", found.thresholds.medium, found.before.medium),
    ):
        lines.append(
            f"{band:<7}from {before:g} ({found.daily_before[band]:,.1f} leads a day) to {score:g}"
            f" ({found.daily[band]:,.1f} leads a day)"
        )
    if is_near:
        lines.append("The bands are near enough to the capacity: nothing is changed.")
    elif version is None:
        lines.append("A dry run: nothing was changed.")
    else:
        lines.append(f"Version {version} has these bands and is in production.")
    for line in lines:
        click.echo(for_terminal(line))
