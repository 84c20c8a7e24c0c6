"""The routes of the receiver: each sender, its answers, and errors as codes and sentences."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from typing import Any

import httpx
import orjson
import pytest
from aiokafka.errors import KafkaTimeoutError

from stream.hooks.server import HookServer
from stream.process.background_tasks import BackgroundTasks
from testing.hubspot_server import HubSpotServer
from testing.kafka_client import until
from testing.webhook_requests import (
    GENERIC_SECRET,
    HUBSPOT_SECRET,
    contact_events,
    hubspot_headers,
    outbound_message,
    standard_headers,
)
from tests.crm_stage import crm_settings
from tests.unit.stream.hooks.fake_kafka import FakeLeads

PUBLIC = "https://hooks.example.com"
ORG = "00D5g0000012AbCEAU"


@pytest.fixture
async def crm() -> AsyncIterator[HubSpotServer]:
    server = HubSpotServer()
    async with server.running():
        yield server


@pytest.fixture
def leads() -> FakeLeads:
    return FakeLeads()


@pytest.fixture
async def client(crm: HubSpotServer, leads: FakeLeads) -> AsyncIterator[httpx.AsyncClient]:
    settings = crm_settings(
        "hubspot",
        crm,
        crm_key="",
        hooks_url=PUBLIC,
        hooks_hubspot_secret=HUBSPOT_SECRET,
        hooks_salesforce_org=ORG,
        hooks_salesforce_secret="a-long-secret-of-a-url",
        hooks_secret=GENERIC_SECRET,
        hooks_fields="company_size=numberofemployees",
        rest_max_body_bytes=50_000,
        rest_rate_limit="20/hour",
    )
    server, tasks = HookServer(settings, leads.open, leads.ask), BackgroundTasks()
    tasks.start(server.writer.run())
    transport = httpx.ASGITransport(server.asgi, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://inside") as client:

        async def is_ready() -> bool:
            return (await client.get("/readyz")).status_code == 200

        await until(is_ready, what="a producer")
        yield client
    await server.close()
    await tasks.cancel()


def written(leads: FakeLeads) -> list[dict[str, Any]]:
    return [orjson.loads(value) for _, _, value, _ in leads.records]


async def post_generic(
    client: httpx.AsyncClient, lead: Any, webhook_id: str = "w-1"
) -> httpx.Response:
    body = orjson.dumps(lead)
    headers = standard_headers(webhook_id, body, time.time())
    return await client.post("/hooks/generic", content=body, headers=headers)


async def test_a_webhook_of_hubspot_becomes_a_lead(
    client: httpx.AsyncClient, crm: HubSpotServer, leads: FakeLeads
) -> None:
    crm.contacts["7"] = {"numberofemployees": "250", "email": "not mapped"}
    body = contact_events("7")
    headers = hubspot_headers(f"{PUBLIC}/hooks/hubspot", body, time.time())
    answer = await client.post("/hooks/hubspot", content=body, headers=headers)
    assert answer.json() == {"written": 1, "repeated": 0, "ignored": 0}
    assert written(leads) == [
        {
            "created_at": "2026-09-21T14:13:20.000Z",
            "lead_id": "7",
            "source_system": "hubspot",
            "company_size": 250.0,
        }
    ]
    again = await client.post("/hooks/hubspot", content=body, headers=headers)
    assert again.json() == {"written": 0, "repeated": 1, "ignored": 0}


async def test_the_address_with_its_query_is_signed(client: httpx.AsyncClient) -> None:
    headers = hubspot_headers(f"{PUBLIC}/hooks/hubspot?a=%C3%A9", b"[]", time.time())
    answer = await client.post("/hooks/hubspot?a=%C3%A9", content=b"[]", headers=headers)
    assert answer.status_code == 200
    answer = await client.post("/hooks/hubspot?a=b", content=b"[]", headers=headers)
    assert answer.status_code == 401


async def test_a_message_of_salesforce_is_acknowledged(
    client: httpx.AsyncClient, leads: FakeLeads
) -> None:
    body = outbound_message(ORG, {"Id": "00Q1"}, {"Id": "00Q2"})
    address = "/hooks/salesforce?secret=a-long-secret-of-a-url"
    answer = await client.post(address, content=body)
    assert "<Ack>true</Ack>" in answer.text
    assert [lead["lead_id"] for lead in written(leads)] == ["00Q1", "00Q2"]
    assert (await client.post("/hooks/salesforce", content=body)).status_code == 401


async def test_a_signed_lead_is_written_with_its_key_and_id(
    client: httpx.AsyncClient, leads: FakeLeads
) -> None:
    answer = await post_generic(client, {"lead_id": "L-1", "created_at": 1_790_000_000_000})
    assert answer.json() == {"written": 1, "repeated": 0, "ignored": 0}
    [(topic, key, _, headers)] = leads.records
    assert (topic, key) == ("leads.created", b"L-1")
    assert ("x-request-id", b"w-1") in headers


async def test_without_kafkas_acknowledgement_the_webhook_is_to_be_repeated(
    client: httpx.AsyncClient, leads: FakeLeads
) -> None:
    leads.fails = [KafkaTimeoutError()]
    answer = await post_generic(client, {"lead_id": "L-1"})
    assert answer.status_code == 503
    assert answer.headers["retry-after"] == "2"
    error = answer.json()["error"]
    assert error["code"] == "NOT_WRITTEN"
    assert error["request_id"] == answer.headers["x-request-id"]


async def test_bad_requests_get_a_code_and_a_sentence(client: httpx.AsyncClient) -> None:
    large = b"x" * 50_001
    answers = [
        await post_generic(client, {"lead_id": 3}),
        await client.post("/hooks/generic", content=b"{}"),
        await client.post("/hooks/generic", content=large),
        await client.post("/hooks/pipedrive", content=b"{}"),
        await client.get("/hooks/generic"),
    ]
    codes = [(answer.status_code, answer.json()["error"]["code"]) for answer in answers]
    assert codes == [
        *((422, "VALIDATION"), (401, "SIGNATURE"), (413, "BODY_TOO_LARGE")),
        *((404, "NOT_FOUND"), (405, "METHOD")),
    ]
    assert all("expected" in answer.json()["error"]["message"] for answer in answers)


async def test_a_sender_with_too_many_requests_is_refused(client: httpx.AsyncClient) -> None:
    statuses = {(await client.post("/hooks/generic")).status_code for _ in range(25)}
    assert statuses == {401, 429}


async def test_health_and_metrics_are_shown(client: httpx.AsyncClient) -> None:
    await post_generic(client, {"lead_id": "L-1"})
    assert (await client.get("/healthz")).status_code == 200
    metrics = (await client.get("/metrics")).text
    assert 'leadscore_hook_webhooks_total{outcome="written",source="generic"} 1.0' in metrics
    assert 'leadscore_hook_requests_total{route="/hooks/generic",status="200"} 1.0' in metrics
    assert (await client.get("/docs")).status_code == 404
