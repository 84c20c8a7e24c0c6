"""Wiring of a re-drive: its clients, its transactional id, and the rights that it needs."""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from functools import partial

from aiokafka import TopicPartition
from aiokafka.errors import KafkaError

from schemas.errors import FatalError, StartupError
from stream.dead_letters.account import Account
from stream.dead_letters.choice import Choice
from stream.dead_letters.dead_letter_log import DeadLetterLog
from stream.dead_letters.dry_run import dry_run
from stream.dead_letters.ledger import Plan, read_ledger
from stream.dead_letters.redrive import Redrive, Topics
from stream.dead_letters.selection import Selection
from stream.dead_letters.source_records import SourceRecords
from stream.dead_letters.source_retention import read_source_retention
from stream.deliver.transactional_producer import TransactionalId
from stream.fetch.raw_batches import RawBatchReader
from stream.fetch.record_batches import raw_limits
from stream.kafka.access import Use
from stream.kafka.producer import transactional_opener
from stream.kafka.topic_admin import partition_counts
from stream.kafka.topic_limits import TopicLimits, limit_reader
from stream.settings import Settings

__all__ = ["open_sources", "plan_redrive", "redrive", "try_plan"]

FALLBACK_BYTES = 1_000_000
"""Assumed limit of a topic whose ``max.message.bytes`` can't be read."""
BATCH_BYTES = 512 << 10
PARTITION_LIMIT = 30.0
"""Seconds until a partition that is missing from the source topic is an error."""
NAME = "redrive"
"""Last part of the transactional id."""


async def plan_redrive(
    settings: Settings,
    log: DeadLetterLog,
    selection: Selection,
    *,
    limit: int | None,
    max_attempts: int | None,
    is_again: bool,
) -> Plan:
    """Return the plan of a new re-drive, with the ends that the dead-letter topic has now.

    Raises
    ------
    StartupError
        Kafka can't be reached, or a right or a topic is missing.
    """
    await _source_partitions(settings)
    spans = await log.spans(Use.REDRIVE, since_ms=selection.since_ms)
    now = time.time()
    return Plan(
        redrive=f"{datetime.fromtimestamp(now, UTC):%Y%m%dT%H%M%S}-{secrets.token_hex(3)}",
        at_ms=int(now * 1000),
        topic=log.topic,
        selection=selection,
        limit=limit,
        max_attempts=max_attempts or settings.max_attempts,
        is_again=is_again,
        spans={number: (span.start, span.end) for number, span in spans.items()},
    )


async def _source_partitions(settings: Settings) -> int:
    """Return the number of partitions of the source topic, after a check of topics and rights."""
    found = await partition_counts(settings, Use.REDRIVE)
    for topic in (settings.leads_created, settings.leads_redrives):
        if topic not in found:
            raise StartupError(
                f"expected the topic {topic}, but it does not exist: create it with"
                " `leadscore topics create`"
            )
    return found[settings.leads_created]


@asynccontextmanager
async def open_sources(settings: Settings) -> AsyncIterator[SourceRecords]:
    """Open what restores source records, until the body ends.

    Raises
    ------
    StartupError
        Kafka can't be reached, or a right is missing.
    """
    count = (await partition_counts(settings, Use.DLQ)).get(settings.leads_created, 0)
    async with _source_reader(settings) as reader:
        yield SourceRecords(settings.leads_created, count, reader, await _limits(settings))


async def try_plan(settings: Settings, plan: Plan, log: DeadLetterLog) -> Account:
    """Return the account that a plan would have; nothing is sent.

    Raises
    ------
    FatalError
        Kafka stopped answering, or refuses.
    """
    try:
        async with open_sources(settings) as sources:
            ledger = await read_ledger(settings)
            retention = await read_source_retention(settings, plan.at_ms)
            return await dry_run(plan, log, Choice(plan, ledger, sources), retention)
    except (KafkaError, TimeoutError) as error:
        raise FatalError(
            f"expected to read {settings.leads_created} and {settings.leads_redrives}, but Kafka"
            f" answered {error!r}: check that this user may read the topics, and try again"
        ) from error


async def redrive(
    settings: Settings,
    log: DeadLetterLog,
    plan: Plan | str,
    *,
    stop: asyncio.Event,
    on_progress: Callable[[Account], None],
) -> Account:
    """Run a re-drive.

    Parameters
    ----------
    settings, log
        Kafka, the topics, and the dead letters.
    plan
        The plan; or the id of a re-drive, which continues by the plan in the ledger.
    stop
        Ends it after the current transaction.
    on_progress
        Called with the account after each transaction.

    Raises
    ------
    StartupError
        Kafka can't be reached, or a right or a topic is missing.
    InputError
        There is no re-drive of this id.
    FatalError
        Another re-drive was started meanwhile, or Kafka refuses or stopped answering.
    """
    count = await _source_partitions(settings)
    limits = await _limits(settings)
    retention = await read_source_retention(settings, int(time.time() * 1000))
    expected = [TopicPartition(settings.leads_created, number) for number in range(count)]
    expected.append(TopicPartition(settings.leads_redrives, 0))
    name = f"{settings.group_id}/{settings.leads_created_dlq}/{NAME}"
    async with _source_reader(settings) as reader:
        run = Redrive(
            Topics(settings.leads_created, settings.leads_redrives),
            letters=log,
            sources=SourceRecords(settings.leads_created, count, reader, limits),
            read_ledger=partial(read_ledger, settings),
            transactions=TransactionalId(
                name, transactional_opener(settings), limits, expected, PARTITION_LIMIT
            ),
            limits=limits,
            retention=retention,
            retry_limit=settings.delivery_timeout_seconds,
            stop=stop,
            on_progress=on_progress,
        )
        return await (run.resume(plan) if isinstance(plan, str) else run.start(plan))


def _source_reader(settings: Settings) -> RawBatchReader:
    return RawBatchReader(
        settings.kafka_client_options(),
        settings.isolation_level,
        limits=raw_limits(settings.max_event_bytes),
    )


async def _limits(settings: Settings) -> TopicLimits:
    limits = TopicLimits(
        (settings.leads_created, settings.leads_scored, settings.leads_redrives),
        limit_reader(settings.kafka_client_options()),
        fallback=FALLBACK_BYTES,
        batch_bytes=BATCH_BYTES,
    )
    await limits.read()
    return limits
