"""The sink `sql` on a real PostgreSQL server: conformance, refusals, notifications, away, kills."""

from __future__ import annotations

import asyncio
import signal
import uuid
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from http import HTTPStatus
from pathlib import Path
from random import Random

import orjson
import psycopg
import pytest

from schemas.errors import FatalError
from stream.broker import Broker
from stream.sinks.sink import SinkBatch, WriteResult
from testing.kafka_client import TopicFactory, until
from testing.postgres_server import PostgresServer, binaries, postgres_server
from testing.sink_writer import LOG, record
from tests.integration.sink_process import (
    LEADS,
    PARTITIONS,
    begin_sink,
    emit,
    lead_of,
    sink_stage,
    until_written,
)
from tests.integration.worker_process import Stage
from tests.sink_conformance import Check, batch, each_check, killed, opened, written
from tests.sql_stage import Database


class PostgresDatabase(Database):
    """A database of its own on a server."""

    def __init__(self, server: PostgresServer, **options: str) -> None:
        self.server = server
        name = f"d{uuid.uuid4().hex[:12]}"
        self.execute(f"CREATE DATABASE {name}", server.url())
        super().__init__(server.url(name), **options)

    def execute(self, statement: str, url: str | None = None) -> list[tuple[object, ...]]:
        with psycopg.connect(url or self.url, autocommit=True) as connection:
            found = connection.execute(statement)  # type: ignore[call-overload]
            return found.fetchall() if found.description else []

    @asynccontextmanager
    async def away(self) -> AsyncIterator[None]:
        self.server.kill()
        try:
            yield
        finally:
            await asyncio.to_thread(self.server.start)


@pytest.fixture(scope="module")
def server() -> Iterator[PostgresServer]:
    programs = binaries()
    if programs is None:
        pytest.skip("PostgreSQL is not installed (Debian: apt-get install postgresql)")
    with postgres_server(programs) as server:
        yield server


@pytest.fixture
def database(server: PostgresServer) -> PostgresDatabase:
    return PostgresDatabase(server)


@each_check
async def test_it_conforms(check: Check, database: PostgresDatabase) -> None:
    await check(database)


async def test_a_writer_that_is_killed_leaves_the_latest_score_of_each_lead(
    database: PostgresDatabase,
) -> None:
    await killed(database, records=3000, size=50, kills=1, chance=Random(5))


async def test_a_text_with_a_null_character_is_refused_alone(database: PostgresDatabase) -> None:
    sink = await opened(database)
    broken = replace(record(1), event={**record(1).event, "request_id": "a\0b"})
    verdicts = await sink.write(SinkBatch(LOG, [record(0), broken, record(2)]))
    assert [verdict.outcome for verdict in verdicts] == [
        *(WriteResult.WRITTEN, WriteResult.REFUSED, WriteResult.WRITTEN)
    ]
    assert len(await database.rows()) == 2
    await sink.close()


async def test_listeners_are_notified_of_the_leads(database: PostgresDatabase) -> None:
    sink = await opened(database)
    with psycopg.connect(database.url, autocommit=True) as listener:
        listener.execute("LISTEN leadscore_scores")
        await written(sink, batch(0, 2))
        [notified] = list(listener.notifies(timeout=10, stop_after=1))
    assert orjson.loads(notified.payload)["lead_ids"] == ["lead-0", "lead-1"]
    await sink.close()


async def test_the_crms_view_has_json_and_refuses_writes(database: PostgresDatabase) -> None:
    sink = await opened(database)
    await written(sink, batch(0, 2))
    await sink.close()
    found = "SELECT reasons -> 0 ->> 'feature', scored_at > created_at FROM crm_lead_scores"
    assert database.execute(found) == [("age", True)] * 2
    with pytest.raises(psycopg.errors.RaiseException, match="read-only"):
        database.execute("DELETE FROM crm_lead_scores")


