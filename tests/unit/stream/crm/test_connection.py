"""Requests to a CRM: tokens, limits and faults."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator

import pytest

from schemas.errors import FatalError
from stream.crm.access_token import ClientCredentials, FixedToken
from stream.crm.account import CrmUnavailableError
from stream.crm.connection import CrmConnection
from stream.crm.token_bucket import TokenBucket
from testing.crm_server import CLIENT, SECRET
from testing.hubspot_server import HubSpotServer

PATH = "/crm/v3/properties/contacts"


@pytest.fixture
async def server() -> AsyncIterator[HubSpotServer]:
    server = HubSpotServer()
    async with server.running():
        yield server


def connection_to(server: HubSpotServer, token: str | None = "a-token") -> CrmConnection:
    bucket = TokenBucket(1000, 10, now=time.monotonic)
    if token is not None:
        return CrmConnection("HubSpot", server.url, FixedToken(token), bucket)
    url = f"{server.url}/oauth2/token"
    credentials = ClientCredentials(url, CLIENT, SECRET, "", time.monotonic)
    return CrmConnection("HubSpot", server.url, credentials, bucket)


async def test_a_token_is_requested_once_and_again_after_a_401(server: HubSpotServer) -> None:
    connection = connection_to(server, None)
    for _ in range(2):
        assert (await connection.request("GET", PATH)).status_code == 200
    assert server.given_tokens == 1
    server.tokens = set()
    assert (await connection.request("GET", PATH)).status_code == 200
    assert server.given_tokens == 2
    await connection.close()


async def test_a_new_token_that_is_refused_too_ends_it(server: HubSpotServer) -> None:
    connection = connection_to(server, None)
    server.gives_valid_tokens = False
    with pytest.raises(FatalError, match="401"):
        await connection.request("GET", PATH)
    assert server.given_tokens == 2
    await connection.close()


async def test_a_connection_that_is_cut_is_a_crm_that_is_unavailable(server: HubSpotServer) -> None:
    connection = connection_to(server)
    server.is_unavailable = True
    with pytest.raises(CrmUnavailableError, match="HubSpot: "):
        await connection.request("GET", PATH)
    await connection.close()


async def test_a_busy_crm_says_when_to_come_again(server: HubSpotServer) -> None:
    connection = connection_to(server)
    server.busy, server.retry_after = 2, "2.5"
    with pytest.raises(CrmUnavailableError) as raised:
        await connection.request("GET", PATH)
    assert raised.value.after == 2.5
    server.retry_after = ""
    with pytest.raises(CrmUnavailableError) as raised:
        await connection.request("GET", PATH)
    assert raised.value.after is None
    await connection.close()
