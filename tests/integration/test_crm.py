"""A CRM without Kafka: webhook in, the worker scores, the sink writes into the CRM's record."""

from __future__ import annotations

import signal
import socket
import sys
import time
import uuid
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import orjson
import pytest

from model.bundle import Bundle
from stream.broker import Broker
from testing.hubspot_server import HubSpotServer
from testing.kafka_client import TopicFactory, until
from testing.webhook_requests import HUBSPOT_SECRET, contact_events, hubspot_headers
from tests.integration.worker_process import Stage, WorkerProcess, event_of

PUBLIC = "https://hooks.example.com"
FIELDS = "age=age,job=job,marital=marital,education=education"
CONTACTS = 30


@pytest.fixture
async def crm() -> AsyncIterator[HubSpotServer]:
    server = HubSpotServer()
    async with server.running():
        yield server


@pytest.fixture
async def stage(
    kafka: Broker, topics: TopicFactory, tmp_path: Path, bank_model: Bundle, crm: HubSpotServer
) -> AsyncIterator[Stage]:
    stage = Stage(
        {
            "LEADSCORE_KAFKA_BOOTSTRAP_SERVERS": kafka.bootstrap,
            "LEADSCORE_TOPIC_PREFIX": topics.prefix,
            "LEADSCORE_GROUP_ID": f"g{uuid.uuid4().hex[:12]}",
            "LEADSCORE_REGISTRY": str(Path(bank_model.location).parents[1]),
            "LEADSCORE_MODEL": "bank",
            "LEADSCORE_CONTRACT": "bank_contact",
            "LEADSCORE_LOG_FORMAT": "json",
            "LEADSCORE_CRM_URL": crm.url,
            "LEADSCORE_CRM_KEY": "hs_object_id",
            "LEADSCORE_CRM_TOKEN": "a-token",
            "LEADSCORE_HOOKS_URL": PUBLIC,
            "LEADSCORE_HOOKS_HUBSPOT_SECRET": HUBSPOT_SECRET,
            "LEADSCORE_HOOKS_FIELDS": FIELDS,
        },
        tmp_path,
    )
    await stage.create_topics(2)
    yield stage
    stage.end()


async def begin_hooks(stage: Stage) -> tuple[WorkerProcess, str]:
    """Start `leadscore hooks`; return it, ready, with its address."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    hooks = stage.begin((sys.executable, "-m", "stream", "hooks", "--port", str(port)))
    url = f"http://127.0.0.1:{port}"

    async def is_ready() -> bool:
        assert hooks.is_running, hooks.log.read_text()
        try:
            async with httpx.AsyncClient() as client:
                return (await client.get(f"{url}/readyz")).status_code == 200
        except httpx.HTTPError:
            return False

    await until(is_ready, what=f"a receiver that is ready (its log: {hooks.log})")
    return hooks, url


async def send(url: str, body: bytes) -> httpx.Response:
    headers = hubspot_headers(f"{PUBLIC}/hooks/hubspot", body, time.time())
    async with httpx.AsyncClient(timeout=30) as client:
        return await client.post(f"{url}/hooks/hubspot", content=body, headers=headers)


async def test_a_contact_comes_by_webhook_and_gets_its_score(
    stage: Stage, crm: HubSpotServer
) -> None:
    crm.contacts = {
        str(at): {"age": str(20 + at), "job": "student", "marital": "single", "phone": "1"}
        for at in range(CONTACTS)
    }
    hooks, url = await begin_hooks(stage)
    body = contact_events(*crm.contacts)
    async with httpx.AsyncClient() as client:
        forged = await client.post(f"{url}/hooks/hubspot", content=body)
    assert forged.status_code == 401
    answer = await send(url, body)
    assert answer.json() == {"written": CONTACTS, "repeated": 0, "ignored": 0}
    assert (await send(url, body)).json()["repeated"] == CONTACTS

    leads = await stage.records(stage.settings.leads_created)
    assert len(leads) == CONTACTS
    assert all(orjson.loads(lead.value)["lead_id"].encode() == lead.key for lead in leads)

    worker = await stage.start()
    sink = stage.begin((sys.executable, "-m", "stream", "sink", "crm", "--to", "hubspot"))
    await sink.ready()

    def are_written() -> bool:
        return all("leadscore_score" in contact for contact in crm.contacts.values())

    await until(are_written, within=120, what="a score in each contact")
    events = [event_of(record.value) for record in await stage.scored_records()]
    assert {event["lead_id"]: round(event["score"], 4) for event in events} == {
        contact: found["leadscore_score"] for contact, found in crm.contacts.items()
    }
    assert all(found["phone"] == "1" for found in crm.contacts.values())

    hooks.send(signal.SIGTERM)
    assert await hooks.ended() == 0
    for process in (sink, worker):
        await process.stop_cleanly()
