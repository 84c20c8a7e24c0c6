"""The receiver as a process: settings that it needs, and its life on a real socket."""

from __future__ import annotations

import asyncio
import socket
from typing import Any

import httpx
import pytest

from schemas.errors import StartupError
from stream.hooks.server import HookServer
from stream.settings import load_settings
from testing.webhook_requests import GENERIC_SECRET
from tests.unit.stream.hooks.fake_kafka import FakeLeads

HUBSPOT: dict[str, Any] = {
    "hooks_hubspot_secret": "s",
    "hooks_url": "https://hooks.example.com",
    "hooks_fields": "company_size=numberofemployees",
    "crm_token": "t",
}
SALESFORCE: dict[str, Any] = {
    "hooks_salesforce_org": "00D5g0000012AbCEAU",
    "hooks_salesforce_secret": "a-long-secret-of-a-url",
    "hooks_fields": "company_size=NumberOfEmployees",
}


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({}, "a sender of webhooks"),
        (HUBSPOT | {"hooks_url": None}, "LEADSCORE_HOOKS_URL"),
        (HUBSPOT | {"hooks_fields": {}}, "LEADSCORE_HOOKS_FIELDS"),
        (HUBSPOT | {"crm_token": None}, "LEADSCORE_CRM_TOKEN"),
        (HUBSPOT | {"contract": "lead_of_nobody"}, "LEADSCORE_CONTRACT"),
        (SALESFORCE | {"hooks_salesforce_secret": None}, "LEADSCORE_HOOKS_SALESFORCE_SECRET"),
        ({"hooks_secret": "whsec_short"}, "LEADSCORE_HOOKS_SECRET: expected whsec_"),
    ],
)
def test_a_setting_that_is_missing_is_named(given: dict[str, Any], sentence: str) -> None:
    with pytest.raises(StartupError, match=sentence):
        HookServer(load_settings(**given))


async def test_client_certificates_stand_for_salesforces_secret(tmp_path: Any) -> None:
    given = {"hooks_salesforce_secret": None, "rest_client_cafile": tmp_path / "ca.pem"}
    leads = FakeLeads()
    server = HookServer(load_settings(**SALESFORCE | given), leads.open, leads.ask)
    transport = httpx.ASGITransport(server.asgi)
    async with httpx.AsyncClient(transport=transport, base_url="http://inside") as client:
        without = await client.post("/hooks/salesforce", content=b"")
        assert without.status_code == 401
        assert "client certificate" in without.json()["error"]["message"]
        assert (await client.get("/healthz")).status_code == 200
    await server.close()


async def test_it_receives_until_it_is_stopped() -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port: int = free.getsockname()[1]
    stop, leads = asyncio.Event(), FakeLeads()
    server = HookServer(
        load_settings(**HUBSPOT, rest_port=port, hooks_secret=GENERIC_SECRET),
        leads.open,
        leads.ask,
    )
    served = asyncio.ensure_future(server.run(stop))
    url = f"http://127.0.0.1:{port}"
    async with httpx.AsyncClient() as client:
        while True:
            try:
                if (await client.get(f"{url}/readyz")).status_code == 200:
                    break
            except httpx.ConnectError:
                assert not served.done()
            await asyncio.sleep(0.01)
        assert (await client.post(f"{url}/hooks/hubspot")).status_code == 401
    stop.set()
    await served
    with pytest.raises(ConnectionRefusedError):
        await asyncio.open_connection("127.0.0.1", port)
