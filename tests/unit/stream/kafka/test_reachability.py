"""Causes for which no Kafka is needed; the others are in the integration ring."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator
from contextlib import closing
from typing import Any

import pytest

from stream.kafka import reachability
from stream.kafka.reachability import unreachable


def plain(*servers: str, **given: Any) -> dict[str, Any]:
    return {"bootstrap_servers": ",".join(servers), "security_protocol": "PLAINTEXT", **given}


@pytest.fixture
async def no_kafka() -> AsyncIterator[str]:
    """The address of a server that hangs up on whoever says something."""

    async def hang_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        writer.close()

    server = await asyncio.start_server(hang_up, "127.0.0.1", 0)
    host, port = server.sockets[0].getsockname()
    yield f"{host}:{port}"
    server.close()
    await server.wait_closed()


@pytest.fixture
async def silent() -> AsyncIterator[str]:
    """The address of a server that takes connections and says nothing."""
    with closing(socket.create_server(("127.0.0.1", 0))) as listening:
        yield f"127.0.0.1:{listening.getsockname()[1]}"


@pytest.fixture
async def free() -> AsyncIterator[str]:
    """An address at which nothing listens."""
    with closing(socket.socket()) as held:
        held.bind(("127.0.0.1", 0))
        yield f"127.0.0.1:{held.getsockname()[1]}"


async def test_a_port_at_which_nothing_listens_is_named(free: str) -> None:
    sentence = await unreachable(plain(free))
    assert sentence == (
        f"expected Kafka to answer at {free} (PLAINTEXT), but nothing listens at {free}: start"
        " Kafka, or set LEADSCORE_KAFKA_BOOTSTRAP_SERVERS to where it is"
    )


@pytest.mark.parametrize("protocol", ["PLAINTEXT", "SSL"])
async def test_a_server_that_is_no_kafka_is_named_with_the_settings(
    no_kafka: str, protocol: str
) -> None:
    context = ssl.create_default_context()
    sentence = await unreachable(
        plain(no_kafka) | {"security_protocol": protocol, "ssl_context": context}
    )
    assert sentence is not None
    assert f"{no_kafka} does not answer as Kafka does: " in sentence
    assert "check LEADSCORE_KAFKA_BOOTSTRAP_SERVERS and LEADSCORE_SECURITY_PROTOCOL" in sentence


async def test_a_server_that_does_not_answer_is_named(
    silent: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reachability, "ANSWER_LIMIT", 0.2)
    sentence = await unreachable(plain(silent))
    assert sentence is not None
    assert f"{silent} does not answer as Kafka does: TimeoutError" in sentence


async def test_each_server_has_its_cause(free: str, no_kafka: str) -> None:
    sentence = await unreachable(plain(free, no_kafka))
    assert sentence is not None
    assert f"nothing listens at {free}" in sentence
    assert f"{no_kafka} does not answer as Kafka does" in sentence
    assert "; " in sentence


async def test_a_host_that_dns_does_not_know(monkeypatch: pytest.MonkeyPatch) -> None:
    async def unknown(*_: Any, **__: Any) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(reachability, "create_conn", unknown)
    sentence = await unreachable(plain("kafka.example:9092"))
    assert sentence is not None
    assert "the host name kafka.example is not known (Name or service not known)" in sentence
