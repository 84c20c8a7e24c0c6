"""`leadscore models verdict`: whether the candidate in shadow is better than the live model."""

from __future__ import annotations

import asyncio
from datetime import datetime

import click

from model.bundle import Bundle
from model.registry import Alias, Registry
from schemas.display import for_terminal
from stream.cli.models_options import AS_JSON, REGISTRY, described, terminal
from stream.cli.options import MOMENT
from stream.cli.output import print_json
from stream.cli.verdict_screen import show_verdict
from stream.process.exit_codes import exit_codes
from stream.settings import load_settings
from stream.verdict.judging import Progress, judge
from stream.verdict.request import Request, learnt_until

__all__ = ["verdict"]


@click.command()
@click.argument("name")
@click.option("--live", metavar="VERSION", help="The live version.  [default: as in production]")
@click.option("--candidate", metavar="VERSION", help="The candidate.  [default: the one in shadow]")
@click.option(
    "--from",
    "start",
    type=MOMENT,
    help="Only what was scored since.  [default: all that the topics have]",
)
@click.option(
    "--difference",
    type=click.FloatRange(min=0.0001, max=0.5),
    default=0.01,
    show_default=True,
    help="Difference of the Brier score that would matter.",
)
@REGISTRY
@AS_JSON
def verdict(
    name: str,
    live: str | None,
    candidate: str | None,
    start: datetime | None,
    difference: float,
    registry: str,
    *,
    as_json: bool,
) -> None:
    """Compare the candidate in shadow with the live model.

    \b
      leadscore models verdict leads
      leadscore models verdict leads --from 2026-05-03 --difference 0.005
      leadscore models verdict leads --live 3 --candidate 4 --json | jq .decision

    Both scores of a lead are a pair, by the offset of the lead's record. With outcomes
    (leads.outcomes) it says whether the candidate's Brier score is better with 95 %, by an
    interval that holds however often you look, and how many more outcomes it needs. Without
    outcomes, and beside them: how the scores differ, which leads change their band, which are
    dead letters of one side alone, latency and feature coverage. Leads of the candidate's
    training time are left out. It joins no consumer group and writes nothing.

    Exit codes: 0 judged, whatever the verdict; 1 no lead has a result of both (or Kafka stopped
    answering); 2 there is no such version, or none in shadow; 3 Kafka or a topic is missing; 130
    stopped.
    """  # noqa: D301
    with exit_codes():
        settings, found = load_settings(), Registry(registry)
        shadow = _version(found, name, candidate, Alias.SHADOW)
        request = Request(
            live=_version(found, name, live, Alias.PRODUCTION).identity,
            shadow=shadow.identity,
            start_ms=0 if start is None else round(start.timestamp() * 1000),
            difference=difference,
            learnt_until_ms=learnt_until(shadow),
        )
        judged = asyncio.run(judge(settings, request, _progress()))
    if as_json:
        print_json(judged.as_dict())
    else:
        show_verdict(judged, terminal())


def _version(registry: Registry, name: str, version: str | None, alias: Alias) -> Bundle:
    if version is not None:
        return described(registry, f"{name}/{version}")
    is_named = alias is Alias.SHADOW or alias in registry.aliases(name)
    return described(registry, f"{name}@{alias}" if is_named else name)


def _progress() -> Progress:
    """Return what shows on standard error how far the reading is, on a terminal only."""
    if not click.get_text_stream("stderr").isatty():
        return lambda _topic, _count: None

    def show(topic: str, count: int) -> None:
        click.echo(f"\rreading {for_terminal(topic)}: {count:,} records ", nl=False, err=True)

    return show
