"""The HTTP client of a webhook target; test_webhook.py has its faults on a real server."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from schemas.errors import StartupError
from stream.sinks.webhook_answer import Meaning
from stream.sinks.webhook_client import WebhookClient
from stream.sinks.webhook_targets import Target
from testing.webhook_receiver import webhook_receiver


def target(url: str, **fields: Any) -> Target:
    return Target(name="crm", url=url, secret="whsec_YQ==", allow_private=True, **fields)


async def test_the_next_address_is_tried_where_the_first_one_refuses_the_connection() -> None:
    async with webhook_receiver() as receiver:

        async def resolve(*_: Any, **__: Any) -> list[str]:
            return ["127.0.0.9", "127.0.0.1"]

        client = WebhookClient(
            target(receiver.url.replace("127.0.0.1", "crm.example.com")), resolve
        )
        assert (await client.reach()).meaning is Meaning.DELIVERED
        answer = await client.post(b'{"data": {}}', {"webhook-id": "e-1"})
        assert answer.meaning is Meaning.DELIVERED
        assert receiver.received[0].headers["host"] == f"crm.example.com:{receiver.port}"
        await client.close()


async def test_the_name_is_resolved_for_each_connection_and_its_answer_is_the_address() -> None:
    asked = []
    async with webhook_receiver() as receiver:

        async def resolve(host: str, port: int, *, allows_private: bool) -> list[str]:
            asked.append((host, port, allows_private))
            return ["127.0.0.1"]

        client = WebhookClient(
            target(receiver.url.replace("127.0.0.1", "rebound.example.com")), resolve
        )
        for _ in range(3):
            await client.post(b"{}", {"webhook-id": "e-1"})
        assert asked == [("rebound.example.com", receiver.port, True)]
        await receiver.stop()
        await receiver.start()
        await client.post(b"{}", {"webhook-id": "e-1"})
        assert asked == [("rebound.example.com", receiver.port, True)] * 2
        await client.close()


@pytest.mark.parametrize("host", ["127.0.0.1", "[::1]", "[::ffff:10.0.0.1]", "localhost"])
async def test_nothing_connects_to_a_private_address_that_is_not_allowed(host: str) -> None:
    client = WebhookClient(Target(name="crm", url=f"https://{host}/", secret="whsec_YQ=="))
    for answer in (await client.post(b"{}", {}), await client.reach()):
        assert answer.meaning is Meaning.UNAVAILABLE
        assert "its host has no public address" in answer.text
    await client.close()


async def test_a_name_that_does_not_resolve_is_a_target_that_is_unavailable() -> None:
    client = WebhookClient(target("https://leadscore.invalid/hook"))
    answer = await client.post(b"{}", {})
    assert answer.meaning is Meaning.UNAVAILABLE
    assert answer.text == "gaierror"
    await client.close()


async def test_environment_variables_name_no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    async with webhook_receiver() as receiver:
        client = WebhookClient(target(receiver.url))
        answer = await client.post(b"{}", {"webhook-id": "e-1"})
        assert answer.meaning is Meaning.DELIVERED
        await client.close()


@pytest.mark.parametrize("host", ["a..b.example", "x" * 70 + ".example"])
async def test_a_name_that_cannot_be_a_hosts_is_a_target_that_is_unavailable(host: str) -> None:
    client = WebhookClient(target(f"https://{host}/"))
    assert (await client.reach()).meaning is Meaning.UNAVAILABLE
    await client.close()


def test_a_url_whose_host_can_be_no_name_stops_the_start() -> None:
    with pytest.raises(StartupError, match="URL of crm"):
        WebhookClient(target(f"https://{'ä' * 70}.example/"))


def test_certificates_that_cannot_be_read_stop_the_start(tmp_path: Path) -> None:
    with pytest.raises(StartupError, match="ssl_cafile of crm"):
        WebhookClient(target("https://example.com", ssl_cafile=tmp_path / "none.pem"))
