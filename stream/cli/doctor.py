"""`leadscore doctor`: check the surroundings of a worker."""

from __future__ import annotations

import asyncio
import logging
import os
import shutil
import textwrap
from collections import Counter
from contextlib import aclosing

import click
import orjson

from schemas.display import for_terminal
from stream.doctor.examination import Named, examine
from stream.doctor.finding import Level
from stream.process.exit_codes import exit_codes
from stream.settings import load_settings
from stream.settings.worker import ROLES

__all__ = ["doctor"]

COLOURS = {Level.OK: "green", Level.WARN: "yellow", Level.FAIL: "red"}
EXIT_FAILED = 1
LEVEL, MARGIN = 5, 21
"""Characters of a level, and those before a sentence."""
LEAST_WIDTH = 40


@click.command()
@click.option(
    "--role",
    type=click.Choice(ROLES),
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
    width = _width()
    levels: Counter[Level] = Counter()
    async with aclosing(examine(settings, os.environ)) as findings:
        async for named in findings:
            levels[named.finding.level] += 1
            click.echo(_json(named) if as_json else _line(named, width))
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


def _width() -> int | None:
    """Return the characters of a sentence's line on a terminal; None: no limit."""
    if not click.get_text_stream("stdout").isatty():
        return None
    return max(shutil.get_terminal_size().columns - MARGIN, LEAST_WIDTH)


def _line(named: Named, width: int | None) -> str:
    finding = named.finding
    level = click.style(f"{finding.level:<{LEVEL}}", fg=COLOURS[finding.level])
    sentences = [for_terminal(each) for each in (finding.sentence, finding.remedy) if each]
    if width is not None:
        sentences = [line for sentence in sentences for line in _wrapped(sentence, width)]
    first, *rest = sentences
    indented = [f"{'':{MARGIN}}{line}" for line in rest]
    return "\n".join((f"{level}{named.check:<{MARGIN - LEVEL}}{first}", *indented))


def _wrapped(sentence: str, width: int) -> list[str]:
    """Wrap a sentence; paths, addresses and commands stay whole."""
    return textwrap.wrap(sentence, width, break_long_words=False, break_on_hyphens=False)
