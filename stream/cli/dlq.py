"""`leadscore dlq`: inspect, try, send again and delete dead letters."""

from __future__ import annotations

import asyncio
import heapq
import logging
import time
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import aclosing
from typing import Any

import click
from rich.console import Console

from agents.records import SourceRecord as Record
from stream.cli.dlq_options import (
    json_option,
    selected,
    selection_options,
    sinks_option,
    values_option,
)
from stream.cli.dlq_purge import purge
from stream.cli.dlq_redrive import redrive
from stream.cli.dlq_screen import (
    print_letters,
    print_statistics,
    print_trial,
    warn_out_of_reach,
)
from stream.cli.dlq_show import show
from stream.cli.output import print_json
from stream.dead_letters.dead_letter_log import DeadLetterLog, Span
from stream.dead_letters.letter import DeadLetter, Place
from stream.dead_letters.redriving import open_sources
from stream.dead_letters.rendering import listed
from stream.dead_letters.selection import Selection
from stream.dead_letters.source_retention import read_source_retention
from stream.dead_letters.statistics import DeadLetterStatistics
from stream.dead_letters.trial import Trial
from stream.fetch.raw_records import UnreadableRecord
from stream.kafka.access import Use
from stream.process.exit_codes import exit_codes
from stream.process.model_trial import Trials
from stream.schema_registry.opened import asked_schemas, with_own_framing
from stream.scoring.serving_model import load_serving, locate
from stream.settings import Settings, load_settings

__all__ = ["dlq"]


@click.group()
def dlq() -> None:
    """Inspect, try, send again and delete dead letters.

    \b
      leadscore dlq stats --since 1d
      leadscore dlq list --code TYPE --limit 20
      leadscore dlq show 2/4711 --values
      leadscore dlq try --code TYPE
      leadscore dlq redrive --code TYPE --dry-run
      leadscore dlq redrive --code TYPE
      leadscore dlq purge --until 30d

    A dead letter is a lead that could not be scored, with the reason: see docs/dead-letters.md.
    Keys and values are masked unless --values is given, as they are personal data. Names of topics
    and Kafka's address come from the environment: see docs/settings.md.
    """  # noqa: D301
    # aiokafka warns many times a second about an unreachable broker; the command says it once.
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)


dlq.add_command(show)
dlq.add_command(redrive)
dlq.add_command(purge)


@dlq.command()
@selection_options
@json_option
def stats(as_json: bool, **options: Any) -> None:
    """Count dead letters by error code, source, age and rate.

    \b
      leadscore dlq stats --since 1d
      leadscore dlq stats --json | jq 'select(.last_hour > 0)'

    The rate is the number of letters of the last hour and of the last 24 hours. Records of other
    programs and unreadable ones are counted at the end (in JSON with the code null). A warning
    counts the letters whose value is in the source record alone, and that is older than its topic's
    retention.

    Exit codes: 0 counted, 2 an option is invalid, 3 Kafka, the topic or a right is missing.
    """  # noqa: D301
    with exit_codes():
        found = asyncio.run(_statistics(load_settings(), selected(options)))
    if as_json:
        for code, counts in sorted(found.codes.items()):
            print_json(
                {
                    "code": code,
                    "letters": counts.letters,
                    "oldest_ms": counts.oldest,
                    "newest_ms": counts.newest,
                    "last_hour": counts.last_hour,
                    "last_day": counts.last_day,
                    "partitions": {str(at): n for at, n in sorted(counts.partitions.items())},
                    "attempts": {str(at): n for at, n in sorted(counts.attempts.items())},
                    "left_out": counts.left_out,
                    "out_of_reach": counts.out_of_reach,
                }
            )
        if found.foreign or found.unreadable:
            print_json({"code": None, "letters": found.foreign, "unreadable": found.unreadable})
    else:
        print_statistics(found)
    warn_out_of_reach(found)


async def _statistics(settings: Settings, selection: Selection) -> DeadLetterStatistics:
    log = DeadLetterLog(settings)
    spans = await log.spans(Use.DLQ, since_ms=selection.since_ms)
    found = DeadLetterStatistics(await read_source_retention(settings, int(time.time() * 1000)))
    async for letter in _letters(log, spans, selection, found.add_other):
        found.add(letter)
    return found