async def test_leads_are_graded_and_rolled_up_by_account(
    server: PostgresServer, tmp_path: Path
) -> None:
    rules = tmp_path / "sales.toml"
    rules.write_text(
        "[fit]\nleast = [70, 40, 20]\n"
        'points = [{ field = "employees", at_least = 200, points = 50 }]\n'
        '[account]\nfield = "email"\nby_domain = true\nhalf_life_days = 0.000001\n'
    )
    scores = PostgresDatabase(server)
    leads = PostgresDatabase(
        server,
        LEADSCORE_SINK_TO=scores.url,
        LEADSCORE_SINK_CONTENT="leads",
        LEADSCORE_SINK_SALES_RULES=str(rules),
    )
    sinks = [await opened(each) for each in (leads, scores)]
    fields = {"employees": "900", "email": "ada@example.com"}
    given = [replace(record(at), event={"lead_id": f"lead-{at}", **fields}) for at in range(3)]
    await asyncio.gather(written(sinks[0], SinkBatch(LOG, given)), written(sinks[1], batch(0, 3)))
    for sink in sinks:
        await sink.close()
    query = "SELECT account, leads, hot_leads, best_lead_id, last_lead_id FROM crm_accounts"
    assert scores.execute(query) == [("example.com", 3, 0, "lead-2", "lead-2")]
    decayed = "SELECT account, leads, best_lead_id, half_life_days FROM crm_accounts_decayed"
    assert scores.execute(decayed) == [("example.com", 3, "lead-2", 1e-6)]
    [[best, total]] = scores.execute("SELECT best_score, score_sum FROM crm_accounts_decayed")
    # A half-life is 86.4 ms; the leads with 0.00, 0.01 and 0.02 are 2, 1 and 0 ms old.
    assert best == pytest.approx(0.02)
    assert total == pytest.approx(0.02 + 0.01 * 0.5 ** (1 / 86.4), rel=1e-9)
    graded = "SELECT DISTINCT grade, fit_points FROM crm_lead_grades WHERE score IS NOT NULL"
    assert scores.execute(graded) == [("B", 50.0)]
    with pytest.raises(psycopg.errors.ObjectNotInPrerequisiteState):
        scores.execute("DELETE FROM crm_accounts")


async def test_several_sinks_that_start_at_once_migrate_once(database: PostgresDatabase) -> None:
    sinks = [database.sink() for _ in range(4)]
    await asyncio.gather(*(sink.open() for sink in sinks))
    assert database.execute("SELECT * FROM leadscore_schema") == [("0004",)]
    for sink in sinks:
        await sink.close()


async def test_a_user_without_rights_gets_a_sentence(database: PostgresDatabase) -> None:
    sink = await opened(database)
    database.execute("DROP TABLE lead_scores CASCADE")
    with pytest.raises(FatalError, match="Give this user its rights"):
        await sink.write(batch(0, 1))
    await sink.close()


@pytest.fixture
async def stage(kafka: Broker, topics: TopicFactory, tmp_path: Path) -> AsyncIterator[Stage]:
    stage = sink_stage(kafka.bootstrap, topics.prefix, tmp_path)
    await stage.create_topics(PARTITIONS)
    yield stage
    stage.end()


async def test_a_killed_sink_and_a_database_that_is_unavailable_lose_no_score(
    stage: Stage, database: PostgresDatabase
) -> None:
    environment = {"LEADSCORE_SINK_TO": database.url, "LEADSCORE_BATCH_MAX_RECORDS": "50"}
    sink = begin_sink(stage, "sql", **environment)
    await sink.ready()
    await emit(stage, 0, 300)

    async def has_rows() -> bool:
        return len(await database.rows()) > 0

    await until(has_rows, what="rows in the database")
    sink.send(signal.SIGKILL)
    await sink.ended()
    sink = begin_sink(stage, "sql", **environment)
    await sink.ready()
    async with database.away():
        await emit(stage, 300, 400)

        async def is_unready() -> bool:
            status, page = await sink.answer("/readyz")
            return status != HTTPStatus.OK and not page["conditions"]["target_reached"]["met"]

        await until(is_unready, what="a sink that reports its database as away")
    await until_written(stage, "sql-scores")
    rows = {row.lead_id: row.offset for row in await database.rows()}
    latest = {
        lead_of(partition, offset): offset
        for partition in range(PARTITIONS)
        for offset in range(400)
    }
    assert rows == latest
    assert len(rows) == PARTITIONS * LEADS
    await sink.stop_cleanly()
