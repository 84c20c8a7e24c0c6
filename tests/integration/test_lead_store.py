"""Leads by id from a real PostgreSQL server: conformance, a server that hangs or restarts."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Iterator

import psycopg
import pytest
from pydantic import SecretStr

from schemas.wire import WireFormat
from stream.rest.lead_store import StoredLead, StoreUnavailableError
from testing.postgres_server import PostgresServer, binaries, postgres_server
from tests.lead_store_conformance import WRITTEN_AT, Check, each_check, filled, looking_up
from tests.unit.small_model import SmallModel, small_model
from tests.unit.stream.rest.client import client_of
from tests.unit.stream.rest.test_app import OF_REST, OF_THE_SOURCE, as_on_kafka, without

LEAD = {"lead_id": "a", "created_at": 1}
STORED = StoredLead(LEAD, WRITTEN_AT)


@pytest.fixture(scope="module")
def server() -> Iterator[PostgresServer]:
    programs = binaries()
    if programs is None:
        pytest.skip("PostgreSQL is not installed (Debian: apt-get install postgresql)")
    with postgres_server(programs) as server:
        yield server


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> SmallModel:
    return small_model(tmp_path_factory.mktemp("model"))


@pytest.fixture
def url(server: PostgresServer) -> str:
    name = f"d{uuid.uuid4().hex[:12]}"
    with psycopg.connect(server.url(), autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")  # type: ignore[call-overload]
    return server.url(name)


@each_check
async def test_it_conforms(check: Check, url: str) -> None:
    await check(url)


@pytest.mark.parametrize("wire", [WireFormat.JSON, WireFormat.AVRO])
async def test_leads_by_id_have_the_scores_of_kafka_to_the_bit(
    model: SmallModel, wire: WireFormat, url: str
) -> None:
    await filled(url, model.leads[:300], wire)
    ids = [lead["lead_id"] for lead in model.leads[:300]]
    async with client_of(model, rest_lead_store=SecretStr(url)) as client:
        answer = (await client.post("/predict-batch", json=ids)).json()
    assert answer["errors"] == []
    for found, event in zip(answer["predictions"], as_on_kafka(model, 300), strict=True):
        assert without(found, OF_THE_SOURCE | OF_REST) == without(event, OF_THE_SOURCE)


async def test_a_request_is_one_query_and_many_share_the_connections(url: str) -> None:
    await filled(url, [LEAD], WireFormat.JSON)
    async with looking_up(url, rest_lead_store_connections=2) as store:
        found = await asyncio.gather(*(store.find(["a"]) for _ in range(50)))
        assert found == [{"a": STORED}] * 50
        with psycopg.connect(url) as connection:
            counted = connection.execute(
                "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'leadscore-serve'"
            )
            [(connections,)] = counted.fetchall()
    assert 1 <= connections <= 2


async def test_a_query_that_waits_for_a_lock_is_unavailable_within_the_time_limit(url: str) -> None:
    await filled(url, [LEAD], WireFormat.JSON)
    with psycopg.connect(url) as locking:
        locking.execute("LOCK TABLE leads IN ACCESS EXCLUSIVE MODE")
        async with looking_up(url, rest_lead_store_seconds=0.3) as store:
            with pytest.raises(StoreUnavailableError, match=r"57014|within 0\.3 s"):
                await store.find(["a"])
            locking.rollback()
            assert await store.find(["a"]) == {"a": STORED}


async def test_after_a_restart_of_the_server_no_look_up_fails(
    server: PostgresServer, url: str
) -> None:
    await filled(url, [LEAD], WireFormat.JSON)
    async with looking_up(url) as store:
        assert await store.find(["a"]) == {"a": STORED}
        server.kill()
        try:
            with pytest.raises(StoreUnavailableError, match="LEADSCORE_REST_LEAD_STORE"):
                await store.find(["a"])
        finally:
            server.start()
        assert await store.find(["a"]) == {"a": STORED}
        server.kill()
        server.start()
        assert await store.find(["a"]) == {"a": STORED}