@dlq.command(name="list")
@selection_options
@click.option(
    "--limit",
    type=click.IntRange(1),
    default=50,
    show_default=True,
    help="Maximum number of letters to list.",
)
@sinks_option
@values_option
@json_option
def list_letters(
    limit: int, of_sinks: bool, shows_values: bool, as_json: bool, **options: Any
) -> None:
    """List dead letters, the newest last.

    \b
      leadscore dlq list --code TYPE --since 6h
      leadscore dlq list --sinks

    Exit codes: 0 listed, 2 an option is invalid, 3 Kafka, the topic or a right is missing.
    """  # noqa: D301
    with exit_codes():
        newest = _newest(load_settings(), selected(options), limit, of_sinks=of_sinks)
        letters = asyncio.run(newest)
    rows = [listed(letter, shows_values=shows_values) for letter in letters]
    if as_json:
        for row in rows:
            print_json(row)
        return
    print_letters(rows, int(time.time() * 1000), shows_values=shows_values)


async def _newest(
    settings: Settings, selection: Selection, limit: int, *, of_sinks: bool
) -> list[DeadLetter]:
    newest: list[tuple[int, Place, DeadLetter]] = []
    log = DeadLetterLog(settings, settings.leads_sinks_dlq if of_sinks else None)
    use = Use.SINK_REDRIVE if of_sinks else Use.DLQ
    spans = await log.spans(use, since_ms=selection.since_ms)
    async for letter in _letters(log, spans, selection):
        push = heapq.heappush if len(newest) < limit else heapq.heappushpop
        push(newest, (letter.timestamp, letter.place, letter))
    return [letter for _, _, letter in sorted(newest, key=lambda entry: entry[:2])]


@dlq.command(name="try")
@selection_options
@click.option("--limit", type=click.IntRange(1), help="Maximum number of letters to try.")
@json_option
def try_letters(limit: int | None, as_json: bool, **options: Any) -> None:
    """Score dead letters with the present model; nothing is sent.

    \b
      leadscore dlq try --code TYPE
      leadscore dlq try --json | jq -r 'select(.outcome == "passed").place'

    It says which letters would be scored now, and with which code the others would fail: the proof
    of a fix before `leadscore dlq redrive`. The model and the rules come from the environment, as
    for a worker.

    Exit codes: 0 tried, 1 the model must not be used, 2 an option is invalid or the model does not
    exist, 3 Kafka, a topic or a right is missing.
    """  # noqa: D301
    with exit_codes():
        outcomes = asyncio.run(_try(load_settings(), selected(options), limit, as_json))
    if not as_json:
        print_trial(outcomes)


async def _try(
    settings: Settings, selection: Selection, limit: int | None, as_json: bool
) -> dict[str, Any]:
    def on_outcome(letter: DeadLetter, outcome: str) -> None:
        if as_json:
            print_json({"place": str(letter.place), "code": letter.code, "outcome": str(outcome)})

    log = DeadLetterLog(settings)
    spans = await log.spans(Use.DLQ, since_ms=selection.since_ms)
    serving = load_serving(
        *(with_own_framing(settings), locate(settings), Trials()),
        registered=asked_schemas(settings),
    )
    async with open_sources(settings) as sources:
        trial = Trial(
            serving.scorer,
            sources.limits.max_bytes(settings.leads_scored),
            int(time.time() * 1000),
            on_outcome,
        )
        count = 0
        async with aclosing(_letters(log, spans, selection)) as letters:
            async for letter in letters:
                count += 1
                trial.add(letter, await sources.restore(letter))
                if count == limit:
                    break
        trial.finish()
    return trial.outcomes


async def _letters(
    log: DeadLetterLog,
    spans: Mapping[int, Span],
    selection: Selection,
    on_other: Callable[[Record], None] = lambda _: None,
) -> AsyncGenerator[DeadLetter, None]:
    """Yield the selected letters of spans.

    Records that can't be read, or that no worker of LeadScore wrote, are left out; ``on_other`` is
    called with each.
    """
    total = sum(span.end - span.start for span in spans.values())
    console = Console(stderr=True)
    read = 0
    with console.status("") as status:
        async with aclosing(log.read_all(spans)) as records:
            async for record in records:
                read += 1
                if console.is_terminal and read % 1000 == 0:
                    status.update(f"{read:,} of {total:,} dead letters read")
                letter = DeadLetter.from_record(record)
                if letter is None or isinstance(record, UnreadableRecord):
                    on_other(record)
                elif selection.matches(letter):
                    yield letter
