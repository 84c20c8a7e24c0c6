"""`leadscore doctor`: check the surroundings of a worker."""

from __future__ import annotations

import asyncio
import logging
import os
from collections import Counter

import click
import orjson

from schemas.display import for_terminal
from stream.doctor.examination import Named, examine
from stream.doctor.finding import Level
from stream.process.exit_codes import exit_codes
from stream.settings import load_settings

__all__ = ["doctor"]

COLOURS = {Level.OK: "green", Level.WARN: "yellow", Level.FAIL: "red"}
EXIT_FAILED = 1


@click.command()
@click.option(
    "--role",
    type=click.Choice(["score", "drift", "all", "archive", "sink"]),
    help="Role of the worker.  [default: LEADSCORE_ROLE]",
)
@click.option("--json", "as_json", is_flag=True, help="Print NDJSON: a line for each finding.")
def doctor(role: str | None, as_json: bool) -> None:
    """Check everything that a worker needs: each line is ok, warn or fail, with what to do.

    \b
      leadscore doctor
      leadscore doctor --role drift
      leadscore doctor --json | jq 'select(.level != "ok")'

    It checks the versions, variables that are no setting, the brokers, their clock, the user's
    rights, topics, co-partitioning, replication, retention against LEADSCORE_LONGEST_OUTAGE_DAYS,
    how far back a replay can go, the settings of the workers that run, the registry with its hashes
    and aliases, the leads' contract, and the disk. It changes nothing.

    Exit codes: 0 no line is fail; 1 a line is fail; 3 a setting is invalid.
    """  # noqa: D301
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)  # it logs each failed connection
    with exit_codes():
        levels = asyncio.run(_report({"role": role} if role else {}, as_json=as_json))
    if not as_json:
        click.echo(", ".join(f"{levels[level]} {level}" for level in Level))
    raise SystemExit(EXIT_FAILED if levels[Level.FAIL] else 0)


async def _report(given: dict[str, str], *, as_json: bool) -> Counter[Level]:
    settings = load_settings(**given)
    levels: Counter[Level] = Counter()
    async for named in examine(settings, os.environ):
        levels[named.finding.level] += 1
        click.echo(_json(named) if as_json else _line(named))
    return levels


def _json(named: Named) -> bytes:
    finding = named.finding
    return orjson.dumps(
        {
            "check": named.check,
            "level": str(finding.level),
            "sentence": finding.sentence,
            "remedy": finding.remedy or None,
        }
    )


def _line(named: Named) -> str:
    finding = named.finding
    level = click.style(f"{finding.level:<5}", fg=COLOURS[finding.level])
    line = f"{level}{named.check:<16}{for_terminal(finding.sentence)}"
    return f"{line}\n{'':21}{for_terminal(finding.remedy)}" if finding.remedy else line
