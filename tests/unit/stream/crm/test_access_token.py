"""Access tokens: fixed, and by client credentials."""

from __future__ import annotations

import httpx
import pytest

from schemas.errors import FatalError
from stream.crm.access_token import ClientCredentials, FixedToken
from stream.crm.account import CrmUnavailableError

URL = "https://login.example.com/token"


def client_of(*answers: httpx.Response | httpx.HTTPError) -> httpx.AsyncClient:
    left = list(answers)

    def answer(request: httpx.Request) -> httpx.Response:
        assert b"client_secret=s" in request.content
        assert b"scope=x" in request.content
        found = left.pop(0)
        if isinstance(found, httpx.HTTPError):
            raise found
        return found

    return httpx.AsyncClient(transport=httpx.MockTransport(answer))


async def test_a_token_is_replaced_before_its_end() -> None:
    at = [0.0]
    token = ClientCredentials(URL, "c", "s", "x", lambda: at[0])
    answers = [
        httpx.Response(200, json={"access_token": name, "expires_in": 600}) for name in ("a", "b")
    ]
    async with client_of(*answers) as client:
        assert await token.get(client) == "a"
        at[0] = 539.0
        assert await token.get(client) == "a"
        at[0] = 541.0
        assert await token.get(client) == "b"


async def test_a_fixed_token_has_no_successor() -> None:
    token = FixedToken("t")
    async with httpx.AsyncClient() as client:
        assert await token.get(client) == "t"
    assert not token.expire()


@pytest.mark.parametrize(
    "answer", [httpx.Response(503), httpx.Response(429), httpx.ConnectTimeout("slow")]
)
async def test_a_login_server_that_is_unavailable_is_waited_for(
    answer: httpx.Response | httpx.HTTPError,
) -> None:
    async with client_of(answer) as client:
        with pytest.raises(CrmUnavailableError, match=r"login\.example\.com gives no token"):
            await ClientCredentials(URL, "c", "s", "x", lambda: 0.0).get(client)


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (httpx.Response(400, json={"error": "invalid_client"}), "invalid_client"),
        (httpx.Response(200, json={}), "unknown"),
        (httpx.Response(200, text="<html>"), "unknown"),
        (httpx.Response(404, json=["a"]), "unknown"),
    ],
)
async def test_refused_credentials_are_a_sentence(answer: httpx.Response, code: str) -> None:
    async with client_of(answer) as client:
        with pytest.raises(FatalError, match=rf"\({code}\): correct LEADSCORE_CRM_CLIENT_ID"):
            await ClientCredentials(URL, "c", "s", "x", lambda: 0.0).get(client)
