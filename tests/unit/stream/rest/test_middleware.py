"""Rules for every request: token, id, size, rate and time."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from prometheus_client import CollectorRegistry

from monitoring.telemetry.rest_metrics import RestMetrics
from stream.rest.middleware import MiddlewareOptions, RestMiddleware
from stream.rest.rate_limit import RateLimit
from tests.unit.small_model import SmallModel
from tests.unit.stream.rest.client import TOKEN, client_of


@pytest.mark.parametrize("given", [None, "Bearer other", "Basic a-token", TOKEN, "Bearer "])
async def test_a_request_without_the_token_is_refused(model: SmallModel, given: str | None) -> None:
    async with client_of(model) as client:
        client.headers.pop("authorization")
        headers = {} if given is None else {"authorization": given}
        answer = await client.post("/score-lead", json={"lead_id": "a"}, headers=headers)
        for path in ("/health", "/ai/advanced-ml/health", "/healthz", "/readyz"):
            assert (await client.get(path)).status_code == 200
        assert (await client.get("/metrics")).status_code == 401
    assert (answer.status_code, answer.json()["error"]["code"]) == (401, "UNAUTHORIZED")
    assert answer.headers["www-authenticate"] == "Bearer"


@pytest.mark.parametrize("given", ["", "a b", "ä", "x" * 201])
async def test_a_request_id_that_no_header_can_have_is_replaced(
    model: SmallModel, given: str
) -> None:
    async with client_of(model) as client:
        headers = {b"x-request-id": given.encode()}
        answer = await client.post("/score-lead", json={"lead_id": "a"}, headers=headers)
    assert answer.status_code == 200
    assert answer.headers["x-request-id"] != given
    assert answer.json()["request_id"] == answer.headers["x-request-id"]


async def test_a_body_above_the_limit_is_refused_whether_its_length_is_given_or_not(
    model: SmallModel,
) -> None:
    async def chunks() -> AsyncIterator[bytes]:
        for _ in range(20):
            yield b" " * 100

    async with client_of(model, rest_max_body_bytes=1000) as client:
        announced = await client.post("/score-lead", content=b" " * 1001)
        in_chunks = await client.post("/score-lead", content=chunks())
    for answer in (announced, in_chunks):
        assert (answer.status_code, answer.json()["error"]["code"]) == (413, "BODY_TOO_LARGE")


async def test_the_rate_is_shown_and_enforced_where_the_setting_says_so(model: SmallModel) -> None:
    given = {"rest_rate_limit": "2/hour"}
    async with client_of(model, **given) as client:
        shown = [await client.get("/models") for _ in range(3)]
    async with client_of(model, **given, rest_enforce_rate_limit=True) as client:
        enforced = [await client.get("/models") for _ in range(3)]
        open_path = await client.get("/health")
    assert [answer.status_code for answer in shown] == [200, 200, 200]
    assert [answer.headers["x-ratelimit-remaining"] for answer in shown] == ["1", "0", "0"]
    assert [answer.status_code for answer in enforced] == [200, 200, 429]
    assert 0 < int(enforced[2].headers["retry-after"]) <= 3600
    assert open_path.status_code == 200


async def test_pages_of_named_origins_may_call(model: SmallModel) -> None:
    async with client_of(model, rest_cors_origins=("https://crm.example",)) as client:
        asked = {"access-control-request-method": "POST", "origin": "https://crm.example"}
        client.headers.pop("authorization")
        preflight = await client.options("/score-lead", headers=asked)
        other = await client.options(
            "/score-lead", headers={**asked, "origin": "https://b.example"}
        )
    assert preflight.headers["access-control-allow-origin"] == "https://crm.example"
    assert other.status_code == 400


def door_around(app: Any, seconds: float = 5.0) -> tuple[httpx.AsyncClient, CollectorRegistry]:
    registry = CollectorRegistry()
    options = MiddlewareOptions(
        None, RateLimit("9/second", is_enforced=False), body_bytes=100, seconds=seconds
    )
    middleware = RestMiddleware(app, options, RestMetrics(registry))
    transport = httpx.ASGITransport(middleware, raise_app_exceptions=False)
    return httpx.AsyncClient(transport=transport, base_url="http://leadscore"), registry


async def test_an_answer_that_takes_too_long_is_a_503() -> None:
    async def hangs(*_: Any) -> None:
        await asyncio.Event().wait()

    client, registry = door_around(hangs, seconds=0.01)
    async with client:
        answer = await client.get("/x")
    assert (answer.status_code, answer.json()["error"]["code"]) == (503, "TIMEOUT")
    labels = {"route": "other", "status": "503"}
    assert registry.get_sample_value("leadscore_http_requests_total", labels) == 1


async def test_an_unexpected_error_is_logged_without_its_message(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def fails(*_: Any) -> None:
        raise ValueError("jane@example.com")

    client, _ = door_around(fails)
    with caplog.at_level(logging.ERROR):
        async with client:
            answer = await client.get("/x", headers={"x-request-id": "r-9"})
    assert (answer.status_code, answer.json()["error"]["code"]) == (500, "INTERNAL")
    assert "request r-9: ValueError at" in caplog.text
    assert "jane" not in caplog.text + answer.text
