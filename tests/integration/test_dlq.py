"""`leadscore dlq` on real Kafka: every command, and poison that is re-driven in circles."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any

import orjson
import pytest
from aiokafka import ConsumerRecord
from click.testing import CliRunner, Result

from schemas.encode import encode_lead
from schemas.errors import ErrorCode
from schemas.headers import ATTEMPT, ERROR_CODE, SOURCE_OFFSET
from schemas.wire import WireFormat
from stream.broker import Broker
from stream.cli.dlq import dlq
from stream.dead_letters.account import Account, LeftReason
from stream.dead_letters.dead_letter_log import DeadLetterLog
from stream.dead_letters.redriving import plan_redrive
from stream.dead_letters.redriving import redrive as carry_out
from stream.dead_letters.selection import Selection
from testing.dead_letters import dead_letter
from testing.kafka_client import (
    Record,
    TopicFactory,
    produce,
    produce_batch,
    read_all,
    read_ends,
    set_topic_config,
    until,
)
from testing.schemas import packaged_schema
from tests.integration.command_process import run_command
from tests.integration.worker_process import Stage, headers_of
from tests.record_batches import Made, batch

LEAD = encode_lead(
    {"lead_id": "cyd", "created_at": 1_700_000_000_000},
    packaged_schema("lead_created"),
    WireFormat.AVRO,
)
MOST_ATTEMPTS = 3
SENT_AT = int(time.time() * 1000) - 3_600_000
"""An hour ago: a broker removes records that are older than the retention, a week."""


StageMaker = Callable[..., Awaitable[Stage]]


@pytest.fixture
async def make_stage(
    kafka: Broker, topics: TopicFactory, tmp_path: Path
) -> AsyncIterator[StageMaker]:
    """Make a stage whose workers give a constant score: no test here needs a trained model."""
    stages = []

    async def make(**environment: str) -> Stage:
        stage = Stage(
            {
                "LEADSCORE_ENV": "test",
                "LEADSCORE_KAFKA_BOOTSTRAP_SERVERS": kafka.bootstrap,
                "LEADSCORE_TOPIC_PREFIX": topics.prefix,
                "LEADSCORE_REGISTRY": str(tmp_path / "models"),
                **environment,
            },
            tmp_path,
        )
        stages.append(stage)
        await stage.create_topics()
        return stage

    yield make
    for stage in stages:
        stage.end()


async def run(stage: Stage, *arguments: str) -> Result:
    """Run a command that only reads, in this process."""
    return await asyncio.to_thread(
        CliRunner().invoke, dlq, list(arguments), env=stage.environment, catch_exceptions=False
    )


async def rows_of(stage: Stage, *arguments: str) -> list[dict[str, Any]]:
    """Run a command with --json; returns its lines."""
    done = await run(stage, *arguments, "--json")
    assert done.exit_code == 0, done.output
    return [orjson.loads(line) for line in done.stdout.splitlines()]


async def redrive(
    stage: Stage,
    *,
    limit: int | None = None,
    is_again: bool = False,
    **conditions: Any,
) -> Account:
    """Plan a re-drive and carry it out."""
    settings, log = stage.settings, DeadLetterLog(stage.settings)
    plan = await plan_redrive(
        settings,
        log,
        Selection(**conditions),
        limit=limit,
        max_attempts=None,
        is_again=is_again,
    )
    return await carry_out(settings, log, plan, stop=asyncio.Event(), on_progress=lambda _: None)


async def run_redrive(stage: Stage, *arguments: str) -> tuple[int, list[dict[str, Any]], str]:
    """Run the command in a process of its own; returns exit code, lines and standard error."""
    result = await run_command(stage, "dlq", "redrive", "--json", *arguments)
    return result.code, result.lines, result.err


async def write(stage: Stage, letters: Sequence[Record]) -> None:
    settings = stage.settings
    await produce(settings.kafka_bootstrap_servers, settings.leads_created_dlq, letters)


async def sent(stage: Stage) -> list[ConsumerRecord]:
    settings = stage.settings
    return await read_all(
        settings.kafka_bootstrap_servers, settings.leads_created, committed_only=True, within=120
    )


async def test_letters_are_counted_listed_shown_tried_and_purged(make_stage: StageMaker) -> None:
    stage = await make_stage()
    topic = stage.settings.leads_created
    await write(
        stage,
        [
            dead_letter(LEAD, b"ann", code=ErrorCode.SCHEMA, topic=topic, offset=7),
            dead_letter(LEAD[:-1], b"bob", code=ErrorCode.DECODE, topic=topic, partition=1),
            dead_letter(b"no lead", b"cyd", topic=topic, partition=1, offset=1),
        ],
    )
    counts = {row["code"]: row for row in await rows_of(stage, "stats", "--since", "1h")}
    assert {code: row["letters"] for code, row in counts.items()} == {
        "SCHEMA": 1,
        "DECODE": 1,
        "WIRE_FORMAT": 1,
    }
    assert counts["DECODE"]["partitions"] == {"1": 1}
    [listed] = await rows_of(stage, "list", "--id", "ann")
    assert (listed["place"], listed["source"], listed["key"]) == ("0/0", "0/7", "masked")
    [shown] = await rows_of(stage, "show", "1/0", "--values")
    assert shown["broken_at"] is not None
    assert any("[" in line for line in shown["bytes"])
    people = await run(stage, "show", "1/0")
    assert "bob" not in people.stdout
    outcomes = {row["code"]: row["outcome"] for row in await rows_of(stage, "try")}
    assert outcomes == {"SCHEMA": "passed", "DECODE": "DECODE", "WIRE_FORMAT": "WIRE_FORMAT"}
    [planned] = await rows_of(stage, "purge", "--dry-run")
    assert planned["letters"] == 3
    assert (await run(stage, "purge")).exit_code == 2, "there is no terminal to confirm at"
    assert (await run(stage, "purge", "--yes")).exit_code == 0
    assert await rows_of(stage, "list") == []


async def test_a_value_that_the_source_topic_does_not_keep_any_more_is_a_warning(
    make_stage: StageMaker,
) -> None:
    stage = await make_stage()
    settings = stage.settings
    await set_topic_config(
        settings.kafka_bootstrap_servers, settings.leads_created, "retention.ms", "1800000"
    )
    given: dict[str, Any] = {"topic": settings.leads_created, "timestamp": SENT_AT}
    gone = dead_letter(None, b"ann", code=ErrorCode.TOO_LARGE, offset=5, **given)
    await write(stage, [gone, dead_letter(LEAD, b"bob", offset=6, **given)])

    counted = await run(stage, "stats")
    assert "no value can be fetched for 1 dead letter" in counted.stderr
    assert f"{settings.leads_created} keeps records for 30 min" in counted.stderr
    [shown] = await rows_of(stage, "show", "0/0")
    assert shown["value_from"] == "source_gone"
    [planned] = await rows_of(stage, "redrive", "--dry-run")
    assert (planned["left"], planned["sent"], planned["outlived"]) == ({"source_gone": 1}, 1, 1)


async def test_a_compacted_topic_gets_a_tombstone_for_each_key(
    make_stage: StageMaker,
) -> None:
    stage = await make_stage()
    settings = stage.settings
    await set_topic_config(
        settings.kafka_bootstrap_servers, settings.leads_created_dlq, "cleanup.policy", "compact"
    )
    await write(stage, [dead_letter(b"no lead", key) for key in (b"ann", b"bob")])
    assert (await run(stage, "purge", "--yes")).exit_code == 0
    written = await stage.dead_records()
    assert sorted((r.key, r.value) for r in written[2:]) == [(b"ann", None), (b"bob", None)]
    assert [row["place"] for row in await rows_of(stage, "list")] == ["0/0", "0/1"]


async def test_a_redrive_keeps_the_record_and_sends_no_letter_twice(make_stage: StageMaker) -> None:
    stage = await make_stage()
    topic = stage.settings.leads_created
    users = [("x-campaign", b"may"), ("x-campaign", None), ("x-request-id", b"r1")]
    denied = [("__mskmr", b"eu"), ("traceparent", b"00-ab-cd-01")]
    await write(
        stage,
        [
            dead_letter(
                b"no lead", b"ann", topic=topic, offset=1, timestamp=SENT_AT, headers=users + denied
            ),
            dead_letter(b"{", b"bob", code=ErrorCode.DECODE, topic=topic, partition=2),
            dead_letter(b"x", b"cyd", topic="another.topic", partition=2),
        ],
    )
    [planned] = await rows_of(stage, "redrive", "--dry-run")
    assert (planned["read"], planned["sent"], planned["left"]) == (3, 2, {"foreign": 1})
    assert await sent(stage) == []
    first = await redrive(stage, codes={"WIRE_FORMAT"}, sources={(0, None)})
    assert (first.sent, first.left) == (1, {LeftReason.NOT_SELECTED: 2})
    [record] = await sent(stage)
    assert (record.key, record.value, record.timestamp) == (b"ann", b"no lead", SENT_AT)
    assert list(record.headers) == [*users, (ATTEMPT, b"1")]
    second = await redrive(stage)
    assert (second.sent, second.left) == (1, {LeftReason.ALREADY_SENT: 1, LeftReason.FOREIGN: 1})
    assert second.is_balanced
    assert [r.key for r in await sent(stage)] == [b"ann", b"bob"]
    again = await redrive(stage, is_again=True, limit=1)
    assert (again.read, again.sent) == (1, 1)


@pytest.mark.long
async def test_the_command_prints_its_account_and_can_be_resumed(make_stage: StageMaker) -> None:
    stage = await make_stage()
    topic = stage.settings.leads_created
    await write(stage, [dead_letter(b"no lead", b"ann", topic=topic, offset=n) for n in range(9)])
    code, [account], printed = await run_redrive(stage, "--limit", "7")
    assert (code, account["sent"], account["is_complete"]) == (0, 7, True)
    assert f"--resume {account['redrive']}" in printed
    assert await run_redrive(stage, "--resume", account["redrive"]) == (0, [account], "")
    code, _, printed = await run_redrive(stage, "--resume", "unknown")
    assert (code, "there is none 'unknown' (all have ended)" in printed) == (2, True)


async def test_a_ledger_with_an_unreadable_record_ends_a_redrive_and_nothing_is_sent(
    make_stage: StageMaker,
) -> None:
    """The record was skipped, so a letter that it counts as sent was sent again."""
    stage = await make_stage()
    settings = stage.settings
    await write(stage, [dead_letter(LEAD, b"cyd", topic=settings.leads_created)])
    assert (await redrive(stage)).sent == 1
    now = int(time.time() * 1000)
    damaged = batch([Made(headers=[(b"nam\xe9", b"x")])], timestamp=now, max_timestamp=now)
    bootstrap = settings.kafka_bootstrap_servers
    offset = await produce_batch(bootstrap, settings.leads_redrives, damaged)
    code, _, printed = await run_redrive(stage)
    assert code == 1
    assert f"expected to read every record of {settings.leads_redrives}" in printed
    assert f"at offset {offset} of partition 0" in printed
    assert len(await sent(stage)) == 1


@pytest.mark.long
@pytest.mark.parametrize("delivery", ["at_least_once", "exactly_once"])
async def test_poison_that_is_redriven_in_circles_ends_at_the_most_attempts(
    make_stage: StageMaker, delivery: str
) -> None:
    """The worker refuses nothing that it reads again: what is cured is scored, the rest returns."""
    stage = await make_stage(LEADSCORE_DELIVERY=delivery, LEADSCORE_MAX_ATTEMPTS=str(MOST_ATTEMPTS))
    settings = stage.settings
    bootstrap = settings.kafka_bootstrap_servers
    # Letters of the large records are reduced to their place: the source has the rest.
    await set_topic_config(bootstrap, settings.leads_created_dlq, "max.message.bytes", "3000")
    poison = {b"ann": b"no lead", b"bob": b"no lead, but large" * 500}
    await produce(
        bootstrap,
        settings.leads_created,
        [
            Record(value, key, [("x-campaign", b"may")], timestamp_ms=SENT_AT, partition=1)
            for key, value in poison.items()
        ],
    )
    # A worker of yesterday refused this lead.
    await write(stage, [dead_letter(LEAD, b"cyd", topic=settings.leads_created, partition=3)])
    worker = await stage.start()

    async def letters_at(attempt: int) -> bool:
        letters = [headers_of(r) for r in await stage.dead_records()]
        numbers = Counter(int(headers[ATTEMPT]) for headers in letters if ATTEMPT in headers)
        return numbers[attempt] == len(poison) + (attempt == 1)

    await until(lambda: letters_at(1), within=120, what="the first letters")
    for attempt in range(1, MOST_ATTEMPTS):
        account = await redrive(stage)
        assert account.sent == len(poison) + (attempt == 1)
        await until(lambda n=attempt + 1: letters_at(n), within=120, what="the next letters")  # type: ignore[misc]
    last = await redrive(stage)
    assert (last.sent, last.left[LeftReason.ATTEMPTS]) == (0, len(poison))
    await stage.until_scored(1)
    records = [r for r in await sent(stage) if r.key in poison]
    assert len(records) == len(poison) * MOST_ATTEMPTS
    for record in records:
        assert record.value == poison[record.key]
        assert record.timestamp == SENT_AT
        assert record.headers[0] == ("x-campaign", b"may")
        assert {name for name, _ in record.headers} <= {"x-campaign", ATTEMPT}
    final = [headers_of(r) for r in await stage.dead_records()][-len(poison) :]
    assert all(ERROR_CODE in headers and SOURCE_OFFSET in headers for headers in final)
    ends = await read_ends(bootstrap, settings.leads_created)
    await until(
        lambda: _is_committed(stage, ends), within=120, what="a commit of everything re-driven"
    )
    await worker.stop_cleanly()


async def _is_committed(stage: Stage, ends: dict[int, int]) -> bool:
    committed = await stage.committed()
    # The marker of a re-drive's transaction takes an offset, which no worker commits.
    settled = await read_ends(
        stage.settings.kafka_bootstrap_servers, stage.settings.leads_created, committed_only=True
    )
    return settled == ends and all(
        committed.get(number, 0) >= end - 1 for number, end in ends.items() if end
    )
