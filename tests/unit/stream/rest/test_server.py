"""The REST server on a real socket: guards, and requests that stall."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from pydantic import SecretStr

from schemas.errors import StartupError
from stream.rest.server import RestServer
from stream.settings import Settings, load_settings
from tests.certificates import Authority
from tests.unit.small_model import SmallModel


def settings_of(model: SmallModel, **given: Any) -> Settings:
    return load_settings(registry=str(model.registry), **{"rest_port": 0, **given})


@asynccontextmanager
async def running(settings: Settings, verify: ssl.SSLContext | None = None) -> AsyncIterator[int]:
    """Run a server; yield its port."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port: int = free.getsockname()[1]
    stop = asyncio.Event()
    served = asyncio.ensure_future(
        RestServer(settings.model_copy(update={"rest_port": port})).run(stop)
    )
    try:
        url = f"{'https' if verify else 'http'}://127.0.0.1:{port}"
        async with httpx.AsyncClient(base_url=url, verify=verify or True) as client:
            while True:
                try:
                    if (await client.get("/readyz")).status_code == 200:
                        break
                except httpx.ConnectError:
                    if served.done():
                        served.result()
                await asyncio.sleep(0.02)
        yield port
    finally:
        stop.set()
        await served


async def test_it_serves_until_it_is_stopped(model: SmallModel) -> None:
    async with running(settings_of(model)) as port:
        url = f"http://127.0.0.1:{port}"
        async with httpx.AsyncClient() as client:
            answer = await client.post(f"{url}/score-lead", json={"lead_id": "a"})
    assert answer.json()["model_sha256"] == model.bundle.sha256
    with pytest.raises(ConnectionRefusedError):
        await asyncio.open_connection("127.0.0.1", port)


async def test_a_body_that_does_not_come_is_answered_in_time(model: SmallModel) -> None:
    async with running(settings_of(model, rest_timeout_seconds=0.1)) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"POST /score-lead HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\n{")
        status = await asyncio.wait_for(reader.readline(), 10)
        writer.close()
    assert status.startswith(b"HTTP/1.1 503")


def test_other_machines_are_served_only_with_a_token_or_certificates(model: SmallModel) -> None:
    with pytest.raises(StartupError, match="LEADSCORE_REST_TOKEN"):
        RestServer(settings_of(model, rest_host="0.0.0.0"))
    guarded = RestServer(settings_of(model, rest_host="0.0.0.0", rest_token=SecretStr("t")))
    assert guarded.models.sha256 is None


async def test_with_certificates_of_clients_all_but_health_needs_one(
    model: SmallModel, tmp_path: Path
) -> None:
    trusted, other = Authority(tmp_path, "trusted"), Authority(tmp_path, "other")
    certificate = trusted.sign("server", alternatives=("127.0.0.1",))
    [client, stranger] = [
        authority.sign(name, alternatives=("client",))
        for authority, name in ((trusted, "client"), (other, "stranger"))
    ]
    settings = settings_of(model, rest_certfile=certificate, rest_client_cafile=trusted.certificate)

    def verifying(own: Path | None) -> ssl.SSLContext:
        context = ssl.create_default_context(cafile=str(trusted.certificate))
        if own is not None:
            context.load_cert_chain(own)
        return context

    async def statuses(own: Path | None, port: int) -> list[int]:
        url = f"https://127.0.0.1:{port}"
        async with httpx.AsyncClient(base_url=url, verify=verifying(own)) as asking:
            lead = await asking.post("/score-lead", json={"lead_id": "a"})
            return [lead.status_code, (await asking.get("/healthz")).status_code]

    async with running(settings, verify=verifying(None)) as port:
        assert await statuses(client, port) == [200, 200]
        assert await statuses(None, port) == [401, 200]
        with pytest.raises(httpx.TransportError):
            await statuses(stranger, port)


def test_an_unknown_contract_is_a_sentence(model: SmallModel) -> None:
    with pytest.raises(StartupError, match="LEADSCORE_CONTRACT"):
        RestServer(settings_of(model, contract="lead_of_nobody"))
