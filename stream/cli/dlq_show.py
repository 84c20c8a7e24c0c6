"""`leadscore dlq show`: everything that is known of one dead letter."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import click

from agents.records import SourceRecord as Record
from model.bundle import describe_bundle
from model.metadata import BundleError
from model.registry import Registry
from schemas.errors import InputError
from schemas.store import SchemaStore
from stream.cli.dlq_options import PLACE, json_option, sinks_option, values_option
from stream.cli.dlq_screen import print_letter
from stream.cli.output import print_json
from stream.dead_letters.account import LeftReason
from stream.dead_letters.dead_letter_log import DeadLetterLog, Span
from stream.dead_letters.letter import DeadLetter, Place
from stream.dead_letters.redriving import open_sources
from stream.dead_letters.rendering import LETTER, SOURCE, described
from stream.fetch.raw_records import RawRecord, UnreadableRecord
from stream.kafka.access import Use
from stream.process.exit_codes import exit_codes
from stream.process.model_trial import Trials
from stream.schema_registry.opened import asked_schemas
from stream.settings import Settings, load_settings

__all__ = ["show"]

ASKED_ONCE = {"schema_registry_wait_seconds": 5.0, "schema_registry_unresolved": "dead_letter"}
"""Settings of a look at one letter: without an answer of the registry it shows the rest."""


@click.command()
@click.argument("place", type=PLACE, metavar="PARTITION/OFFSET")
@sinks_option
@values_option
@json_option
def show(place: Place, of_sinks: bool, shows_values: bool, as_json: bool) -> None:
    """Show a dead letter, and the byte at which it broke.

    \b
      leadscore dlq show 2/4711
      leadscore dlq show 2/4711 --values
      leadscore dlq show 0/3 --sinks

    The place is that in the dead-letter topic, as `leadscore dlq list` prints it. A value that the
    letter lacks is read from its source record. A value in Avro is decoded by the schemas of
    LEADSCORE_SCHEMA_DIR, the contract of the model (LEADSCORE_MODEL), and the schema registry.

    Exit codes: 0 shown, 2 there is no such dead letter, 3 Kafka, the topic or a right is missing.
    """  # noqa: D301
    with exit_codes():
        settings = load_settings()
        shown = asyncio.run(_shown(settings, place, of_sinks=of_sinks, shows_values=shows_values))
    if as_json:
        print_json(shown)
        return
    print_letter(shown, shows_values=shows_values)


async def _shown(
    settings: Settings, place: Place, *, of_sinks: bool, shows_values: bool
) -> dict[str, Any]:
    log = DeadLetterLog(settings, settings.leads_sinks_dlq if of_sinks else None)
    letter = await _letter_at(log, place, Use.SINK_REDRIVE if of_sinks else Use.DLQ)
    value, value_from = letter.value, LETTER
    if letter.is_left_out and of_sinks:
        value_from = str(LeftReason.FOREIGN)
    elif letter.is_left_out:
        async with open_sources(settings) as sources:
            restored = await sources.restore(letter)
        if isinstance(restored, RawRecord):
            value, value_from = restored.value, SOURCE
        else:
            value_from = str(restored)
    store = await asyncio.to_thread(_known_schemas, settings)
    registered = asked_schemas(settings.model_copy(update=ASKED_ONCE))
    with _unlogged_lookups():
        return described(
            *(letter, store, registered),
            value=value,
            value_from=value_from,
            shows_values=shows_values,
        )


def _known_schemas(settings: Settings) -> SchemaStore:
    """Return the schemas of the folders, and the contract of the model if there is one."""
    store = SchemaStore.load(*settings.schema_folders)
    with suppress(BundleError, InputError, OSError):
        bundle = describe_bundle(Registry(settings.registry).resolve(settings.model), Trials())
        store.add(bundle.metadata.contract, "the model's contract")
    return store


@contextmanager
def _unlogged_lookups() -> Iterator[None]:
    """Keep the log of lookups in a schema registry silent: the letter shows why one failed."""
    log = logging.getLogger("stream.schema_registry.lookup")
    before = log.level
    log.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        log.setLevel(before)


async def _letter_at(log: DeadLetterLog, place: Place, use: Use) -> DeadLetter:
    span = (await log.spans(use)).get(place.partition, Span(0, 0))
    records: list[Record] = []
    if span.start <= place.offset < span.end:
        one = {place.partition: Span(place.offset, place.offset + 1)}
        records = [record async for record in log.read_all(one)]
    for record in records:
        if isinstance(record, UnreadableRecord):
            raise InputError(
                f"expected a readable record at {place} of {log.topic}, but {record.detail}"
                " (docs/runbook.md#a-record-that-cant-be-read)"
            )
        if letter := DeadLetter.from_record(record):
            return letter
    raise InputError(
        f"expected a dead letter at {place} of {log.topic}, but there is none: `leadscore dlq list`"
        " prints the places"
    )
